"""The start of a fit from what another classifier has learned: `init_from`, `freeze`.

Layers are taken over from the first one on, as long as they have the shapes of those in
the other network. The first layer that does not fit, and all after it, start at random:
what a layer has learned is worth something only behind the layers with which it
learned it. For the same reason the scaling of pixels and the whitening come from the
other network too. The layer of the logits is always a new one.

In the family of networks, two layers are compared if they have the same name. Names in
a network of the user's may be Keras's own, which count layers. There, layers are
compared by their names if the user has given these, and else in their order.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import Any

import numpy as np

from skcnn._estimator.automatic import LIKELY_SHAPE
from skcnn._estimator.parameters import has_family
from skcnn._images.seen_pixels import find_other_pixels
from skcnn._messages.warnings import PixelsWarning, warn_of
from skcnn._messages.wording import counted, enumerated
from skcnn._network.any_network import (
    SCALING,
    AnyNetwork,
    WeightedLayer,
    layers_of_logits,
    layers_to_freeze,
    name_of,
)
from skcnn._network.description import Network
from skcnn._training.compiled import CompiledNetwork

EXPECTED = (
    "expected a sklearn.frozen.FrozenEstimator around a fitted classifier of skcnn, "
    "the path of a file that skcnn.save wrote, or None"
)

# Layers that are learned from images and not by gradients.
NEVER_TRAINED = {Network: {"scaling", "whitening"}, AnyNetwork: {SCALING}}

# What two networks may differ in without losing a layer.
IRRELEVANT = ("image_shape", "n_classes", "dtype", "resized", "freeze")


@dataclass(frozen=True)
class Source:
    """A fitted classifier that another one starts from.

    Attributes
    ----------
    classifier : BaseCNNClassifier
        The classifier. It is only read.
    """

    classifier: Any

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters with which it was fitted."""
        return self.classifier._as_fitted

    @property
    def network(self) -> Network | AnyNetwork:
        """The description of its network."""
        return self.classifier.keras_classifier_.model__network

    @cached_property
    def compiled(self) -> CompiledNetwork:
        """Its network."""
        return self.classifier.keras_classifier_.compiled_network()

    @property
    def weights(self) -> Sequence[np.ndarray]:
        """All that its network has learned."""
        return self.classifier.keras_classifier_.state_.weights


def find_source(estimator: Any) -> Source | None:
    """Return the classifier that `init_from` stands for, None without one."""
    given = estimator.init_from
    if given is None:
        if estimator.freeze:
            raise ValueError(
                f"Got freeze={estimator.freeze} without init_from, but only stages "
                "that are taken over from a fitted classifier can stay as they are. "
                "Set init_from, or freeze=0."
            )
        return None
    # Imported here, because these modules import this one, or are slow to import.
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import Pipeline

    from skcnn._estimator.base import BaseCNNClassifier

    if isinstance(given, BaseCNNClassifier):
        raise TypeError(
            f"Got init_from={given!r}, but clone and searches would hand on this "
            "classifier without what it has learned. Write "
            "init_from=FrozenEstimator(classifier), and import FrozenEstimator from "
            "sklearn.frozen."
        )
    if isinstance(given, str | os.PathLike):
        found = _load(given)
    elif isinstance(given, FrozenEstimator):
        found = given
    else:
        raise TypeError(f"Got init_from={given!r}, but {EXPECTED}.")
    while isinstance(found, FrozenEstimator | Pipeline):
        found = found.estimator if isinstance(found, FrozenEstimator) else found[-1]
    if not isinstance(found, BaseCNNClassifier):
        raise TypeError(
            f"Got init_from={given!r}, which holds {found!r}, but {EXPECTED}. A "
            "pipeline has to end in such a classifier."
        )
    if not found.__sklearn_is_fitted__():
        raise ValueError(
            f"Got init_from={given!r}, but this {type(found).__name__} is not fitted "
            "and has learned nothing to start from. Fit it first."
        )
    is_own = not has_family(estimator._with_settings(LIKELY_SHAPE))
    if isinstance(found.keras_classifier_.model__network, AnyNetwork) != is_own:
        kinds = ("a skcnn.networks.ConvNet", "a network of your own")
        raise ValueError(
            f"Got init_from={given!r}, whose network is {kinds[not is_own]}, but the "
            f"network that starts from it is {kinds[is_own]}. The two have no layers "
            "in common. Start from a classifier with the same network, or set "
            "init_from=None."
        )
    return Source(found)


