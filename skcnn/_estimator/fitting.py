"""One fit from top to bottom: parameters, images, descriptions, state, training."""

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from skcnn._estimator.automatic import check_parameters, decide, with_values
from skcnn._estimator.parameters import FAMILY, has_family, resolve_parameters
from skcnn._estimator.starting import find_source, take_over, warn_of_other_pixels
from skcnn._images.fingerprints import fingerprints, merge_fingerprints
from skcnn._images.forms import validate_images
from skcnn._images.groups import encode_groups, hold_out_groups
from skcnn._images.labeled import LabeledImages, TrainingData
from skcnn._images.labels import combine_weights, encode_labels, validate_labels
from skcnn._images.mirroring import mirrored_images_belong
from skcnn._images.scaling import pixel_scaling
from skcnn._images.seen_pixels import find_other_pixels, learn_pixels, merge_pixels
from skcnn._images.whitening import whitening_kernel
from skcnn._messages.warnings import warn_of
from skcnn._network.any_network import (
    SCALING,
    AnyNetwork,
    describe_any,
    describe_for_weights,
    name_of,
    refuse_same_layers,
)
from skcnn._network.description import (
    Network,
    warn_of_large_network,
    warn_of_many_weights,
)
from skcnn._network.startup import start_keras
from skcnn._training.checkpoint import check_path, open_checkpoint
from skcnn._training.keras_callbacks import KerasCallbacks, copy_callbacks
from skcnn._training.loop import Listeners, train
from skcnn._training.schedule import Schedule
from skcnn._training.sklearn_callbacks import FitTasks

# A batch_size beyond the number of images is one batch of all of them. Backends with
# static shapes pad that batch, up to this many rows.
LARGEST_PADDED = 2**16


