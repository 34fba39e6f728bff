"""Fitted estimators for machines without scikit-learn: ONNX and TensorFlow."""

import errno
import os
from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._estimator.base import BaseCNNClassifier
from skcnn._estimator.parameters import resolve_views
from skcnn._images.resizing import cropped_box, padded_box
from skcnn._messages.wording import printable
from skcnn._sklearn_private import StrOptions, validates_arguments
from skcnn._storage.files import folder_written_whole, written_whole
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

__all__ = ["to_onnx", "to_saved_model"]

INPUT = "images"
OUTPUTS = LABELS, PROBABILITIES, FEATURES = "labels", "probabilities", "features"

# The newest that both tf2onnx 1.17 writes and all of onnxruntime 1.x reads.
OPSET = 18

TRANSFORMERS = (ImageFlattener, ImageReshaper, ImageResizer, ImageScaler)

CONSTRAINTS = {
    "dtype": [StrOptions({"uint8", "float32"})],
    "outputs": [tuple, list],
}


@validates_arguments(CONSTRAINTS)
def to_onnx(estimator, path, *, dtype="uint8", outputs=(LABELS, PROBABILITIES)):
    """Write a fitted estimator as an ONNX model.

    The model takes images and gives labels and probabilities, and features on request:
    transformers, scaling of pixels, views of `test_time_augmentation` and class names
    are inside. Needs the packages of ``pip install "skcnn[onnx]"``.

    Parameters
    ----------
    estimator : MNISTCNNClassifier, CIFARCNNClassifier, CNNClassifier or Pipeline
        A fitted classifier of this package, or a pipeline of its transformers and such
        a classifier.
    path : str or path-like
        The file; one that exists is replaced, and stays if the call fails.
    dtype : {"uint8", "float32"}, default="uint8"
        Of the images that the model will take, on the scale of those in `fit`.
    outputs : tuple of str, default=("labels", "probabilities")
        What the model returns, in this order: some of "labels", "probabilities" and
        "features". The features are those of the classifier's `transform`.

    Raises
    ------
    ImportError
        If tf2onnx is not installed.
    NotFittedError
        If the estimator is not fitted.
    RuntimeError
        If Keras runs on something else than TensorFlow.
    TypeError
        If it is something else, or its labels are neither strings nor numbers.
    ValueError
        If its parameter `dtype` is not "float32", the only one in which onnxruntime
        can convolve, if a network of your own has an operation that ONNX lacks, if a
        label cannot be written in UTF-8, or if `outputs` is empty or holds another name
        or the same name twice.
    OSError
        If the file cannot be written.

    See Also
    --------
    to_saved_model : The same for TensorFlow.
    skcnn.save : Keeps the estimator itself.

    Notes
    -----
    The input "images" is of shape ``(n, height, width, channels)``. After an
    ImageResizer, height and width may be any, but are the same for all images of one
    call. Files, the orientation of photographs, transparency and colors are no part of
    a model: it takes pixels that are decoded, upright, and gray or RGB as the pipeline
    was fitted. The output "labels" of shape ``(n,)`` holds strings or numbers,
    "probabilities" float32 or float64 of shape ``(n, n_classes)``, and "features"
    float32 of shape ``(n, n_features)``.

    Labels are those of `predict` and probabilities those of `predict_proba` up to
    rounding (less than 1e-5). With ``test_time_augmentation="auto"``, rounding can
    rarely decide whether an image is unsure, and its probabilities then differ more.
    After an ImageResizer, some pixels of dtype uint8 differ by 1, and probabilities by
    some thousandths.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.export import to_onnx
    >>> digits = load_digit_images()
    >>> clf = MNISTCNNClassifier(epochs=1, random_state=0)
    >>> clf = clf.fit(digits.images, digits.target)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "digits.onnx"
    ...     to_onnx(clf, path)  # doctest: +SKIP
    ...     session = onnxruntime.InferenceSession(path)  # doctest: +SKIP
    >>> images = digits.images[:5, :, :, np.newaxis]  # doctest: +SKIP
    >>> labels, proba = session.run(None, {"images": images})  # doctest: +SKIP
    """
    try:
        import onnx  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the packages tf2onnx and onnx, which are not installed: "
            'pip install "skcnn[onnx]"'
        ) from error
    _tensorflow()
    classes = _checked_classes(estimator, outputs)
    _, classifier = _steps(estimator)
    network_dtype = classifier._as_fitted["dtype"]
    if network_dtype != "float32":
        raise ValueError(
            f"The network has dtype={network_dtype!r}, but ONNX runtimes have "
            'convolutions for float32 only. Fit with dtype="float32", or use '
            "to_saved_model."
        )
    # Opened before the conversion, which takes seconds that a wrong path would waste.
    with written_whole(path) as file:
        model = _onnx_model(estimator, dtype, outputs, classes)
        file.write(model.SerializeToString())


