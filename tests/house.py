"""The rooms of skcnn, what each may touch, and how to read that from the source.

The tables are data. When a module moves, or a new one comes, ROOMS changes and nothing
else; tests/contract/test_house.py holds the source against the tables.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import skcnn

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "skcnn"

# ----------------------------------------------------------------------------- tables

# The room of each module, by its name without "skcnn."; "x.*" is all that is in x.
ROOMS = {
    "front": ("skcnn", "__main__"),
    "cli": ("_cli", "_cli.*"),
    "model_selection": ("model_selection",),
    "clusters": ("clusters",),
    "export": ("export",),
    "display": ("display", "display.*"),
    "inspection": ("inspection",),
    "networks": ("networks",),
    "estimator": ("_estimator", "_estimator.*"),
    "training": ("_training", "_training.*"),
    "datasets": ("datasets", "datasets.*"),
    "network": ("_network", "_network.*"),
    "preprocessing": ("preprocessing",),
    "images": ("_images", "_images.*"),
    "storage": ("_storage", "_storage.*"),
    "messages": ("_messages", "_messages.*"),
    "sklearn_private": ("_sklearn_private",),
}

# What a room may import, besides itself. Every arrow points down this list.
ARROWS = {
    "front": {"cli", "estimator"},
    "cli": {
        *("front", "export", "display"),
        *("inspection", "datasets", "preprocessing"),
    },
    "model_selection": {"sklearn_private"},
    "clusters": set(),
    "export": {
        *("estimator", "preprocessing", "images"),
        *("storage", "messages", "sklearn_private"),
    },
    "display": {"inspection", "preprocessing", "images", "messages"},
    "inspection": {"network", "images"},
    "networks": {"estimator", "network", "sklearn_private"},
    "estimator": {
        *("training", "network", "preprocessing"),
        *("images", "storage", "messages", "sklearn_private"),
    },
    "training": {"network", "images", "storage", "messages"},
    "datasets": {"network", "images", "storage", "messages", "sklearn_private"},
    "network": {"images", "storage", "messages"},
    "preprocessing": {"images", "messages", "sklearn_private"},
    "images": {"storage", "messages"},
    "storage": {"messages"},
    "messages": set(),
    "sklearn_private": set(),
}

# What the command line imports beyond public names, each with its reason.
PRIVATE_IN_CLI = {
    "_estimator.automatic": "refuses wrong options before any data are read",
    "_estimator.base": "tells a classifier of skcnn's from any other estimator",
    "_estimator.saving": "says which version wrote a file",
    "_images.decoding": "says which modes of image files a model takes",
    "_images.files": "reads images of any sizes, in parts",
    "_images.fingerprints": "tells images that a model was trained on from others",
    "_images.groups": "holds out complete groups as early stopping does",
    "_images.folder_listing": "lists image files as the readers of folders do",
    "_images.forms": "says which shape flat rows are taken for",
    "_images.resizing": "resizes image files as the first step of a pipeline does",
    "_images.scaling": "inverts within the range that the pixels can have",
    "_messages.wording": "counts and lists as the messages of the library do",
    "_network.startup": "hides the start-up lines of TensorFlow",
    "_sklearn_private": "refuses wrong options before any data are read",
    "_storage.files": "writes figures and tables completely or not at all",
    "_training.progress": "shows how far a training is while it goes on",
    "datasets._class_folders": "sees the parts of a folder before it reads one",
    "datasets._image_folder": "reads files for a pipeline that resizes them",
    "datasets._image_table": "reads files for a pipeline that resizes them",
    "display._class_activation": "tells whether a network has such a picture",
    "datasets._npz": "sees the parts of a file before it reads one",
}

# The only modules that import a library; by room where a room has a name for it.
LIBRARIES = {
    "scikeras": {"_estimator.keras_classifier"},
    "tensorflow": {
        "_network.backends",
        "_network.backends.tensorflow",
        "_estimator.keras_classifier",
        "export",
    },
    "jax": {"_network.backends.jax"},
    "torch": {"_network.backends.torch"},
    "tf2onnx": {"export"},
    "onnx": {"export"},
    "ray": {"clusters"},
    "PIL": {"_images.decoding", "_images.files"},
}
ROOMS_OF_LIBRARIES = {
    "keras": {"networks", "estimator", "training", "network", "export", "datasets"},
    "matplotlib": {"display", "cli"},
    "pandas": {"datasets", "inspection", "cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "sklearn": {room for room in ROOMS if room not in {"storage", "front"}},
}

# Names that a library keeps private, outside of the two rooms with a list of their own
# (the door to scikit-learn and the one to SciKeras): the module, the test that notices
# when the name moves.
PRIVATE_NAMES = {
    "_should_use_adamw": ("_network.muon", "tests/network/test_muon.py"),
    "_getframe": ("_messages.warnings", "tests/images/test_seen_pixels.py"),
    "_initial_epoch": (
        "_training.keras_callbacks",
        "tests/training/test_keras_callbacks.py",
    ),
}

# The test that knows the private names of SciKeras, with their parameters.
CANARY_OF_SCIKERAS = "tests/estimator/test_keras_classifier.py"

# The public methods of a named tuple begin with an underscore.
PUBLIC_IN_SPITE_OF_UNDERSCORE = {"_asdict", "_fields", "_make", "_replace"}

# What asks which backend Keras runs on, outside of skcnn/_network/backends/: `export`
# needs TensorFlow, and the other starts a backend.
ASKS_FOR_A_BACKEND = {"_network.startup", "export"}

# ---------------------------------------------------------------------------- readers


@dataclass(frozen=True)
class Module:
    """A module of skcnn: its name without "skcnn." and its syntax tree."""

    name: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return room_of(self.name)


def room_of(name: str, rooms: dict[str, tuple] = ROOMS) -> str:
    """Return the room of a module; raise a LookupError unless it is in one."""
    # An exact name comes before a pattern: "_backends" is not in "_backends.*".
    found = [room for room, names in rooms.items() if name in names] or [
        room
        for room, names in rooms.items()
        if any(fnmatchcase(name, pattern) for pattern in names)
    ]
    if len(found) != 1:
        raise LookupError(
            f"skcnn.{name} is in the rooms {found}, but a module is in exactly one. "
            "Say in ROOMS of tests/house.py in which."
        )
    return found[0]


@cache
def modules() -> tuple[Module, ...]:
    """Return all modules of skcnn."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "skcnn"
        found.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


