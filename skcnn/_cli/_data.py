"""Read the arguments DATA and FILE of the command line into arrays."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from skcnn._cli._terminal import did_you_mean, note, visible
from skcnn._messages.wording import counted, first_of

if TYPE_CHECKING:
    from skcnn._cli._model import Model

DATA_SETS = ("digits", "mnist", "cifar10")

# Fraction of the images that is held out if the data have no test part.
TEST_SIZE = 0.2
DIGITS_TEST_SIZE = 0.25

TABLES = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data")
READ = (*TABLES, ".npz")
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip")

# Longer names of data are cut in the names of files that are made of them.
LONGEST_STEM = 40

# Image files are read and predicted in batches with at most this many bytes of pixels.
MOST_BYTES_AT_ONCE = 2**28

_HOW_TO_NAME_LABELS = (
    "Name the column of labels in a CSV file with --label, or give its place if the "
    "file has no header (--label 0 is the first column, --label -1 the last). Name the "
    "array of labels in an npz file with --y."
)

DATA_HELP = """
    \b
    DATA is one of
      digits    1,797 handwritten digits of 8 x 8 pixels, part of scikit-learn
      mnist     70,000 handwritten digits of 28 x 28 pixels
      cifar10   60,000 color photographs of 32 x 32 pixels, 10 classes
      FILE.csv  a row for each image, with a column of labels and columns of
                pixels; or, with --images, a row for each image file, with its
                name and its label
      FILE.npz  arrays X and y, or x_train, y_train, x_test and y_test
      FOLDER    a folder of image files for each class; or folders named train,
                val and test that contain such folders (needs skcnn[images])
"""


@dataclass(frozen=True)
class Reading:
    """The options for reading data, which all commands share."""

    label: str | None = None
    group: str | None = None
    no_header: bool = False
    x_name: str | None = None
    y_name: str | None = None
    images: Path | None = None
    on_error: str = "raise"
    background: str | None = None
    invert: bool = False
    data_home: Path | None = None


_LABELED_ONLY = (
    click.option(
        "--images",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="The folder with the image files that a CSV file lists with their labels.",
    ),
    click.option(
        "--data-home",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="The folder with the files of mnist or cifar10  [default: $SKCNN_DATA, "
        "else scikit-learn's data folder].",
    ),
)

_ALWAYS = (
    click.option(
        "--label",
        metavar="NAME",
        help="The column of a CSV file that holds the labels  [default: found by its "
        "name].",
    ),
    click.option(
        "--group",
        metavar="NAME",
        help="What says which images belong together, such as those of a patient or a "
        "video: a column of a CSV file, an array of an npz file, or for a folder a "
        "regular expression that finds it in the paths of the files, such as "
        '"patient[0-9]+". No group is divided between training and test. The column '
        "is not used as pixels.",
    ),
    click.option(
        "--no-header",
        is_flag=True,
        help="The first line of a CSV file is an image instead of names of columns.",
    ),
    click.option(
        "--x",
        "x_name",
        metavar="NAME",
        help="The array of images in an npz file  [default: found by its name].",
    ),
    click.option(
        "--y",
        "y_name",
        metavar="NAME",
        help="The array of labels in an npz file.",
    ),
    click.option(
        "--on-error",
        type=click.Choice(("raise", "skip")),
        default="raise",
        show_default=True,
        help="What to do with image files that cannot be read.",
    ),
    click.option(
        "--background",
        metavar="COLOR",
        help="The color under transparent pixels of image files  [default: white].",
    ),
    click.option(
        "--invert",
        is_flag=True,
        help="Exchange dark and bright, for example for dark ink on paper if the model "
        "was trained on bright digits on black.",
    ),
)


class Data(click.ParamType):
    """The argument DATA, which a shell completes with names of data sets and files."""

    name = "data"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the data sets that begin so, and what stands for files."""
        names = [name for name in DATA_SETS if name.startswith(incomplete)]
        files = CompletionItem(incomplete, type="file")
        return [files, *map(CompletionItem, names)]


def reading_options(command: Callable) -> Callable:
    """Add all options of `Reading` to a command, which gets them as `reading`."""
    return _with_options(command, (*_ALWAYS, *_LABELED_ONLY))


