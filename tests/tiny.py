"""The network that tests train where any network would do."""

from skcnn import MNISTCNNClassifier


def tiny_classifier(classifier=MNISTCNNClassifier, **parameters):
    """Return an unfitted classifier whose network has few weights.

    A process traces a network once for all fits, so the tests that train this one are
    faster together than those that train one each. Tests of small changes give
    parameters; tests of other networks have their own.
    """
    network = {"filters": 4, "kernel_size": 3, "dense_units": 8, "augment": None}
    return classifier(**network | {"epochs": 2, "random_state": 0} | parameters)
