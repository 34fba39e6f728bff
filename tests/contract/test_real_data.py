"""The project's own story on real images: read, scale, learn, answer, hand in.

Small parts of the data, so the floors are far below what the whole gives (see
benchmarks/) and far above what a network gives that learns nothing, 10 %.
"""

from itertools import islice

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import (
    fetch_cifar10,
    fetch_mnist,
    read_digit_recognizer,
    split_by_label,
    write_submission,
)
from skcnn.preprocessing import ImageReshaper, ImageScaler

pytestmark = pytest.mark.real_data

CIFAR10_CLASSES = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
]


def part(bunch, n):
    return bunch.images[:n], bunch.target[:n]


@pytest.fixture(scope="module")
def mnist(real_data_home):
    """The first 2,000 training images with labels and the first 1,000 test images."""
    train, test = (
        fetch_mnist(subset=subset, data_home=real_data_home, download_if_missing=False)
        for subset in ("train", "test")
    )
    return (
        train.images[:2000],
        train.target[:2000],
        test.images[:1000],
        test.target[:1000],
    )


@pytest.fixture(scope="module")
def cifar10(real_data_home):
    """The first 1,000 training images with labels and the first 500 test images."""
    train, test = (
        fetch_cifar10(
            subset=subset, data_home=real_data_home, download_if_missing=False
        )
        for subset in ("train", "test")
    )
    assert train.target_names.tolist() == CIFAR10_CLASSES
    return (
        train.images[:1000],
        train.target[:1000],
        test.images[:500],
        test.target[:500],
    )


@pytest.fixture(scope="module")
def digit_recognizer(real_data_home):
    """Kaggle's folder, with train.csv and test.csv in it."""
    folder = real_data_home / "digit-recognizer"
    if not (folder / "train.csv").exists():
        pytest.skip(f"needs Kaggle's digit-recognizer: put train.csv into {folder}")
    return folder


# ------------------------------------------------------------------------------ MNIST


