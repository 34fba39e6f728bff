"""Messages of the library in the words of the command line."""

import re
from typing import Any

import click

# What the library's messages say in Python, and how the command line says it: the name
# of the option in click that a command must have, or None for all commands; the words
# in Python; the words in their place.
_IN_OPTIONS = [
    # Images and labels.
    (None, r"\bX has images of shape\b", "The images have the shape"),
    (
        None,
        r"\bX has (\d+) features, but (\w+) is expecting (\d+) features as input",
        r"The images have \1 pixels each, but \2 expects \3",
    ),
    (
        None,
        r"\bX has feature names, but (\w+) was fitted without feature names",
        r"The table has names of columns, but the \1 was trained without them",
    ),
    (None, r"(?<=: )X (has|is|holds)\b", r"the array of images \1"),
    (None, r"(?<!\S)X (has|is|holds)\b", r"The array of images \1"),
    (None, r"(?<=\S )y (has|is|holds)\b", r"the array of labels \1"),
    (None, r"^y (has|is|holds)\b", r"The array of labels \1"),
    (None, r"\bInput ([Xy]) contains\b", "The data contain"),
    (None, r": write np\.moveaxis\(X, 1, -1\)", ": save them with the channels last"),
    (None, r", for example with np\.nan_to_num,", ","),
    (None, r"\bseen in fit\b", "seen in training"),
    (
        None,
        r"\. Read it with read_npz\.",
        ". If it holds images, let its name end in .npz.",
    ),
    (None, r"\bGot background='([^']*)'", r"Got --background \1"),
    ("on_error", r"\bon_error=(['\"])skip\1", "--on-error skip"),
    (
        "data_home",
        r"\bpass the folder that holds the files as `data_home`",
        "name the folder that holds the files with --data-home",
    ),
    # Tables and npz files.
    ("label", r",? or pass label=None if there are none", ""),
    (
        "label",
        r"If it holds no labels, pass label=None",
        "If it holds no labels, name the column that does with --label NAME",
    ),
    ("label", r"\blabel=(-?[0-9]+)\b", r"--label \1"),
    ("label", r"\blabel=\.\.\.(?=$| [A-Z])", "--label NAME."),
    ("label", r"\blabel=\.\.\.", "--label NAME"),
    (
        "label",
        r", or the names of the columns of pixels as feature_names=\[\.\.\.\]",
        "",
    ),
    ("group", r"\bgroup=\.\.\.(?=$| [A-Z])", "--group NAME."),
    ("group", r"\bgroup=\.\.\.", "--group NAME"),
    ("group", r"\bas given in groups\b", "which --group names"),
    (
        "settings",
        r"\bPass X_val and y_val in place of groups, or\b",
        "Give the data a part named val, or",
    ),
    ("no_header", r"\bheader=None\b", "--no-header"),
    (
        "no_header",
        r"If these are names of columns, pass header=True",
        "If these are names of columns, write words in their place",
    ),
    ("x_name", r"\b([xy])=\.\.\.(?=$| [A-Z])", r"--\1 NAME."),
    ("x_name", r"\b([xy])=\.\.\.", r"--\1 NAME"),
    ("x_name", r"\bwhich ([xy]) names\b", r"which --\1 names"),
    ("x_name", r"\bas given in ([xy])\b", r"which --\1 names"),
    (
        "images",
        r"\bread (it|them|the images) with (?:skcnn\.datasets\.)?load_image_table"
        r"(?:\(csv, folder\))?",
        r"name the folder of the image files with --images DIR",
    ),
    (
        "files",
        r"\bIf it lists image files and their labels, read it with load_image_table"
        r"\(csv, folder\)",
        "If it lists image files, give these files or their folder",
    ),
    (
        "images",
        r"\bPass its name as filename=\.\.\.",
        "Give that column the name filename.",
    ),
    (
        "images",
        r", or the name of the column as filename=\.\.\.",
        ", or give the column with their names the name filename.",
    ),
    # Parameters of a classifier.
    (
        "settings",
        r"\bPass `image_shape` to resize the images, for example ",
        "To resize the images, pass for example ",
    ),
    (
        "settings",
        r"\bPass a smaller image_shape to resize the images, for example ",
        "To resize the images, pass for example ",
    ),
    (
        "settings",
        r"\bLeave image_shape=None to take the shape from X\b",
        "Leave it out to take the shape of the images",
    ),
    (
        "settings",
        r"\bLower learning_rate, which is\b",
        "Lower the learning rate with --set learning_rate=...; it is",
    ),
    ("settings", r"\ba keras\.optimizers\.Optimizer or one of\b", "one of"),
    (
        "settings",
        r"The test_size = (\d+) should be greater or equal to the number of classes = "
        r"(\d+)",
        r"it would have \1 images, but there are \2 classes",
    ),
    (
        "settings",
        r", or pass X_val and y_val\b",
        ", or give the data a part named val",
    ),
    # Checkpoints and models.
    (
        "checkpoint",
        r"\bthe checkpoint of a fit with\b",
        "the checkpoint of a training with",
    ),
    ("checkpoint", r"\banother random_state\b", "another --seed"),
    (
        "model",
        r"\bit is the checkpoint of a fit; only fit can continue it",
        'it is a checkpoint, which only "skcnn train --checkpoint" can continue',
    ),
    (
        "kind",
        r"\bto_onnx needs (.*) not installed: ",
        r"ONNX needs \1 not installed. Give --format saved-model, or install them: ",
    ),
    (
        "kind",
        r"Fit with dtype=\"float32\", or use to_saved_model\.",
        "Train with --set dtype=float32, or give --format saved-model.",
    ),
]

