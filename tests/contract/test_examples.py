"""Each example runs to its end, teaches something, and leaves nothing behind.

The examples that need neither real data nor a further library run when `.ci/run` builds
the documentation, and an error in one of them fails the build. So only the others run
here, on few images too.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
INDEX = (ROOT / "examples" / "index.rst").read_text(encoding="utf-8")
REAL = [path for path in EXAMPLES if "fetch_" in path.read_text(encoding="utf-8")]
NEEDS = {"optuna_search": "optuna_integration", "export_onnx": "tf2onnx"}


def run(path, folder, **variables):
    # In an empty folder, and with the same place for matplotlib's caches as ever.
    result = subprocess.run(
        [sys.executable, ROOT / "docs" / "short_examples.py", path],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert list(folder.iterdir()) == []
    return result.stdout


@pytest.mark.real_data
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_an_example_on_real_data_runs(path, real_data_home, tmp_path):
    printed = run(path, tmp_path, SKCNN_DATA=str(real_data_home))
    assert re.search(r"precision +recall +f1-score +support\n", printed)
    assert re.search(r"^ *accuracy +0\.\d+ +300$", printed, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_an_example_with_a_further_library_runs(name, tmp_path):
    pytest.importorskip(NEEDS[name], reason=f"needs {NEEDS[name]}")
    assert run(ROOT / "examples" / f"{name}.py", tmp_path)


def test_what_is_not_run_by_the_build_is_run_here():
    left_out = {path.stem for path in EXAMPLES if not path.stem.startswith("plot_")}
    assert left_out == set(NEEDS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_in_the_index_twice(path):
    assert f"\n   ../examples/{path.name}\n" in INDEX  # with its thumbnail
    assert f"\n   {path.stem}\n" in INDEX  # in the navigation


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_ends_with_what_to_remember(path):
    code = path.read_text(encoding="utf-8")
    lesson = code.split("# What to remember\n# ----------------\n")[1]
    lines = lesson.splitlines()
    assert all(line.startswith("# ") for line in lines), "the lesson comes last"
    text = " ".join(line[2:] for line in lines)
    sentences = re.findall(r"\.(?: |$)", text)
    assert 1 <= len(sentences) <= 2, text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_code_to_copy(path):
    code = path.read_text(encoding="utf-8")
    assert "environ" not in code, "docs/short_examples.py makes examples short"
    docstring = ast.get_docstring(ast.parse(code))
    title, underline, *_ = docstring.splitlines()
    assert underline == "=" * len(title)


def test_the_gallery_has_enough_examples_that_are_run():
    executed = [path for path in EXAMPLES if path.stem.startswith("plot_")]
    assert len(executed) - len(REAL) >= 12
    assert {"plot_mnist", "plot_cifar10"} <= {path.stem for path in REAL}


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_an_example_on_real_data_has_report_matrix_and_pictures(path):
    code = path.read_text(encoding="utf-8")
    for part in (
        "classification_report(",
        "ConfusionMatrixDisplay.from_predictions(",
        "ImageGridDisplay.from_data(",
    ):
        assert part in code