class FitArguments(NamedTuple):
    """What `fit` or `partial_fit` was called with.

    `classes` are those of `partial_fit`, and None in `fit`.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    classes: np.ndarray | None = None
    groups: Any = None
    checkpoint: str | os.PathLike | None = None


def fit_classifier(
    estimator: Any,
    given: FitArguments,
    last: Any,
    random_state: np.random.RandomState,
    make_tasks: Callable[..., FitTasks],
) -> None:
    """Train an estimator and set the attributes that it learns.

    With the `keras_classifier_` of the last fit as `last` training goes on from there;
    None stands for a fit from scratch. With `classes` it is one epoch at a constant
    learning rate. `make_tasks` takes what scikit-learn's callbacks may ask for.
    """
    start_keras()
    goes_on, one_epoch = last is not None, given.classes is not None

    # Parameters.
    kept = estimator._as_fitted if goes_on else None
    if kept is not None:
        _refuse_other_kind(estimator, kept)
    source = None if goes_on else find_source(estimator)
    followed = None if source is None else source.parameters
    options = check_parameters(estimator, kept, followed)
    if goes_on:
        _refuse_changes(estimator, options)
    checkpoint_path = _checkpoint_path(estimator, given, goes_on)

    # Labeled images.
    X = validate_images(
        estimator, given.X, reset=not goes_on, image_shape=estimator.image_shape
    )
    estimator._check_range(X)
    labels = validate_labels(estimator, X, given.y)
    if one_epoch:
        estimator.classes_ = given.classes
    elif not goes_on:
        estimator.classes_ = np.unique(labels)
    classes = estimator.classes_
    class_indices = encode_labels(labels, classes)
    weights = combine_weights(
        given.sample_weight, estimator.class_weight, X, classes, class_indices
    )
    training = LabeledImages.of(X, estimator.image_shape_, class_indices, weights)
    _refuse_one_class(estimator, training, one_epoch)
    groups = _groups(given, len(X))
    _see_pixels(estimator, training, goes_on)
    if source is not None:
        warn_of_other_pixels(source, training.X, training.image_shape)
    validation = _validation_images(estimator, given)
    training_fingerprints = _remember_images(estimator, training, validation, goes_on)
    checkpoint = None
    if checkpoint_path is not None:
        validated = () if validation is None else vars(validation).values()
        arrays = [X, labels, weights, *validated]
        if groups is not None and estimator.early_stopping:
            arrays.append(groups[1])
        if source is not None:
            arrays += source.weights
        opened, random_state = open_checkpoint(
            checkpoint_path, estimator.random_state, random_state
        )
    if not goes_on:
        estimator._hold_out_seed = None
    all_rows = training.rows
    if validation is None and estimator.early_stopping:
        training, validation = _hold_out(estimator, training, groups, random_state)
    rows = training.rows

    # What "auto" stands for. From here on, `settled` has the parameters.
    def may_flip(if_unsure: bool) -> bool:
        """Return whether mirror images of training images belong to their classes."""
        known = training_fingerprints[np.searchsorted(all_rows, training.rows)]
        return mirrored_images_belong(training, known, if_unsure)

    settled = estimator._with_settings(estimator.image_shape_)
    decided = decide(
        settled, len(training), estimator.image_shape_, kept, may_flip, followed
    )
    if one_epoch:
        decided.pop("epochs", None)
    names = estimator.get_params(deep=False).keys() & decided.keys()
    estimator.auto_params_ = {n: decided[n] for n in decided if n in names}
    settled = with_values(settled, decided | ({"epochs": 1} if one_epoch else {}))
    options = resolve_parameters(settled)

    # Network and schedule.
    network: Network | AnyNetwork
    if has_family(settled):
        network, sizes = describe_network(estimator, options)
        warn_of_large_network(network)
        built = None
    else:
        network, built = _own_network(settled, last, random_state)
        warn_of_many_weights(network.n_weights)
        sizes = [estimator.image_shape_[:2]]
        estimator._own_network = network.maker
    if checkpoint_path is not None:
        checkpoint = opened.of_fit(_with_plain_network(settled, network), arrays)
    untrained = make_keras_classifier(settled, network, options)
    if goes_on and untrained.key != last.key:
        raise ValueError(
            "The optimizer is another one than in the last fit, but warm_start and "
            "partial_fit go on with its state. Fit with warm_start=False to start anew."
        )
    batch_size = int(settled.batch_size)
    if len(training) <= batch_size:
        training = training.merged()
        batch_size = min(batch_size, max(len(training), LARGEST_PADDED))
    training = training.with_mean_weight_one()
    schedule = Schedule(
        epochs=int(settled.epochs),
        batch_size=batch_size,
        sizes=tuple(sizes[-1:] if one_epoch else sizes),
        learning_rates="constant" if one_epoch else settled.learning_rate_schedule,
        peak=untrained.peak_learning_rate,
        dropout=options["dropout"],
        label_smoothing=settled.label_smoothing,
        shuffle=settled.shuffle,
        patience=settled.n_iter_no_change if settled.early_stopping else None,
        tol=settled.tol,
    )

    # State.
    compiled = untrained.compiled_network()
    taken_over: dict[str, Sequence[np.ndarray]] = {}
    if source is not None:
        taken_over = take_over(source, network, compiled)
    if not goes_on:
        estimator.initialized_layers_ = list(taken_over)
    if goes_on:
        state = last.state_
    elif checkpoint is not None and checkpoint.state is not None:
        state = checkpoint.state
        compiled.check(state)
        random_state.set_state(state.generator)
    else:
        learned = taken_over or _learned_weights(settled, network, training)
        if isinstance(network, AnyNetwork):
            refuse_same_layers(built, compiled.model, network)
            state = compiled.state_of(built, learned, random_state)
        else:
            state = compiled.initial_state(random_state, learned)

    # Training.
    estimator._as_fitted = options["as_fitted"]
    estimator._random_state = random_state
    estimator.callbacks_ = copy_callbacks(options["callbacks"])
    tasks = make_tasks(
        schedule.epochs,
        X,
        labels,
        given.sample_weight,
        rows,
        lambda state: vars(copy.copy(estimator)._learn(untrained, state)),
    )
    with compiled.precision():
        callbacks = KerasCallbacks(
            estimator.callbacks_,
            untrained.with_state(state).model_ if estimator.callbacks_ else None,
            schedule.epochs,
            schedule.steps(len(training)),
            estimator.verbose,
        )
    state = train(
        state,
        TrainingData(training, validation),
        compiled,
        schedule,
        Listeners(callbacks, tasks, checkpoint, estimator.verbose),
        random_state,
    )

    # Learned attributes.
    estimator._learn(untrained, state)
    if state.interrupted:
        message = (
            f"Training interrupted by user: {type(estimator).__name__} keeps the "
            f"{'best' if estimator.early_stopping else 'last'} weights of "
            f"{estimator.n_iter_} complete epochs."
        )
        warn_of(UserWarning(message))


def describe_network(
    estimator: Any, options: dict[str, Any]
) -> tuple[Network, list[tuple[int, int]]]:
    """Describe the network, and the sizes that its training images have in turn."""
    network = Network(
        image_shape=estimator.image_shape_,
        n_classes=len(estimator.classes_),
        **options["network"],
    )
    sizes = network.sizes(options["scales"])
    if sizes[-1] != estimator.image_shape_[:2]:
        network = replace(network, resized=sizes[-1])
    return network, sizes


def make_keras_classifier(
    estimator: Any, network: Network | AnyNetwork, options: dict[str, Any]
) -> Any:
    """Return the SciKeras classifier of a network that is not trained yet."""
    from skcnn._estimator.keras_classifier import SharedTraceKerasClassifier

    return SharedTraceKerasClassifier(
        network,
        estimator.classes_,
        options["dropout"],
        options["augment"],
        epochs=estimator.epochs,
        warm_start=estimator.warm_start,
        **options["optimizer"],
    )


def _refuse_other_kind(estimator: Any, kept: dict[str, Any]) -> None:
    """Refuse to go on with a network of the user's after one of the family."""
    now = has_family(estimator._with_settings(estimator.image_shape_))
    if now == (FAMILY[0] in kept):
        return
    raise ValueError(
        f"network is {estimator.network!r} now, and was {estimator.network_!r} in the "
        "last fit, but warm_start and partial_fit go on with its weights. Set the "
        "network back, or fit with warm_start=False to start anew."
    )