@validates_arguments(CONSTRAINTS)
def to_saved_model(estimator, path, *, dtype="uint8", outputs=(LABELS, PROBABILITIES)):
    """Write a fitted estimator as a TensorFlow SavedModel.

    The model takes images and gives labels and probabilities, and features on request:
    transformers, scaling of pixels, views of `test_time_augmentation` and class names
    are inside. It runs in TensorFlow Serving and wherever TensorFlow does, without this
    package.

    Parameters
    ----------
    estimator : MNISTCNNClassifier, CIFARCNNClassifier, CNNClassifier or Pipeline
        A fitted classifier of this package, or a pipeline of its transformers and such
        a classifier.
    path : str or path-like
        The folder to write, which must not exist. It appears under this name once
        all of it is written.
    dtype : {"uint8", "float32"}, default="uint8"
        Of the images that the model will take, on the scale of those in `fit`.
    outputs : tuple of str, default=("labels", "probabilities")
        What the model returns, in this order: some of "labels", "probabilities" and
        "features". The features are those of the classifier's `transform`.

    Raises
    ------
    FileExistsError
        If `path` exists.
    NotFittedError
        If the estimator is not fitted.
    RuntimeError
        If Keras runs on something else than TensorFlow.
    TypeError
        If it is something else, or its labels are neither strings nor numbers.
    ValueError
        If a label cannot be written in UTF-8, or if `outputs` is empty or holds
        another name or the same name twice.
    OSError
        If the folder cannot be written.

    See Also
    --------
    to_onnx : The same for ONNX.
    skcnn.save : Keeps the estimator itself.

    Notes
    -----
    The signature "serving_default" takes "images" of shape ``(n, height, width,
    channels)``. After an ImageResizer, height and width may be any, but are the same
    for all images of one call. Files, the orientation of photographs, transparency and
    colors are no part of a model: it takes pixels that are decoded, upright, and gray
    or RGB as the pipeline was fitted. The signature returns a dict of "labels" of shape
    ``(n,)``, strings or numbers, "probabilities" of shape ``(n, n_classes)``, and
    "features" of shape ``(n, n_features)``.

    Labels are those of `predict` and probabilities those of `predict_proba` up to
    rounding (less than 1e-5). With ``test_time_augmentation="auto"``, rounding can
    rarely decide whether an image is unsure, and its probabilities then differ more.
    After an ImageResizer, some pixels of dtype uint8 differ by 1, and probabilities by
    some thousandths.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import tensorflow as tf
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.export import to_saved_model
    >>> digits = load_digit_images()
    >>> clf = MNISTCNNClassifier(epochs=1, random_state=0)
    >>> clf = clf.fit(digits.images, digits.target)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "digits"
    ...     to_saved_model(clf, path)
    ...     serve = tf.saved_model.load(path).signatures["serving_default"]
    ...     answer = serve(images=tf.constant(digits.images[:5, :, :, None]))
    >>> bool((answer["labels"].numpy() == clf.predict(digits.images[:5])).all())
    True
    """
    tf = _tensorflow()
    classes = _checked_classes(estimator, outputs)
    _check_utf8(path)
    with folder_written_whole(path) as part:
        function, signature = _function_of_images(estimator, dtype, outputs)

        def serve(images):
            answers = dict(zip(outputs, function(images), strict=True))
            if LABELS in answers:
                answers[LABELS] = tf.gather(tf.constant(classes), answers[LABELS])
            return answers

        module = tf.Module()
        module.serve = tf.function(serve, input_signature=[signature], autograph=False)
        try:
            tf.saved_model.save(module, part, signatures=module.serve)
        except tf.errors.OpError as error:
            raise OSError(
                f"TensorFlow cannot write {os.fsdecode(path)}: "
                f"{printable(error.message)}"
            ) from error


