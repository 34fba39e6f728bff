"""The estimator contract that both classifiers share."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import ceil
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skcnn._estimator.automatic import AUTO, Base, auto_epochs
from skcnn._estimator.fitting import (
    FitArguments,
    describe_again,
    describe_network,
    fit_classifier,
    make_keras_classifier,
)
from skcnn._estimator.parameters import (
    PARAMETER_CONSTRAINTS,
    resolve_parameters,
    resolve_views,
)
from skcnn._images.forms import (
    image_batch,
    learned_from_images,
    relearn_from_images,
    shape_of_images,
    validate_images,
)
from skcnn._images.numerics import default_errors, log_probabilities, probabilities
from skcnn._images.seen_pixels import find_other_pixels
from skcnn._messages.arguments import explains_wrong_calls
from skcnn._messages.warnings import warn_of
from skcnn._messages.wording import listed
from skcnn._network.any_network import AnyNetwork
from skcnn._network.description import MOST_LAYER_VALUES, Network, network_size
from skcnn._network.startup import start_keras
from skcnn._sklearn_private import (
    LinksToDocumentation,
    begin_task,
    validate_parameters,
    validates_parameters,
)
from skcnn._training.loop import prediction_batch
from skcnn._training.sklearn_callbacks import FitTasks
from skcnn._training.state import TrainState

# After unpickling, these are made from plain values when they are first asked for.
REMADE = ("keras_classifier_", "_as_fitted")


def _refuse_forged_size(network: Network, weights: Sequence[np.ndarray]) -> None:
    """Check the sizes before allocating the network: the file may be forged."""
    n_values = sum(value.size for value in weights)
    if (
        network.n_layers > len(weights)
        or network_size(network).n_kernel_values > n_values
    ):
        raise ValueError("The weights are less than the network needs.")
    if network_size(network).n_layer_values > MOST_LAYER_VALUES:
        raise ValueError("A layer of the network gives more than 1 GB an image.")


@contextmanager
def _rewound_on_failure(generator: np.random.RandomState) -> Iterator[None]:
    """Set a generator back if a fit fails, so that the next one draws the same."""
    state = generator.get_state(legacy=False)
    try:
        yield
    except BaseException:
        generator.set_state(state)
        raise


class BaseCNNClassifier(
    LinksToDocumentation,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClassifierMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A convolutional network as a scikit-learn classifier and transformer.

    Subclasses hold a constructor, presets and `_base`, from which "auto" starts; all
    behavior is here.
    """

    #: Named sets of parameters for `from_preset`: a dict from the name of a preset to
    #: the parameters that differ from the defaults.
    presets: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    classes_: np.ndarray
    image_shape_: tuple[int, int, int]
    auto_params_: dict[str, Any]
    initialized_layers_: list[str]
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
    _base: Base
    _defaults: dict[str, Any]

    _parameter_constraints = PARAMETER_CONSTRAINTS
    # With metadata routing, searches pass `groups` to their splitter. If this request
    # were None, as it is for other metadata, they would refuse `groups` until the user
    # says whether `fit` gets them as well.
    __metadata_request__fit = MappingProxyType({"groups": False})

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
                f"{', '.join(map(repr, cls.presets)) or 'no presets'}."
            )
        return cls(**{**cls.presets[name], **overrides})

    @explains_wrong_calls
    @validates_parameters
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
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
        groups : array-like of shape (n,), default=None
            The group of each image in `X`, as numbers, strings or other labels: the
            patient, the place, the video, or the set of near-duplicates that it belongs
            to. `early_stopping` then holds out complete groups, so that all images of a
            group are trained on, or all validate. The held-out share of each class is
            as near to `validation_fraction` as the groups allow. With
            ``early_stopping=False`` nothing is held out, and `groups` has no effect.
        checkpoint : str or path-like, default=None
            A file that is replaced after each epoch. If it exists when `fit` is called
            with the same parameters and data, training goes on where it ended, and
            arrives at the same result bit for bit as if it had not been interrupted.
            After the last epoch the file stays, and the same call returns at once.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError
            If `X` or `y` is a generator or another iterator, or no collection at all,
            or if an argument is one of Keras's, such as `epochs` or `validation_data`:
            the message names the parameter of skcnn.
        ValueError
            If an argument or a parameter is not as described, before any training. If
            training diverges, so that a loss is beyond a million or NaN, or a weight is
            not finite. If `groups` is given together with `X_val`, or if
            `early_stopping` holds out groups and a class is in one group only. If
            `checkpoint` is the file of another fit or is damaged, or if it is given
            together with `callbacks`, whose state it cannot keep, or when `warm_start`
            goes on from the last fit. If no layer of `init_from` fits the network, or
            not all that `freeze` is to keep.
        OSError
            If `checkpoint` cannot be written, or the file of `init_from` not be read.

        Warns
        -----
        UserWarning
            If the pixels of flat rows contradict the shape that was guessed for them,
            if the channels of an image lie one after the other as planes, or if the
            pixels of `X_val` or, with `warm_start`, of `X` are unlike those seen
            before or by `init_from`. If less than half of the layers are taken over
            from `init_from`. If the network has more than 50 million weights. If Ctrl-C
            ends training after at least one epoch: the classifier is then fitted, with
            the weights of its last complete epoch or, with `early_stopping`, the best
            weights. Inside a search Ctrl-C stops the search.

        Notes
        -----
        A `fit` that fails leaves the classifier as it was, and the random generator
        too, whether it was given as `random_state` or is NumPy's global one. The same
        call, repeated, gives the result that the first would have given.

        With metadata routing, a search or cross-validation passes `groups` to its
        splitter. After ``set_fit_request(groups=True)``, it passes the groups of each
        fold to this method too.
        """
        given = FitArguments(
            X,
            y,
            sample_weight,
            X_val,
            y_val,
            sample_weight_val,
            groups=groups,
            checkpoint=checkpoint,
        )
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        epochs = None if self.epochs == AUTO else self.epochs
        return self._fit_or_stay(given, goes_on, epochs)

    @explains_wrong_calls
    @validates_parameters
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
            All labels that any later call may bring. The first call needs them, because
            its `y` may hold only some of them.

        Returns
        -------
        self : object
            The classifier, trained for one more epoch.

        Raises
        ------
        ValueError
            If the first call lacks `classes`, if later ones differ from them, with
            `early_stopping`, or if training diverges.
        """
        goes_on = self.__sklearn_is_fitted__()
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True, as one epoch leaves "
                "nothing to stop. Set early_stopping=False, or call fit."
            )
        if classes is not None:
            classes = np.unique(column_or_1d(classes, input_name="classes"))
            if goes_on and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"Got classes={listed(classes)}, but an earlier call to fit or "
                    f"partial_fit had {listed(self.classes_)}."
                )
        elif goes_on:
            classes = self.classes_
        else:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        given = FitArguments(X, y, sample_weight, classes=classes)
        return self._fit_or_stay(given, goes_on, epochs=1)

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
            bright are exchanged, or if the channels are in another order. All methods
            that predict give this warning.
        """
        class_indices = self._logits(X).argmax(axis=1)
        return self.classes_[class_indices]

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
        # float64, so that probabilities that scikit-learn computes from the logits, as
        # temperature scaling does, sum to 1 within the rounding of float64.
        logits = self._logits(X).astype(np.float64)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    @explains_wrong_calls
    def transform(self, X) -> np.ndarray:
        """Return the features of images: what goes into the layer of the logits.

        Parameters
        ----------
        X : array-like
            Images as for :meth:`predict`.

        Returns
        -------
        features : ndarray of shape (n, n_features_out) of float32
            One row for each image, in every `dtype` of the network. A data frame after
            :meth:`set_output`; :meth:`get_feature_names_out` names its columns.

        Warns
        -----
        UserWarning
            As in :meth:`predict`.

        Notes
        -----
        Images that the network finds similar have similar features, which serve nearest
        neighbors, outlier detection, clustering and embeddings. The features are the
        outputs of the last hidden dense layer, after its activation, so their number is
        the last of `dense_units`. A network without hidden dense layers has the
        flattened or pooled outputs of its last convolution stage as features.

        `test_time_augmentation` does not change the features: the image itself is the
        only view. An image has the same features, bit for bit, alone and among others.

        The first call compiles a function, which all equal networks share.

        Examples
        --------
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> from sklearn.pipeline import make_pipeline
        >>> from skcnn import MNISTCNNClassifier
        >>> from skcnn.datasets import load_digit_images
        >>> X, y = load_digit_images(return_X_y=True)
        >>> clf = MNISTCNNClassifier(epochs=2, random_state=0)
        >>> features = clf.fit_transform(X[:900], y[:900])
        >>> features.shape
        (900, 128)
        >>> neighbors = make_pipeline(clf, KNeighborsClassifier())
        >>> neighbors.fit(X[:900], y[:900]).score(X[900:], y[900:]) > 0.8
        True
        """
        return self._batchwise(
            X, lambda images: self.keras_classifier_.features(images)
        )

    @explains_wrong_calls
    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the features that :meth:`transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the pixels, which are compared with those seen in `fit`; or the one
            name of a column of images. The result does not depend on them.

        Returns
        -------
        names : ndarray of shape (n_features_out,) of object
            The name of the class in lower case, with the number of the feature.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If `input_features` are not the names seen in `fit`, or another number.

        Examples
        --------
        >>> from skcnn import MNISTCNNClassifier
        >>> from skcnn.datasets import load_digit_images
        >>> X, y = load_digit_images(return_X_y=True)
        >>> clf = MNISTCNNClassifier(epochs=1, random_state=0).fit(X[:99], y[:99])
        >>> clf.get_feature_names_out()[:2].tolist()
        ['mnistcnnclassifier0', 'mnistcnnclassifier1']
        """
        is_column = input_features is not None and len(input_features) == 1
        if is_column and not hasattr(self, "feature_names_in_"):
            input_features = None
        return super().get_feature_names_out(input_features)

    @property
    def _n_features_out(self) -> int:
        """The number of features, for `get_feature_names_out`."""
        return self.keras_classifier_.compiled_network().n_features

    @property
    def model_(self):
        """The trained network, a `keras.Sequential` built on first access.

        It sees one view of an image, whatever `test_time_augmentation` says.
        """
        return self.keras_classifier_.model_

    def _logits(self, X: Any) -> np.ndarray:
        """Return logits of shape (n, n_classes) in the network's dtype."""
        return self._batchwise(
            X,
            lambda images: self.keras_classifier_.logits(images, resolve_views(self)),
        )

    def _batchwise(
        self, X: Any, compute: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return what a function of one batch computes for images in any form."""
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        self._check_range(X)
        shape = self.image_shape_
        warn_of(find_other_pixels(self._seen_pixels, X, shape))
        size = prediction_batch(shape)
        return np.concatenate(
            [
                compute(image_batch(X, shape, slice(start, start + size)))
                for start in range(0, len(X), size)
            ]
        )

    def _check_range(self, X: np.ndarray) -> None:
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

    def _fit_or_stay(
        self, given: FitArguments, goes_on: bool, epochs: int | None
    ) -> Self:
        """Fit a copy and become it, so that a refused fit leaves the last one whole.

        `epochs` is None if their number is not known before the images are.
        """
        # Callbacks are attached to this object, not to the copy.
        context = begin_task(self, max_subtasks=epochs)
        make_tasks = partial(FitTasks, self, context)
        fitted = copy.copy(self)
        random_state = (
            self._random_state if goes_on else check_random_state(self.random_state)
        )
        with default_errors(), _rewound_on_failure(random_state):
            last = fitted.keras_classifier_ if goes_on else None
            fit_classifier(fitted, given, last, random_state, make_tasks)
        fitted.__dict__.pop("_learned_values", None)
        self.__dict__ = fitted.__dict__
        return self

    def _auto_epochs(self, X: Any, n_images: int) -> int:
        """Return the epochs of a fit on some of these images if they are "auto"."""
        if self.early_stopping:
            n_images -= ceil(self.validation_fraction * n_images)
        shape = shape_of_images(X[:1], self.image_shape)
        base = self._with_settings(shape)._base
        return auto_epochs(base, max(1, n_images), shape)

    def _with_settings(self, image_shape: tuple[int, int, int]) -> Any:
        """Return this classifier with the settings that fit images."""
        return self

    def _as_in_fit(self, parameters: dict[str, Any]) -> Any:
        """Return this classifier with the parameters that a fit has resolved."""
        return copy.copy(self).set_params(
            **parameters, callbacks=None, test_time_augmentation=None
        )

    def _learn(self, untrained: Any, state: TrainState) -> Self:
        """Set the attributes that training to a state has learned."""
        self.keras_classifier_ = untrained.with_state(state.at_rest())
        self.history_ = {name: list(values) for name, values in state.history.items()}
        self.loss_curve_ = self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        self.validation_loss_curve_ = self.history_.get("val_loss")
        self.validation_scores_ = self.history_.get("val_accuracy")
        self.best_validation_score_ = (
            max(self.validation_scores_) if self.validation_scores_ else None
        )
        return self

    def _learned(self) -> dict[str, Any]:
        """Return what fit learned, as plain values, arrays and perhaps an optimizer.

        :meth:`_relearn` gives them to an estimator of equal parameters.
        """
        state = self.keras_classifier_.state_
        learned = learned_from_images(self) | {
            "classes": self.classes_,
            "fingerprints": self._fingerprints,
            "seen_pixels": self._seen_pixels,
            # As they were in `fit`; `set_params` may have changed them since.
            "parameters": self._as_fitted,
            "auto_params": self.auto_params_,
            "initialized_layers": self.initialized_layers_,
            "history": state.history,
            "weights": state.weights,
            "optimizer_values": state.slots,
            "hold_out_seed": self._hold_out_seed,
        }
        if self._random_state is self.random_state:
            learned["random_state"] = "parameter"
        elif self._random_state is check_random_state(None):
            learned["random_state"] = None
        else:
            learned["random_state"] = self._random_state
        return learned

    def _relearn(self, learned: dict[str, Any]) -> None:
        """Take over what another estimator returned as its `_learned`."""
        start_keras()
        relearn_from_images(self, learned)
        self.classes_ = classes = learned["classes"]
        if not np.array_equal(classes, np.unique(classes)):
            raise ValueError(
                f"The classes are {listed(classes)}, not sorted and unique."
            )
        # The first files have none of these five, and their images are not checked.
        self._seen_pixels = learned.get("seen_pixels")
        self._fingerprints = learned.get("fingerprints")
        self._hold_out_seed = learned.get("hold_out_seed")
        self.auto_params_ = dict(learned.get("auto_params", {}))
        self.initialized_layers_ = list(learned.get("initialized_layers", []))
        self._random_state = self._generator(learned["random_state"])
        as_fitted = self._as_in_fit(learned["parameters"])
        validate_parameters(as_fitted, learned["parameters"])
        options = resolve_parameters(as_fitted)
        self._as_fitted = options["as_fitted"]
        weights = learned["weights"]
        network: Network | AnyNetwork
        if "network" in learned:
            network = describe_again(self, learned["network"], options, weights)
            self._own_network = network.maker
        else:
            network, _ = describe_network(self, options)
            _refuse_forged_size(network, weights)
        # The file may be forged, so these are checked like all other parameters.
        settled = copy.copy(as_fitted).set_params(**self.auto_params_)
        validate_parameters(settled, self.auto_params_)
        untrained = make_keras_classifier(settled, network, options)
        state = TrainState(
            weights,
            learned["optimizer_values"],
            learned["history"],
            self._random_state.get_state(legacy=False),
        )
        compiled = untrained.compiled_network()
        compiled.check(state)
        state = replace(state, weights=compiled.cast(weights))
        self.callbacks_ = []
        self._learn(untrained, state)

    def _generator(self, learned: Any) -> np.random.RandomState:
        """Return the generator that `_learned` describes as "random_state"."""
        return check_random_state(
            self.random_state if isinstance(learned, str) else learned
        )

    def __copy__(self) -> Self:
        copied = type(self).__new__(type(self))
        copied.__dict__.update(vars(self))
        return copied

    def __getstate__(self) -> dict[str, Any]:
        """Return plain values only, so that a pickle names no other class."""
        state = dict(super().__getstate__())
        if self.__sklearn_is_fitted__():
            state["_learned_values"] = self._learned()
            for name in (*REMADE, "_random_state", "callbacks_"):
                state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.__sklearn_is_fitted__():
            self.callbacks_ = []
            # The first pickles have none of these.
            self.__dict__.setdefault("auto_params_", {})
            self.__dict__.setdefault("initialized_layers_", [])
        if "_learned_values" in state:
            described = state["_learned_values"]["random_state"]
            self._random_state = self._generator(described)

    def __getattr__(self, name: str) -> Any:
        """Make the network that a pickle describes when it is first asked for."""
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # Features are float32 whatever the dtype of the images.
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return not {"keras_classifier_", "_learned_values"}.isdisjoint(vars(self))