def _refuse_changes(estimator: Any, options: dict[str, Any]) -> None:
    """Refuse to go on training with what only a fit from scratch can change."""
    changes = [
        f"{name} was {estimator._as_fitted[name]!r} and is {value!r}"
        for name, value in options["fixed"].items()
        if estimator._as_fitted[name] != value
    ]
    if changes:
        raise ValueError(
            f"{'; '.join(changes)}: warm_start and partial_fit go on training the same "
            "network in the same way. Set it back, or fit with warm_start=False to "
            "start anew."
        )


def _checkpoint_path(estimator: Any, given: FitArguments, goes_on: bool) -> Path | None:
    """Return the path of the checkpoint, if any; raise where there can be none."""
    if given.checkpoint is None:
        return None
    if goes_on:
        raise ValueError(
            "A checkpoint is of a fit from scratch, but warm_start=True goes on from "
            "the last one. Set warm_start=False, or checkpoint=None."
        )
    if estimator.callbacks:
        raise ValueError(
            "checkpoint cannot keep the state of callbacks. Set callbacks=None, or "
            "checkpoint=None."
        )
    return check_path(given.checkpoint)


def _refuse_one_class(estimator: Any, training: LabeledImages, one_epoch: bool) -> None:
    """Raise if there is nothing to tell apart; one epoch may see a single class."""
    classes = estimator.classes_
    present = np.unique(training.class_indices)
    if len(present) < 2 and not (one_epoch and len(classes) > 1):
        raise ValueError(
            f"{type(estimator).__name__} needs at least two classes, but the data to "
            f"train on holds only one class: {classes[present].tolist()}."
        )


def _see_pixels(estimator: Any, training: LabeledImages, goes_on: bool) -> None:
    """Remember what the images are like, and warn if those before were not."""
    shape = estimator.image_shape_
    seen = learn_pixels(training.X, shape, training.rows)
    if goes_on:
        before = estimator._seen_pixels
        warn_of(find_other_pixels(before, training.X, shape))
        seen = seen if before is None else merge_pixels(before, seen)
    estimator._seen_pixels = seen


