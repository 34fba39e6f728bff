"""The family of convolutional networks as an object, and the settings of its classes.

`MNISTCNNClassifier` and `CIFARCNNClassifier` have the parameters of the family
themselves. `CNNClassifier` has them in an object of the class `ConvNet`.
"""

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from skcnn._estimator.automatic import AUTO, auto_filters, with_values
from skcnn._estimator.parameters import (
    FAMILY,
    PARAMETER_CONSTRAINTS,
    family_parameters,
)
from skcnn._network.description import Network, layers_to_logits
from skcnn._sklearn_private import (
    LinksToDocumentation,
    StrOptions,
    validate_parameters,
)

if TYPE_CHECKING:
    from skcnn._estimator.base import BaseCNNClassifier

# The parameters of the family whose defaults differ between the two classes.
OF_IMAGES = (
    *("filters", "convolutions", "kernel_size", "pool_first", "padding"),
    *("global_pooling", "dense_units", "whitening"),
)


class ConvNet(LinksToDocumentation, BaseEstimator):
    """The convolutional networks of MNISTCNNClassifier and CIFARCNNClassifier.

    Stages of convolutions and max pooling, then hidden dense layers. A parameter that
    is "auto" has the value that it has by default in `MNISTCNNClassifier` if the images
    have one channel, and else the one that it has in `CIFARCNNClassifier`.

    Parameters
    ----------
    filters : int, tuple of int or "auto", default="auto"
        Number of filters of the convolutions, one entry for each stage. "auto" has more
        stages for larger images.
    convolutions : int or "auto", default="auto"
        Number of convolutions in each stage.
    kernel_size : int, tuple of int or "auto", default="auto"
        Side of the convolution kernels in pixels: one number for all stages, or one for
        each. The last entry of a tuple also counts for all further stages.
    pool_size : int, default=2
        Side of the max pooling window in pixels.
    pool_first : bool or "auto", default="auto"
        Whether a stage pools after its first convolution instead of its last one.
    padding : {"auto", "same", "valid"}, default="auto"
        "same" pads the images, so that convolutions keep their size. "valid" pads
        nothing.
    global_pooling : bool or "auto", default="auto"
        Whether the dense layers get the maximum of each filter over the image instead
        of all values of the last stage, flattened.
    dense_units : int, tuple of int or "auto", default="auto"
        Number of units of the hidden dense layers; ``()`` for no such layer.
    activation : str, default="relu"
        Name of a function in `keras.activations`.
    batch_normalization : bool, default=True
        Whether to normalize the output of each convolution over the batch.
    dropout : float or tuple of two float, default=0.0
        Dropout rate after each stage and after each hidden dense layer. Two numbers set
        the two rates apart. In [0, 1).
    whitening : bool or "auto", default="auto"
        Whether the network begins with a convolution that decorrelates neighboring
        pixels. Its kernels are computed from the training images and not trained.

    See Also
    --------
    skcnn.MNISTCNNClassifier : Describes each parameter at more length.
    skcnn.CNNClassifier : Trains such a network.

    Examples
    --------
    >>> from skcnn import CNNClassifier
    >>> from skcnn.networks import ConvNet
    >>> clf = CNNClassifier(network=ConvNet(filters=(16, 32)))
    >>> clf.set_params(network__dropout=0.2).network
    ConvNet(dropout=0.2, filters=(16, 32))
    """

    # Pickles and `repr` name the module from which users import the class.
    __module__ = "skcnn.networks"

    _parameter_constraints = MappingProxyType(
        {
            name: [*PARAMETER_CONSTRAINTS[name], StrOptions({AUTO})]
            if name in OF_IMAGES
            else PARAMETER_CONSTRAINTS[name]
            for name in FAMILY
        }
    )

    def __init__(
        self,
        *,
        filters="auto",
        convolutions="auto",
        kernel_size="auto",
        pool_size=2,
        pool_first="auto",
        padding="auto",
        global_pooling="auto",
        dense_units="auto",
        activation="relu",
        batch_normalization=True,
        dropout=0.0,
        whitening="auto",
    ):
        self.filters = filters
        self.convolutions = convolutions
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.pool_first = pool_first
        self.padding = padding
        self.global_pooling = global_pooling
        self.dense_units = dense_units
        self.activation = activation
        self.batch_normalization = batch_normalization
        self.dropout = dropout
        self.whitening = whitening

    def build(self, image_shape, n_classes):
        """Return the layers of the network, up to the logits.

        Parameters
        ----------
        image_shape : tuple of int
            ``(height, width, channels)``.
        n_classes : int
            Number of logits.

        Returns
        -------
        list of keras.Layer
            New layers. The convolution of `whitening` is not among them, because it is
            computed from training images.

        Raises
        ------
        ValueError
            If a parameter is not as described.

        Notes
        -----
        `CNNClassifier` does not call this method: it trains the same layers, and the
        one of `whitening`, in a faster way.
        """
        validate_parameters(self)
        view = with_settings(self, self, image_shape)
        if view.filters == AUTO:
            view.filters = auto_filters(view, tuple(image_shape), 1.0)
        parameters, dropout = family_parameters(view)
        network = Network(
            image_shape=tuple(image_shape),
            n_classes=n_classes,
            dtype=_global_dtype(),
            **parameters | {"whitening": False},
        )
        return layers_to_logits(network, dropout)


def _global_dtype() -> str:
    """Return the dtype policy that layers get by default."""
    import keras

    return keras.config.dtype_policy().name


def with_settings(
    owner: Any, convnet: ConvNet | None, image_shape: tuple[int, int, int]
) -> Any:
    """Return a copy of an object with the settings that fit images.

    With a ConvNet, these are the family's parameters too, none of which is then "auto",
    except perhaps `filters`.
    """
    kind = kind_of_images(image_shape)
    like = defaults(kind)
    settings: dict[str, Any] = {"_base": kind._base, "_defaults": like}
    if convnet is not None:
        settings["_parameter_constraints"] = {
            **PARAMETER_CONSTRAINTS,
            **owner._parameter_constraints,
        }
        for name in FAMILY:
            value = getattr(convnet, name)
            is_auto = isinstance(value, str) and value == AUTO and name != "filters"
            settings[name] = like[name] if is_auto else value
    return with_values(owner, settings)


def family_of(network: Any) -> ConvNet | None:
    """Return the ConvNet that the parameter `network` stands for, None for others."""
    if network is None:
        return ConvNet()
    # A subclass that builds otherwise is a network like any other.
    if isinstance(network, ConvNet) and type(network).build is ConvNet.build:
        validate_parameters(network)
        return network
    return None


def kind_of_images(image_shape: tuple[int, int, int]) -> "type[BaseCNNClassifier]":
    """Return the class whose settings fit images: MNIST's for gray ones."""
    from skcnn._estimator import classifiers

    if image_shape[-1] == 1:
        return classifiers.MNISTCNNClassifier
    return classifiers.CIFARCNNClassifier


def defaults(kind: "type[BaseCNNClassifier]") -> dict[str, Any]:
    """Return the default of each parameter of a class."""
    parameters = inspect.signature(kind).parameters
    return {name: parameter.default for name, parameter in parameters.items()}
