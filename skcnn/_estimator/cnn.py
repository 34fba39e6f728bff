"""The classifier of any network, the parent of the two of a family of networks."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skcnn._estimator.automatic import AUTO, with_values
from skcnn._estimator.base import BaseCNNClassifier
from skcnn._estimator.convnet import ConvNet, family_of, with_settings
from skcnn._estimator.parameters import FAMILY, PARAMETER_CONSTRAINTS, has_family
from skcnn._network.any_network import AnyNetwork, check_maker, name_of
from skcnn._sklearn_private import StrOptions


def _constraints() -> dict[str, list[Any]]:
    """Return the constraints on the parameters of CNNClassifier, in their order."""
    constraints: dict[str, list[Any]] = {}
    for name, allowed in PARAMETER_CONSTRAINTS.items():
        if name == FAMILY[0]:
            constraints["network"] = [object]
        if name in ("learning_rate", "label_smoothing", "scaling"):
            allowed = [*allowed, StrOptions({AUTO})]
        if name == "scaling":
            allowed = [*allowed, None]
        if name not in FAMILY:
            constraints[name] = allowed
    return constraints


class CNNClassifier(BaseCNNClassifier):
    """Any convolutional network as a scikit-learn classifier.

    Without a `network`, this classifier is `MNISTCNNClassifier` for gray images and
    `CIFARCNNClassifier` for images of several channels. With a `network` of your own,
    it trains that one. A parameter that is "auto" is what suits the network and the
    training images; `auto_params_` has its value.

    The parameters come in groups: first the six that most users set; then, from
    `network` on, the network; from `optimizer` on, the optimization; from `image_shape`
    on, the images and how they are changed; from `validation_fraction` on, the details
    of early stopping; and `warm_start` and `callbacks` for the course of a fit.

    Parameters
    ----------
    epochs : int or "auto", default="auto"
        Maximum number of passes over the training images. "auto" is 7 for 60,000 images
        of one channel and more, or 12 for 50,000 images of several channels. For fewer
        images, "auto" is more passes, see `MNISTCNNClassifier`. `early_stopping`,
        `callbacks` and Ctrl-C can end training earlier.
    learning_rate : float, "auto" or None, default="auto"
        Highest learning rate of an optimizer that is given by its name. None takes
        Keras's default for that optimizer. "auto" is 0.005 for images of one channel or
        0.01 for several with the optimizer "muon", and None with all others.
    batch_size : int or "auto", default="auto"
        Number of images in a training step. "auto" aims at 64 steps an epoch, with at
        least 32 images in a step and at most 256, or 1000 for images of several
        channels.
    early_stopping : bool, default=False
        Whether to stop training when the accuracy on validation images no longer
        improves, and to return to the best weights. Without `X_val` in `fit`, a
        stratified fraction of the training images is held out.
    verbose : bool or int, default=False
        Whether to print a line for each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the random numbers of all layers, the order of the
        images, augmentation and the choice of the held-out images. With an int, results
        are equal bit for bit on one machine with the same number of TensorFlow threads.
    network : callable, object or None, default=None
        The network. None is a :class:`skcnn.networks.ConvNet`, whose parameters fit the
        images. A callable takes ``(image_shape, n_classes)``, that is ``(height, width,
        channels)`` and an integer, and returns a new list of Keras layers, a new
        `keras.Sequential` or a new functional `keras.Model` with one input and one
        output: ``n_classes`` logits, or their softmax. An object has a method `build`
        that does so, and `get_params`, so that a search reaches its parameters as
        ``network__...``; see :mod:`skcnn.networks`. If it is compiled, its loss,
        optimizer and metrics have no effect.
    dtype : {"auto", "float32", "float64", "mixed_bfloat16"}, default="float32"
        Floating dtype of the network: the dtype policy of all layers that have none of
        their own. "auto" is "mixed_bfloat16" where the processor is known to be faster
        with it, see `MNISTCNNClassifier`, and "float32" elsewhere.
    optimizer : str or keras.optimizers.Optimizer, default="auto"
        Name of a Keras optimizer, or an instance, which is copied, or "muon". "auto" is
        "muon" for a `ConvNet` and "adam" for every other network.
    learning_rate_schedule : {"cosine", "linear", "constant"}, default="linear"
        "cosine" rises over the first tenth of the steps, then falls to zero along half
        a cosine; "linear" falls to zero along a line. An optimizer instance with a
        schedule keeps its own schedule.
    shuffle : bool, default=True
        Whether to shuffle the images in each epoch.
    label_smoothing : float or "auto", default="auto"
        Share of each target that is spread over all classes. In [0, 1). "auto" is 0.05
        for images of one channel and 0.1 for images of several channels.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which are multiplied with `sample_weight`.
    image_shape : tuple of int or None, default=None
        ``(height, width)`` or ``(height, width, channels)`` of flat rows. None infers
        the shape from the number of values: a square number is a gray image, three
        times a square a color image, anything else one row of pixels. `fit` warns if
        the pixels contradict this. The channels of a pixel have to be next to each
        other.
    scaling : {"auto", "standard", "unit"} or None, default="auto"
        How pixels are scaled before the network sees them, by statistics of the
        training images: to mean 0 and variance 1 of each channel, or to [0, 1]. None
        leaves them as they are, for a network that scales pixels itself. "auto" is the
        attribute `scaling` of `network` if it has one, and else "standard".
    augment : str, tuple of str, "auto" or None, default="auto"
        Random changes of training images before the network sees them: "flip", "shift"
        and "affine". "auto" is "affine" for images of one channel or "shift" for
        several, and also "flip" if the training images show that mirror images still
        belong to their classes. Set None if layers of `network` change images.
    progressive_resizing : float, tuple, "auto" or None, default="auto"
        Sides of the training images relative to those of `X`, in successive phases of
        training, if the network is a `ConvNet`; see `MNISTCNNClassifier`. A network of
        your own sees images of one size, so that "auto" and None are then 1.
    test_time_augmentation : str, tuple of str, "auto" or None, default="auto"
        Views of an image over which predictions average the logits: the image itself
        and changed copies of it, by "flip", "shift" or both. "auto" stands for the
        views that `augment` has shown in training, and averages over them only for
        unsure images. The parameter may be changed after `fit`.
    validation_fraction : float, default=0.1
        Fraction of the training images to hold out. Only used with `early_stopping`.
    n_iter_no_change : int or numpy.inf, default=10
        Number of epochs without an improvement of at least `tol` after which training
        stops. Only used with `early_stopping`.
    tol : float, default=0.0001
        Smallest increase of the validation accuracy that counts as an improvement. Only
        used with `early_stopping`.
    init_from : FrozenEstimator, str, path-like or None, default=None
        What the network starts from: a :class:`sklearn.frozen.FrozenEstimator` around a
        fitted classifier of skcnn, or the path of one that `skcnn.save` wrote; of a
        pipeline, its last step counts. The scaling of pixels and all layers that fit,
        from the first one on, are taken over, and the logits layer is new. So classes
        and sizes of images may be others, but not the number of channels. A `ConvNet`
        starts from a `ConvNet`, whose ``filters`` "auto" then is, and layers fit if
        name and shapes are the same. A network of your own starts from one of your
        own; its layers fit in class and shapes, each compared with the layer that you
        have given the same name, or else with the next one. A file has no network of
        your own: load it first. `warm_start` and `partial_fit` start from `init_from`
        in the first fit only.
    freeze : int, default=0
        How much of what is taken over from `init_from`, from the first layer on,
        training leaves as it is, statistics of batch normalization included. In a
        `ConvNet`, this is a number of convolution stages. In a network of your own, it
        is a number of layers with a kernel: with a weight of two dimensions or more, as
        convolutions and dense layers have. Layers without a kernel, such as
        normalizations, go with the layer before them, and those before the first kernel
        stay as well. The scaling of pixels and the whitening are never trained.
    warm_start : bool, default=False
        Whether another `fit` continues from the weights of the last one. The images
        that `early_stopping` holds out stay the same.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Keras callbacks. Each `fit` uses copies and stores them in `callbacks_`; the
        instances in this parameter stay unchanged.

    Attributes
    ----------
    network_ : object
        The network of the last `fit`. A `ConvNet` has all parameters that the fit has
        chosen; any other network is the one of the parameter `network`.
    classes_ : ndarray of shape (n_classes,)
        The sorted labels.
    n_features_in_ : int
        Number of values of an image: height * width * channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if `X` was a DataFrame whose column names are all strings.
    image_shape_ : tuple of int
        ``(height, width, channels)``.
    auto_params_ : dict
        The parameters that are "auto", each with the value that "auto" stood for in the
        last call of `fit` or `partial_fit`. After `partial_fit`, `epochs` is not among
        them.
    initialized_layers_ : list of str
        Names of the layers that the first fit took over from `init_from`. All others
        started at random. Empty without `init_from`. The name of a layer inside of
        another model follows that of the model, with a "/" between them.
    n_iter_ : int
        Number of epochs trained.
    loss_ : float
        Training loss of the last epoch.
    loss_curve_ : list of float
        Training loss of each epoch. Losses that layers add, as regularizers do, are
        part of it, as in Keras.
    validation_loss_curve_ : list of float or None
        Validation loss of each epoch, if there was validation data. Losses that layers
        add are no part of it.
    validation_scores_ : list of float or None
        Validation accuracy of each epoch, if there was validation data.
    best_validation_score_ : float or None
        Highest validation accuracy of all epochs, if there was validation data.
    history_ : dict of list of float
        Loss and accuracy of each epoch, under the names that Keras uses.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that the last call of `fit` or `partial_fit` used,
        with everything that they recorded. The list is empty without callbacks, and
        after pickling or loading.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that holds the network.
    model_ : keras.Sequential
        The network with the scaling of pixels before it and a softmax behind it, built
        on first access.

    See Also
    --------
    MNISTCNNClassifier : The family of networks with defaults for gray images.
    CIFARCNNClassifier : The family of networks with defaults for color photographs.
    skcnn.networks : Networks whose parameters can be searched.

    Notes
    -----
    `fit` calls `network` for each fit from scratch, and once more when it meets a
    configuration of layers for the first time. Meanwhile Python's and NumPy's global
    random generators have a seed from `random_state`, and so do the layers of Keras;
    afterwards the generators are as before.

    A pickle refers to `network` by its name, as pickles do with functions, and
    :func:`skcnn.load` asks for the network.

    Examples
    --------
    >>> import keras
    >>> from skcnn import CNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> def lenet(image_shape, n_classes):
    ...     return [
    ...         keras.layers.Conv2D(6, 5, padding="same", activation="tanh"),
    ...         keras.layers.AveragePooling2D(2),
    ...         keras.layers.Flatten(),
    ...         keras.layers.Dense(84, activation="tanh"),
    ...         keras.layers.Dense(n_classes, activation="softmax"),
    ...     ]
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = CNNClassifier(network=lenet, epochs=5, random_state=0)
    >>> bool(clf.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.5)
    True
    """

    # Pickles and `repr` name the module from which users import the class.
    __module__ = "skcnn"

    _parameter_constraints = _constraints()
    _own_network: Any = None

    def __init__(
        self,
        *,
        epochs="auto",
        learning_rate="auto",
        batch_size="auto",
        early_stopping=False,
        verbose=False,
        random_state=None,
        network=None,
        dtype="float32",
        optimizer="auto",
        learning_rate_schedule="linear",
        shuffle=True,
        label_smoothing="auto",
        class_weight=None,
        image_shape=None,
        scaling="auto",
        augment="auto",
        progressive_resizing="auto",
        test_time_augmentation="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=0.0001,
        init_from=None,
        freeze=0,
        warm_start=False,
        callbacks=None,
    ):
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.verbose = verbose
        self.random_state = random_state
        self.network = network
        self.dtype = dtype
        self.optimizer = optimizer
        self.learning_rate_schedule = learning_rate_schedule
        self.shuffle = shuffle
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.image_shape = image_shape
        self.scaling = scaling
        self.augment = augment
        self.progressive_resizing = progressive_resizing
        self.test_time_augmentation = test_time_augmentation
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.init_from = init_from
        self.freeze = freeze
        self.warm_start = warm_start
        self.callbacks = callbacks

    @property
    def network_(self) -> Any:
        """The network of the last fit."""
        check_is_fitted(self)
        parameters = self._as_fitted
        if FAMILY[0] in parameters:
            return ConvNet(**{name: parameters[name] for name in FAMILY})
        return self._own_network

    def _with_settings(self, image_shape: tuple[int, int, int]) -> Any:
        """Return this classifier with the settings that fit its network and images."""
        # The two classes of the family have settings of their own.
        if hasattr(self, "_base"):
            return self
        convnet = family_of(self.network)
        if convnet is None:
            check_maker(self.network)
        return with_settings(self, convnet, image_shape)

    def _learned(self) -> dict[str, Any]:
        """Return what fit learned, with the network of a user itself."""
        learned = super()._learned()
        description = self.keras_classifier_.model__network
        if isinstance(description, AnyNetwork):
            learned["network"] = {
                "name": name_of(description.maker),
                "digest": description.digest,
                "maker": self._own_network,
            }
        return learned

    def _as_in_fit(self, parameters: dict[str, Any]) -> Any:
        """Return this classifier with the parameters that a fit has resolved."""
        if hasattr(self, "_base"):
            return super()._as_in_fit(parameters)
        convnet = ConvNet() if FAMILY[0] in parameters else None
        view = with_settings(self, convnet, self.image_shape_)
        known = {*self.get_params(deep=False), *(FAMILY if has_family(view) else ())}
        if unknown := parameters.keys() - known:
            raise ValueError(f"There is no parameter {min(unknown)!r}.")
        values = parameters | {"callbacks": None, "test_time_augmentation": None}
        return with_values(view, values)