def _remember_images(
    estimator: Any,
    training: LabeledImages,
    validation: LabeledImages | None,
    goes_on: bool,
) -> np.ndarray:
    """Add the fingerprints of all images that `fit` was given to those before.

    Returns those of the training images.
    """
    given = [training] if validation is None else [training, validation]
    before = [estimator._fingerprints] if goes_on else []
    new = [fingerprints(images.X, images.rows) for images in given]
    estimator._fingerprints = merge_fingerprints(*before, *new)
    return new[0]


def _validation_images(estimator: Any, given: FitArguments) -> LabeledImages | None:
    """Return the images that the user validates on, if any were given."""
    X, y, sample_weight = given.X_val, given.y_val, given.sample_weight_val
    if X is None and y is None:
        if sample_weight is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val.")
        return None
    if X is None or y is None:
        present, missing = ("X_val", "y_val")[:: 1 if y is None else -1]
        raise ValueError(f"{present} was given without {missing}; pass both.")
    shape, classes = estimator.image_shape_, estimator.classes_
    try:
        X = validate_images(estimator, X, reset=False)
        estimator._check_range(X)
        labels = validate_labels(estimator, X, y, name="y_val")
        class_indices = encode_labels(labels, classes, name="y_val")
        weights = combine_weights(sample_weight, None, X, classes, class_indices)
    except (TypeError, ValueError) as error:
        raise type(error)(f"In the validation data: {error}") from error
    warn_of(find_other_pixels(estimator._seen_pixels, X, shape, "X_val"))
    return LabeledImages.of(X, shape, class_indices, weights)


