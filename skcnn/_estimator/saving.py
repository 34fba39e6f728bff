"""Saving fitted estimators to files without pickle, and loading them."""

import os
import sys
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._estimator.classifiers import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator.cnn import CNNClassifier
from skcnn._estimator.convnet import ConvNet, family_of
from skcnn._images.fingerprints import check_fingerprints
from skcnn._images.seen_pixels import check_description
from skcnn._messages.warnings import warn_of
from skcnn._messages.wording import enumerated, printable
from skcnn._network.any_network import check_maker, name_of
from skcnn._sklearn_private import validate_parameters
from skcnn._storage import schema
from skcnn._training.archive import (
    Decoder,
    Encoder,
    HandedInError,
    read_archive,
    write_archive,
)
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

CLASSES = {
    c.__name__: c
    for c in (
        CIFARCNNClassifier,
        CNNClassifier,
        ImageFlattener,
        ImageReshaper,
        ImageResizer,
        ImageScaler,
        MNISTCNNClassifier,
    )
}

# Parameters that are not saved: their values belong to a process, and only training
# uses them.
LEFT_OUT = ("callbacks", "init_from", "memory")

# Pipelines may be nested, but not deeply: the time in which scikit-learn finds the
# methods of a pipeline doubles with each level.
MAX_PIPELINES = 4
MAX_STEPS = 100


def save(estimator: Any, path: str | os.PathLike) -> None:
    """Write a fitted estimator to a file.

    The file holds JSON and plain arrays: parameters, classes, training history,
    weights, the states of the optimizer and of the random generator, and a fingerprint
    of 64 bits for each training image. A loaded estimator makes the same predictions,
    bit for bit, and continues training (`partial_fit`, `warm_start`) exactly as the
    saved one would have. Whatever happens while writing, `path` holds either what it
    held before or the complete new file.

    Parameters
    ----------
    estimator : MNISTCNNClassifier, CIFARCNNClassifier, CNNClassifier or Pipeline
        A fitted classifier of skcnn, or a pipeline of skcnn's transformers and a
        classifier. Of a network of your own, the file holds the weights and the name;
        `load` asks for the network.
    path : str or path-like
        The file. An existing file is replaced. The suffix ``.skcnn`` is recommended.

    Raises
    ------
    NotFittedError
        If the estimator, or a step of the pipeline, is not fitted.
    TypeError
        If the estimator is of another class, or a parameter is an object that only
        pickle could write, such as an optimizer of a class of your own.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If the parameters `callbacks`, `init_from` or `memory` are set, because these
        are not saved.
        The settings made by `set_callbacks`, `set_output` and the ``set_..._request``
        methods are not saved either; there is no warning about them.

    See Also
    --------
    load : Read the file.

    Notes
    -----
    The file is an uncompressed ZIP archive whose comment is a SHA-256 checksum, so
    `numpy.load` and every archive tool can open it. The checksum detects damage; it
    does not prove who wrote the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skcnn
    >>> from skcnn.datasets import load_digit_images
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = skcnn.MNISTCNNClassifier(epochs=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "digits.skcnn"
    ...     skcnn.save(clf, path)
    ...     loaded = skcnn.load(path)
    >>> bool((loaded.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    left_out: list[str] = []
    encode = Encoder()
    described = _describe(estimator, encode, left_out)
    if left_out:
        warn_of(
            UserWarning(
                f"{enumerated(left_out)} {'is' if len(left_out) == 1 else 'are'} not "
                "saved and will be None in the loaded estimator. Predictions are the "
                "same."
            )
        )
    write_archive(path, {"estimator": described}, encode)


def load(path: str | os.PathLike, *, network: Any = None) -> Any:
    """Read an estimator that `save` wrote.

    Nothing from the file is executed, and nothing is written. Beside the network,
    reading takes memory of at most four times the size of the file, plus some 100 MB.
    The worst that a file from a stranger can do is to make wrong predictions.

    Parameters
    ----------
    path : str or path-like
        The file.
    network : callable, object or None, default=None
        The network of a `CNNClassifier`, as the parameter `network` was when it was
        fitted, if it was a network of your own. A file never names code to run.

    Returns
    -------
    estimator : MNISTCNNClassifier, CIFARCNNClassifier, CNNClassifier or Pipeline
        The estimator as it was saved, whatever kind of machine it was saved on.

    Raises
    ------
    TypeError
        If `network` is nothing that can be a network.
    ValueError
        If the file was not written by `save`, is damaged, or comes from a newer
        version of this package. If the file needs a `network`, or needs none, or if
        the weights do not fit `network`.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If the layers of `network` have another configuration than when it was fitted.

    See Also
    --------
    save : Write the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skcnn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skcnn"
    ...     _ = path.write_bytes(b"something else")
    ...     skcnn.load(path)
    Traceback (most recent call last):
        ...
    ValueError: ...model.skcnn is not a file written by skcnn.save.
    """
    if network is not None:
        check_maker(network)
    return load_with_versions(path, network)[0]


def load_with_versions(
    path: str | os.PathLike, network: Any = None
) -> tuple[Any, dict[str, str]]:
    """Return the estimator of a file, and which versions of libraries wrote it."""
    return read_archive(
        path,
        lambda document, decode: (
            _estimator(path, network, document, decode),
            document["versions"],
        ),
    )


def _estimator(
    path: str | os.PathLike, network: Any, document: dict[str, Any], decode: Decoder
) -> Any:
    """Return the estimator that the document of a file describes."""
    if "checkpoint" in document:
        raise ValueError("it is the checkpoint of a fit; only fit can continue it.")
    _DOCUMENT(document, "the document")
    described = document["estimator"]
    name = _network_needed(described)
    if name is not None and network is None:
        raise HandedInError(
            f"{os.fspath(path)} holds the weights of a network that is not skcnn's, "
            f"{printable(name)!r}. The network is not in the file: hand it in as it "
            "was in fit, with skcnn.load(path, network=...)."
        )
    if name is None and network is not None:
        raise HandedInError(
            f"{os.fspath(path)} holds no network of your own, but network="
            f"{name_of(network)} was handed in. Leave network out."
        )
    return _rebuild(described, decode, 0, network)


def _network_needed(described: Any) -> str | None:
    """Return the name of the user's network in what `_describe` described, if any."""
    if isinstance(described, dict):
        found = map(_network_needed, (step for _, step in described.get("steps", [])))
        names = [described.get("network"), *found]
        return next((name for name in names if name is not None), None)
    return None


