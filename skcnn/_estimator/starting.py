"""The start of a fit from what another classifier has learned: `init_from`, `freeze`.

Layers are taken over from the first one on, as long as they have the name and the
shapes of those in the other network. The first layer that does not fit, and all after
it, start at random: what a layer has learned is worth something only behind the layers
with which it learned it. For the same reason the scaling of pixels and the whitening
come from the other network too. The logits layer is always a new one.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skcnn._estimator.automatic import LIKELY_SHAPE
from skcnn._estimator.parameters import has_family
from skcnn._images.seen_pixels import find_other_pixels
from skcnn._messages.warnings import PixelsWarning, warn_of
from skcnn._messages.wording import counted, enumerated
from skcnn._network.any_network import AnyNetwork
from skcnn._network.description import Network
from skcnn._training.compiled import CompiledNetwork

EXPECTED = (
    "expected a sklearn.frozen.FrozenEstimator around a fitted classifier of skcnn, "
    "the path of a file that skcnn.save wrote, or None"
)

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
    def network(self) -> Network:
        """The description of its network."""
        return self.classifier.keras_classifier_.model__network

    @property
    def weights(self) -> Sequence[np.ndarray]:
        """All that its network has learned."""
        return self.classifier.keras_classifier_.state_.weights

    def by_layer(self) -> dict[str, dict[str, np.ndarray]]:
        """Return its weights by layer, and by the path of a variable."""
        learned = self.classifier.keras_classifier_
        return learned.compiled_network().by_layer(learned.state_.weights)


@dataclass(frozen=True)
class Start:
    """What a fit takes over.

    Attributes
    ----------
    layers : list of str
        The names of the layers, the first layer first.
    weights : dict
        Their weights, by the paths of the variables.
    """

    layers: list[str]
    weights: dict[str, np.ndarray]


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
    if not has_family(estimator._with_settings(LIKELY_SHAPE)):
        raise ValueError(
            f"Got init_from={given!r} with a network of your own, but only a "
            "skcnn.networks.ConvNet can start from another classifier. Set "
            "init_from=None, and let your network read its first weights itself."
        )
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
    if isinstance(found.keras_classifier_.model__network, AnyNetwork):
        raise ValueError(
            f"Got init_from={given!r}, whose network is {found.network_!r}, but only "
            "the layers of a skcnn.networks.ConvNet can be taken over. Set "
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


def take_over(source: Source, network: Network, compiled: CompiledNetwork) -> Start:
    """Return what a network takes over from a source; raise if this is too little."""
    wanted, given = compiled.by_layer(), source.by_layer()
    *names, _ = wanted  # the last one has the logits
    layers: list[str] = []
    reason = ""
    for name in names:
        reason = _misfit(name, wanted[name], given)
        if reason:
            break
        layers.append(name)
    trained = set(layers) - compiled.frozen_layers
    kept = compiled.frozen_layers - set(layers)
    if kept or not (trained or network.freeze):
        _refuse(source, network, reason)
    if 2 * len(layers) < len(names):
        warn_of(
            UserWarning(
                f"init_from fits in part: {len(layers)} of {len(names)} layers are "
                f"taken over, up to {layers[-1]}. All others start at random, since "
                f"{reason}.{_differences(source.network, network)}"
            )
        )
    weights = {path: given[name][path] for name in layers for path in given[name]}
    return Start(layers, weights)


def _load(path: str | os.PathLike) -> Any:
    """Return what a file holds; the error of a file that has none names `init_from`."""
    from skcnn._estimator.saving import load

    try:
        return load(path)
    except (OSError, ValueError) as error:
        raise type(error)(
            f"Got init_from={os.fspath(path)!r}, but this file cannot be read: {error}"
        ) from error


def _misfit(
    name: str, wanted: dict[str, Any], given: dict[str, dict[str, np.ndarray]]
) -> str:
    """Return why a layer cannot be taken over, "" if it can."""
    if name not in given:
        return f"there is no layer {name} in init_from"
    shapes = [
        {path: value.shape for path, value in values.items()}
        for values in (wanted, given[name])
    ]
    if shapes[0] == shapes[1]:
        return ""
    for path in shapes[0]:
        if shapes[1].get(path, shapes[0][path]) != shapes[0][path]:
            variable = path.rpartition("/")[2]
            return (
                f"the {variable} of {name} has shape {shapes[1][path]} in init_from, "
                f"but {shapes[0][path]} is needed"
            )
    return f"the layer {name} has other weights in init_from"


def _refuse(source: Source, network: Network, reason: str) -> None:
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
    if network.freeze:
        what = f"Got freeze={network.freeze}, but these stages are not all in init_from"
        remedy = "lower freeze"
    else:
        what = "Got init_from, but none of its trained layers fits"
        remedy = "set init_from=None"
    raise ValueError(
        f"{what}: {reason}.{differences} Set the parameters of the network as they "
        f"were in init_from, or {remedy}."
    )


def _differences(before: Network, now: Network) -> str:
    """Return a sentence on the parameters in which two networks differ, or nothing."""
    found = [
        f"{name} is {value!r} here and {vars(before)[name]!r} there"
        for name, value in vars(now).items()
        if name not in IRRELEVANT and value != vars(before)[name]
    ]
    return f" The networks differ: {enumerated(found)}." if found else ""