def warn_of_other_pixels(
    source: Source, X: np.ndarray, image_shape: tuple[int, int, int]
) -> None:
    """Warn if images are unlike those on which the source was fitted."""
    if image_shape[-1] != source.network.image_shape[-1]:
        return  # refused later, in other words
    found = find_other_pixels(source.classifier._seen_pixels, X, image_shape)
    if found is not None:
        finding = f"Compared with the images of init_from: {found.finding}"
        warn_of(PixelsWarning(found.kind, finding, found.remedy))


def take_over(
    source: Source, network: Network | AnyNetwork, compiled: CompiledNetwork
) -> dict[str, Sequence[np.ndarray]]:
    """Return the weights that a network takes over, by layer; raise if too few fit."""
    pairs = _pairs(compiled, source.compiled, isinstance(network, AnyNetwork))
    learned = source.compiled.by_layer(source.weights)
    taken_over: dict[str, Sequence[np.ndarray]] = {}
    reason = "there is no trained layer before the logits"
    for wanted, given in pairs:
        if misfit := _misfit(wanted, given):
            reason = misfit
            break
        assert given is not None
        taken_over[wanted.name] = learned[given.name]
    needed = _layers_that_have_to_fit(network, compiled)
    trained = taken_over.keys() - NEVER_TRAINED[type(network)]
    if needed - taken_over.keys() or not trained:
        _refuse(source, network, reason)
    if 2 * len(taken_over) < len(pairs):
        warn_of(
            UserWarning(
                f"init_from fits in part: {len(taken_over)} of {len(pairs)} layers are "
                f"taken over, up to {list(taken_over)[-1]}. All others start at "
                f"random, since {reason}.{_differences(source.network, network)}"
            )
        )
    return taken_over


def _load(path: str | os.PathLike) -> Any:
    """Return what a file holds; the error of a file that has none names `init_from`."""
    from skcnn._estimator.saving import load
    from skcnn._training.archive import HandedInError

    try:
        return load(path)
    except HandedInError as error:
        raise ValueError(
            f"Got init_from={os.fspath(path)!r}, a file that holds the weights of a "
            "network of your own, and not the network. Load it with "
            f"clf = skcnn.load({os.fspath(path)!r}, network=...), and set "
            "init_from=FrozenEstimator(clf)."
        ) from error
    except (OSError, ValueError) as error:
        raise type(error)(
            f"Got init_from={os.fspath(path)!r}, but this file cannot be read: {error}"
        ) from error


def _pairs(
    compiled: CompiledNetwork, given: CompiledNetwork, by_order: bool
) -> list[tuple[WeightedLayer, WeightedLayer | None]]:
    """Return all layers before the logits, each with the one to take over, if any."""
    if not by_order:
        layers = {each.name: each for each in given.layers}
        # The last one has the logits.
        return [(each, layers.get(each.name)) for each in compiled.layers[:-1]]
    wanted = compiled.layers[: -layers_of_logits(compiled.model)]
    there = given.layers[: -layers_of_logits(given.model)]
    named = _named_layers(there)
    partners = {
        layer.name: named[name]
        for name, layer in _named_layers(wanted).items()
        if name in named
    }
    rest = [each for each in there if each not in partners.values()]
    in_order = chain(rest, repeat(None))
    return [(each, partners.get(each.name) or next(in_order)) for each in wanted]