# A parameter of a classifier with its value, as messages write it in Python.
_SETTING = re.compile(
    r"""(?<![\w./-])(\w+)=
    ( \( (?:[^()]|\([^()]*\))* \) | \[ [^\[\]]* \] | \{ [^{}]* \}
    | "[^"]*" | '[^']*' | -?[\w.]*\w )""",
    re.VERBOSE,
)

# How scikit-learn refuses a parameter, and the constraints in words.
_INVALID = re.compile(r"The '(\w+)' parameter of \w+ must be (.*)\. Got (.*) instead\.")
_CONSTRAINTS = [
    (r"\ba str among \{([^}]*)\}", r"one of \1"),
    (r"\ban int in the range\b", "a whole number in the range"),
    (r"\ba float in the range\b", "a number in the range"),
    (r",? (?:or )?an instance of 'numpy\.(?:bool|random\.mtrand\.RandomState)'", ""),
    (r"\ban instance of 'bool'", "True or False"),
    (
        r", an instance of 'tuple' or an instance of 'list'",
        " or several values, such as (1, 2)",
    ),
    (
        r"\ban instance of 'tuple'(?:,| or) an instance of 'list'",
        "several values, such as (1, 2)",
    ),
    (r"\ban instance of 'tuple'", "several values, such as (1, 2)"),
    (r"\ban instance of 'list'", "several values, such as [1, 2]"),
    (r"\ban instance of 'dict'", "weights such as {0: 1, 1: 2}"),
    (r"\ban instance of 'str'", "a name"),
]


def in_option_names(message: str) -> str:
    """Return a message of the library with the options of the running command in it.

    What the user has typed, such as the name of a file, stays as it is.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return message
    known = {parameter.name for parameter in context.command.params}
    typed = [
        str(value)
        for name, value in context.params.items()
        if name not in ("settings", "searched") and value is not None
    ]

    def replace(pattern: Any, replacement: Any, message: str) -> str:
        def unless_typed(found: re.Match) -> str:
            if any(found[0] in text for text in typed):
                return found[0]
            return replacement(found)

        return re.sub(pattern, unless_typed, message)

    if "settings" in known:
        message = _INVALID.sub(_refused_setting, message)
    for name, pattern, text in _IN_OPTIONS:
        if name is None or name in known:
            message = replace(
                pattern, lambda found, text=text: found.expand(text), message
            )
    if "settings" in known:
        message = replace(_SETTING, _as_setting, message)
        message = re.sub(r"\b([Ss])et (?=--set\b)", _give, message)
    return message


def _give(found: re.Match) -> str:
    """Return the verb with which to advise an option."""
    return "Give " if found[1] == "S" else "give "


def _refused_setting(found: re.Match) -> str:
    """Return how the command line refuses the value of a parameter."""
    name, expected, value = found.groups()
    for pattern, text in _CONSTRAINTS:
        expected = re.sub(pattern, text, expected)
    return f"Got {name}={value}, but expected {expected}."


def _as_setting(found: re.Match) -> str:
    """Return how the command line sets a parameter of a classifier."""
    import inspect

    from skcnn import MNISTCNNClassifier

    name, value = found[1], found[2].strip("'\"")
    if name not in inspect.signature(MNISTCNNClassifier).parameters:
        return found[0]
    setting = f"{name}={value}"
    needs_quotes = re.search(r"[^\w.=-]", setting)
    return f'--set "{setting}"' if needs_quotes else f"--set {setting}"
