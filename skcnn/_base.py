"""The estimator contract that both classifiers share."""

import warnings
from numbers import Integral, Real
from types import MappingProxyType

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skcnn._augment import AUGMENTATIONS
from skcnn._images import check_image_shape, image_batch, validate_images
from skcnn._keras_callbacks import check_callbacks
from skcnn._networks import Network, check_activation
from skcnn._optimizers import resolve_optimizer
from skcnn._params import Interval, StrOptions, _fit_context
from skcnn._pixels import pixel_scaling
from skcnn._scikeras import make_keras_classifier
from skcnn._targets import combine_weights, encode_labels, validate_labels
from skcnn._training import PREDICTION_BATCH, LabelledImages, TrainingLoop

# batch_size="auto": 64 steps an epoch where there are images enough, within bounds that
# keep a step worth its overhead and small data in one batch.
AUTO_STEPS, AUTO_SMALLEST, AUTO_LARGEST = 64, 32, 100


class BaseCNNClassifier(ClassifierMixin, BaseEstimator):
    """A convolutional network as a scikit-learn classifier.

    Subclasses hold a constructor and presets; all behaviour is here.
    """

    presets = MappingProxyType({})

    _parameter_constraints = {
        "filters": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "convolutions": [Interval(Integral, 1, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "pool_first": ["boolean"],
        "padding": [StrOptions({"same", "valid"})],
        "global_pooling": ["boolean"],
        "dense_units": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "activation": [str],
        "batch_normalization": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left"), tuple, list],
        "scaling": [StrOptions({"standard", "unit"})],
        "optimizer": [str, object],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "learning_rate_schedule": [StrOptions({"constant", "cosine"})],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "augment": [StrOptions(set(AUGMENTATIONS)), tuple, list, None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "image_shape": [tuple, list, None],
        "dtype": [StrOptions({"float32", "float64"})],
        "callbacks": [object],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    @classmethod
    def from_preset(cls, name, **overrides):
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
        if name not in cls.presets:
            raise ValueError(
                f"Got preset {name!r}, but {cls.__name__} has "
                f"{', '.join(map(repr, cls.presets))}."
            )
        return cls(**{**cls.presets[name], **overrides})

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
    ):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images of any integer or floating dtype. Integer images stay as they are in
            memory; the network scales them.
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

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If an argument or a parameter is not as described, before any training.
        """
        continues = self.warm_start and self.__sklearn_is_fitted__()
        return self._fit(
            X,
            y,
            sample_weight,
            fresh=not continues,
            validation=(X_val, y_val, sample_weight_val),
        )

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
            If the first call lacks `classes`, if later ones differ from them, or with
            `early_stopping`.
        """
        fresh = not self.__sklearn_is_fitted__()
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        if classes is not None:
            classes = np.unique(np.asarray(classes))
            if not fresh and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"Got classes={classes.tolist()}, but an earlier call to fit or "
                    f"partial_fit had {self.classes_.tolist()}."
                )
        elif fresh:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._fit(
            X, y, sample_weight, fresh=fresh, classes=classes, incremental=True
        )

    def predict(self, X):
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
        """
        codes = self._logits(X).argmax(axis=1)
        return self.classes_[codes]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n, n_classes) of float32 or float64
            Rows sum to 1; columns are in the order of `classes_`.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n, n_classes) of float32 or float64
            Natural logarithms, accurate also where the probability underflows.
        """
        return log_softmax(self._logits(X), axis=1)

    def decision_function(self, X):
        """Return the logits.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        ndarray of shape (n, n_classes), or (n,) for two classes
            Logits; for two classes their difference, the log-odds of ``classes_[1]``.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    @property
    def model_(self):
        """The trained network, a `keras.Sequential` built on first access."""
        return self.keras_classifier_.model_

    def _logits(self, X):
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        self._warn_if_scaled(X)
        classifier, shape = self.keras_classifier_, self.image_shape_
        return np.concatenate(
            [
                classifier.logits(
                    image_batch(X, shape, slice(start, start + PREDICTION_BATCH))
                )
                for start in range(0, len(X), PREDICTION_BATCH)
            ]
        )

    def _warn_if_scaled(self, X):
        if self._integer_maximum is None or X.dtype.kind != "f":
            return
        if self._integer_maximum > 1 and X.min() >= 0 and X.max() <= 1:
            warnings.warn(
                f"{type(self).__name__} was fitted on integer pixels up to "
                f"{self._integer_maximum}, but X holds floating ones between 0 and 1, "
                "which look already scaled. Pass images as they were in fit.",
                UserWarning,
                stacklevel=4,
            )

    def _fit(
        self,
        X,
        y,
        sample_weight,
        *,
        fresh,
        classes=None,
        validation=(None, None, None),
        incremental=False,
    ):
        options = self._check_parameters()
        X = validate_images(self, X, reset=fresh, image_shape=self.image_shape)
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
        if fresh:
            generator = check_random_state(self.random_state)
        else:
            generator = self._random_state
        held_out = self._validation_images(classes, *validation)
        if held_out is None and self.early_stopping:
            training, held_out = self._hold_out(training, generator)
        loop = self._training_loop(training, held_out, options, generator, incremental)
        classifier = self._make_keras_classifier(options, classes)
        if fresh:
            classifier.seeds_ = generator
            classifier.scaling_ = self._pixel_scaling(loop.training)
        else:
            classifier.continue_from(self.keras_classifier_)
        if incremental:
            classifier.partial_fit(None, None, loop=loop)
        else:
            epoch = classifier.current_epoch
            classifier.fit(None, None, loop=loop, initial_epoch=epoch)

        self.classes_ = classes
        self.keras_classifier_ = classifier
        self._random_state = generator
        if fresh:
            integers = X.dtype.kind in "iu"
            self._integer_maximum = X.max() if integers else None
        self._learn_from_history(classifier.history_)
        return self

    def _check_parameters(self):
        """Return what the network depends on, or raise for combined parameters."""
        filters = _tuple_of_integers("filters", self.filters)
        kernel_size = _tuple_of_integers("kernel_size", self.kernel_size)
        if len(kernel_size) == 1:
            kernel_size *= len(filters)
        if len(kernel_size) != len(filters):
            raise ValueError(
                f"Got kernel_size={self.kernel_size!r}, but expected an integer or one "
                f"entry for each of the {len(filters)} stages of filters="
                f"{self.filters!r}."
            )
        if self.image_shape is not None:
            check_image_shape(self.image_shape)
        augment = self.augment or ()
        augment = (augment,) if isinstance(augment, str) else tuple(augment)
        if unknown := [name for name in augment if name not in AUGMENTATIONS]:
            raise ValueError(
                f"Got augment={self.augment!r}, but {unknown[0]!r} is none of "
                f"{', '.join(map(repr, AUGMENTATIONS))}."
            )
        return {
            "network": {
                "filters": filters,
                "kernel_size": kernel_size,
                "convolutions": int(self.convolutions),
                "pool_size": int(self.pool_size),
                "pool_first": bool(self.pool_first),
                "padding": self.padding,
                "global_pooling": bool(self.global_pooling),
                "dense_units": _tuple_of_integers("dense_units", self.dense_units),
                "activation": check_activation(self.activation),
                "batch_normalization": bool(self.batch_normalization),
                "dtype": self.dtype,
            },
            "dropout": _pair_of_rates(self.dropout),
            "augment": augment,
            "callbacks": check_callbacks(self.callbacks),
            "optimizer": resolve_optimizer(self.optimizer, self.learning_rate),
        }

    def _validation_images(self, classes, X_val, y_val, sample_weight_val):
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val was given without X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            given, missing = ("X_val", "y_val")[:: 1 if y_val is None else -1]
            raise ValueError(f"{given} was given without {missing}; pass both.")
        X_val = validate_images(self, X_val, reset=False)
        labels = validate_labels(self, X_val, y_val, name="y_val")
        codes = encode_labels(labels, classes, name="y_val")
        weights = combine_weights(sample_weight_val, None, X_val, classes, codes)
        return LabelledImages.of(X_val, self.image_shape_, codes, weights)

    def _hold_out(self, training, generator):
        train, held_out = train_test_split(
            np.arange(len(training)),
            test_size=self.validation_fraction,
            stratify=training.codes,
            random_state=generator,
        )
        return training.take(train), training.take(held_out)

    def _training_loop(self, training, held_out, options, generator, incremental):
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = len(training) // AUTO_STEPS
            batch_size = int(np.clip(batch_size, AUTO_SMALLEST, AUTO_LARGEST))
        if len(training) <= batch_size:
            training = training.merged()
        return TrainingLoop(
            training.with_mean_weight_one(),
            held_out,
            batch_size=batch_size,
            schedule="constant" if incremental else self.learning_rate_schedule,
            dropout=options["dropout"],
            label_smoothing=self.label_smoothing,
            shuffle=self.shuffle,
            random_state=generator,
            patience=self.n_iter_no_change if self.early_stopping else None,
            tol=self.tol,
            verbose=self.verbose,
        )

    def _make_keras_classifier(self, options, classes):
        network = Network(
            image_shape=self.image_shape_,
            n_classes=len(classes),
            **options["network"],
        )
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

    def _pixel_scaling(self, training):
        return pixel_scaling(
            training.X,
            training.image_shape,
            self.scaling,
            per_channel=True,
            sample_weight=training.weights_of_all_rows(),
        )

    def _learn_from_history(self, history):
        self.history_ = {name: list(values) for name, values in history.items()}
        self.loss_curve_ = self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        self.validation_loss_curve_ = self.history_.get("val_loss")
        self.validation_scores_ = self.history_.get("val_accuracy")
        self.best_validation_score_ = (
            max(self.validation_scores_) if self.validation_scores_ else None
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "keras_classifier_")


def _tuple_of_integers(name, value):
    entries = (value,) if isinstance(value, Integral) else tuple(value)
    if not all(isinstance(entry, Integral) and entry > 0 for entry in entries):
        raise ValueError(
            f"Got {name}={value!r}, but expected a positive integer or a tuple of "
            "positive integers."
        )
    if not entries and name != "dense_units":
        raise ValueError(f"Got {name}={value!r}, but expected at least one entry.")
    return tuple(int(entry) for entry in entries)


def _pair_of_rates(dropout):
    rates = (dropout, dropout) if isinstance(dropout, Real) else tuple(dropout)
    if len(rates) != 2 or not all(isinstance(r, Real) and 0 <= r < 1 for r in rates):
        raise ValueError(
            f"Got dropout={dropout!r}, but expected a rate in [0, 1) or two of them, "
            "for the convolution stages and for the hidden dense layers."
        )
    return tuple(float(rate) for rate in rates)