def _check_utf8(path):
    """Refuse a path that TensorFlow cannot write to."""
    try:
        os.fsdecode(path).encode()
    except UnicodeEncodeError as error:
        raise OSError(
            errno.EILSEQ,
            "TensorFlow writes only to paths in UTF-8. Choose another name",
            path,
        ) from error


def _onnx_model(estimator, dtype, outputs, classes):
    """Return a fitted estimator as a model of ONNX."""
    import tensorflow as tf
    import tf2onnx
    from onnx import defs, helper, numpy_helper

    function, signature = _function_of_images(estimator, dtype, outputs)
    model, _ = tf2onnx.convert.from_function(
        tf.function(function, input_signature=[signature], autograph=False),
        input_signature=[signature],
        opset=OPSET,
        custom_op_handlers=dict(HANDLERS),
    )
    graph = model.graph
    # tf2onnx leaves in the model what it cannot write.
    if unknown := {
        node.op_type
        for node in _nodes(graph)
        if not defs.has(node.op_type, node.domain)
    }:
        raise ValueError(
            "The network has operations of TensorFlow that tf2onnx cannot write in "
            f"ONNX: {', '.join(sorted(unknown))}. Use to_saved_model, or fit a network "
            "without them."
        )
    # tf2onnx makes up names for axes of any length, others in each export.
    axes = graph.input[0].type.tensor_type.shape.dim
    for axis, name in zip(axes, ("n", "height", "width", "channels"), strict=True):
        if not axis.HasField("dim_value"):
            axis.dim_param = name
    found = list(graph.output)
    del graph.output[:]
    # tf2onnx calls outputs as it likes, and cannot look up strings.
    for name, value in zip(outputs, found, strict=True):
        kind = value.type.tensor_type.elem_type
        shape = ["n", *(d.dim_value for d in value.type.tensor_type.shape.dim[1:])]
        if name == LABELS:
            names = numpy_helper.from_array(classes, "classes")
            graph.initializer.append(names)
            node = helper.make_node("Gather", [names.name, value.name], [name])
            kind = names.data_type
        else:
            node = helper.make_node("Identity", [value.name], [name])
        graph.node.append(node)
        graph.output.append(helper.make_tensor_value_info(name, kind, shape))
    return model


def _write_difference(operation, one_first, graph, node, name, args):
    """Write a node as 1 - operation(x), or as operation(x) - 1."""
    from tf2onnx import utils

    dtype = utils.map_onnx_to_numpy_type(graph.get_dtype(node.output[0]))
    one = graph.make_const(utils.make_name(name), np.ones((), dtype)).output[0]
    other = graph.make_node(operation, node.input).output[0]
    node.type = "Sub"
    graph.replace_inputs(node, [one, other] if one_first else [other, one])


def _leave(graph, node, name, args):
    """Leave a node as it is, so that it is found to be unknown to ONNX."""


# What tf2onnx cannot write by itself: Erfc is part of "gelu", and Expm1 of "celu". What
# it writes with other values than those of TensorFlow is left.
HANDLERS: dict[str, tuple[Callable, list]] = {
    "Erfc": (partial(_write_difference, "Erf", True), []),
    "Expm1": (partial(_write_difference, "Exp", False), []),
    "ResizeArea": (_leave, []),
    "ResizeBicubic": (_leave, []),
}