@pytest.fixture(scope="module")
def mnist_classifier(mnist):
    X, y, *_ = mnist
    return MNISTCNNClassifier(epochs=2, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def classic_mnist_classifier(mnist):
    X, y, *_ = mnist
    classic = MNISTCNNClassifier.from_preset("classic", epochs=2, random_state=0)
    return classic.fit(X, y)


def test_two_epochs_on_2000_digits_read_most_unseen_ones(mnist_classifier, mnist):
    *_, X_test, y_test = mnist
    assert mnist_classifier.score(X_test, y_test) > 0.9
    assert mnist_classifier.loss_curve_[1] < mnist_classifier.loss_curve_[0]


def test_the_projects_own_network_reads_most_digits(classic_mnist_classifier, mnist):
    *_, X_test, y_test = mnist
    assert classic_mnist_classifier.score(X_test, y_test) > 0.7


def test_the_report_and_the_confusion_matrix_of_ten_digits(mnist_classifier, mnist):
    *_, X_test, y_test = mnist
    predicted = mnist_classifier.predict(X_test)
    report = classification_report(y_test, predicted, output_dict=True)
    assert set("0123456789") < set(report)
    assert report["macro avg"]["f1-score"] > 0.9
    matrix = confusion_matrix(y_test, predicted)
    assert matrix.shape == (10, 10)
    assert matrix.trace() > 900


def test_images_and_rows_of_mnist_get_the_same_answers(mnist_classifier, mnist):
    *_, X_test, _ = mnist
    expected = mnist_classifier.predict_proba(X_test[:50])
    for form in (X_test[:50, ..., np.newaxis], X_test[:50].reshape(50, -1)):
        np.testing.assert_array_equal(mnist_classifier.predict_proba(form), expected)


def test_digits_scaled_and_split_by_scikit_learn(mnist):
    X, y, *_ = mnist
    X_train, X_val, y_train, y_val = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    model = make_pipeline(
        ImageScaler(),
        MNISTCNNClassifier.from_preset(
            "classic", epochs=2, early_stopping=True, random_state=0
        ),
    )
    model.fit(X_train, y_train)
    assert len(model[-1].validation_scores_) == 2
    assert model[-1].best_validation_score_ > 0.6
    assert model.score(X_val, y_val) > 0.65


# ------------------------------------------------------- Kaggle's digit-recognizer


@pytest.fixture(scope="module")
def kaggle(digit_recognizer, tmp_path_factory):
    """The two files, cut to 2,000 and 200 lines: parsing takes seconds in full."""
    folder = tmp_path_factory.mktemp("digit-recognizer")
    for name, n_lines in (("train.csv", 2001), ("test.csv", 201)):
        with (
            open(digit_recognizer / name, encoding="utf-8") as source,
            open(folder / name, "w", encoding="utf-8") as target,
        ):
            target.writelines(islice(source, n_lines))
    return folder


@pytest.fixture(scope="module")
def kaggle_classifier(kaggle):
    frame = pd.read_csv(kaggle / "train.csv")
    classifier = MNISTCNNClassifier(epochs=2, random_state=0)
    return classifier.fit(frame.drop(columns="label")[:1500], frame["label"][:1500])


def test_kaggles_frame_is_learned_from_as_pandas_reads_it(kaggle_classifier, kaggle):
    frame = pd.read_csv(kaggle / "train.csv")[1500:]
    assert kaggle_classifier.score(frame.drop(columns="label"), frame["label"]) > 0.85
    assert kaggle_classifier.feature_names_in_[:2].tolist() == ["pixel0", "pixel1"]
    assert kaggle_classifier.image_shape_ == (28, 28, 1)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_kaggles_rows_hold_the_same_images_as_its_frame(kaggle_classifier, kaggle):
    bunch = read_digit_recognizer(kaggle / "train.csv")
    frame = pd.read_csv(kaggle / "train.csv")
    expected = kaggle_classifier.predict(frame.drop(columns="label")[1500:])
    for form in (bunch.data, bunch.images):
        predicted = kaggle_classifier.predict(form[1500:])
        np.testing.assert_array_equal(predicted, expected)


def test_a_submission_has_a_line_for_each_image(kaggle_classifier, kaggle, tmp_path):
    test = pd.read_csv(kaggle / "test.csv")
    predictions = kaggle_classifier.predict(test)
    write_submission(tmp_path / "submission.csv", predictions)
    submission = pd.read_csv(tmp_path / "submission.csv")
    assert submission.columns.tolist() == ["ImageId", "Label"]
    assert submission["ImageId"].tolist() == list(range(1, 201))
    np.testing.assert_array_equal(submission["Label"], predictions)
    assert submission["Label"].nunique() == 10


def test_kaggles_rows_in_a_pipeline(kaggle):
    bunch = read_digit_recognizer(kaggle / "train.csv")
    model = make_pipeline(
        ImageReshaper((28, 28)),
        ImageScaler(),
        MNISTCNNClassifier(epochs=2, random_state=0),
    )
    model.fit(bunch.data[:1500], bunch.target[:1500])
    assert model.score(bunch.data[1500:], bunch.target[1500:]) > 0.7


# --------------------------------------------------------------------------- CIFAR-10


@pytest.fixture(scope="module")
def cifar10_classifier(cifar10):
    X, y, *_ = cifar10
    names = np.array(CIFAR10_CLASSES)
    return CIFARCNNClassifier(epochs=3, augment=None, random_state=0).fit(X, names[y])


def test_three_epochs_on_1000_photographs_beat_chance_by_far(
    cifar10_classifier, cifar10
):
    *_, X_test, y_test = cifar10
    assert cifar10_classifier.image_shape_ == (32, 32, 3)
    assert cifar10_classifier.classes_.tolist() == CIFAR10_CLASSES
    assert cifar10_classifier.score(X_test, np.array(CIFAR10_CLASSES)[y_test]) > 0.25


def test_the_projects_own_network_learns_photographs(cifar10):
    X, y, X_test, y_test = cifar10
    classic = CIFARCNNClassifier.from_preset("classic", epochs=3, random_state=0)
    assert classic.fit(X, y).score(X_test, y_test) > 0.18


def test_images_and_rows_of_cifar10_get_the_same_answers(cifar10_classifier, cifar10):
    *_, X_test, _ = cifar10
    np.testing.assert_array_equal(
        cifar10_classifier.predict_proba(X_test[:20].reshape(20, -1)),
        cifar10_classifier.predict_proba(X_test[:20]),
    )


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_images_separated_by_label(dataset, request):
    X, y, *_ = request.getfixturevalue(dataset)
    by_label = split_by_label(X, y)
    assert list(by_label) == list(range(10))
    for label, images in by_label.items():
        np.testing.assert_array_equal(images, X[y == label])
        assert len(images) > len(X) / 20
    assert sum(map(len, by_label.values())) == len(X)


def test_each_class_of_photographs_can_be_looked_up_by_its_name(cifar10):
    X, y, *_ = cifar10
    by_name = split_by_label(X, np.array(CIFAR10_CLASSES)[y])
    assert list(by_name) == CIFAR10_CLASSES
    # The first two images of the training set, as everyone shows them.
    np.testing.assert_array_equal(by_name["frog"][0], X[0])
    np.testing.assert_array_equal(by_name["truck"][0], X[1])
