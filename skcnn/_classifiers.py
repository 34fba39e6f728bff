"""The two classifiers: their parameters, defaults and presets."""

from types import MappingProxyType

from skcnn._base import BaseCNNClassifier


class MNISTCNNClassifier(BaseCNNClassifier):
    """Convolutional network for grey images such as handwritten digits.

    The defaults are meant for MNIST [1]_ and a CPU minute: two stages of a convolution,
    a pooling and batch normalisation, and a hidden dense layer.
    Images of any other kind and size work too. Every parameter can be searched by its
    name.

    `from_preset` makes an estimator with a named set of parameters; `presets` maps the
    names to the parameters that differ from the defaults. "classic" is the network that
    this package descends from, "fast" reaches its accuracy in the least time, and
    "accurate" goes for the last tenths of a percent.

    Parameters
    ----------
    whitening : bool, default=False
        Whether a fixed convolution, learned from the training images, decorrelates
        neighbouring pixels before the first stage [4]_.
    filters : int or tuple of int, default=(16, 32)
        Filters of the convolutions, one entry a stage. A stage is `convolutions`
        convolutions and one max pooling.
    kernel_size : int or tuple of int, default=(5, 3)
        Side of the convolution kernels in pixels, for all stages or for each: the last
        entry of a tuple counts for all further stages. A kernel larger than the image
        is cut to it.
    convolutions : int, default=1
        Number of convolutions in each stage.
    pool_size : int, default=2
        Side of the max pooling window in pixels.
    pool_first : bool, default=False
        Whether a stage pools after its first convolution, which leaves the later ones
        a quarter of the work, or after its last.
    padding : {"same", "valid"}, default="valid"
        Whether convolutions keep the size of the image or use whole windows only.
    kernel_initializer : {"glorot_uniform", "identity"}, default="glorot_uniform"
        How the kernels of convolutions start: at random, or as far as possible with
        filters that hand on a channel each [4]_.
    global_pooling : bool, default=False
        Whether the maximum of each filter over the image goes to the dense layers, or
        all that the last stage gives, flattened.
    dense_units : int or tuple of int, default=128
        Units of the hidden dense layers; ``()`` for none.
    activation : str, default="relu"
        Name of a function in `keras.activations`.
    batch_normalization : bool, default=True
        Whether to normalise each convolution's output over the batch [2]_.
    dropout : float or tuple of two float, default=0.0
        Share of values dropped in training after each stage and after each hidden
        dense layer; two numbers set the two apart. In [0, 1).
    scaling : {"standard", "unit"}, default="standard"
        How the network scales pixels, by what it learns from the training images:
        to mean 0 and variance 1 of each channel, or to [0, 1]. "unit" divides whole
        numbers by 255, by 65535 or, where the largest one is below a quarter of these
        (masks of 0 and 1, 16 levels of gray, 10 or 12 bits), by the largest one.
    optimizer : str or keras.optimizers.Optimizer, default="muon"
        Name of a Keras optimiser, or an instance, which is copied. "muon" makes the
        updates of convolution kernels orthogonal [6]_, 20 times `learning_rate`
        relative to the kernel, and leaves the other weights to Adam.
    learning_rate : float or None, default=0.005
        Learning rate of an optimiser given by name, at its highest; None takes Keras's
        default for that optimiser.
    learning_rate_schedule : {"cosine", "linear", "constant"}, default="linear"
        "cosine" rises over the first tenth of the steps, then falls to zero along half
        a cosine [3]_; "linear" falls to zero along a line. An optimiser instance that
        has a schedule keeps its own.
    batch_size : int or "auto", default="auto"
        Images a training step. "auto" aims at 64 steps an epoch, with 32 images at
        least and at most 256, in `CIFARCNNClassifier` 1000.
    epochs : int, default=7
        Number of passes over the training images, at most.
    shuffle : bool, default=True
        Whether to shuffle the images in each epoch.
    label_smoothing : float, default=0.05
        Share of each target that is spread over all classes. In [0, 1).
    augment : str, tuple of str or None, default="affine"
        Random changes of training images. "flip": left to right; "shift": by whole
        pixels up to 1/14 of the side; "affine": rotations up to 12 degrees, zooms up to
        12 %, shears up to 0.15 and shifts up to 1/28 of the side. Images less than 8
        pixels high or wide, tables among them, are never changed.
    progressive_resizing : float, tuple or None, default=None
        Sides of the training images, relative to those given, in successive parts of
        the training, equally many steps each [5]_. Predictions are made at the last of
        them. In (0, 1]; several need `global_pooling`. None is 1. Images less than 8
        pixels high or wide are never resized.
    test_time_augmentation : str, tuple of str or None, default=None
        Views of an image over which predictions average the logits. "flip": its mirror
        image; "shift": two views shifted by a pixel along the diagonal, if images are
        at least 14 pixels high and wide. Each view costs as much as the image itself.
        It may be changed after `fit`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into `sample_weight`.
    early_stopping : bool, default=False
        Whether to stop when the accuracy on validation images stops improving, and to
        return to the best weights. Without `X_val` in `fit`, a stratified part of the
        training images is held out.
    validation_fraction : float, default=0.1
        Share of the training images to hold out. Only used with `early_stopping`.
    n_iter_no_change : int or numpy.inf, default=10
        Epochs without an improvement of at least `tol` to wait before stopping. Only
        used with `early_stopping`.
    tol : float, default=0.0001
        Least improvement of the validation accuracy that counts.
    warm_start : bool, default=False
        Whether another `fit` goes on from the weights of the last one. What
        `early_stopping` holds out stays the same.
    image_shape : tuple of int or None, default=None
        ``(height, width)`` or ``(height, width, channels)`` of flat rows. None infers
        it: a square number of values is a gray image, three times a square a color
        image, anything else one row of pixels; `fit` warns where the pixels do not look
        like it. The channels of a pixel stand side by side.
    dtype : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        Floating dtype of the network. "mixed_bfloat16" keeps weights, the scaling of
        pixels and the logits in float32 and computes the rest in bfloat16 [7]_:
        faster where the processor has units for it (AMX on CPUs), slower elsewhere.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Keras callbacks. Each `fit` uses copies, which `callbacks_` holds afterwards;
        these instances stay as they are.
    verbose : bool or int, default=False
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, order, dropout, augmentation and hold-out. With an int,
        results are equal to the bit on one machine and the same number of TensorFlow
        threads. Another number of threads changes 1 to 2 % of the labels that a
        briefly trained network predicts, and accuracy by tenths of a point at most.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels.
    n_features_in_ : int
        Values of an image: height * width * channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if `X` was a data frame with string names.
    image_shape_ : tuple of int
        ``(height, width, channels)``.
    n_iter_ : int
        Number of epochs trained.
    loss_ : float
        Training loss of the last epoch.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_ : list of float or None
        Validation loss of each epoch, if there was validation data.
    validation_scores_ : list of float or None
        Validation accuracy of each epoch.
    best_validation_score_ : float or None
        The best of them.
    history_ : dict of list of float
        All of these curves under Keras's names.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that the last call of `fit` or `partial_fit` used,
        with what they have written down. A copy shares with the original all objects
        but lists, dictionaries, sets, arrays and random generators. Empty without
        callbacks, and after pickling or loading.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that holds the network.
    model_ : keras.Sequential
        The network, built on first access.

    See Also
    --------
    CIFARCNNClassifier : The same with the defaults for colour photographs.
    sklearn.neural_network.MLPClassifier : Networks of dense layers only.

    Notes
    -----
    Where all training images fit in one step (at most `batch_size` of them), equal
    images are merged and their weights added, so that a weight of two and a repeated
    image give the same network to the bit.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning
       Applied to Document Recognition", Proceedings of the IEEE 86(11), 1998.
    .. [2] S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015, algorithm 1;
       https://arxiv.org/abs/1502.03167
    .. [3] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017, equation 5; https://arxiv.org/abs/1608.03983
    .. [4] K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section
       3.2 and 3.3; https://arxiv.org/abs/2404.00498
    .. [5] J. Howard et al., "Training Imagenet in 3 hours for USD 25; and CIFAR10 for
       USD 0.26", 2018 ("progressive resizing");
       https://www.fast.ai/posts/2018-04-30-dawnbench-fastai.html
    .. [6] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024; https://kellerjordan.github.io/posts/muon/
    .. [7] P. Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.1;
       https://arxiv.org/abs/1710.03740

    Examples
    --------
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> digits = load_digit_images()
    >>> clf = MNISTCNNClassifier(epochs=10, random_state=0)
    >>> clf.fit(digits.images[:1500], digits.target[:1500])
    MNISTCNNClassifier(epochs=10, random_state=0)
    >>> bool(clf.score(digits.images[1500:], digits.target[1500:]) > 0.9)
    True
    """

    _largest_auto_batch_size = 256

    # Where users import it from, and what a pickle names.
    __module__ = "skcnn"

    presets = MappingProxyType(
        {
            "classic": MappingProxyType(
                {
                    "filters": 32,
                    "kernel_size": 3,
                    "dense_units": 128,
                    "batch_normalization": False,
                    "scaling": "unit",
                    "optimizer": "adam",
                    "learning_rate": None,
                    "learning_rate_schedule": "constant",
                    "batch_size": 128,
                    "epochs": 5,
                    "label_smoothing": 0.0,
                    "augment": None,
                }
            ),
            "fast": MappingProxyType(
                {
                    "filters": (8, 16),
                    "dense_units": 64,
                    "learning_rate": 0.01,
                    "batch_size": 128,
                    "epochs": 1,
                    "augment": None,
                }
            ),
            "accurate": MappingProxyType(
                {
                    "filters": (16, 64),
                    "kernel_size": (5, 3),
                    "convolutions": 2,
                    "pool_first": True,
                    "padding": "same",
                    "global_pooling": True,
                    "dense_units": (),
                    "learning_rate": 0.01,
                    "batch_size": 128,
                    "epochs": 12,
                    "test_time_augmentation": "shift",
                }
            ),
        }
    )

    def __init__(
        self,
        *,
        whitening=False,
        filters=(16, 32),
        kernel_size=(5, 3),
        convolutions=1,
        pool_size=2,
        pool_first=False,
        padding="valid",
        kernel_initializer="glorot_uniform",
        global_pooling=False,
        dense_units=128,
        activation="relu",
        batch_normalization=True,
        dropout=0.0,
        scaling="standard",
        optimizer="muon",
        learning_rate=0.005,
        learning_rate_schedule="linear",
        batch_size="auto",
        epochs=7,
        shuffle=True,
        label_smoothing=0.05,
        augment="affine",
        progressive_resizing=None,
        test_time_augmentation=None,
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=0.0001,
        warm_start=False,
        image_shape=None,
        dtype="float32",
        callbacks=None,
        verbose=False,
        random_state=None,
    ):
        self.whitening = whitening
        self.filters = filters
        self.kernel_size = kernel_size
        self.convolutions = convolutions
        self.pool_size = pool_size
        self.pool_first = pool_first
        self.padding = padding
        self.kernel_initializer = kernel_initializer
        self.global_pooling = global_pooling
        self.dense_units = dense_units
        self.activation = activation
        self.batch_normalization = batch_normalization
        self.dropout = dropout
        self.scaling = scaling
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.shuffle = shuffle
        self.label_smoothing = label_smoothing
        self.augment = augment
        self.progressive_resizing = progressive_resizing
        self.test_time_augmentation = test_time_augmentation
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.image_shape = image_shape
        self.dtype = dtype
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state