def _groups(given: FitArguments, n_images: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the distinct groups, and the index of the group of each image."""
    if given.groups is None:
        return None
    if given.X_val is not None or given.y_val is not None:
        raise ValueError(
            "groups was given together with X_val and y_val. The groups say which "
            "images early_stopping holds out together, but with validation images "
            "nothing is held out. Leave groups out, or X_val and y_val."
        )
    return encode_groups(given.groups, n_images)


def _hold_out(
    estimator: Any,
    training: LabeledImages,
    groups: tuple[np.ndarray, np.ndarray] | None,
    random_state: np.random.RandomState,
) -> tuple[LabeledImages, LabeledImages]:
    """Set images aside: the same ones in each fit that goes on from the last."""
    # Imported here: it is the slowest part of scikit-learn to import.
    from sklearn.model_selection import train_test_split

    if estimator._hold_out_seed is None:
        estimator._hold_out_seed = int(random_state.randint(np.iinfo(np.int32).max))
    classes, fraction = estimator.classes_, estimator.validation_fraction
    seed = estimator._hold_out_seed
    if groups is not None:
        group_indices = groups[1][training.rows]
        _refuse_classes_in_one_group(
            classes, training.class_indices, groups[0], group_indices
        )
        is_held = hold_out_groups(group_indices, training.class_indices, fraction, seed)
        return (
            training.take(np.flatnonzero(~is_held)),
            training.take(np.flatnonzero(is_held)),
        )
    counts = np.bincount(training.class_indices, minlength=len(classes))
    rare = classes[counts == 1].tolist()
    try:
        if rare:
            raise ValueError(f"there is only one image of class {rare[0]!r}")
        train_rows, held_out_rows = train_test_split(
            np.arange(len(training)),
            test_size=fraction,
            stratify=training.class_indices,
            random_state=seed,
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping with validation_fraction={fraction} cannot hold out a "
            f"stratified part of {len(training)} images of {len(classes)} classes: "
            f"{error}. Change the fraction, or pass X_val and y_val."
        ) from error
    return training.take(train_rows), training.take(held_out_rows)


def _refuse_classes_in_one_group(
    classes: np.ndarray,
    class_indices: np.ndarray,
    groups: np.ndarray,
    group_indices: np.ndarray,
) -> None:
    """Raise if the training images would have none of a class without a group."""
    for index in np.unique(class_indices):
        found = np.unique(group_indices[class_indices == index])
        if len(found) == 1:
            alone = len(np.unique(group_indices)) == 1
            images = (
                "images" if alone else f"images of class {classes.tolist()[index]!r}"
            )
            raise ValueError(
                "early_stopping holds out complete groups of images, but all "
                f"{images} are in the group {groups[found].tolist()[0]!r}. Pass X_val "
                "and y_val in place of groups, or set early_stopping=False."
            )


def _own_network(
    estimator: Any, last: Any, random_state: np.random.RandomState
) -> tuple[AnyNetwork, Any]:
    """Return the description of a network of the user's, and the network as built.

    If training goes on with the same network, nothing is built.
    """
    given = estimator.network
    if last is not None and _are_equal(given, estimator._own_network):
        return last.model__network, None
    seed = 0 if last is not None else int(random_state.randint(np.iinfo(np.int32).max))
    network, built = describe_any(
        # A copy, because `set_params` changes an object in place.
        clone(given, safe=False),
        estimator.image_shape_,
        len(estimator.classes_),
        estimator.dtype,
        int(estimator.freeze),
        seed,
    )
    if last is None:
        return network, built
    if network.config != last.model__network.config:
        raise ValueError(
            f"network={name_of(given)} is built otherwise than the network of the last "
            "fit, but warm_start and partial_fit go on with its weights. Set the "
            "network back, or fit with warm_start=False to start anew."
        )
    return last.model__network, None


def _are_equal(one: Any, other: Any) -> bool:
    """Say whether two networks are known to be built alike."""
    if one is other:
        return True
    if type(one) is not type(other) or not hasattr(one, "get_params"):
        return False
    try:
        return bool(one.get_params() == other.get_params())
    except ValueError:  # arrays, which NumPy compares one value at a time
        return False


def describe_again(
    estimator: Any,
    saved: dict[str, Any],
    options: dict[str, Any],
    weights: Sequence[np.ndarray],
) -> AnyNetwork:
    """Return the description of a network of the user's that was saved or pickled.

    The file may be forged, so the shapes of the weights are compared before any are
    allocated.
    """
    network = describe_for_weights(
        saved["maker"],
        estimator.image_shape_,
        len(estimator.classes_),
        options["network"]["dtype"],
        options["network"]["freeze"],
        [value.shape for value in weights],
    )
    if network.digest != saved["digest"]:
        message = (
            f"The network {name_of(network.maker)} is built otherwise than the one "
            f"that was fitted, {saved['name']}, though all weights have the same "
            "shapes. Predictions may differ. Hand in the same network, under the same "
            "version of Keras."
        )
        warn_of(UserWarning(message))
    return network


def _with_plain_network(estimator: Any, network: Network | AnyNetwork) -> Any:
    """Return an estimator whose parameter `network`, if any, is plain values."""
    if "network" not in estimator.get_params(deep=False):
        return estimator
    if isinstance(network, AnyNetwork):
        return with_values(estimator, {"network": network.config})
    family = {name: getattr(estimator, name) for name in FAMILY}
    return with_values(estimator, {"network": family})


def _pixel_scaling(
    estimator: Any, training: LabeledImages
) -> tuple[np.ndarray, np.ndarray]:
    """Return offset and scale of pixels, 0 and 1 if they stay as they are."""
    channels = training.image_shape[-1]
    if estimator.scaling is None:
        return np.zeros(channels), np.ones(channels)
    return pixel_scaling(
        training.X,
        training.image_shape,
        estimator.scaling,
        per_channel=True,
        sample_weight=training.weights_of_all_rows(),
    )


def _learned_weights(
    estimator: Any, network: Network | AnyNetwork, training: LabeledImages
) -> dict[str, Sequence[np.ndarray]]:
    """Learn from images what training by gradients does not, by layer name."""
    offset, scale = _pixel_scaling(estimator, training)
    of_pixels = (offset, scale**2)
    if isinstance(network, AnyNetwork):
        return {SCALING: of_pixels}
    learned: dict[str, Sequence[np.ndarray]] = {"scaling": of_pixels}
    if network.whitening:
        kernel = whitening_kernel(
            training, network.whitening_shape, offset, scale, network.block
        )
        learned["whitening"] = (kernel,)
    return learned