def _nodes(graph):
    """Yield the nodes of a graph of ONNX, and those of the graphs inside of them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _tensorflow():
    """Return TensorFlow, whose functions are what is exported."""
    import keras

    if keras.config.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on {keras.config.backend()!r}, but only networks in "
            "TensorFlow can be exported. skcnn.save the estimator, then skcnn.load and "
            "export it in a process with KERAS_BACKEND=tensorflow."
        )
    import tensorflow as tf

    return tf


def _checked_classes(estimator, outputs):
    """Return the labels if they are to be exported; refuse what cannot be."""
    transformers, classifier = _steps(estimator)
    for step in (*transformers, classifier):
        check_is_fitted(step)
    known = all(isinstance(name, str) and name in OUTPUTS for name in outputs)
    if not (outputs and known and len(set(outputs)) == len(outputs)):
        raise ValueError(
            f"Got outputs={outputs!r}, but expected one or more of "
            f"{', '.join(map(repr, OUTPUTS))}, each of them once."
        )
    return _plain(classifier.classes_) if LABELS in outputs else None


def _plain(classes):
    """Return labels as integers, floating numbers or strings."""
    if classes.dtype.kind in "biuf":
        return classes
    if all(isinstance(label, str) for label in classes.tolist()):
        for label in classes.tolist():
            try:
                label.encode()
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"The label {label!r} cannot be exported, because exported models "
                    "hold text in UTF-8, which has no half characters. Fit on other "
                    "labels."
                ) from error
        return classes.astype(object)
    raise TypeError(
        f"The labels are {classes.tolist()[:3]}..., but only strings and numbers can "
        "be exported. Fit on such labels."
    )


def _steps(estimator):
    """Return the transformers and the classifier of an estimator."""
    from sklearn.pipeline import Pipeline  # the slowest part of scikit-learn to import

    steps = [estimator]
    if type(estimator) is Pipeline:
        steps = [step for _, step in estimator.steps]
    *transformers, classifier = steps
    transformers = [step for step in transformers if step not in (None, "passthrough")]
    if not isinstance(classifier, BaseCNNClassifier):
        raise _refusal(classifier)
    for step in transformers:
        if type(step) not in TRANSFORMERS:
            raise _refusal(step)
    return transformers, classifier


def _refusal(step):
    return TypeError(
        f"Got {type(step).__module__}.{type(step).__qualname__}, but only a classifier "
        f"of skcnn and a Pipeline of {', '.join(c.__name__ for c in TRANSFORMERS)} and "
        "such a classifier can be exported. Of a search export the best_estimator_, "
        "and of a pipeline that goes on after the classifier pipeline[:-1], with "
        "outputs=('features',)."
    )


def _function_of_images(estimator, dtype, outputs):
    """Return a TensorFlow function of images, and the signature of its argument.

    It returns a list of the outputs, of the labels their class indices.
    """
    import tensorflow as tf

    transformers, classifier = _steps(estimator)
    answers_of = classifier.keras_classifier_.answers_of_tensor(
        resolve_views(classifier), with_features=FEATURES in outputs
    )
    shape = _shape_of_input(transformers, classifier)
    signature = tf.TensorSpec([None, *shape], dtype, name=INPUT)

    def function(images):
        for step in transformers:
            if isinstance(step, ImageResizer):
                images = _resized(images, step)
                continue
            images = tf.reshape(images, [-1, *step.image_shape_])
            if isinstance(step, ImageScaler):
                # In float64, as ImageScaler computes.
                scaled = (tf.cast(images, tf.float64) - step.offset_) / step.scale_
                images = tf.cast(scaled, np.dtype(step.dtype))
        images = tf.reshape(images, [-1, *classifier.image_shape_])
        logits, features = answers_of(images)
        answers = {
            LABELS: tf.argmax(logits, axis=1),
            PROBABILITIES: tf.nn.softmax(logits),
            FEATURES: features,
        }
        return [answers[name] for name in outputs]

    return function, signature


def _shape_of_input(transformers, classifier):
    """Return the (height, width, channels) of the images that a model will take.

    Refuse an ImageResizer that does what an exported model cannot.
    """
    shape = None
    for step in transformers:
        if not isinstance(step, ImageResizer):
            shape = shape or step.image_shape_
            found = step.image_shape_[2]
            continue
        *_, channels = step.output_shape_
        if channels == 4:
            raise ValueError(
                "The ImageResizer returns images with transparency (RGBA), whose "
                "colors a model cannot weight by transparency as Pillow does. Fit it "
                'with color_mode="rgb".'
            )
        if shape is not None and found != channels:
            raise ValueError(
                f"The ImageResizer turns images of {found} channels into images of "
                f"{channels}, but a model cannot convert colors. Make the ImageResizer "
                "the first step, and convert images before the model takes them."
            )
        shape, found = shape or (None, None, channels), channels
    return shape or classifier.image_shape_


def _resized(images, resizer):
    """Resize images in TensorFlow as an ImageResizer does with Pillow.

    Resizing is linear in rows and in columns, so it is a product with two matrices.
    Pillow rounds integers after each of them. Their order depends on its version and on
    the sizes, so that an integer can differ by 1 from that of Pillow.
    """
    import tensorflow as tf

    dtype, (rows, columns, _) = images.dtype, resizer.output_shape_
    height, width = tf.unstack(tf.shape(images, out_type=tf.int64)[1:3])
    box = (0, 0, rows, columns)
    if resizer.aspect_ratio == "crop":
        top, left, height, width = cropped_box(
            (height, width), (rows, columns), tf.minimum, tf.maximum
        )
        images = images[:, top : top + height, left : left + width]
    elif resizer.aspect_ratio == "pad":
        box = padded_box((height, width), (rows, columns), tf.minimum, tf.maximum)
    top, left, inner_height, inner_width = box
    down = _interpolation(height, inner_height, top, rows)
    right = _interpolation(width, inner_width, left, columns)

    def rounded(pixels):
        return tf.floor(pixels + 0.5) if dtype.is_integer else pixels

    planes = tf.transpose(tf.cast(images, tf.float64), [0, 3, 1, 2])
    planes = rounded(tf.matmul(planes, right, transpose_b=True))
    pixels = tf.transpose(rounded(tf.matmul(down, planes)), [0, 2, 3, 1])
    if resizer.aspect_ratio == "pad":
        inside = [
            tf.reduce_sum(matrix, axis=1, keepdims=True) > 0 for matrix in (down, right)
        ]
        covered = (inside[0] & tf.transpose(inside[1]))[..., tf.newaxis]
        pixels = tf.where(covered, pixels, np.float64(resizer.fill))
    return tf.cast(pixels, dtype)


def _interpolation(n_in, n_inner, start, n_out):
    """Return a matrix (n_out, n_in) that resizes one axis as Pillow does.

    From row `start` on, `n_inner` rows interpolate bilinearly over all pixels that a
    pixel of the result covers; the other rows are 0.
    """
    import tensorflow as tf

    scale = tf.cast(n_in, tf.float64) / tf.cast(n_inner, tf.float64)
    per_pixel = 1 / tf.maximum(scale, 1.0)
    start = tf.cast(start, tf.float64)
    places = tf.range(n_out, dtype=tf.float64)[:, tf.newaxis] - start
    centers = (places + 0.5) * scale
    pixels = tf.range(tf.cast(n_in, tf.float64), dtype=tf.float64)
    weights = tf.maximum(1 - tf.abs((pixels - centers + 0.5) * per_pixel), 0.0)
    inside = (places >= 0) & (places < tf.cast(n_inner, tf.float64))
    sums = tf.reduce_sum(weights, axis=1, keepdims=True)
    return tf.where(inside, weights / tf.maximum(sums, 1e-9), 0.0)
