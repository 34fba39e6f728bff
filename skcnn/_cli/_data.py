"""What stands for DATA and FILE on the command line, read into arrays."""

from pathlib import Path

import click

DATA_SETS = ("digits", "mnist", "cifar10")

# The share of images that is held out of data without a test part of its own.
TEST_SIZE = 0.2
DIGITS_TEST_SIZE = 0.25

# Packed images become larger by less than this; a bomb by a thousand.
MOST_UNPACKED = 200

LABEL_HINT = "In a CSV file they are the column that --label names."

DATA_HELP = """
    \b
    DATA is one of
      digits    1,797 handwritten digits of 8 x 8 pixels, part of scikit-learn
      mnist     70,000 handwritten digits of 28 x 28 pixels
      cifar10   60,000 colour photographs of 32 x 32 pixels, 10 classes
      FILE.csv  a row an image, a column "label", the others pixels; Kaggle's
                digit-recognizer as it is
      FILE.npz  arrays X and y, or x_train, y_train, x_test and y_test
      FOLDER    a folder of image files for each class (needs skcnn[images])
"""

data_home_option = click.option(
    "--data-home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the files of mnist or cifar10 lie  [default: $SKCNN_DATA, else "
    "scikit-learn's data folder].",
)

label_option = click.option(
    "--label",
    metavar="NAME",
    default="label",
    show_default=True,
    help="The column of a CSV file that holds the labels.",
)


def seed_option(help):
    """Return the option --seed with a help of its own."""
    return click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        metavar="N",
        default=0,
        show_default=True,
        help=help,
    )


def check_data(data, data_home, test_size=None):
    """Refuse what is no data, or an option that does not go with it."""
    if data not in DATA_SETS and not Path(data).exists():
        raise click.UsageError(
            f"{data!r} is not one of {', '.join(map(repr, DATA_SETS))}, nor a file or "
            "a folder."
        )
    if data not in ("mnist", "cifar10") and data_home is not None:
        reason = "digits come with scikit-learn" if data == "digits" else "it is a path"
        raise click.UsageError(
            f"Got --data-home for {data}, but {reason}: nothing is read from there. "
            "Leave it out."
        )
    if data in ("mnist", "cifar10") and test_size is not None:
        raise click.UsageError(
            f"Got --test-size, but {data} has a test part of its own. Leave it out."
        )


def read_parts(data, *, data_home, label, test_size, seed, image_shape=None):
    """Read images to train on and to test on.

    Parameters
    ----------
    data : str
        As on the command line.
    data_home : Path or None
        Where the files of a data set lie.
    label : str
        The column of labels in a CSV file.
    test_size : float or None
        Share of images to hold out; None is the default, 0 holds out none.
    seed : int
        Seed of the split.
    image_shape : tuple of int or None
        What image files are resized to.

    Returns
    -------
    train, test : tuple of (images, labels)
        The latter None if nothing is held out.
    """
    if data in ("mnist", "cifar10"):
        return tuple(_fetch(data, part, data_home) for part in ("train", "test"))
    read = _read(data, label, image_shape)
    if isinstance(read, list):
        if test_size is not None:
            raise click.UsageError(
                f"Got --test-size, but {data} has a test part of its own. Leave it out."
            )
        return tuple(read)
    X, y = read
    if y is None:
        raise ValueError(f"{data} has no labels to learn from. {LABEL_HINT}")
    if test_size is None:
        test_size = DIGITS_TEST_SIZE if data == "digits" else TEST_SIZE
    if not test_size:
        return (X, y), None

    from sklearn.model_selection import train_test_split

    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_size, stratify=y, random_state=seed
    )
    return (X_train, y_train), (X_test, y_test)


def read_labelled(data, *, data_home, label, seed, image_shape):
    """Read images to test on, and their labels; the held-out part of a data set."""
    if data == "digits":
        options = {"data_home": None, "label": label, "test_size": None}
        return read_parts(data, seed=seed, **options)[1]
    if data in DATA_SETS:
        return _fetch(data, "test", data_home)
    read = _read(data, label, image_shape)
    X, y = read[1] if isinstance(read, list) else read
    if y is None:
        raise ValueError(f"{data} has no labels to compare with. {LABEL_HINT}")
    return X, y


