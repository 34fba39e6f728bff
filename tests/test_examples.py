"""Each example runs to its end, says how good it is, and leaves nothing behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.real_data
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, real_data_home, tmp_path):
    # In an empty folder, and with the same place for matplotlib's caches as ever.
    result = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env=os.environ
        | {
            "SKCNN_FAST": "1",
            "SKCNN_DATA": str(real_data_home),
            "MPLBACKEND": "Agg",
            "PYTHONPATH": str(path.parent.parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert re.search(r"precision +recall +f1-score +support\n", result.stdout)
    assert re.search(r"^ *accuracy +0\.\d+ +300$", result.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_there_is_an_example_for_each_story():
    assert {"plot_mnist", "plot_cifar10"} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_ends_in_report_matrix_and_pictures(path):
    code = path.read_text(encoding="utf-8")
    for part in (
        "classification_report(",
        "ConfusionMatrixDisplay.from_predictions(",
        "ImageGridDisplay.from_data(",
        "SKCNN_FAST",
    ):
        assert part in code
