"""The ``skcnn`` command."""

import os
import sys
import tempfile
from pathlib import Path

import click

from skcnn import __version__

# Everything heavier is imported inside the commands, so that --help answers at once.

DATA_SETS = ("digits", "mnist", "cifar10")

# The classifier's default is meant for 60,000 images; these are 1,347.
DIGITS_EPOCHS = 30


def main(args=None):
    """Run the ``skcnn`` command.

    Parameters
    ----------
    args : list of str, default=None
        The command line without the program's name; None takes it from `sys.argv`.

    Returns
    -------
    int
        The exit code: 0 fine, 1 failure, 2 wrong usage, 130 interrupted.
    """
    try:
        # click's own handling would end an interrupted run with exit code 1.
        return cli.main(args, prog_name="skcnn", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli():
    """Train convolutional networks as scikit-learn classifiers.

    \b
    Examples:
      skcnn train digits                    comes with skcnn, no download
      skcnn train digits --epochs 10
      skcnn train mnist --preset classic
      skcnn train cifar10 --data-home DIR   DIR holds cifar-10-batches-py/

    "skcnn COMMAND --help" says more about a command.
    """  # noqa: D301 (click reads the \b: keep these lines as they are)


@cli.command()
@click.argument("data", type=click.Choice(DATA_SETS), metavar="DATA")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Times to go through the training images  [default: the preset's, or the "
    f"classifier's own; {DIGITS_EPOCHS} for digits].",
)
@click.option(
    "--preset",
    metavar="NAME",
    help="Named settings: classic, fast or accurate  [default: the classifier's own].",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="Seed of the split and of the training: same seed, same result.",
)
@click.option(
    "--data-home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the files of mnist or cifar10 lie  [default: $SKCNN_DATA, else "
    "scikit-learn's data folder].",
)
def train(data, epochs, preset, seed, data_home):
    """Train a network and report how well it does on unseen images.

    \b
    DATA is one of
      digits   1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn
      mnist    70,000 handwritten digits of 28 x 28 pixels
      cifar10  60,000 colour photographs of 32 x 32 pixels, 10 classes

    mnist and cifar10 are read from the files that their publishers ship, and downloaded
    if there are none.

    \b
    Examples:
      skcnn train digits
      skcnn train mnist --preset classic --epochs 2 --seed 1
    """  # noqa: D301
    if data == "digits" and data_home is not None:
        raise click.UsageError(
            "Got --data-home, but digits come with scikit-learn and are read from no "
            "folder. Leave it out."
        )
    from sklearn.metrics import accuracy_score, classification_report

    if data == "digits" and epochs is None and preset is None:
        epochs = DIGITS_EPOCHS
    classifier = _make_classifier(data, preset, epochs=epochs, random_state=seed)
    # Before the images, as a download goes through Keras.
    _start_tensorflow()
    train_images, train_labels, test_images, test_labels, names = _load(
        data, data_home, seed
    )
    height, width = train_images.shape[1:3]
    click.echo(
        f"{data}: {len(train_images):,} images to train on and {len(test_images):,} to "
        f"test on, {height} x {width} pixels, {len(names)} classes",
        err=True,
    )
    classifier.fit(train_images, train_labels)
    predicted = classifier.predict(test_images)

    accuracy = accuracy_score(test_labels, predicted)
    click.echo(f"\nAccuracy on {len(test_images):,} unseen images: {accuracy:.4f}\n")
    click.echo(
        classification_report(
            test_labels, predicted, target_names=names, digits=4, zero_division=0
        )
    )


def _start_tensorflow():
    """Import TensorFlow without its notes about oneDNN, GPUs and compiler flags.

    They would bury the lines that the user came for. Who has set TF_CPP_MIN_LOG_LEVEL
    gets what it asks for.
    """
    click.echo("Starting TensorFlow, which takes 5 to 15 seconds ...", err=True)
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # TensorFlow writes some notes before it reads that variable, from C++ and thus
    # past sys.stderr, so the file descriptor itself is turned away meanwhile.
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        try:
            os.dup2(notes.fileno(), 2)
            import tensorflow  # noqa: F401
        except ImportError as error:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise click.ClickException(
                f"TensorFlow does not start: {error}. Reinstall it with "
                "pip install --force-reinstall tensorflow."
            ) from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _make_classifier(data, preset, **parameters):
    from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

    kind = CIFARCNNClassifier if data == "cifar10" else MNISTCNNClassifier
    stated = {name: value for name, value in parameters.items() if value is not None}
    if preset is None:
        return kind(verbose=1, **stated)
    if preset not in kind.presets:
        raise click.UsageError(
            f"Got --preset {preset}, but expected one of: {', '.join(kind.presets)}."
        )
    return kind.from_preset(preset, verbose=1, **stated)


def _load(data, data_home, seed):
    """Return training images and labels, test images and labels, class names."""
    from sklearn.model_selection import train_test_split

    from skcnn import datasets

    if data == "digits":
        digits = datasets.load_digit_images()
        parts = train_test_split(
            digits.images,
            digits.target,
            test_size=0.25,
            stratify=digits.target,
            random_state=seed,
        )
        train_images, test_images, train_labels, test_labels = parts
        names = digits.target_names
    else:
        fetch = {"mnist": datasets.fetch_mnist, "cifar10": datasets.fetch_cifar10}[data]
        try:
            train = fetch(subset="train", data_home=data_home)
            test = fetch(subset="test", data_home=data_home)
        except (OSError, ValueError) as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        train_images, train_labels = train.images, train.target
        test_images, test_labels = test.images, test.target
        names = train.target_names
    return (
        train_images,
        train_labels,
        test_images,
        test_labels,
        [str(name) for name in names],
    )
