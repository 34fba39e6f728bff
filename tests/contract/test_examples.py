"""Each example runs to its end, says what it found, and leaves nothing behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
REAL = [path for path in EXAMPLES if "fetch_" in path.read_text(encoding="utf-8")]
BUNDLED = [path for path in EXAMPLES if path not in REAL]


def run(path, folder, **variables):
    # In an empty folder, and with the same place for matplotlib's caches as ever.
    result = subprocess.run(
        [sys.executable, path],
        cwd=folder,
        env=os.environ
        | {
            "SKCNN_FAST": "1",
            "MPLBACKEND": "Agg",
            "PYTHONPATH": str(path.parent.parent),
        }
        | variables,
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
@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_an_example_on_bundled_data_runs(path, tmp_path):
    if path.stem == "optuna_search":
        pytest.importorskip("optuna_integration", reason='needs the extra "optuna"')
    printed = run(path, tmp_path)
    expected = {
        "plot_digits": r"accuracy +0\.9\d+ +450",
        "optuna_search": r"[1-7] trained to the end, [1-7] pruned\n.*\n.*: 0\.9\d+",
        "plot_features": r"area under the ROC curve: 0\.[89]\d",
        "plot_search": r"learning_rate +mean_test_score",
        "plot_label_issues": r"labels in doubt, [34]\d of them wrong",
    }[path.stem]
    assert re.search(expected, printed), printed


def test_there_is_an_example_for_each_story():
    assert {"plot_mnist", "plot_cifar10"} <= {path.stem for path in REAL}


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_an_example_on_real_data_ends_in_report_matrix_and_pictures(path):
    code = path.read_text(encoding="utf-8")
    for part in (
        "classification_report(",
        "ConfusionMatrixDisplay.from_predictions(",
        "ImageGridDisplay.from_data(",
        "SKCNN_FAST",
    ):
        assert part in code
