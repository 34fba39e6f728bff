"""The pages in docs/: their code runs, their commands exist, every name is in them."""

import pickle
import re
import shlex
from itertools import islice
from pathlib import Path

import pytest

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._cli import cli
from skcnn.datasets import fetch_cifar10

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
ALL_PAGES = [*PAGES, *DOCS.glob("decisions/*.md")]

# Blocks with a {code-block} directive need data, or are another library's code.
NEEDS_DATA = re.compile(
    r"^```{code-block} python\n:class: needs-data\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITH_CODE = [page for page in PAGES if PYTHON.search(page.read_text(encoding="utf-8"))]


@pytest.mark.slow
@pytest.mark.in_documentation
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    if "PIL" in page.read_text(encoding="utf-8"):
        pytest.importorskip("PIL")
    namespace = {"__name__": page.stem}
    for code in PYTHON.findall(page.read_text(encoding="utf-8")):
        exec(compile(code, str(page), "exec"), namespace)
    plt.close("all")


@pytest.mark.real_data
@pytest.mark.parametrize("page", ["quickstart", "kaggle"])
def test_the_code_of_a_page_runs_on_real_data(
    page, real_data_home, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    # Cut, because thousands of lines take seconds to parse and to predict.
    for name, n_lines in (("train.csv", 2_001), ("test.csv", 201)):
        with open(real_data_home / "digit-recognizer" / name) as source:
            (tmp_path / name).write_text("".join(islice(source, n_lines)))
    # In Kaggle's layout, channels first.
    arrays = {}
    for part, subset in (("train", "train"), ("validation", "test"), ("test", "test")):
        bunch = fetch_cifar10(subset=subset, data_home=real_data_home)
        arrays[f"x_{part}"] = bunch.images[:300].transpose(0, 3, 1, 2)
        arrays[f"y_{part}"] = bunch.target[:300]
    (tmp_path / "data0.pickle").write_bytes(pickle.dumps(arrays))
    # On a few images for an epoch: this is about the code and not the accuracy.
    for kind in (CIFARCNNClassifier, MNISTCNNClassifier):
        fit = kind.fit

        def short(self, X, y, fit=fit):
            return fit(self.set_params(epochs=1), X[:300], y[:300])

        monkeypatch.setattr(kind, "fit", short)
    blocks = NEEDS_DATA.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    assert blocks
    namespace = {"__name__": page}
    for code in blocks:
        exec(compile(code, page, "exec"), namespace)
    if page == "kaggle":
        assert len((tmp_path / "submission.csv").read_text().splitlines()) == 201


def commands():
    for page in [*PAGES, DOCS.parent / "README.md"]:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                for part in line.split("&&"):
                    words = shlex.split(part)
                    if words and words[0].endswith("skcnn"):
                        yield pytest.param(words[1:], id=part.strip())


@pytest.mark.parametrize("words", commands())
def test_the_commands_of_a_page_exist(words, monkeypatch):
    name, *args = words
    command = cli.get_command(None, name)
    # Files that a page speaks of need not be there.
    for parameter in command.params:
        monkeypatch.setattr(parameter.type, "exists", False, raising=False)
    command.make_context(name, args)


def test_every_page_is_reached():
    listed = set()
    for page in ALL_PAGES:
        text = page.read_text(encoding="utf-8")
        for tree in re.findall(r"```{toctree}\n(.*?)```", text, re.DOTALL):
            entries = {line for line in tree.splitlines() if line and line[0] != ":"}
            listed |= {page.parent / entry for entry in entries}
    pages = {page.with_suffix("") for page in ALL_PAGES}
    assert pages - {DOCS / "index"} <= listed
    assert listed - {DOCS / "auto_examples" / "index"} <= pages
