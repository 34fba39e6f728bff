"""The layers of the network in the representation that notebooks show."""

import re

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

from skcnn import MNISTCNNClassifier
from skcnn.preprocessing import ImageScaler


@pytest.fixture(scope="module")
def pipeline(digits):
    X, y = digits
    clf = MNISTCNNClassifier(filters=4, dense_units=8, epochs=1, whitening=True)
    return make_pipeline(ImageScaler(), clf).fit(X[:100], y[:100])


def test_layers_and_their_parameters_are_shown_after_fit(pipeline):
    page = estimator_html_repr(pipeline[-1])
    model = pipeline[-1].model_
    rows = re.findall(r'<td class="param">(\w+)</td><td>(\w+)</td>', page)
    assert rows == [(layer.name, type(layer).__name__) for layer in model.layers]
    assert f"Network: {model.count_params():,} parameters" in page
    # The scaling, the whitening kernel, and the running statistics: 2 + 32 + 8.
    assert ", 42 of them not trained" in page
    assert "7 x 7 x 8" in page  # what the whitening leaves of 8 x 8 pixels
    # And what scikit-learn shows anyway.
    assert "Fitted attributes" in page and "classes_" in page


def test_layers_are_shown_inside_a_pipeline(pipeline):
    assert "convolution_1_1" in estimator_html_repr(pipeline)


def test_no_network_before_fit():
    page = estimator_html_repr(MNISTCNNClassifier())
    assert "Network:" not in page and "learning_rate" in page