def _describe(
    estimator: Any, encode: Encoder, left_out: list[str], depth: int = 0
) -> dict[str, Any]:
    """Return what the document says of an estimator, and add to `left_out`."""
    # Of scikit-learn's modules, this one takes longest to import.
    from sklearn.pipeline import Pipeline

    if type(estimator) is Pipeline:
        if depth == MAX_PIPELINES or len(estimator.steps) > MAX_STEPS:
            raise ValueError(
                f"Got a pipeline of {len(estimator.steps)} steps, {depth} levels deep, "
                f"but skcnn.save writes {MAX_STEPS} steps and {MAX_PIPELINES} levels "
                "at most. Put the steps into one pipeline."
            )
        parameters = estimator.get_params(deep=False)
        del parameters["steps"]
        described = {
            "steps": [
                [name, step]
                if step is None or isinstance(step, str)
                else [name, _describe(step, encode, left_out, depth + 1)]
                for name, step in estimator.steps
            ]
        }
    elif CLASSES.get(type(estimator).__name__) is type(estimator):
        check_is_fitted(estimator)
        # `load` would refuse invalid parameters.
        validate_parameters(estimator)
        parameters = estimator.get_params(deep=False)
        learned = estimator._learned()
        own = _without_networks(parameters, learned)
        described = {"learned": encode(learned)} | own
    else:
        raise TypeError(
            f"Got {type(estimator).__module__}.{type(estimator).__qualname__}, but "
            f"skcnn.save writes {', '.join(CLASSES)} and a Pipeline of these. Save the "
            "best_estimator_ of a search, and anything else with joblib.dump."
        )
    for name in LEFT_OUT:
        if parameters.get(name) is not None:
            left_out.append(name)
            parameters[name] = None
    return {
        "class": type(estimator).__name__,
        "parameters": {name: encode(value) for name, value in parameters.items()},
    } | described