def read_unlabelled(paths, *, label, image_shape):
    """Read images and a name for each.

    Parameters
    ----------
    paths : tuple of str
        Image files, folders of them, CSV or npz files.
    label : str
        A column of CSV files that is passed over.
    image_shape : tuple of int
        What image files are resized to.

    Returns
    -------
    names : list of str
        File names; in tables the number of the row is added.
    X : list of ndarray
        The images of each table, or of consecutive image files.
    """
    from skcnn._image_files import read_images

    names: list[str] = []
    X = []
    for path in map(Path, paths):
        if path.suffix.lower() in (".csv", ".npz"):
            read = _read(str(path), label, image_shape)
            images = read[1][0] if isinstance(read, list) else read[0]
            names += [f"{path}:{i}" for i in range(1, len(images) + 1)]
        else:
            files = [path]
            if path.is_dir():
                files = sorted(
                    file
                    for file in path.iterdir()
                    if file.is_file() and not file.name.startswith(".")
                )
                if not files:
                    raise ValueError(f"{path} has no files in it.")
            images = read_images(files, image_shape)
            names += map(str, files)
        X.append(images)
    return names, X


def _fetch(data, subset, data_home):
    from skcnn import datasets

    fetch = {"mnist": datasets.fetch_mnist, "cifar10": datasets.fetch_cifar10}[data]
    return _named(fetch(subset=subset, data_home=data_home))


def _named(bunch):
    """Return images, and names for labels where the data set has some."""
    y = bunch.get("target")
    names = bunch.target_names
    if y is not None and [str(name) for name in names] != [
        *map(str, range(len(names)))
    ]:
        y = names[y]
    return bunch.images, y


def _read(data, label, image_shape):
    """Return images and labels, or a list of two such pairs."""
    from skcnn import datasets

    path = Path(data)
    if data == "digits":
        return _named(datasets.load_digit_images())
    if path.is_dir():
        return _named(datasets.load_image_folder(path, image_shape=image_shape))
    if path.suffix.lower() == ".csv":
        return _read_csv(path, label)
    if path.suffix.lower() == ".npz":
        return _read_npz(path)
    raise ValueError(f"{path} is neither a .csv nor an .npz file nor a folder.")


def _read_csv(path, label):
    import numpy as np
    import pandas as pd

    from skcnn.datasets import read_digit_recognizer

    with open(path, encoding="utf-8-sig", errors="replace") as file:
        header = [name.strip().strip('"') for name in file.readline().split(",")]
    if label == "label" and {"pixel0", "pixel783"} <= set(header):
        return _named(read_digit_recognizer(path))
    table = pd.read_csv(path, encoding="utf-8-sig")
    y = table.pop(label).to_numpy() if label in table else None
    if y is None and label != "label":
        raise ValueError(f"{path} has no column {label!r}; it has {header[:5]} ...")
    texts = [name for name in table if table[name].dtype.kind not in "biuf"]
    if texts:
        raise ValueError(
            f"{path}: the column {texts[0]!r} holds no numbers, but all columns except "
            f"{label!r} are pixels. Name the column of labels with --label."
        )
    X = table.to_numpy()
    if X.dtype.kind in "iu" and X.size and X.min() >= 0 and X.max() <= 255:
        X = X.astype(np.uint8)
    return X, y


def _read_npz(path):
    from zipfile import ZipFile

    from skcnn._archive import array_of_npy
    from skcnn.datasets._checks import damage_as_value_error

    arrays = {}
    with damage_as_value_error(path), ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.file_size > max(MOST_UNPACKED * entry.compress_size, 2**30):
                raise ValueError(
                    f"{path} unpacks to {entry.file_size / 2**30:.0f} GB, which no "
                    "images do. Save them with numpy.savez if they are all alike."
                )
            try:
                array = array_of_npy(archive.read(entry))
            except (LookupError, ValueError) as error:
                raise ValueError(f"{path}: {entry.filename}: {error}") from error
            arrays[entry.filename.removesuffix(".npy").lower()] = array
    if "x_train" in arrays:
        names = [("x_train", "y_train"), ("x_test", "y_test")]
    else:
        names = [("x", "y")]
    if not {name for name, _ in names} <= set(arrays):
        raise ValueError(
            f"{path} holds the arrays {', '.join(arrays) or 'none'}, but X (and y), or "
            "x_train, y_train, x_test and y_test were expected."
        )
    pairs = [(arrays[x_name], arrays.get(y_name)) for x_name, y_name in names]
    return pairs if len(pairs) > 1 else pairs[0]
