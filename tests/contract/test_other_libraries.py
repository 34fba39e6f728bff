"""The recipes for other libraries run, and print what their page says."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # large libraries are imported

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
TEXT = PAGE.read_text(encoding="utf-8")
RECIPE = re.compile(
    r"^```{code-block} python\n:class: needs-(\w+)\n\n(.*?)^```\n\n```text\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RECIPES = {name: (code, output) for name, code, output in RECIPE.findall(TEXT)}
# The module that has to be there, if it is not the library itself, and its extra.
MODULES = {"cleanlab": "cleanlab.datalab.datalab", "optuna": "optuna_integration"}
EXTRAS = {"optuna": "optuna"}


@pytest.fixture(scope="module")
def beginning():
    """What the page defines before the first recipe."""
    namespace = {"__name__": "recipes"}
    for code in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        exec(compile(code, str(PAGE), "exec"), namespace)
    return namespace


def words(output):
    """Return an output without its numbers, which differ between machines."""
    numbers = re.sub(r"\d+(\.\d+)?", "#", output)
    return re.sub(r"#(, #)+", "#", numbers)


def test_an_output_is_compared_by_its_words():
    assert words("[1, 2]: 0.5 True\n") == words("[3]: 12 True\n") == "[#]: # True\n"
    assert words("True") != words("False")


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.filterwarnings("ignore")  # of the libraries, which are not ours to mend
def test_a_recipe_prints_what_the_page_says(
    name, request, tmp_path, monkeypatch, capsys
):
    extra = EXTRAS.get(name, "recipes")
    for module in (name, MODULES.get(name, name)):
        pytest.importorskip(module, reason=f'needs the extra "{extra}"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    code, output = RECIPES[name]
    namespace = dict(request.getfixturevalue("beginning"))
    capsys.readouterr()
    exec(compile(code, f"{PAGE}: {name}", "exec"), namespace)
    assert words(capsys.readouterr().out) == words(output)


def test_every_recipe_has_its_output_and_its_row_in_the_table():
    assert len(RECIPES) == TEXT.count(":class: needs-") >= 9
    table = TEXT.partition("## What was tried")[2]
    for name in RECIPES:
        library = {"imblearn": "imbalanced-learn"}.get(name, name)
        row = re.search(rf"^\| {library}\b.*$", table, re.MULTILINE | re.IGNORECASE)
        assert row and f"`{EXTRAS.get(name, 'recipes')}`" in row[0], name