class CIFARCNNClassifier(BaseCNNClassifier):
    """Convolutional network for small colour images such as CIFAR-10's.

    The defaults are meant for CIFAR-10 [1]_ and ten CPU minutes: a fixed convolution
    that whitens patches, three stages of two convolutions, a pooling and batch
    normalisation, and global max pooling.
    Images of any other kind and size work too. Every parameter can be searched by its
    name.

    `from_preset` makes an estimator with a named set of parameters; `presets` maps the
    names to the parameters that differ from the defaults. "classic" is the network that
    this package descends from, "fast" reaches its accuracy in the least time, and
    "accurate" goes for the last tenths of a percent.

    Parameters
    ----------
    whitening : bool, default=True
        Whether a fixed convolution, learned from the training images, decorrelates
        neighbouring pixels before the first stage [4]_.
    filters : int or tuple of int, default=(32, 128, 128)
        Filters of the convolutions, one entry a stage. A stage is `convolutions`
        convolutions and one max pooling.
    kernel_size : int or tuple of int, default=3
        Side of the convolution kernels in pixels, for all stages or for each: the last
        entry of a tuple counts for all further stages. A kernel larger than the image
        is cut to it.
    convolutions : int, default=2
        Number of convolutions in each stage.
    pool_size : int, default=2
        Side of the max pooling window in pixels.
    pool_first : bool, default=True
        Whether a stage pools after its first convolution, which leaves the later ones
        a quarter of the work, or after its last.
    padding : {"same", "valid"}, default="same"
        Whether convolutions keep the size of the image or use whole windows only.
    kernel_initializer : {"glorot_uniform", "identity"}, default="identity"
        How the kernels of convolutions start: at random, or as far as possible with
        filters that hand on a channel each [4]_.
    global_pooling : bool, default=True
        Whether the maximum of each filter over the image goes to the dense layers, or
        all that the last stage gives, flattened.
    dense_units : int or tuple of int, default=()
        Units of the hidden dense layers; ``()`` for none.
    activation : str, default="relu"
        Name of a function in `keras.activations`.
    batch_normalization : bool, default=True
        Whether to normalise each convolution's output over the batch [2]_.
    dropout : float or tuple of two float, default=0.0
        Share of values dropped in training after each stage and after each hidden
        dense layer; two numbers set the two apart. In [0, 1).
    scaling : {"standard", "unit"}, default="standard"
        How the network scales pixels, by what it learns from the training images:
        to mean 0 and variance 1 of each channel, or to [0, 1]. "unit" divides whole
        numbers by 255, by 65535 or, where the largest one is below a quarter of these
        (masks of 0 and 1, 16 levels of gray, 10 or 12 bits), by the largest one.
    optimizer : str or keras.optimizers.Optimizer, default="muon"
        Name of a Keras optimiser, or an instance, which is copied. "muon" makes the
        updates of convolution kernels orthogonal [6]_, 20 times `learning_rate`
        relative to the kernel, and leaves the other weights to Adam.
    learning_rate : float or None, default=0.01
        Learning rate of an optimiser given by name, at its highest; None takes Keras's
        default for that optimiser.
    learning_rate_schedule : {"cosine", "linear", "constant"}, default="linear"
        "cosine" rises over the first tenth of the steps, then falls to zero along half
        a cosine [3]_; "linear" falls to zero along a line. An optimiser instance that
        has a schedule keeps its own.
    batch_size : int or "auto", default="auto"
        Images a training step. "auto" aims at 64 steps an epoch, with 32 images at
        least and at most 256, in `CIFARCNNClassifier` 1000.
    epochs : int, default=12
        Number of passes over the training images, at most.
    shuffle : bool, default=True
        Whether to shuffle the images in each epoch.
    label_smoothing : float, default=0.1
        Share of each target that is spread over all classes. In [0, 1).
    augment : str, tuple of str or None, default=("flip", "shift")
        Random changes of training images. "flip": left to right; "shift": by whole
        pixels up to 1/14 of the side; "affine": rotations up to 12 degrees, zooms up to
        12 %, shears up to 0.15 and shifts up to 1/28 of the side. Images less than 8
        pixels high or wide, tables among them, are never changed.
    progressive_resizing : float, tuple or None, default=(0.5, 0.625, 0.75, 0.875, 1.0)
        Sides of the training images, relative to those given, in successive parts of
        the training, equally many steps each [5]_. Predictions are made at the last of
        them. In (0, 1]; several need `global_pooling`. None is 1. Images less than 8
        pixels high or wide are never resized.
    test_time_augmentation : str, tuple of str or None, default=("flip", "shift")
        Views of an image over which predictions average the logits. "flip": its mirror
        image; "shift": two views shifted by a pixel along the diagonal, if images are
        at least 14 pixels high and wide. Each view costs as much as the image itself.
        It may be changed after `fit`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into `sample_weight`.
    early_stopping : bool, default=False
        Whether to stop when the accuracy on validation images stops improving, and to
        return to the best weights. Without `X_val` in `fit`, a stratified part of the
        training images is held out.
    validation_fraction : float, default=0.1
        Share of the training images to hold out. Only used with `early_stopping`.
    n_iter_no_change : int or numpy.inf, default=10
        Epochs without an improvement of at least `tol` to wait before stopping. Only
        used with `early_stopping`.
    tol : float, default=0.0001
        Least improvement of the validation accuracy that counts.
    warm_start : bool, default=False
        Whether another `fit` goes on from the weights of the last one. What
        `early_stopping` holds out stays the same.
    image_shape : tuple of int or None, default=None
        ``(height, width)`` or ``(height, width, channels)`` of flat rows. None infers
        it: a square number of values is a gray image, three times a square a color
        image, anything else one row of pixels; `fit` warns where the pixels do not look
        like it. The channels of a pixel stand side by side.
    dtype : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        Floating dtype of the network. "mixed_bfloat16" keeps weights, the scaling of
        pixels and the logits in float32 and computes the rest in bfloat16 [7]_:
        faster where the processor has units for it (AMX on CPUs), slower elsewhere.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Keras callbacks. Each `fit` uses copies, which `callbacks_` holds afterwards;
        these instances stay as they are.
    verbose : bool or int, default=False
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, order, dropout, augmentation and hold-out. With an int,
        results are equal to the bit on one machine and the same number of TensorFlow
        threads. Another number of threads changes 1 to 2 % of the labels that a
        briefly trained network predicts, and accuracy by tenths of a point at most.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels.
    n_features_in_ : int
        Values of an image: height * width * channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if `X` was a data frame with string names.
    image_shape_ : tuple of int
        ``(height, width, channels)``.
    n_iter_ : int
        Number of epochs trained.
    loss_ : float
        Training loss of the last epoch.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_ : list of float or None
        Validation loss of each epoch, if there was validation data.
    validation_scores_ : list of float or None
        Validation accuracy of each epoch.
    best_validation_score_ : float or None
        The best of them.
    history_ : dict of list of float
        All of these curves under Keras's names.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that the last call of `fit` or `partial_fit` used,
        with what they have written down. A copy shares with the original all objects
        but lists, dictionaries, sets, arrays and random generators. Empty without
        callbacks, and after pickling or loading.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that holds the network.
    model_ : keras.Sequential
        The network, built on first access.

    See Also
    --------
    MNISTCNNClassifier : The same with the defaults for grey images.
    sklearn.neural_network.MLPClassifier : Networks of dense layers only.

    Notes
    -----
    Where all training images fit in one step (at most `batch_size` of them), equal
    images are merged and their weights added, so that a weight of two and a repeated
    image give the same network to the bit.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images",
       technical report, University of Toronto, 2009, chapter 3.
    .. [2] S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015, algorithm 1;
       https://arxiv.org/abs/1502.03167
    .. [3] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017, equation 5; https://arxiv.org/abs/1608.03983
    .. [4] K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section
       3.2 and 3.3; https://arxiv.org/abs/2404.00498
    .. [5] J. Howard et al., "Training Imagenet in 3 hours for USD 25; and CIFAR10 for
       USD 0.26", 2018 ("progressive resizing");
       https://www.fast.ai/posts/2018-04-30-dawnbench-fastai.html
    .. [6] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024; https://kellerjordan.github.io/posts/muon/
    .. [7] P. Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.1;
       https://arxiv.org/abs/1710.03740

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn import CIFARCNNClassifier
    >>> generator = np.random.default_rng(0)
    >>> X = generator.integers(0, 100, (60, 8, 8, 3), dtype=np.uint8)
    >>> X[:30, ..., 0] += 100
    >>> y = np.repeat(["red", "dark"], 30)
    >>> clf = CIFARCNNClassifier(epochs=3, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:1]).shape
    (1, 2)
    """

    _largest_auto_batch_size = 1000

    # Where users import it from, and what a pickle names.
    __module__ = "skcnn"

    presets = MappingProxyType(
        {
            "classic": MappingProxyType(
                {
                    "whitening": False,
                    "filters": (32, 64),
                    "pool_first": False,
                    "kernel_initializer": "glorot_uniform",
                    "global_pooling": False,
                    "dense_units": 512,
                    "dropout": (0.25, 0.5),
                    "batch_normalization": False,
                    "scaling": "unit",
                    "optimizer": "adam",
                    "learning_rate": None,
                    "learning_rate_schedule": "constant",
                    "batch_size": 100,
                    "epochs": 7,
                    "label_smoothing": 0.0,
                    "augment": None,
                    "progressive_resizing": None,
                    "test_time_augmentation": None,
                }
            ),
            "fast": MappingProxyType(
                {
                    "batch_size": 250,
                    "epochs": 2,
                    "augment": "flip",
                    "progressive_resizing": (0.5, 0.5, 0.625, 0.75),
                    "test_time_augmentation": "flip",
                }
            ),
            "accurate": MappingProxyType(
                {
                    "filters": (64, 256, 256),
                    "batch_size": 500,
                    "epochs": 40,
                }
            ),
        }
    )

    def __init__(
        self,
        *,
        whitening=True,
        filters=(32, 128, 128),
        kernel_size=3,
        convolutions=2,
        pool_size=2,
        pool_first=True,
        padding="same",
        kernel_initializer="identity",
        global_pooling=True,
        dense_units=(),
        activation="relu",
        batch_normalization=True,
        dropout=0.0,
        scaling="standard",
        optimizer="muon",
        learning_rate=0.01,
        learning_rate_schedule="linear",
        batch_size="auto",
        epochs=12,
        shuffle=True,
        label_smoothing=0.1,
        augment=("flip", "shift"),
        progressive_resizing=(0.5, 0.625, 0.75, 0.875, 1.0),
        test_time_augmentation=("flip", "shift"),
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=0.0001,
        warm_start=False,
        image_shape=None,
        dtype="float32",
        callbacks=None,
        verbose=False,
        random_state=None,
    ):
        self.whitening = whitening
        self.filters = filters
        self.kernel_size = kernel_size
        self.convolutions = convolutions
        self.pool_size = pool_size
        self.pool_first = pool_first
        self.padding = padding
        self.kernel_initializer = kernel_initializer
        self.global_pooling = global_pooling
        self.dense_units = dense_units
        self.activation = activation
        self.batch_normalization = batch_normalization
        self.dropout = dropout
        self.scaling = scaling
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.shuffle = shuffle
        self.label_smoothing = label_smoothing
        self.augment = augment
        self.progressive_resizing = progressive_resizing
        self.test_time_augmentation = test_time_augmentation
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.image_shape = image_shape
        self.dtype = dtype
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state
