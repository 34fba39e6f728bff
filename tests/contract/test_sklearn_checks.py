"""scikit-learn's own estimator checks on the classifiers.

Those of the transformers are in test_preprocessing.py.
"""

import os
from unittest import SkipTest

import pytest
from expected_failures import expected_failures
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from skcnn import CIFARCNNClassifier, CNNClassifier, MNISTCNNClassifier
from skcnn.networks import ResNet


class DenseNetwork(BaseEstimator):
    """A network of a user's, with random states and moving statistics.

    An object, because the name of a test has the `repr` of its estimator. The `repr` of
    a function is another one in each process.
    """

    def build(self, image_shape, n_classes):
        from keras import layers

        return [
            layers.Flatten(),
            layers.BatchNormalization(momentum=0.6),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(n_classes, activation="softmax"),
        ]


# In as many settings as it takes to see all of the code; all but one are slow.
DEFAULTS = MNISTCNNClassifier()
OF_A_USER = CNNClassifier(network=DenseNetwork(), learning_rate=0.02, epochs=20)
OTHERS = [
    CNNClassifier(),
    CNNClassifier(network=ResNet(filters=(8,), blocks=1), learning_rate=0.01),
    MNISTCNNClassifier(dtype="float64"),
    CIFARCNNClassifier(),
    # All that the defaults may leave switched off, and float64.
    CIFARCNNClassifier(
        dtype="float64",
        whitening=True,
        filters=(16, 32),
        kernel_size=3,
        convolutions=2,
        pool_size=2,
        pool_first=True,
        padding="same",
        global_pooling=True,
        dense_units=(),
        activation="relu",
        batch_normalization=True,
        dropout=0.1,
        scaling="standard",
        optimizer="muon",
        learning_rate=0.02,
        learning_rate_schedule="linear",
        batch_size="auto",
        epochs=10,
        label_smoothing=0.1,
        augment=("flip", "shift"),
        progressive_resizing=(0.5, 0.75),
        test_time_augmentation=("flip", "shift"),
    ),
]


def run(check, estimator):
    try:
        check(estimator)
    except SkipTest as skip:
        # pytest would report a skip, which is easily overlooked.
        pytest.fail(f"skipped: {skip}")


@pytest.mark.any_backend
@parametrize_with_checks([DEFAULTS], expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    run(check, estimator)


@pytest.mark.slow
@parametrize_with_checks([OF_A_USER], expected_failed_checks=expected_failures)
def test_scikit_learn_checks_of_a_network_of_a_users(estimator, check):
    run(check, estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS, expected_failed_checks=expected_failures)
def test_scikit_learn_checks_in_other_settings(estimator, check):
    run(check, estimator)


def test_the_array_api_check_is_not_skipped():
    assert os.environ["SCIPY_ARRAY_API"] == "1"


def test_no_check_is_expected_to_fail():
    assert not any(map(expected_failures, [DEFAULTS, OF_A_USER, *OTHERS]))
