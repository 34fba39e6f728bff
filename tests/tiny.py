"""The network that tests train where any network would do."""

from skcnn import MNISTCNNClassifier
from skcnn._network.description import Network

# A description of such a network, for tests that need no classifier.
TINY = Network(
    image_shape=(8, 8, 1),
    n_classes=10,
    whitening=False,
    filters=(4,),
    kernel_size=(3,),
    convolutions=1,
    pool_size=2,
    pool_first=False,
    padding="valid",
    global_pooling=False,
    dense_units=(8,),
    activation="relu",
    batch_normalization=False,
    dtype="float32",
)


def tiny_classifier(classifier=MNISTCNNClassifier, **parameters):
    """Return an unfitted classifier whose network has few weights.

    A process traces a network once for each size of batches, whatever is trained on,
    so tests that train this one on a multiple of 20 images are fast together.
    """
    network = {"filters": 4, "kernel_size": 3, "dense_units": 8, "augment": None}
    training = {"batch_size": 20, "epochs": 2, "random_state": 0}
    return classifier(**network | training | parameters)
