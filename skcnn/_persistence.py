"""Fitted estimators as files: what is written of them, and how they are made anew."""

import os
import warnings

from sklearn.utils.validation import check_is_fitted

from skcnn._archive import Encoder, read_archive, write_archive
from skcnn._classifiers import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._parameters import validate_parameters
from skcnn.preprocessing import ImageReshaper, ImageScaler

CLASSES = {
    c.__name__: c
    for c in (CIFARCNNClassifier, ImageReshaper, ImageScaler, MNISTCNNClassifier)
}

# Parameters that belong to a process and count in training only.
LEFT_OUT = ("callbacks", "memory")


def save(estimator, path: str | os.PathLike) -> None:
    """Write a fitted estimator to a file.

    The file holds parameters, classes, training history, weights, the state of the
    optimiser and of the random generator, and 64 bits for each image of the training
    by which it is known again, as JSON and plain arrays. A loaded estimator
    predicts the same, to the bit, and goes on training (`partial_fit`, `warm_start`) as
    if it had never been away. The file is written whole or not at all: whatever
    happens, `path` holds either what it held before or the complete new file.

    Parameters
    ----------
    estimator : MNISTCNNClassifier, CIFARCNNClassifier or Pipeline
        A fitted classifier of this package, or a pipeline of its transformers and such
        a classifier.
    path : str or path-like
        The file; one that exists is replaced. ``.skcnn`` is a good ending.

    Raises
    ------
    NotFittedError
        If the estimator, or a step of the pipeline, is not fitted.
    TypeError
        If it is something else, or a parameter is an object that only pickle could
        write, such as an optimiser of a class of your own.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If the parameters `callbacks` or `memory` are set: they are left out. So is,
        without a warning, what `set_callbacks`, `set_output` and the requests of
        metadata routing have set.

    See Also
    --------
    load : Read the file.

    Notes
    -----
    The file is an uncompressed ZIP archive with a SHA-256 checksum for a comment, so
    `numpy.load` and every archive tool open it. The checksum finds damage; it does not
    tell who wrote the file.

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
        warnings.warn(
            f"{' and '.join(left_out)} cannot be written without pickle and will be "
            "None in the loaded estimator. Predictions are the same.",
            UserWarning,
            stacklevel=2,
        )
    write_archive(path, {"estimator": described}, encode)


def load(path: str | os.PathLike):
    """Read an estimator that `save` wrote.

    Nothing that the file says is executed, nothing is written, and no more memory is
    taken than the file is long, beside the network itself. A file from a stranger can
    at worst predict nonsense.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator : MNISTCNNClassifier, CIFARCNNClassifier or Pipeline
        As it was when it was saved, in a process of any kind of machine.

    Raises
    ------
    ValueError
        If the file was not written by `save`, is damaged, or comes from a newer
        version of this package.
    OSError
        If it cannot be read.

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
    return read_archive(path, _estimator)


def _estimator(document, decode):
    if "checkpoint" in document:
        raise ValueError("it is the checkpoint of a fit; only fit can go on with it.")
    return _rebuild(document["estimator"], decode)


def _describe(estimator, encode, left_out):
    from sklearn.pipeline import Pipeline  # the slowest part of scikit-learn to import

    if type(estimator) is Pipeline:
        parameters = estimator.get_params(deep=False)
        del parameters["steps"]
        described = {
            "steps": [
                [name, step]
                if step is None or isinstance(step, str)
                else [name, _describe(step, encode, left_out)]
                for name, step in estimator.steps
            ]
        }
    elif CLASSES.get(type(estimator).__name__) is type(estimator):
        check_is_fitted(estimator)
        validate_parameters(estimator)  # as `load` will
        parameters = estimator.get_params(deep=False)
        described = {"learned": encode(estimator._learned())}
    else:
        raise TypeError(
            f"Got {type(estimator).__module__}.{type(estimator).__qualname__}, but "
            f"skcnn.save writes {', '.join(CLASSES)} and a Pipeline of them. Save the "
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


def _rebuild(described, decode):
    from sklearn.pipeline import Pipeline

    parameters = {
        name: decode(value) for name, value in described["parameters"].items()
    }
    for name in LEFT_OUT:
        if parameters.get(name) is not None:
            raise ValueError(f"The parameter {name} is set.")
    if described["class"] == "Pipeline":
        steps = [
            (str(name), step)
            if step is None or step == "passthrough"
            else (str(name), _rebuild(step, decode))
            for name, step in described["steps"]
        ]
        return Pipeline(steps, **parameters)
    estimator = CLASSES[described["class"]](**parameters)
    validate_parameters(estimator)
    estimator._relearn(decode(described["learned"]))
    return estimator