def public_modules() -> list[str]:
    """Return the names of all modules that a user may import."""
    walked = pkgutil.walk_packages(skcnn.__path__, "skcnn.")
    return ["skcnn"] + [
        module.name for module in walked if "._" not in f".{module.name}"
    ]


def public_names() -> Iterator[tuple[str, str, object]]:
    """Return module, name and object of all that the public modules export."""
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in module.__all__:
            yield module_name, name, getattr(module, name)


@cache
def imports(tree: ast.AST) -> tuple[str, ...]:
    """Return the dotted names that a module imports, at its top or inside functions.

    Imports for type checking only are left out: they never run. Many rules ask this of
    each module, so the answers are kept.
    """
    found, left = [], [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            found += [f"{prefix}.{alias.name}" for alias in node.names]
        elif not (
            isinstance(node, ast.expr)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ):
            left += ast.iter_child_nodes(node)
    return tuple(found)


def own_imports(tree: ast.AST, known: Iterable[str]) -> set[str]:
    """Return the modules of skcnn that a module imports, without "skcnn."."""
    found = set()
    for name in imports(tree):
        top, _, rest = name.partition(".")
        if top != "skcnn":
            continue
        # The last part is a module or something in one.
        found.add(rest if rest in known else rest.rpartition(".")[0] or "skcnn")
    return found


def libraries(tree: ast.AST) -> set[str]:
    """Return the packages that a module imports."""
    return {name.partition(".")[0] for name in imports(tree)}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_imports(tree: ast.AST, package: str) -> set[str]:
    """Return the names of a package that are private, or lie in a private module."""
    return {
        name.rpartition(".")[2]
        for name in imports(tree)
        if name.partition(".")[0] == package and any(map(is_private, name.split(".")))
    }


def private_attributes(tree: ast.AST) -> set[str]:
    """Return the private attributes that a module reads, also through `getattr`."""
    read = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            read.add(node.attr)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "hasattr")
            and isinstance(node.args[1], ast.Constant)
        ):
            read.add(node.args[1].value)
    return set(filter(is_private, read)) - PUBLIC_IN_SPITE_OF_UNDERSCORE


def definitions(tree: ast.AST) -> set[str]:
    """Return the names that a module gives to functions, classes and attributes."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def methods(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Return class and name of what the classes of a module define."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.FunctionDef):
                    yield node.name, child.name
                elif isinstance(child, ast.Assign):
                    for target in child.targets:
                        if isinstance(target, ast.Name):
                            yield node.name, target.id


def compared_backends(tree: ast.AST) -> set[str]:
    """Return the names of Keras's backends with which a module compares something."""
    backends = {"tensorflow", "jax", "torch"}
    return {
        part.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and part.value in backends
    }