def file_options(command: Callable) -> Callable:
    """Add the options of `Reading` that are not about labels to a command."""
    return _with_options(command, _ALWAYS)


def _with_options(command: Callable, options: tuple) -> Callable:
    @wraps(command)
    def gathered(**values: Any) -> Any:
        names = Reading.__dataclass_fields__
        reading = {name: values.pop(name) for name in names if name in values}
        return command(reading=Reading(**reading), **values)

    for option in reversed(options):
        gathered = option(gathered)
    return gathered


@dataclass(frozen=True)
class Images:
    """Images with their labels and the names of their columns.

    Attributes
    ----------
    X : ndarray
        The images.
    y : ndarray or None
        Their labels.
    columns : list of str or None
        The names of the pixel columns of a table.
    description : str
        Facts about the images to announce, such as skipped files.
    files : ndarray of str or None
        The image files; None for images in a table or an array.
    groups : ndarray or None
        The group of each image; None if nobody has named groups.
    """

    X: Any
    y: Any = None
    columns: list[str] | None = None
    description: str = ""
    files: Any = None
    groups: Any = None

    def __len__(self) -> int:
        return len(self.X)

    def for_model(self) -> Any:
        """Return the images for `fit` and `predict`, as a DataFrame if it has names."""
        if self.columns is None:
            return self.X
        import pandas as pd

        return pd.DataFrame(self.X, columns=self.columns, copy=False)

    def take(self, rows: Any) -> "Images":
        """Return some of the images."""
        y = None if self.y is None else self.y[rows]
        files = None if self.files is None else self.files[rows]
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, X=self.X[rows], y=y, files=files, groups=groups)

    def inverted(self, interval: tuple[float, float] | None = None) -> "Images":
        """Return the images with dark and bright exchanged."""
        return replace(self, X=_inverted(self.X, interval))


@dataclass(frozen=True)
class Parts:
    """The images to train on, to validate on during training, and to test on."""

    train: Images
    val: Images | None = None
    test: Images | None = None


@dataclass(frozen=True)
class Unlabeled:
    """Images to predict, each with a name; see `skcnn._cli._results.Predictions`."""

    images: Images
    names: list[str]
    files: list[Path] | None = None
    ids: Any = None


