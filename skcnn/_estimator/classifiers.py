"""The two classifiers: their parameters, defaults and presets."""

from types import MappingProxyType

from skcnn._estimator.automatic import Base
from skcnn._estimator.cnn import CNNClassifier
from skcnn._estimator.parameters import PARAMETER_CONSTRAINTS


class MNISTCNNClassifier(CNNClassifier):
    """Convolutional network for gray images such as handwritten digits.

    The defaults are meant for MNIST [1]_ and one minute of CPU time: two stages of one
    convolution, max pooling and batch normalization, and one hidden dense layer.
    Images of any other kind and size work too. Every parameter can be searched by its
    name.

    `from_preset` makes an estimator with a named set of parameters; `presets` maps each
    name to the parameters that differ from the defaults. "classic" is the textbook
    network that skcnn is compared with, "fast" reaches the accuracy of "classic" in the
    least time, and "accurate" gains the last tenths of a percentage point.

    The parameters come in groups: first the six that most users set; then, from
    `filters` on, the network; from `optimizer` on, the optimization; from `image_shape`
    on, the images and how they are changed; from `validation_fraction` on, the details
    of early stopping; and from `init_from` on, the start and the course of a fit.

    Parameters
    ----------
    epochs : int or "auto", default="auto"
        Maximum number of passes over the training images. "auto" is 7 for 60,000 images
        and more, or 12 for 50,000 in `CIFARCNNClassifier`. For fewer images, "auto" is
        so many passes that there are as many steps, and at least twice the passes for a
        quarter of the images, up to 60 passes; images less than 8 pixels high or wide,
        tables among them, keep 7 or 12. `early_stopping`, `callbacks` and Ctrl-C can
        end training earlier.
    learning_rate : float or None, default=0.005
        Highest learning rate of an optimizer that is given by its name. None takes
        Keras's default for that optimizer.
    batch_size : int or "auto", default="auto"
        Number of images in a training step. "auto" aims at 64 steps an epoch, with at
        least 32 images in a step and at most 256, or 1000 in `CIFARCNNClassifier`.
    early_stopping : bool, default=False
        Whether to stop training when the accuracy on validation images no longer
        improves, and to return to the best weights. Without `X_val` in `fit`, a
        stratified fraction of the training images is held out.
    verbose : bool or int, default=False
        Whether to print a line for each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the order of the images, dropout, augmentation and
        the choice of the held-out images. With an int, results are equal bit for bit on
        one machine with the same number of TensorFlow threads. Another number of
        threads changes some of the labels that a briefly trained network predicts, and
        the accuracy a little.
    filters : int, tuple of int or "auto", default="auto"
        Number of filters of the convolutions, one entry for each stage. A stage is
        `convolutions` convolutions and one max pooling. "auto" is ``(16, 32)`` for
        images of up to 48 x 48 pixels (after `progressive_resizing`), or
        ``(32, 128, 128)`` for up to 64 x 64 in `CIFARCNNClassifier`. Larger images get
        one more stage for each max pooling that it takes to make them so small, if
        their shorter side is long enough. Their filters double from stage to stage, up
        to 128.
    convolutions : int, default=1
        Number of convolutions in each stage.
    kernel_size : int or tuple of int, default=(5, 3)
        Side of the convolution kernels in pixels: one number for all stages, or one for
        each. The last entry of a tuple also counts for all further stages. A kernel
        larger than the image is cut to the size of the image.
    pool_size : int, default=2
        Side of the max pooling window in pixels.
    pool_first : bool, default=False
        Whether a stage pools after its first convolution instead of its last one. With
        a `pool_size` of 2, this leaves a quarter of the work to its other convolutions.
    padding : {"same", "valid"}, default="valid"
        "same" pads the images, so that convolutions keep their size. "valid" pads
        nothing, so that images shrink by the side of the kernel less one.
    global_pooling : bool, default=False
        Whether the dense layers get the maximum of each filter over the image (global
        max pooling) instead of all values of the last stage, flattened.
    dense_units : int or tuple of int, default=128
        Number of units of the hidden dense layers; ``()`` for no such layer.
    activation : str, default="relu"
        Name of a function in `keras.activations`.
    batch_normalization : bool, default=True
        Whether to normalize the output of each convolution over the batch [2]_.
    dropout : float or tuple of two float, default=0.0
        Dropout rate after each stage and after each hidden dense layer. Two numbers set
        the two rates apart. In [0, 1).
    whitening : bool, default=False
        Whether the network begins with a convolution that decorrelates neighboring
        pixels [4]_. Its kernels are computed from the training images and not trained.
    dtype : {"auto", "float32", "float64", "mixed_bfloat16"}, default="float32"
        Floating dtype of the network. "mixed_bfloat16" keeps the weights, the scaling
        of pixels and the logits in float32 and computes everything else in bfloat16
        [7]_. This is faster where the processor has units for bfloat16, and slower
        elsewhere. "auto" is "mixed_bfloat16" if Linux says that the processor has such
        units (``avx512_bf16`` or ``amx_bf16``), if Keras runs on TensorFlow without a
        GPU, and if a stage has 32 filters or more. Otherwise "auto" is "float32". So
        the networks of two machines may differ by their rounding. A fitted or saved
        classifier keeps its dtype until the next fit from scratch.
    optimizer : str or keras.optimizers.Optimizer, default="muon"
        Name of a Keras optimizer, or an instance, which is copied. "muon" makes the
        updates of convolution kernels orthogonal [6]_, with a size of 20 times
        `learning_rate` relative to the kernel, and leaves the other weights to Adam.
    learning_rate_schedule : {"cosine", "linear", "constant"}, default="linear"
        "cosine" rises over the first tenth of the steps, then falls to zero along half
        a cosine [3]_; "linear" falls to zero along a line. An optimizer instance with a
        schedule keeps its own schedule.
    shuffle : bool, default=True
        Whether to shuffle the images in each epoch.
    label_smoothing : float, default=0.05
        Share of each target that is spread over all classes. In [0, 1).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which are multiplied with `sample_weight`.
    image_shape : tuple of int or None, default=None
        ``(height, width)`` or ``(height, width, channels)`` of flat rows. None infers
        the shape from the number of values: a square number is a gray image, three
        times a square a color image, anything else one row of pixels. `fit` warns if
        the pixels contradict this. The channels of a pixel have to be next to each
        other.
    scaling : {"standard", "unit"}, default="standard"
        How the network scales pixels, by statistics of the training images: to mean 0
        and variance 1 of each channel, or to [0, 1]. "unit" divides integers by 255 or
        65535. If the largest integer is below a quarter of these (masks of 0 and 1, 16
        levels of gray, 10 or 12 bits), it divides by the largest one. Floats are scaled
        from their minimum to their maximum.
    augment : str, tuple of str, "auto" or None, default="auto"
        Random changes of training images. "flip": left to right; "shift": by a number
        of pixels up to 1/14 of the side; "affine": rotations up to 12 degrees, zooms up
        to 12 %, shears up to 0.15 and shifts up to 1/28 of the side. "auto" is
        "affine", or "shift" in `CIFARCNNClassifier`, and also "flip" if the training
        images show that mirror images still belong to their classes, as is usual for
        photographs, but not for letters. If the images are too few or too easy to
        tell, `CIFARCNNClassifier` mirrors images and `MNISTCNNClassifier` does not.
        Images less than 8 pixels high or wide, tables among them, are never changed.
    progressive_resizing : float, tuple, "auto" or None, default="auto"
        Sides of the training images relative to those of `X`, in successive phases of
        training that have equally many steps each [5]_. Predictions use the last size.
        In (0, 1]; several sizes need `global_pooling`. None is 1. "auto" is 1, or
        ``(0.5, 0.625, 0.75, 0.875, 1.0)`` in `CIFARCNNClassifier` if `global_pooling`
        is true. It reduces images with more pixels than 64 x 64 to about as many, or
        more than 96 x 96 in `CIFARCNNClassifier`: it multiplies these numbers by the
        scale of the reduction. Images keep their proportions, and at least so many
        pixels that each layer has an output. Images less than 8 pixels high or wide are
        never resized.
    test_time_augmentation : str, tuple of str, "auto" or None, default="auto"
        Views of an image over which predictions average the logits: the image itself
        and changed copies of it. "flip" adds the mirror image of each view; "shift"
        adds two copies shifted by one pixel along the diagonal, if images are at least
        14 pixels high and wide. Predictions with n views take n times as long. "auto"
        stands for the views that `augment` has shown in training ("flip" for "flip",
        and "shift" for "shift" or "affine"), and averages over them only for unsure
        images. An image is unsure if, for the image itself, the most probable class is
        less than 6 times as probable as the second one. The parameter may be changed
        after `fit`.
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
        in name and shape, from the first one on, are taken over, and the logits layer
        is new. So classes and sizes of images may be others, but not the number of
        channels. ``filters="auto"`` is that of the other classifier. `warm_start` and
        `partial_fit` start from it in the first fit only.
    freeze : int, default=0
        Number of convolution stages taken over from `init_from`, from the first on,
        that training leaves as they are, statistics of batch normalization included.
        The scaling of pixels and the whitening come before the first stage and are
        never trained.
    warm_start : bool, default=False
        Whether another `fit` continues from the weights of the last one. The images
        that `early_stopping` holds out stay the same.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Keras callbacks. Each `fit` uses copies and stores them in `callbacks_`; the
        instances in this parameter stay unchanged.

    Attributes
    ----------
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
        started at random. Empty without `init_from`.
    n_iter_ : int
        Number of epochs trained.
    loss_ : float
        Training loss of the last epoch.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_ : list of float or None
        Validation loss of each epoch, if there was validation data.
    validation_scores_ : list of float or None
        Validation accuracy of each epoch, if there was validation data.
    best_validation_score_ : float or None
        Highest validation accuracy of all epochs, if there was validation data.
    history_ : dict of list of float
        Loss and accuracy of each epoch, under the names that Keras uses.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that the last call of `fit` or `partial_fit` used,
        with everything that they recorded. Lists, dictionaries, sets, arrays and random
        generators of a callback are copied; a copy shares all other objects with the
        original. The list is empty without callbacks, and after pickling or loading.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that holds the network.
    model_ : keras.Sequential
        The network, built on first access.

    See Also
    --------
    CIFARCNNClassifier : The same with defaults for color photographs.
    sklearn.neural_network.MLPClassifier : Networks of dense layers only.

    Notes
    -----
    If all training images fit in one step (at most `batch_size` of them), equal images
    are merged and their weights added. An image with a weight of two and a repeated
    image then give the same network, bit for bit.

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

    _base = Base(
        n_images=60_000,
        epochs=7,
        largest_batch_size=256,
        filters=(16, 32),
        side=48,
        largest_side=64,
        progressive_resizing=(1.0,),
        augment=("affine",),
        flip_if_unsure=False,
    )

    # Pickles and `repr` name the module from which users import the class.
    __module__ = "skcnn"

    _parameter_constraints = PARAMETER_CONSTRAINTS

    presets = MappingProxyType(
        {
            "classic": MappingProxyType(
                {
                    "epochs": 5,
                    "learning_rate": None,
                    "batch_size": 128,
                    "filters": 32,
                    "kernel_size": 3,
                    "dense_units": 128,
                    "batch_normalization": False,
                    "optimizer": "adam",
                    "learning_rate_schedule": "constant",
                    "label_smoothing": 0.0,
                    "scaling": "unit",
                    "augment": None,
                    "progressive_resizing": None,
                }
            ),
            "fast": MappingProxyType(
                {
                    "epochs": 1,
                    "learning_rate": 0.01,
                    "batch_size": 128,
                    "filters": (8, 16),
                    "dense_units": 64,
                    "dtype": "auto",
                    "augment": None,
                }
            ),
            "accurate": MappingProxyType(
                {
                    "epochs": 12,
                    "learning_rate": 0.01,
                    "batch_size": 128,
                    "filters": (16, 64),
                    "convolutions": 2,
                    "kernel_size": (5, 3),
                    "pool_first": True,
                    "padding": "same",
                    "global_pooling": True,
                    "dense_units": (),
                    "dtype": "auto",
                }
            ),
        }
    )

    def __init__(
        self,
        *,
        epochs="auto",
        learning_rate=0.005,
        batch_size="auto",
        early_stopping=False,
        verbose=False,
        random_state=None,
        filters="auto",
        convolutions=1,
        kernel_size=(5, 3),
        pool_size=2,
        pool_first=False,
        padding="valid",
        global_pooling=False,
        dense_units=128,
        activation="relu",
        batch_normalization=True,
        dropout=0.0,
        whitening=False,
        dtype="float32",
        optimizer="muon",
        learning_rate_schedule="linear",
        shuffle=True,
        label_smoothing=0.05,
        class_weight=None,
        image_shape=None,
        scaling="standard",
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


class CIFARCNNClassifier(CNNClassifier):
    """Convolutional network for small color images such as those of CIFAR-10.

    The defaults are meant for CIFAR-10 [1]_ and ten minutes of CPU time: a convolution
    that whitens patches, three stages of two convolutions, max pooling and batch
    normalization, and global max pooling.
    Images of any other kind and size work too. Every parameter can be searched by its
    name.

    `from_preset` makes an estimator with a named set of parameters; `presets` maps each
    name to the parameters that differ from the defaults. "classic" is the textbook
    network that skcnn is compared with, "fast" reaches the accuracy of "classic" in the
    least time, and "accurate" gains some percentage points over the defaults.

    The parameters come in groups: first the six that most users set; then, from
    `filters` on, the network; from `optimizer` on, the optimization; from `image_shape`
    on, the images and how they are changed; from `validation_fraction` on, the details
    of early stopping; and from `init_from` on, the start and the course of a fit.

    Parameters
    ----------
    epochs : int or "auto", default="auto"
        Maximum number of passes over the training images. "auto" is 7 for 60,000 images
        and more, or 12 for 50,000 in `CIFARCNNClassifier`. For fewer images, "auto" is
        so many passes that there are as many steps, and at least twice the passes for a
        quarter of the images, up to 60 passes; images less than 8 pixels high or wide,
        tables among them, keep 7 or 12. `early_stopping`, `callbacks` and Ctrl-C can
        end training earlier.
    learning_rate : float or None, default=0.01
        Highest learning rate of an optimizer that is given by its name. None takes
        Keras's default for that optimizer.
    batch_size : int or "auto", default="auto"
        Number of images in a training step. "auto" aims at 64 steps an epoch, with at
        least 32 images in a step and at most 256, or 1000 in `CIFARCNNClassifier`.
    early_stopping : bool, default=False
        Whether to stop training when the accuracy on validation images no longer
        improves, and to return to the best weights. Without `X_val` in `fit`, a
        stratified fraction of the training images is held out.
    verbose : bool or int, default=False
        Whether to print a line for each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the order of the images, dropout, augmentation and
        the choice of the held-out images. With an int, results are equal bit for bit on
        one machine with the same number of TensorFlow threads. Another number of
        threads changes some of the labels that a briefly trained network predicts, and
        the accuracy a little.
    filters : int, tuple of int or "auto", default="auto"
        Number of filters of the convolutions, one entry for each stage. A stage is
        `convolutions` convolutions and one max pooling. "auto" is ``(16, 32)`` for
        images of up to 48 x 48 pixels (after `progressive_resizing`), or
        ``(32, 128, 128)`` for up to 64 x 64 in `CIFARCNNClassifier`. Larger images get
        one more stage for each max pooling that it takes to make them so small, if
        their shorter side is long enough. Their filters double from stage to stage, up
        to 128.
    convolutions : int, default=2
        Number of convolutions in each stage.
    kernel_size : int or tuple of int, default=3
        Side of the convolution kernels in pixels: one number for all stages, or one for
        each. The last entry of a tuple also counts for all further stages. A kernel
        larger than the image is cut to the size of the image.
    pool_size : int, default=2
        Side of the max pooling window in pixels.
    pool_first : bool, default=True
        Whether a stage pools after its first convolution instead of its last one. With
        a `pool_size` of 2, this leaves a quarter of the work to its other convolutions.
    padding : {"same", "valid"}, default="same"
        "same" pads the images, so that convolutions keep their size. "valid" pads
        nothing, so that images shrink by the side of the kernel less one.
    global_pooling : bool, default=True
        Whether the dense layers get the maximum of each filter over the image (global
        max pooling) instead of all values of the last stage, flattened.
    dense_units : int or tuple of int, default=()
        Number of units of the hidden dense layers; ``()`` for no such layer.
    activation : str, default="relu"
        Name of a function in `keras.activations`.
    batch_normalization : bool, default=True
        Whether to normalize the output of each convolution over the batch [2]_.
    dropout : float or tuple of two float, default=0.0
        Dropout rate after each stage and after each hidden dense layer. Two numbers set
        the two rates apart. In [0, 1).
    whitening : bool, default=True
        Whether the network begins with a convolution that decorrelates neighboring
        pixels [4]_. Its kernels are computed from the training images and not trained.
    dtype : {"auto", "float32", "float64", "mixed_bfloat16"}, default="float32"
        Floating dtype of the network. "mixed_bfloat16" keeps the weights, the scaling
        of pixels and the logits in float32 and computes everything else in bfloat16
        [7]_. This is faster where the processor has units for bfloat16, and slower
        elsewhere. "auto" is "mixed_bfloat16" if Linux says that the processor has such
        units (``avx512_bf16`` or ``amx_bf16``), if Keras runs on TensorFlow without a
        GPU, and if a stage has 32 filters or more. Otherwise "auto" is "float32". So
        the networks of two machines may differ by their rounding. A fitted or saved
        classifier keeps its dtype until the next fit from scratch.
    optimizer : str or keras.optimizers.Optimizer, default="muon"
        Name of a Keras optimizer, or an instance, which is copied. "muon" makes the
        updates of convolution kernels orthogonal [6]_, with a size of 20 times
        `learning_rate` relative to the kernel, and leaves the other weights to Adam.
    learning_rate_schedule : {"cosine", "linear", "constant"}, default="linear"
        "cosine" rises over the first tenth of the steps, then falls to zero along half
        a cosine [3]_; "linear" falls to zero along a line. An optimizer instance with a
        schedule keeps its own schedule.
    shuffle : bool, default=True
        Whether to shuffle the images in each epoch.
    label_smoothing : float, default=0.1
        Share of each target that is spread over all classes. In [0, 1).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which are multiplied with `sample_weight`.
    image_shape : tuple of int or None, default=None
        ``(height, width)`` or ``(height, width, channels)`` of flat rows. None infers
        the shape from the number of values: a square number is a gray image, three
        times a square a color image, anything else one row of pixels. `fit` warns if
        the pixels contradict this. The channels of a pixel have to be next to each
        other.
    scaling : {"standard", "unit"}, default="standard"
        How the network scales pixels, by statistics of the training images: to mean 0
        and variance 1 of each channel, or to [0, 1]. "unit" divides integers by 255 or
        65535. If the largest integer is below a quarter of these (masks of 0 and 1, 16
        levels of gray, 10 or 12 bits), it divides by the largest one. Floats are scaled
        from their minimum to their maximum.
    augment : str, tuple of str, "auto" or None, default="auto"
        Random changes of training images. "flip": left to right; "shift": by a number
        of pixels up to 1/14 of the side; "affine": rotations up to 12 degrees, zooms up
        to 12 %, shears up to 0.15 and shifts up to 1/28 of the side. "auto" is
        "affine", or "shift" in `CIFARCNNClassifier`, and also "flip" if the training
        images show that mirror images still belong to their classes, as is usual for
        photographs, but not for letters. If the images are too few or too easy to
        tell, `CIFARCNNClassifier` mirrors images and `MNISTCNNClassifier` does not.
        Images less than 8 pixels high or wide, tables among them, are never changed.
    progressive_resizing : float, tuple, "auto" or None, default="auto"
        Sides of the training images relative to those of `X`, in successive phases of
        training that have equally many steps each [5]_. Predictions use the last size.
        In (0, 1]; several sizes need `global_pooling`. None is 1. "auto" is 1, or
        ``(0.5, 0.625, 0.75, 0.875, 1.0)`` in `CIFARCNNClassifier` if `global_pooling`
        is true. It reduces images with more pixels than 64 x 64 to about as many, or
        more than 96 x 96 in `CIFARCNNClassifier`: it multiplies these numbers by the
        scale of the reduction. Images keep their proportions, and at least so many
        pixels that each layer has an output. Images less than 8 pixels high or wide are
        never resized.
    test_time_augmentation : str, tuple of str, "auto" or None, default="auto"
        Views of an image over which predictions average the logits: the image itself
        and changed copies of it. "flip" adds the mirror image of each view; "shift"
        adds two copies shifted by one pixel along the diagonal, if images are at least
        14 pixels high and wide. Predictions with n views take n times as long. "auto"
        stands for the views that `augment` has shown in training ("flip" for "flip",
        and "shift" for "shift" or "affine"), and averages over them only for unsure
        images. An image is unsure if, for the image itself, the most probable class is
        less than 6 times as probable as the second one. The parameter may be changed
        after `fit`.
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
        in name and shape, from the first one on, are taken over, and the logits layer
        is new. So classes and sizes of images may be others, but not the number of
        channels. ``filters="auto"`` is that of the other classifier. `warm_start` and
        `partial_fit` start from it in the first fit only.
    freeze : int, default=0
        Number of convolution stages taken over from `init_from`, from the first on,
        that training leaves as they are, statistics of batch normalization included.
        The scaling of pixels and the whitening come before the first stage and are
        never trained.
    warm_start : bool, default=False
        Whether another `fit` continues from the weights of the last one. The images
        that `early_stopping` holds out stay the same.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Keras callbacks. Each `fit` uses copies and stores them in `callbacks_`; the
        instances in this parameter stay unchanged.

    Attributes
    ----------
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
        started at random. Empty without `init_from`.
    n_iter_ : int
        Number of epochs trained.
    loss_ : float
        Training loss of the last epoch.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_ : list of float or None
        Validation loss of each epoch, if there was validation data.
    validation_scores_ : list of float or None
        Validation accuracy of each epoch, if there was validation data.
    best_validation_score_ : float or None
        Highest validation accuracy of all epochs, if there was validation data.
    history_ : dict of list of float
        Loss and accuracy of each epoch, under the names that Keras uses.
    callbacks_ : list of keras.callbacks.Callback
        The copies of `callbacks` that the last call of `fit` or `partial_fit` used,
        with everything that they recorded. Lists, dictionaries, sets, arrays and random
        generators of a callback are copied; a copy shares all other objects with the
        original. The list is empty without callbacks, and after pickling or loading.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        The SciKeras classifier that holds the network.
    model_ : keras.Sequential
        The network, built on first access.

    See Also
    --------
    MNISTCNNClassifier : The same with defaults for gray images.
    sklearn.neural_network.MLPClassifier : Networks of dense layers only.

    Notes
    -----
    If all training images fit in one step (at most `batch_size` of them), equal images
    are merged and their weights added. An image with a weight of two and a repeated
    image then give the same network, bit for bit.

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

    _base = Base(
        n_images=50_000,
        epochs=12,
        largest_batch_size=1000,
        filters=(32, 128, 128),
        side=64,
        largest_side=96,
        progressive_resizing=(0.5, 0.625, 0.75, 0.875, 1.0),
        augment=("shift",),
        flip_if_unsure=True,
    )

    # Pickles and `repr` name the module from which users import the class.
    __module__ = "skcnn"

    _parameter_constraints = PARAMETER_CONSTRAINTS

    presets = MappingProxyType(
        {
            "classic": MappingProxyType(
                {
                    "epochs": 7,
                    "learning_rate": None,
                    "batch_size": 100,
                    "filters": (32, 64),
                    "pool_first": False,
                    "global_pooling": False,
                    "dense_units": 512,
                    "batch_normalization": False,
                    "dropout": (0.25, 0.5),
                    "whitening": False,
                    "optimizer": "adam",
                    "learning_rate_schedule": "constant",
                    "label_smoothing": 0.0,
                    "scaling": "unit",
                    "augment": None,
                    "progressive_resizing": None,
                }
            ),
            "fast": MappingProxyType(
                {
                    "epochs": 2,
                    "batch_size": 250,
                    "dtype": "auto",
                    "augment": "flip",
                    "progressive_resizing": (0.5, 0.5, 0.625, 0.75),
                }
            ),
            "accurate": MappingProxyType(
                {
                    "epochs": 40,
                    "batch_size": 500,
                    "filters": (64, 256, 256),
                    "dtype": "auto",
                }
            ),
        }
    )

    def __init__(
        self,
        *,
        epochs="auto",
        learning_rate=0.01,
        batch_size="auto",
        early_stopping=False,
        verbose=False,
        random_state=None,
        filters="auto",
        convolutions=2,
        kernel_size=3,
        pool_size=2,
        pool_first=True,
        padding="same",
        global_pooling=True,
        dense_units=(),
        activation="relu",
        batch_normalization=True,
        dropout=0.0,
        whitening=True,
        dtype="float32",
        optimizer="muon",
        learning_rate_schedule="linear",
        shuffle=True,
        label_smoothing=0.1,
        class_weight=None,
        image_shape=None,
        scaling="standard",
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
