"""The estimator contract that both classifiers share."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skcnn._arguments import explains_wrong_calls
from skcnn._checkpoint import Checkpoint
from skcnn._fingerprints import (
    fingerprints,
    merge_fingerprints,
)
from skcnn._fit_tasks import FitTasks
from skcnn._html_repr import AttributesAndNetwork
from skcnn._images import (
    image_batch,
    learned_from_images,
    relearn_from_images,
    validate_images,
)
from skcnn._networks import (
    MOST_LAYER_VALUES,
    Network,
    network_size,
    warn_of_large_network,
)
from skcnn._numerics import default_errors, log_probabilities, probabilities
from skcnn._parameters import (
    PARAMETER_CONSTRAINTS,
    resolve_parameters,
    resolve_views,
    validate_parameters,
)
from skcnn._pixel_warnings import warn_of
from skcnn._pixels import pixel_scaling
from skcnn._scikeras import make_keras_classifier
from skcnn._seen_pixels import (
    find_other_pixels,
    learn_pixels,
    merge_pixels,
)
from skcnn._sklearn_private import _fit_context
from skcnn._startup import start_keras
from skcnn._targets import combine_weights, encode_labels, validate_labels
from skcnn._training import LabelledImages, TrainingLoop, prediction_batch
from skcnn._whitening import whitening_kernel
from skcnn._wording import listed

# A batch_size beyond the number of images is one batch of all of them. Backends with
# static shapes pad that batch, up to this many rows.
LARGEST_PADDED = 2**16

# batch_size="auto": 64 steps an epoch where there are images enough, but no batch so
# small that it is not worth its overhead.
AUTO_STEPS, AUTO_SMALLEST = 64, 32

# What is made anew, when first asked for, after pickle has brought plain values.
REMADE = ("keras_classifier_", "_fitted_options")


@contextmanager
def _rewound_on_failure(generator: np.random.RandomState) -> Iterator[None]:
    """Set a generator back if a fit fails, so that the next try draws the same."""
    state = generator.get_state(legacy=False)
    try:
        yield
    except BaseException:
        generator.set_state(state)
        raise


class BaseCNNClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """A convolutional network as a scikit-learn classifier.

    Subclasses hold a constructor, presets and the largest batch size that "auto" picks;
    all behaviour is here.
    """

    presets: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    classes_: np.ndarray
    image_shape_: tuple[int, int, int]
    n_features_in_: int
    n_iter_: int
    history_: dict[str, list[float]]
    loss_: float
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    callbacks_: list[Any]
    keras_classifier_: Any
    _random_state: np.random.RandomState
    _hold_out_seed: int | None = None
    _fingerprints: np.ndarray | None = None
    _seen_pixels: dict[str, Any] | None
    _largest_auto_batch_size: int

    _parameter_constraints = PARAMETER_CONSTRAINTS

    def _validate_params(self) -> None:
        """Validate the parameters; scikit-learn calls this before each fit."""
        validate_parameters(self)

    @classmethod
    def from_preset(cls, name: str, **overrides: Any) -> Self:
        """Make an estimator with a named set of parameters.

        Parameters
        ----------
        name : str
            One of the keys of `presets`.
        **overrides : dict
            Parameters that differ from the preset's.

        Returns
        -------
        estimator
            A new, unfitted classifier.

        Raises
        ------
        ValueError
            If there is no preset of that name.

        Examples
        --------
        >>> from skcnn import MNISTCNNClassifier
        >>> clf = MNISTCNNClassifier.from_preset("classic", epochs=2)
        >>> clf.filters, clf.batch_size, clf.epochs
        (32, 128, 2)
        """
        if not isinstance(name, str) or name not in cls.presets:
            raise ValueError(
                f"Got preset {name!r}, but {cls.__name__} has "
                f"{', '.join(map(repr, cls.presets))}."
            )
        return cls(**{**cls.presets[name], **overrides})

    @explains_wrong_calls
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        checkpoint=None,
    ):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images of any integer or floating dtype. Integer images stay as they are in
            memory; the network scales them. A :class:`numpy.memmap` stays in its file,
            which may be larger than the memory. Lists, Series and columns of arrays,
            tensors, PIL images or names of image files are read too, if all images
            have one size.
        y : array-like of shape (n,)
            Labels of any kind that scikit-learn takes.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images; an image of weight 0 counts as absent.
        X_val : array-like, default=None
            Validation images in any of the forms of `X`. Without them,
            `early_stopping` holds out a part of `X`.
        y_val : array-like of shape (n_val,), default=None
            Validation labels.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation images.
        checkpoint : str or path-like, default=None
            A file that is renewed after each epoch. If it is there when `fit` is called
            with the same parameters and data, training goes on where it ended, and
            arrives at the same result, to the bit, as if it had not been interrupted.
            After the last epoch the file stays, and the same call is done at once.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError
            If `X` or `y` hands out its entries one after another, or is no collection,
            or an argument is one of Keras's, such as `epochs` or `validation_data`: the
            message says where it is here.
        ValueError
            If an argument or a parameter is not as described, before any training. If
            training diverges, so that a loss is beyond a million or NaN, or a weight is
            not finite. If
            `checkpoint` is a file of another fit or damaged, or is given with
            `callbacks`, whose state it could not keep, or to go on with `warm_start`.
        OSError
            If `checkpoint` cannot be written.

        Warns
        -----
        UserWarning
            If the pixels do not look like the shape that flat rows are taken for, if
            their channels are planes, one after the other, or if those of `X_val` or,
            with `warm_start`, of `X` are unlike those seen before. If
            Ctrl-C ends training after at least one epoch: the classifier is then
            fitted, with the weights of its last whole epoch or, with `early_stopping`,
            the best ones. Ctrl-C in a search stops the search.
            If the network has more than 50 million weights.

        Notes
        -----
        A `fit` that fails leaves the classifier as it was, and the random generator
        too, one given as `random_state` and NumPy's global one included: the same call
        tried again gives what it would have given at first.
        """
        continues = self.warm_start and self.__sklearn_is_fitted__()
        return self._fit_or_stay(
            X,
            y,
            sample_weight,
            fresh=not continues,
            validation=(X_val, y_val, sample_weight_val),
            checkpoint=checkpoint,
        )

    @explains_wrong_calls
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch at a constant learning rate.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images.
        y : array-like of shape (n,)
            Labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call, where `y` may hold
            some of them only.

        Returns
        -------
        self : object
            The classifier, trained for one epoch more.

        Raises
        ------
        ValueError
            If the first call lacks `classes`, if later ones differ from them, with
            `early_stopping`, or if training diverges.
        """
        fresh = not self.__sklearn_is_fitted__()
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True, as one epoch leaves "
                "nothing to stop. Set early_stopping=False, or call fit."
            )
        if classes is not None:
            classes = np.unique(column_or_1d(classes, input_name="classes"))
            if not fresh and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"Got classes={listed(classes)}, but an earlier call to fit or "
                    f"partial_fit had {listed(self.classes_)}."
                )
        elif fresh:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._fit_or_stay(
            X, y, sample_weight, fresh=fresh, classes=classes, incremental=True
        )

    @explains_wrong_calls
    def predict(self, X) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images in any form, whatever form `fit` saw.

        Returns
        -------
        ndarray of shape (n,)
            Labels, of the dtype of `classes_`.

        Warns
        -----
        UserWarning
            If the pixels have another range than those seen in `fit`, if dark and
            bright are exchanged, or if the channels are in another order. So do the
            other methods that predict.
        """
        codes = self._logits(X).argmax(axis=1)
        return self.classes_[codes]

    @explains_wrong_calls
    def predict_proba(self, X) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n, n_classes) of float64
            Rows sum to 1; columns are in the order of `classes_`.
        """
        return probabilities(self._logits(X))

    @explains_wrong_calls
    def predict_log_proba(self, X) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n, n_classes) of float64
            Natural logarithms, accurate also where the probability underflows.
        """
        return log_probabilities(self._logits(X).astype(np.float64))

    @explains_wrong_calls
    def decision_function(self, X) -> np.ndarray:
        """Return the logits.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n, n_classes), or (n,) for two classes, of float64
            Logits; for two classes their difference, the log-odds of ``classes_[1]``.
        """
        # So that what scikit-learn makes of them, as temperature scaling does, are
        # probabilities that sum to 1 within the rounding of float64.
        logits = self._logits(X).astype(np.float64)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    @property
    def model_(self):
        """The trained network, a `keras.Sequential` built on first access.

        It sees one view of an image, whatever `test_time_augmentation` says.
        """
        return self.keras_classifier_.model_

    def _logits(self, X):
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        self._check_range(X)
        classifier, shape = self.keras_classifier_, self.image_shape_
        warn_of(find_other_pixels(self._seen_pixels, X, shape))
        views, size = resolve_views(self), prediction_batch(shape)
        return np.concatenate(
            [
                classifier.logits(
                    image_batch(X, shape, slice(start, start + size)), views
                )
                for start in range(0, len(X), size)
            ]
        )

    def _check_range(self, X):
        """Refuse finite pixels that the network's dtype cannot hold."""
        # In mixed precision pixels are scaled in float32.
        dtype = np.dtype("float64" if self.dtype == "float64" else "float32")
        if X.dtype.kind == "f" and X.dtype.itemsize > dtype.itemsize:
            found = max(X.max(), -X.min())
            if found > np.finfo(dtype).max:
                raise ValueError(
                    f"Input X contains {found:.3g}, a value too large for "
                    f"dtype({dtype.name!r}). Scale the images, or use "
                    'dtype="float64".'
                )

    def _fit_or_stay(self, *args, **kwargs):
        """Fit a copy and become it, so that a refused fit leaves the last one whole."""
        # Callbacks know this object, and are taken down with it.
        tasks = FitTasks(self, 1 if kwargs.get("incremental") else self.epochs)
        fitted = copy.copy(self)
        fresh = kwargs["fresh"]
        generator = (
            check_random_state(self.random_state) if fresh else self._random_state
        )
        with default_errors(), _rewound_on_failure(generator):
            fitted._fit(tasks, *args, **kwargs)
        fitted.__dict__.pop("_learned_values", None)
        self.__dict__ = fitted.__dict__
        return self

    def _fit(
        self,
        tasks,
        X,
        y,
        sample_weight,
        *,
        fresh,
        classes=None,
        validation=(None, None, None),
        incremental=False,
        checkpoint=None,
    ):
        start_keras()
        options = resolve_parameters(self)
        if not fresh:
            self._refuse_changes(options)
        if checkpoint is not None:
            checkpoint = self._checkpoint(checkpoint, fresh)
        X = validate_images(self, X, reset=fresh, image_shape=self.image_shape)
        self._check_range(X)
        labels = validate_labels(self, X, y)
        if not fresh:
            classes = self.classes_
        elif classes is None:
            classes = np.unique(labels)
        codes = encode_labels(labels, classes)
        weights = combine_weights(sample_weight, self.class_weight, X, classes, codes)
        training = LabelledImages.of(X, self.image_shape_, codes, weights)
        present = np.unique(training.codes)
        if len(present) < 2 and not (incremental and len(classes) > 1):
            raise ValueError(
                f"{type(self).__name__} needs at least two classes, but the data to "
                f"train on holds only one class: {classes[present].tolist()}."
            )
        self._see_pixels(training, fresh)
        held_out = self._validation_images(classes, *validation)
        given = [training] if held_out is None else [training, held_out]
        if checkpoint is not None:
            tested = () if held_out is None else vars(held_out).values()
            generator = checkpoint.begin(self, [X, labels, weights, *tested])
        elif fresh:
            generator = check_random_state(self.random_state)
        else:
            generator = self._random_state
        if fresh:
            self._hold_out_seed = None
        if held_out is None and self.early_stopping:
            if self._hold_out_seed is None:
                self._hold_out_seed = int(generator.randint(np.iinfo(np.int32).max))
            training, held_out = self._hold_out(training, classes)
        network, sizes = self._network(options, classes)
        warn_of_large_network(network)
        if incremental:
            sizes = sizes[-1:]
        loop = self._training_loop(
            training, held_out, options, sizes, generator, incremental, tasks
        )
        loop.checkpoint = checkpoint
        loop.continues = not fresh
        classifier = self._make_keras_classifier(network, options, classes)
        if fresh:
            classifier.seeds_ = generator
            classifier.fixed_ = self._fixed_weights(network, loop.training)
        else:
            classifier.continue_from(self.keras_classifier_)
        self.classes_ = classes
        self.keras_classifier_ = classifier
        self._fitted_options = options["fixed"]
        self._random_state = generator
        self._remember_images(given, fresh)
        tasks.describe(X, labels, sample_weight, training.rows, self._trained_so_far)
        if incremental:
            classifier.partial_fit(None, None, loop=loop)
        else:
            epoch = classifier.current_epoch
            classifier.fit(None, None, loop=loop, initial_epoch=epoch)
        self.callbacks_ = loop.used_callbacks
        self._learn_from_history()
        if loop.interrupted:
            message = (
                f"Training interrupted by user: {type(self).__name__} keeps the "
                f"{'best' if self.early_stopping else 'last'} weights of "
                f"{self.n_iter_} whole epochs."
            )
            warn_of(UserWarning(message))

    def _remember_images(self, given, fresh):
        """Add the fingerprints of all images that `fit` was given to those before."""
        before = [] if fresh else [self._fingerprints]
        new = [fingerprints(images.X, images.rows) for images in given]
        self._fingerprints = merge_fingerprints(*before, *new)

    def _see_pixels(self, training, fresh):
        """Remember what the images are like, and warn if those before were not."""
        seen = learn_pixels(training.X, self.image_shape_, training.rows)
        if not fresh:
            before = self._seen_pixels
            warn_of(find_other_pixels(before, training.X, self.image_shape_))
            seen = seen if before is None else merge_pixels(before, seen)
        self._seen_pixels = seen

    def _trained_so_far(self):
        """Return all attributes as they would be if this epoch were the last."""
        snapshot = copy.copy(self)
        snapshot.keras_classifier_ = copy.copy(self.keras_classifier_)
        snapshot._learn_from_history()
        return vars(snapshot)

    def _learned(self):
        """Return what fit learned, as plain values, arrays and perhaps an optimiser.

        With it :meth:`_relearn` gives an estimator of equal parameters the same state.
        """
        trained = self.keras_classifier_
        optimizer = trained.optimizer
        learned = learned_from_images(self) | {
            "classes": self.classes_,
            "fingerprints": self._fingerprints,
            "seen_pixels": self._seen_pixels,
            # Of the time of fit: since then `set_params` may have changed the present.
            "parameters": self._fitted_options
            | {
                "dropout": trained.model__dropout,
                "optimizer": (
                    optimizer.__name__ if isinstance(optimizer, type) else optimizer
                ),
                "learning_rate": getattr(trained, "optimizer__learning_rate", None),
            },
            "history": trained.history_,
            "weights": trained.weights_,
            "optimizer_values": trained.optimizer_values_,
            "hold_out_seed": self._hold_out_seed,
        }
        if self._random_state is self.random_state:
            learned["random_state"] = "parameter"
        elif self._random_state is check_random_state(None):
            learned["random_state"] = None
        else:
            learned["random_state"] = self._random_state
        return learned

    def _relearn(self, learned):
        """Become what another estimator was when it returned its `_learned`."""
        start_keras()
        relearn_from_images(self, learned)
        self.classes_ = classes = learned["classes"]
        if not np.array_equal(classes, np.unique(classes)):
            raise ValueError(
                f"The classes are {listed(classes)}, not sorted and unique."
            )
        # The first files have neither of these, and their images are not checked.
        self._seen_pixels = learned.get("seen_pixels")
        self._fingerprints = learned.get("fingerprints")
        self._hold_out_seed = learned.get("hold_out_seed")
        self._random_state = self._generator(learned["random_state"])
        as_fitted = copy.copy(self).set_params(
            **learned["parameters"], callbacks=None, test_time_augmentation=None
        )
        validate_parameters(as_fitted, learned["parameters"])
        options = resolve_parameters(as_fitted)
        self._fitted_options = options["fixed"]
        network, _ = self._network(options, self.classes_)
        weights = learned["weights"]
        # Before anything as large as the network is made.
        n_values = sum(value.size for value in weights)
        if (
            network.n_layers > len(weights)
            or network_size(network).n_kernel_values > n_values
        ):
            raise ValueError("The weights are less than the network needs.")
        if network_size(network).n_layer_values > MOST_LAYER_VALUES:
            raise ValueError("A layer of the network gives more than 1 GB an image.")
        trained = as_fitted._make_keras_classifier(network, options, self.classes_)
        trained.restore(weights, learned["optimizer_values"], learned["history"])
        self.keras_classifier_ = trained
        self.callbacks_ = []
        self._learn_from_history()

    def _generator(self, learned) -> np.random.RandomState:
        """Return the generator that `_learned` told of as "random_state"."""
        return check_random_state(
            self.random_state if isinstance(learned, str) else learned
        )

    def __copy__(self):
        copied = type(self).__new__(type(self))
        copied.__dict__.update(vars(self))
        return copied

    def __getstate__(self):
        """Return plain values only, so that a pickle names no class but this one."""
        state = dict(super().__getstate__())
        if self.__sklearn_is_fitted__():
            state["_learned_values"] = self._learned()
            for name in (*REMADE, "_random_state", "callbacks_"):
                state.pop(name, None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.__sklearn_is_fitted__():
            self.callbacks_ = []
        if "_learned_values" in state:
            told = state["_learned_values"]["random_state"]
            self._random_state = self._generator(told)

    def __getattr__(self, name):
        """Make the network that a pickle described when it is first asked for."""
        learned = vars(self).get("_learned_values")
        if name in REMADE and learned is not None:
            remade = copy.copy(self)
            remade._relearn(learned)
            for each in reversed(REMADE):
                setattr(self, each, getattr(remade, each))
            self.__dict__.pop("_learned_values", None)
        if name in REMADE and name in vars(self):
            return vars(self)[name]
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}",
            name=name,
            obj=self,
        )

    def _learn_from_history(self):
        history = self.keras_classifier_.history_
        self.history_ = {name: list(values) for name, values in history.items()}
        self.loss_curve_ = self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        self.validation_loss_curve_ = self.history_.get("val_loss")
        self.validation_scores_ = self.history_.get("val_accuracy")
        self.best_validation_score_ = (
            max(self.validation_scores_) if self.validation_scores_ else None
        )

    def _refuse_changes(self, options):
        """Refuse to go on training with what only a fit from scratch can change."""
        changes = [
            f"{name} was {before!r} and is {options['fixed'][name]!r}"
            for name, before in self._fitted_options.items()
            if options["fixed"][name] != before
        ]
        if changes:
            raise ValueError(
                f"{'; '.join(changes)}: warm_start and partial_fit go on training the "
                "same network in the same way. Set it back, or fit with "
                "warm_start=False to start anew."
            )

    def _checkpoint(self, path, fresh):
        if not fresh:
            raise ValueError(
                "A checkpoint is of a fit from scratch, but warm_start=True goes on "
                "from the last one. Set warm_start=False, or checkpoint=None."
            )
        if self.callbacks:
            raise ValueError(
                "checkpoint cannot keep the state of callbacks. Set callbacks=None, or "
                "checkpoint=None."
            )
        return Checkpoint(path)

    def _validation_images(self, classes, X_val, y_val, sample_weight_val):
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val was given without X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            given, missing = ("X_val", "y_val")[:: 1 if y_val is None else -1]
            raise ValueError(f"{given} was given without {missing}; pass both.")
        try:
            X_val = validate_images(self, X_val, reset=False)
            self._check_range(X_val)
            labels = validate_labels(self, X_val, y_val, name="y_val")
            codes = encode_labels(labels, classes, name="y_val")
            weights = combine_weights(sample_weight_val, None, X_val, classes, codes)
        except (TypeError, ValueError) as error:
            raise type(error)(f"In the validation data: {error}") from error
        shape = self.image_shape_
        warn_of(find_other_pixels(self._seen_pixels, X_val, shape, "X_val"))
        return LabelledImages.of(X_val, self.image_shape_, codes, weights)

    def _hold_out(self, training, classes):
        """Set images aside: the same ones in each fit that goes on from the last."""
        # Imported here: it is the slowest part of scikit-learn to import.
        from sklearn.model_selection import train_test_split

        counts = np.bincount(training.codes, minlength=len(classes))
        rare = classes[counts == 1].tolist()
        try:
            if rare:
                raise ValueError(f"there is only one image of class {rare[0]!r}")
            train, held_out = train_test_split(
                np.arange(len(training)),
                test_size=self.validation_fraction,
                stratify=training.codes,
                random_state=self._hold_out_seed,
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping with validation_fraction={self.validation_fraction} "
                f"cannot hold out a stratified part of {len(training)} images of "
                f"{len(classes)} classes: {error}. Change the fraction, or pass X_val "
                "and y_val."
            ) from error
        return training.take(train), training.take(held_out)

    def _network(self, options, classes):
        """Describe the network and the sizes that its training images will have."""
        network = Network(
            image_shape=self.image_shape_,
            n_classes=len(classes),
            **options["network"],
        )
        sizes = network.sizes(options["scales"])
        if sizes[-1] != self.image_shape_[:2]:
            network = replace(network, resized=sizes[-1])
        return network, sizes

    def _training_loop(
        self, training, held_out, options, sizes, generator, incremental, tasks
    ):
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = -(-len(training) // AUTO_STEPS)
            largest = self._largest_auto_batch_size
            batch_size = np.clip(batch_size, AUTO_SMALLEST, largest)
        batch_size = int(batch_size)
        if len(training) <= batch_size:
            training = training.merged()
            batch_size = min(batch_size, max(len(training), LARGEST_PADDED))
        return TrainingLoop(
            training.with_mean_weight_one(),
            held_out,
            batch_size=batch_size,
            sizes=sizes,
            schedule="constant" if incremental else self.learning_rate_schedule,
            dropout=options["dropout"],
            label_smoothing=self.label_smoothing,
            shuffle=self.shuffle,
            random_state=generator,
            patience=self.n_iter_no_change if self.early_stopping else None,
            tol=self.tol,
            verbose=self.verbose,
            tasks=tasks,
        )

    def _make_keras_classifier(self, network, options, classes):
        return make_keras_classifier(
            network,
            labels=classes,
            dropout=options["dropout"],
            augment=options["augment"],
            callbacks=options["callbacks"],
            epochs=self.epochs,
            warm_start=self.warm_start,
            **options["optimizer"],
        )

    def _fixed_weights(self, network, training):
        """Learn the weights of the layers that are not trained."""
        offset, scale = pixel_scaling(
            training.X,
            training.image_shape,
            self.scaling,
            per_channel=True,
            sample_weight=training.weights_of_all_rows(),
        )
        fixed: dict[str, tuple] = {"scaling": (offset, scale**2)}
        if network.whitening:
            kernel = whitening_kernel(training, network.whitening_shape, offset, scale)
            fixed["whitening"] = (kernel,)
        return fixed

    def _get_fitted_attr_html(self, doc_link=""):
        attributes = super()._get_fitted_attr_html(doc_link)
        return AttributesAndNetwork(attributes, self.model_)

    def __sklearn_is_fitted__(self):
        return not {"keras_classifier_", "_learned_values"}.isdisjoint(vars(self))