def is_table(path: Path) -> bool:
    """Return whether the suffix of a file name is that of a table."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in TABLES


def check_data(data: str, reading: Reading, test_size: float | None = None) -> None:
    """Refuse an argument that is no data, and options that do not suit the data."""
    path = Path(data)
    if data not in DATA_SETS and not path.exists():
        raise click.UsageError(
            f"{data!r} is not one of {', '.join(map(repr, DATA_SETS))}, nor a file or "
            f"a folder.{_like_data(data)}"
        )
    if data not in ("mnist", "cifar10") and reading.data_home is not None:
        reason = "digits come with scikit-learn" if data == "digits" else "it is a path"
        raise click.UsageError(
            f"Got --data-home for {data}, but {reason}: nothing is read from there. "
            "Leave it out."
        )
    if data in ("mnist", "cifar10") and test_size is not None:
        raise click.UsageError(
            f"Got --test-size, but {data} has a test part of its own. Leave it out."
        )
    check_options([data], reading)


def _like_data(data: str) -> str:
    """Return the name of a data set or a file that is spelled like the one given."""
    path = Path(data)
    with suppress(OSError):
        files = [str(path.with_name(other.name)) for other in path.parent.iterdir()]
        return did_you_mean(data, [*DATA_SETS, *files])
    return did_you_mean(data, DATA_SETS)


def name_of(data: str) -> str:
    """Return a name for what is made of data: that of the file without its suffix.

    It has letters, digits, dots, dashes and underscores only.
    """
    path = Path(data)
    name = path.name if path.name not in ("", "..") else path.resolve().name
    is_folder = os.path.isdir(path)
    while not is_folder and Path(name).suffix.lower() in (*READ, *COMPRESSIONS):
        name = Path(name).stem
    return re.sub(r"[^\w.-]+", "-", name)[:LONGEST_STEM].strip("-.") or "model"


def check_options(files: list[str], reading: Reading, *, labeled: bool = True) -> None:
    """Refuse files that are never read, and options of which no file has any use.

    `labeled` says whether the command needs labels, and so has a use for groups.
    """
    paths = [Path(file) for file in files if file not in DATA_SETS]
    for path in paths:
        if path.suffix.lower() == ".npy":
            raise click.UsageError(
                f"{path} holds an array without a name. Save it as X, and labels as y, "
                f"in an .npz file: numpy.savez({path.with_suffix('.npz').name!r}, "
                f"X=numpy.load({path.name!r}))."
            )
    tables = any(map(is_table, paths))
    archives = any(path.suffix.lower() == ".npz" for path in paths)
    folders = any(map(os.path.isdir, paths))
    if labeled and folders and reading.group is not None:
        try:
            re.compile(reading.group)
        except re.error as error:
            raise click.UsageError(
                f"Got --group {reading.group}, but for a folder a regular expression "
                f"was expected, and this is none: {error}."
            ) from error
    # A table may name image files.
    others = reading.images is not None or any(
        not is_table(path) and path.suffix.lower() != ".npz" for path in paths
    )
    for name, value, is_used, what in (
        ("--label", reading.label, tables, "CSV files"),
        (
            "--group",
            reading.group,
            tables or (labeled and (archives or folders)),
            "CSV files, npz files and folders" if labeled else "columns of CSV files",
        ),
        ("--no-header", reading.no_header, tables, "CSV files"),
        ("--images", reading.images, tables, "CSV files"),
        ("--x", reading.x_name, archives, "npz files"),
        ("--y", reading.y_name, archives, "npz files"),
        ("--background", reading.background, others, "folders and image files"),
    ):
        if value and not is_used:
            raise click.UsageError(
                f"Got {name}, which is about {what}, but {', '.join(files)} "
                f"{'is' if len(files) == 1 else 'are'} none. Leave it out."
            )


def read_to_train(
    data: str,
    reading: Reading,
    *,
    test_size: float | None,
    seed: int,
    image_shape: tuple | None = None,
) -> Parts:
    """Read images to train on and to test on.

    Parameters
    ----------
    data : str
        The argument DATA.
    reading : Reading
        The options.
    test_size : float or None
        Fraction of the images to hold out; None is the default, 0 holds out none.
    seed : int
        Seed of the split.
    image_shape : tuple of int or None
        The shape to which image files are resized.

    Returns
    -------
    Parts
    """
    parts = _read_parts(data, reading, image_shape)
    if reading.invert:
        parts = {name: images.inverted() for name, images in parts.items()}
    unlabeled = [name for name, images in parts.items() if images.y is None]
    for name in unlabeled:
        if name != "train":
            note(f"The {name} part of {data} has no labels, and is not used.")
            del parts[name]
    if "train" not in parts:
        raise ValueError(
            f"{data} has no part to train on, only {' and '.join(parts)}. Name the "
            "folder of one part to train on that."
        )
    train = parts["train"]
    if train.y is None:
        raise ValueError(f"{data} has no labels to learn from. {_HOW_TO_NAME_LABELS}")
    val, test = parts.get("val"), parts.get("test")
    for name, part in parts.items():
        if name != "train":
            _warn_of_common_groups(data, train, part, name)
    if test is not None:
        _warn_of_unknown_labels(data, train, test)
    if test is None and val is not None:
        val, test = None, val
    if test is not None:
        if test_size is not None:
            raise click.UsageError(
                f"Got --test-size, but {data} has a test part of its own. Leave it out."
            )
        return Parts(train, val, test)
    if test_size is None:
        test_size = DIGITS_TEST_SIZE if data == "digits" else TEST_SIZE
    if not test_size:
        return Parts(train)
    return _held_out(data, train, test_size, seed)


def _warn_of_unknown_labels(data: str, train: Images, test: Images) -> None:
    """Warn of labels that occur in the test part only."""
    import numpy as np

    known = set(np.asarray(train.y).astype(str))
    unknown = sorted(set(np.asarray(test.y).astype(str)) - known)
    if unknown:
        word = "label" if len(unknown) == 1 else "labels"
        names = first_of(map(visible, unknown))
        note(
            f"The test part of {data} has the {word} {names}, of which the train part "
            "has no image: such images count as mistakes.",
            kind="Warning",
        )


def _warn_of_common_groups(data: str, train: Images, other: Images, name: str) -> None:
    """Warn of groups with images in two parts of the data."""
    if train.groups is None or other.groups is None:
        return
    import numpy as np

    common = np.intersect1d(train.groups, other.groups)
    if len(common):
        note(
            f"{data} has images of {counted(len(common), 'group')} in both the train "
            f"part and the {name} part ({first_of(map(visible, common))}), so the "
            "accuracy may be too high for images of new groups.",
            kind="Warning",
        )


def read_labeled(
    data: str, reading: Reading, image_shape: tuple | None = None
) -> Images:
    """Read images with labels: the part named train, if there are parts."""
    parts = _read_parts(data, reading, image_shape)
    name = "train" if "train" in parts else next(iter(parts))
    if len(parts) > 1 or name != "train":
        note(f"The {name} part of {data} is taken.")
    images = parts[name]
    if images.y is None:
        raise ValueError(f"{data} has no labels to check. {_HOW_TO_NAME_LABELS}")
    return images.inverted() if reading.invert else images


def read_to_evaluate(data: str, reading: Reading, model: "Model") -> Images:
    """Read images to test on: the test part, or else another part with labels."""
    (images,) = _read_parts(data, reading, model.image_shape, model).values()
    if images.y is None:
        raise ValueError(f"{data} has no labels to compare with. {_HOW_TO_NAME_LABELS}")
    return images.inverted(model.interval) if reading.invert else images


def read_to_predict(
    files: tuple[str, ...], reading: Reading, model: "Model"
) -> Iterator[Unlabeled]:
    """Read images and a name for each, in batches that fit into memory.

    Parameters
    ----------
    files : tuple of str
        Image files, folders of them, tables or npz files.
    reading : Reading
        The options.
    model : Model
        The model, whose image shape and columns the images have to match.

    Yields
    ------
    Unlabeled
        The images of a table, an npz file, or some of the image files.
    """
    waiting: list[Path] = []
    for path in map(Path, files):
        if not is_table(path) and path.suffix.lower() != ".npz":
            waiting += _files_in(path) if path.is_dir() else [path]
            continue
        yield from _read_image_files(waiting, reading, model)
        waiting = []
        if path.suffix.lower() == ".npz":
            (images,) = _read_npz(path, reading, model, need_labels=False).values()
            ids = None
        else:
            images, ids = _read_table(path, reading, model)
        names = [f"{path}:{i}" for i in range(1, len(images) + 1)]
        if reading.invert:
            images = images.inverted(model.interval)
        yield Unlabeled(images, names, ids=ids)
    yield from _read_image_files(waiting, reading, model)


def _read_image_files(
    files: list[Path], reading: Reading, model: "Model"
) -> Iterator[Unlabeled]:
    """Yield the images in image files, in batches of `MOST_BYTES_AT_ONCE`."""
    if not files:
        return
    import warnings
    from math import prod

    from skcnn._images.files import read_images_with_facts, skipped_message

    step = max(1, MOST_BYTES_AT_ONCE // prod(model.image_shape))
    for start in range(0, len(files), step):
        some = files[start : start + step]
        read = read_images_with_facts(
            some, on_error=reading.on_error, **model.reading(reading.background)
        )
        if read.skipped:
            warnings.warn(skipped_message(read), stacklevel=2)
        images = Images(model.scaled(read.images))
        if reading.invert:
            images = images.inverted(model.interval)
        kept = [some[i] for i in read.kept]
        yield Unlabeled(images, list(map(str, kept)), files=kept)


def _files_in(folder: Path) -> list[Path]:
    """Return the image files in a folder, or in the folders below if it has none."""
    from skcnn._images.folder_listing import (
        is_leftover,
        list_image_files,
        natural_order,
    )

    files = list_image_files(folder)
    if files:
        return files
    for root, folders, _ in os.walk(folder):
        folders[:] = natural_order(name for name in folders if not is_leftover(name))
        files += list_image_files(root)
    if not files:
        raise ValueError(f"{folder} has no files in it.")
    note(f"{folder} has no image files but in the folders below, which are read.")
    return files


def _read_parts(
    data: str,
    reading: Reading,
    image_shape: tuple | None,
    model: "Model | None" = None,
) -> dict[str, Images]:
    """Return the parts of data by their names; a single part is called "train".

    If a model is given, only the part on which to evaluate it is returned.
    """
    from skcnn import datasets

    path = Path(data)
    if data == "digits":
        return {"train": _named(datasets.load_digit_images())}
    if data in DATA_SETS:
        fetch = {"mnist": datasets.fetch_mnist, "cifar10": datasets.fetch_cifar10}[data]
        names = ("train", "test") if model is None else ("test",)
        return {
            name: _named(fetch(subset=name, data_home=reading.data_home))
            for name in names
        }
    if path.is_dir():
        return _read_folder(path, reading, image_shape, model)
    if reading.images is not None:
        return {"train": _read_image_table(path, reading, image_shape, model)}
    if path.suffix.lower() == ".npz":
        return _read_npz(path, reading, model)
    if is_table(path):
        return {"train": _read_table(path, reading, model)[0]}
    try:
        return {"train": _read_table(path, reading, model)[0]}
    except ValueError as error:
        raise ValueError(
            f"{path} is neither a table, such as a .csv file, nor an .npz file nor a "
            f"folder: {error}"
        ) from error


def _read_folder(
    path: Path, reading: Reading, image_shape: Any, model: "Model | None"
) -> dict[str, Images]:
    """Read a folder of classes, or of parts of a data set."""
    from skcnn._images.folder_listing import is_leftover
    from skcnn.datasets._class_folders import list_parts
    from skcnn.datasets._image_folder import read_image_folder

    options = _reading_of_files(reading, image_shape, model)
    parts = list_parts(path)
    folders = {folder for group in parts.values() for folder in group}
    names: list[Any] = list(parts) if model is None else _best(path, list(parts))
    read = {}
    for name in names or [None]:
        images = _named(read_image_folder(path, options, name), model)
        if reading.group is not None:
            groups = _groups_in_names(path, images.files, reading.group)
            images = replace(images, groups=groups)
        options["image_shape"] = options["image_shape"] or images.X.shape[1:]
        read[name or "train"] = images
    for folder in sorted(path.iterdir()) if folders else ():
        if folder.is_dir() and not is_leftover(folder) and folder not in folders:
            note(f"{folder} has no folders that name classes, and is not used.")
    return read


def _reading_of_files(
    reading: Reading, image_shape: Any, model: "Model | None"
) -> dict[str, Any]:
    """Return how image files are read, as the readers of `skcnn.datasets` take it."""
    options = {"image_shape": image_shape, "background": reading.background or "white"}
    if model is not None:
        options = model.reading(reading.background)
    return {"on_error": reading.on_error, **options}


def _groups_in_names(folder: Path, files: Any, pattern: str) -> Any:
    """Return what a regular expression finds in the path of each file in a folder.

    That is what its parentheses match if it has any, and otherwise the whole match.
    """
    import numpy as np

    names = [Path(file).relative_to(folder).as_posix() for file in files]
    groups, without = [], []
    for name in names:
        found = re.search(pattern, name)
        # The whole match alone, if there are no parentheses.
        matched = found and (found.groups() or (found[0],))
        text = "/".join(part for part in matched or () if part)
        groups.append(text)
        if not text:
            without.append(name)
    if without:
        raise ValueError(
            f"--group {pattern} finds nothing in the paths of {len(without):,} of "
            f"{counted(len(names), 'image file')} in {folder}: "
            f"{first_of(map(visible, without))}. Each image needs a group: change the "
            "regular expression, or move these files elsewhere."
        )
    return np.array(groups)


def _read_image_table(
    path: Path, reading: Reading, image_shape: Any, model: "Model | None"
) -> Images:
    """Read image files whose labels are in a table."""
    from skcnn.datasets._image_table import read_image_table

    assert reading.images is not None
    bunch = read_image_table(
        path,
        reading.images,
        _reading_of_files(reading, image_shape, model),
        label=reading.label or "infer",
        group=reading.group,
    )
    for text in bunch.notes:
        note(text)
    return _named(bunch, model)


def _read_npz(
    path: Path, reading: Reading, model: "Model | None", *, need_labels: bool = True
) -> dict[str, Images]:
    """Read arrays of images, and of labels if there are any."""
    from skcnn.datasets import read_npz
    from skcnn.datasets._npz import npz_parts

    if reading.x_name is not None or reading.y_name is not None:
        named = {"x": reading.x_name, "y": reading.y_name}
        bunch = read_npz(path, groups=reading.group, **named)
        return {"train": _from_npz(path, bunch, model)}
    found = npz_parts(path)
    names: list[Any] = [name for name in found if name is not None]
    if model is not None:
        labeled = [name for name in names if found[name].y is not None]
        names = _best(path, labeled if need_labels and labeled else names)
    read = {}
    for name in names or [None]:
        # One array cannot name the groups of several parts.
        is_grouped = name in (None, "train") or len(found) == 1
        groups = reading.group if is_grouped else None
        bunch = read_npz(path, subset=name, groups=groups)
        read[name or "train"] = _from_npz(path, bunch, model)
    return read


def _from_npz(path: Path, bunch: Any, model: "Model | None") -> Images:
    """Return images; flat rows get the column names that the model was fitted on."""
    X, names = bunch.images, None if model is None else model.feature_names
    columns = None
    if names is not None and X.ndim == 2 and X.shape[1] == len(names):
        columns = list(names)
        note(
            f"{path} has no names of columns; its {len(names)} columns were read in "
            "their order."
        )
    return Images(X, bunch.get("target"), columns, groups=bunch.get("groups"))


def _best(path: Path, names: list[str]) -> list[str]:
    """Return a list with the part on which to evaluate a model, or an empty list."""
    for name in ("test", "val", "train"):
        if name in names:
            if name != "test":
                note(f"The {name} part of {path} is taken.")
            return [name]
    return []


def _read_table(
    path: Path, reading: Reading, model: "Model | None"
) -> tuple[Images, Any]:
    """Read a table, and return its images and its ids."""
    from skcnn.datasets import read_table

    names = None if model is None else model.feature_names
    bunch = read_table(
        path,
        label=reading.label or "infer",
        group=reading.group,
        header=False if reading.no_header else "infer",
        feature_names=None if names is None else list(names),
    )
    for text in bunch.notes:
        note(text)
    columns = bunch.feature_names
    if columns is None and names is not None:
        columns = list(names)
    y, groups = bunch.get("target"), bunch.get("groups")
    return Images(bunch.data, y, columns, groups=groups), bunch.ids


def _named(bunch: Any, model: "Model | None" = None) -> Images:
    """Return images, with names as labels if the data set has names."""
    from skcnn._images.files import describe_images

    y, names = bunch.get("target"), bunch.target_names
    if y is not None and [str(name) for name in names] != [
        *map(str, range(len(names)))
    ]:
        y = names[y]
    images, description = bunch.images, ""
    if "filenames" in bunch:
        description = describe_images(
            images, bunch.get("transparent", ()), bunch.get("skipped", ())
        )
        if model is not None:
            images = model.scaled(images)
    files, groups = bunch.get("filenames"), bunch.get("groups")
    return Images(images, y, description=description, files=files, groups=groups)


def _held_out(data: str, images: Images, test_size: float, seed: int) -> Parts:
    """Split images into a stratified training part and test part."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    if images.groups is not None:
        return _held_out_by_group(data, images, test_size, seed)
    classes, counts = np.unique(images.y, return_counts=True)
    n_test = int(np.ceil(test_size * len(images)))
    reason = None
    if counts.min() == 1:
        alone = first_of(map(visible, classes[counts == 1]))
        reason = f"the labels {alone} have one image each"
        if counts.tolist().count(1) == 1:
            reason = f"the label {alone} has one image only"
    elif n_test < len(classes):
        reason = f"there are {len(classes)} classes, each of which needs an image there"
    elif len(images) - n_test < len(classes):
        reason = (
            f"only {len(images) - n_test} would be left to train on, for "
            f"{counted(len(classes), 'class', 'classes')}"
        )
    if reason is not None:
        raise ValueError(
            f"{data} has {counted(len(images), 'image')}, of which {n_test} cannot be "
            f"held out to test on: {reason}. Add images, or give another --test-size; "
            "--test-size 0 trains on all of them and reports nothing."
        )
    rows = train_test_split(
        np.arange(len(images)),
        test_size=test_size,
        stratify=images.y,
        random_state=seed,
    )
    return Parts(images.take(rows[0]), None, images.take(rows[1]))