def _without_networks(
    parameters: dict[str, Any], learned: dict[str, Any]
) -> dict[str, str]:
    """Replace networks by plain values; return the name of the user's, if there is one.

    A ConvNet becomes a dict of its parameters, and a network of the user's its name.
    """
    own = {}
    if "network" in learned:
        del learned["network"]["maker"]
        own = {"network": learned["network"]["name"]}
    network = parameters.get("network")
    if isinstance(network, ConvNet) and family_of(network) is network:
        parameters["network"] = network.get_params()
    elif network is not None:
        parameters["network"] = name_of(network)
        own = own or {"network": name_of(network)}
    return own


def _rebuild(
    described: dict[str, Any], decode: Decoder, depth: int, network: Any = None
) -> Any:
    """Return the estimator that `_describe` described, with the user's network."""
    from sklearn.pipeline import Pipeline

    parameters = {
        name: decode(value) for name, value in described["parameters"].items()
    }
    for name in LEFT_OUT:
        if parameters.get(name) is not None:
            raise ValueError(f"The parameter {name} is set.")
    if described["class"] == "Pipeline":
        if depth == MAX_PIPELINES:
            raise ValueError(f"Pipelines are nested more than {MAX_PIPELINES} deep.")
        _PIPELINE_PARAMETERS(parameters, "parameters")
        steps = [
            (name, step)
            if step is None or step == "passthrough"
            else (name, _rebuild(step, decode, depth + 1, network))
            for name, step in described["steps"]
        ]
        if len({name for name, _ in steps}) < len(steps):
            raise ValueError("Two steps of a pipeline have the same name.")
        return Pipeline(steps, **parameters)
    for name, value in parameters.items():
        _parameter(value, f"parameters.{name}")
    if isinstance(parameters.get("network"), dict):
        parameters["network"] = ConvNet(**parameters["network"])
        validate_parameters(parameters["network"])
    elif isinstance(parameters.get("network"), str):
        parameters["network"] = network
    estimator = CLASSES[described["class"]](**parameters)
    validate_parameters(estimator)
    learned = decode(described["learned"])
    _LEARNED[described["class"]](learned, "learned")
    if "network" not in learned:
        estimator._relearn(learned)
        return estimator
    learned["network"]["maker"] = network
    try:
        estimator._relearn(learned)
    # Whatever a network of the user's raises, the file may be as it should be.
    except Exception as error:
        raise HandedInError(
            f"The file and network={name_of(network)} do not fit: {printable(error)}"
        ) from error
    return estimator


def _parameter(value: Any, place: str) -> None:
    """Check for a value that a parameter of skcnn's estimators can have."""
    known: tuple[type, ...] = (np.random.RandomState, np.number, np.bool_)
    # Decoding an optimizer imports Keras. If Keras is not imported, no value is an
    # optimizer.
    if "keras" in sys.modules:
        import keras

        known += (keras.optimizers.Optimizer,)
    if not isinstance(value, known):
        _PLAIN_PARAMETER(value, place)


_SCALAR = schema.either(
    schema.nothing,
    schema.flag,
    schema.integer(),
    schema.number,
    schema.text(1000),
)
_PLAIN_PARAMETER = schema.either(
    _SCALAR,
    schema.several(_SCALAR, most=1000),
    schema.several(_SCALAR, most=1000, kind=tuple),
    # class_weight: classes of any kind that scikit-learn takes, and their weights.
    schema.mapping(
        lambda label, place: None,
        lambda weight, place: _parameter(weight, place),
        most=2**17,
    ),
)


def _strings(value: Any, place: str) -> None:
    """Check for an array of objects that are strings."""
    schema.array("O", n_dims=1)(value, place)
    for i, name in enumerate(value):
        schema.text(10_000)(name, f"{place}[{i}]")


def _classes(value: Any, place: str) -> None:
    """Check for a 1-D array of class labels."""
    schema.array("biufUSO", n_dims=1)(value, place)
    if value.dtype == object:
        for i, label in enumerate(value):
            _SCALAR(label, f"{place}[{i}]")