def _named_layers(layers: list[WeightedLayer]) -> dict[str, WeightedLayer]:
    """Return the layers to which the user has given a name, each by this name.

    Keras names a layer after its class, and counts. Two models inside of a network may
    have layers of the same name; these are left out.
    """
    counts = Counter(each.layer.name for each in layers)
    return {
        each.layer.name: each
        for each in layers
        if counts[each.layer.name] == 1
        and re.sub(r"_\d+$", "", each.layer.name).replace("_", "")
        != type(each.layer).__name__.replace("_", "").lower()
    }


def _layers_that_have_to_fit(
    network: Network | AnyNetwork, compiled: CompiledNetwork
) -> set[str]:
    """Return the names of the layers that cannot start at random."""
    if isinstance(network, AnyNetwork):
        frozen = layers_to_freeze(compiled.model, network.freeze)
        return {SCALING, *(each.name for each in frozen)}
    return {each.name for each in compiled.layers if not each.layer.trainable}


def _misfit(wanted: WeightedLayer, given: WeightedLayer | None) -> str:
    """Return why a layer cannot be taken over, "" if it can."""
    name = wanted.name
    if given is None:
        return f"there is no layer {name} in init_from"
    kinds = [type(each.layer).__name__ for each in (wanted, given)]
    if kinds[0] != kinds[1]:
        return f"{name} is a {kinds[0]}, and a {kinds[1]} in init_from"
    shapes, others = (
        [(variable.name, tuple(variable.shape)) for variable in each.layer.weights]
        for each in (wanted, given)
    )
    if shapes == others:
        return ""
    for (variable, shape), (other, found) in zip(shapes, others, strict=False):
        if variable == other and shape != found:
            return (
                f"the {variable} of {name} has shape {found} in init_from, but {shape} "
                "is needed"
            )
    return f"the layer {name} has other weights in init_from"


def _refuse(source: Source, network: Network | AnyNetwork, reason: str) -> None:
    """Raise, because nothing can be taken over, or less than is to be frozen."""
    channels, before = network.image_shape[-1], source.network.image_shape[-1]
    if channels != before:
        remedy = "Bring X to the same number of channels"
        if (channels, before) == (1, 3):
            remedy += ", for instance by np.stack([X, X, X], axis=-1)"
        elif (channels, before) == (3, 1):
            remedy += ", for instance by X.mean(axis=-1).astype(X.dtype)"
        raise ValueError(
            f"X has images of {counted(channels, 'channel')}, but init_from was fitted "
            f"on images of {counted(before, 'channel')}, so its first layers do not "
            f"fit. {remedy}, or set init_from=None."
        )
    differences = _differences(source.network, network)
    is_own = isinstance(network, AnyNetwork)
    if network.freeze:
        kept = "layers" if is_own else "stages"
        what = f"Got freeze={network.freeze}, but these {kept} are not all in init_from"
        remedy = "lower freeze"
    else:
        what = "Got init_from, but none of its trained layers fits"
        remedy = "set init_from=None"
    way = "Build the network" if is_own else "Set the parameters of the network"
    raise ValueError(
        f"{what}: {reason}.{differences} {way} as {'it was' if is_own else 'they were'}"
        f" in init_from, or {remedy}."
    )


def _differences(before: Network | AnyNetwork, now: Network | AnyNetwork) -> str:
    """Return a sentence on the parameters in which two networks differ, or nothing."""
    parameters, others = _parameters_of(now), _parameters_of(before)
    found = [
        f"{name} is {value!r} here and {others[name]!r} there"
        for name, value in parameters.items()
        if name in others and repr(value) != repr(others[name])
    ]
    return f" The networks differ: {enumerated(found)}." if found else ""


def _parameters_of(network: Network | AnyNetwork) -> dict[str, Any]:
    """Return what a user can set of a network and what its layers depend on."""
    if isinstance(network, Network):
        return {k: value for k, value in vars(network).items() if k not in IRRELEVANT}
    maker = network.maker
    parameters = maker.get_params() if hasattr(maker, "get_params") else {}
    return {"network": name_of(maker)} | parameters