def _held_out_by_group(data: str, images: Images, test_size: float, seed: int) -> Parts:
    """Split complete groups of images into a training part and a test part."""
    import numpy as np

    from skcnn._images.groups import hold_out_groups

    indices, class_indices = _check_groups(
        data,
        images,
        2,
        "the images to test on are complete groups, so each class has to be in two "
        "groups or more. Give other groups, or give --test-size 0, which trains on "
        "all images and reports nothing",
    )
    is_held = hold_out_groups(indices, class_indices, test_size, seed)
    train, test = np.flatnonzero(~is_held), np.flatnonzero(is_held)
    return Parts(images.take(train), None, images.take(test))


def _check_groups(data: str, images: Images, fewest: int, why: str) -> tuple:
    """Refuse classes in fewer groups; return the indices of groups and classes."""
    import numpy as np

    from skcnn._images.groups import encode_groups

    groups, indices = encode_groups(images.groups, len(images))
    classes, class_indices = np.unique(images.y, return_inverse=True)
    for place, name in enumerate(classes):
        found = np.unique(indices[class_indices == place])
        if len(found) < fewest:
            of_class = "" if len(groups) == len(found) else f" of {visible(name)}"
            raise ValueError(
                f"{data} has all images{of_class} in {counted(len(found), 'group')}, "
                f"{first_of(map(visible, groups[found]))}, but {why}."
            )
    return indices, class_indices