def _generator(value: Any, place: str) -> None:
    """Check for None, a generator, or "parameter": the generator in `random_state`."""
    if not isinstance(value, np.random.RandomState):
        schema.either(schema.nothing, schema.exactly("parameter"))(value, place)


_OF_IMAGES = {
    "n_features_in": schema.integer(1),
    "feature_names_in": schema.either(schema.nothing, _strings),
    "image_shape": schema.several(schema.integer(1), most=3, least=3, kind=tuple),
}
_PIXELS = schema.array("f", n_dims=1)
_OF_A_CLASSIFIER = schema.record(
    _OF_IMAGES
    | {
        "classes": _classes,
        "parameters": schema.mapping(schema.text(64), _parameter, most=64),
        "history": schema.history,
        "weights": schema.values_of_variables,
        "optimizer_values": schema.values_of_variables,
        "random_state": _generator,
    },
    # Files written before 2026-11-26 have `integer_maximum`, and none of the others.
    optional={
        "auto_params": schema.mapping(schema.text(64), _parameter, most=64),
        "fingerprints": check_fingerprints,
        "initialized_layers": schema.several(schema.text(1000), most=10_000),
        "hold_out_seed": schema.either(
            schema.nothing, schema.integer(0, np.iinfo(np.int32).max)
        ),
        "integer_maximum": lambda value, place: _parameter(value, place),
        "seen_pixels": lambda value, place: None,
    },
)


def _classifier(learned: Any, place: str) -> None:
    """Check for the learned attributes of a classifier."""
    _OF_A_CLASSIFIER(learned, place)
    check_description(learned.get("seen_pixels"), f"{place}.seen_pixels")


def _any_classifier(learned: Any, place: str) -> None:
    """Check for the learned attributes of a classifier of any network."""
    others = dict(learned) if isinstance(learned, dict) else learned
    if isinstance(others, dict) and "network" in others:
        _NETWORK(others.pop("network"), f"{place}.network")
    _classifier(others, place)


_NETWORK = schema.record(
    {"name": schema.text(1000), "digest": schema.text(64, "[0-9a-f]{64}")}
)
_LEARNED = {
    "CIFARCNNClassifier": _classifier,
    "CNNClassifier": _any_classifier,
    "MNISTCNNClassifier": _classifier,
    "ImageFlattener": schema.record(
        _OF_IMAGES
        | {"input_shape": schema.several(schema.integer(1), 3, 1, kind=tuple)}
    ),
    "ImageReshaper": schema.record(_OF_IMAGES),
    "ImageResizer": schema.record(
        {
            **{
                name: schema.either(schema.nothing, check)
                for name, check in _OF_IMAGES.items()
            },
            "output_shape": _OF_IMAGES["image_shape"],
            "dtype": schema.text(10, "u?int(8|16|32|64)|float(16|32|64|96|128)"),
        }
    ),
    "ImageScaler": schema.record(_OF_IMAGES | {"offset": _PIXELS, "scale": _PIXELS}),
}

# At this point parameters are still encoded; `decode` returns their values.
_ENCODED = schema.mapping(schema.text(64, "[a-z_]+"), lambda value, place: None, 64)
_STEP = schema.either(
    schema.nothing,
    schema.exactly("passthrough"),
    lambda step, place: _ESTIMATOR(step, place),
)
_ESTIMATOR: schema.Check = schema.either(
    schema.record(
        {
            "class": schema.exactly("Pipeline"),
            "parameters": _ENCODED,
            "steps": schema.several(
                schema.pair(schema.text(1000), _STEP), most=MAX_STEPS, least=1
            ),
        }
    ),
    schema.record(
        {
            "class": schema.exactly(*CLASSES),
            "parameters": _ENCODED,
            "learned": lambda learned, place: None,
        },
        optional={"network": schema.text(1000)},
    ),
)
_PIPELINE_PARAMETERS = schema.record(
    {
        "memory": schema.nothing,
        "transform_input": schema.either(
            schema.nothing, schema.several(schema.text(1000), most=100)
        ),
        "verbose": schema.flag,
    }
)
_DOCUMENT = schema.record(
    {
        "format": schema.integer(),
        "versions": lambda versions, place: None,
        "estimator": _ESTIMATOR,
    }
)
