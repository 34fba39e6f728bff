"""The command ``skcnn export``, which writes a model for other programs."""

from pathlib import Path

import click

from skcnn._cli._model import Model
from skcnn._cli._output import check_output
from skcnn._cli._terminal import Command, say, start_keras

FORMATS = ("onnx", "saved-model")


@click.command(cls=Command)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="ONNX, a file, or TensorFlow's SavedModel, a folder  [default: onnx if the "
    "name of -o ends in .onnx or there is no -o, else saved-model].",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="What to write  [default: beside MODEL, under its name: digits-1.onnx].",
)
@click.option(
    "--dtype",
    type=click.Choice(("uint8", "float32")),
    default="uint8",
    show_default=True,
    help="Of the images that the exported model takes.",
)
@click.option("--force", is_flag=True, help="Replace an ONNX file that exists.")
def export(model, kind, output, dtype, force):
    """Write a saved model in a form that runs without skcnn.

    MODEL is a file that "skcnn train" or skcnn.save wrote. The exported model takes
    images of shape (n, height, width, channels), on the scale of the training images,
    and returns labels and probabilities. ONNX needs skcnn[onnx] and a network in
    float32; SavedModel runs wherever TensorFlow does.

    \b
    Examples:
      skcnn export digits-1.skcnn
      skcnn export digits-1.skcnn -o digits.onnx --dtype float32
      skcnn export digits-1.skcnn --format saved-model
    """  # noqa: D301
    is_onnx = output is None or output.suffix.lower() == ".onnx"
    kind = kind or ("onnx" if is_onnx else "saved-model")
    if output is None:
        output = model.with_suffix(".onnx" if kind == "onnx" else "")
    if kind == "onnx":
        check_output(output, force)
    elif force:
        raise click.UsageError(
            "Got --force, but the folder of a SavedModel is never replaced. Name "
            "another one with -o, or delete it."
        )
    else:
        check_output(output, force=False, is_folder=True)
    start_keras()
    loaded = Model(model)
    from skcnn.export import to_onnx, to_saved_model

    say(f"Writing {output} ...")
    write = to_onnx if kind == "onnx" else to_saved_model
    write(loaded.estimator, output, dtype=dtype)
    *size, channels = loaded.image_shape
    if loaded.aspect_ratio is not None:
        size = ["height", "width"]
    shape = ", ".join(map(str, ("n", *size, channels)))
    say(
        f'Wrote {output}. The input "images" is {dtype} of shape ({shape}); the '
        'outputs are "labels" and "probabilities".'
    )
    say(f"Next: {_first_lines(output, kind)}")


def _first_lines(output, kind):
    """Return the Python code that opens an exported model."""
    name = str(output)
    if kind == "onnx":
        return f"onnxruntime.InferenceSession({name!r}) in Python"
    return f'tf.saved_model.load({name!r}).signatures["serving_default"] in Python'