def make_folds(
    data: str, images: Images, n_folds: int, seed: int | None = None
) -> list[tuple]:
    """Return the rows to train on and to test on of each fold, stratified by class.

    All images of a group are in one fold. The images are shuffled if there is a seed.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    options: Any = {"shuffle": seed is not None, "random_state": seed}
    if images.groups is None:
        _check_folds(data, images.y, n_folds)
        splitter: Any = StratifiedKFold(n_folds, **options)
        return list(splitter.split(images.y, images.y))
    why = (
        f"each of the {n_folds} folds of the cross-validation has complete groups, so "
        f"each class has to be in {n_folds} groups or more"
    )
    indices, _ = _check_groups(data, images, n_folds, why)
    splitter = StratifiedGroupKFold(n_folds, **options)
    folds = list(splitter.split(images.y, images.y, indices))
    for train, test in folds:
        if len(missing := np.setdiff1d(images.y, images.y[train])):
            raise ValueError(
                f"{data} has groups of so different sizes that a fold of the "
                f"cross-validation has all images of {visible(missing[0])}: {why}, of "
                "about the same size."
            )
        if not len(test):
            raise ValueError(
                f"{data} has groups of so different sizes that a fold of the "
                f"cross-validation is empty: {why}, of about the same size."
            )
    return folds


def _check_folds(data: str, y: Any, n_folds: int) -> None:
    """Refuse labels of which not every fold of a cross-validation can have an image."""
    import numpy as np

    classes, counts = np.unique(y, return_counts=True)
    rare = classes[counts < n_folds]
    if len(rare):
        raise ValueError(
            f"{data} has fewer than {n_folds} images of {first_of(map(visible, rare))} "
            f"to train on, but each of the {n_folds} folds of the cross-validation "
            "needs an image of each class. Add images, or leave these classes out."
        )


def _inverted(X: Any, interval: tuple[float, float] | None) -> Any:
    """Return pixels with dark and bright exchanged; transparency stays.

    Parameters
    ----------
    X : ndarray
        Images.
    interval : tuple of float or None
        Black and white of the model; None infers them from the pixels.
    """
    import numpy as np

    if X.dtype == bool:
        inverted = ~X
    elif X.dtype.kind == "u" and X.dtype.itemsize <= 2:
        inverted = np.iinfo(X.dtype).max - X
    else:
        from skcnn._images.scaling import pixel_interval

        low, high = interval or pixel_interval(X.min(), X.max())
        inverted = np.asarray(low + high - X).astype(X.dtype)
    if X.ndim == 4 and X.shape[-1] == 4:
        inverted[..., 3] = X[..., 3]
    return inverted
