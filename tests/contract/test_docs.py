"""What the documentation says is true."""

import ast
import importlib
import inspect
import re
import subprocess
from pathlib import Path

import house
import pytest

import skcnn

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def public_objects():
    """Return every public class and function once, by its shortest dotted name."""
    found = {}
    for module_name, name, thing in house.public_names():
        if inspect.isclass(thing) or inspect.isfunction(thing):
            found.setdefault(thing, f"{module_name}.{name}")
    return {name: thing for thing, name in found.items()}


def is_written_in_python(member):
    return inspect.isfunction(member) or inspect.ismethod(member)


def documented_callables():
    """Return public functions, classes and their own public methods, by name."""
    callables = {}
    for name, thing in public_objects().items():
        callables[name] = thing
        if inspect.isclass(thing):
            for method_name, method in inspect.getmembers(thing, is_written_in_python):
                ours = method.__module__.startswith("skcnn")
                if ours and not method_name.startswith("_"):
                    callables[f"{name}.{method_name}"] = method
    return callables


PUBLIC = public_objects()
CALLABLES = documented_callables()


def sections(thing):
    """Return the sections of a numpydoc docstring as a dict of heading to text."""
    parts = re.split(
        r"^(\w[\w ]*)\n-{3,}\n", inspect.getdoc(thing) or "", flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented_parameters(thing):
    """Return the names in a Parameters section, each with its type line."""
    entries = re.findall(
        r"^(\*{0,2}\w[\w, *]*) : (.+(?:\n\S.*)*)$",
        sections(thing).get("Parameters", ""),
        flags=re.MULTILINE,
    )
    return {
        name.strip(" *"): " ".join(kind.split())
        for names, kind in entries
        for name in names.split(",")
    }


def signature_parameters(thing):
    parameters = inspect.signature(thing).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in ("self", "cls")
    }


def default_value(text):
    """Return the value of what stands behind ``default=``."""
    if text in ("nan", "inf"):
        return float(text)
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def is_same(stated, default):
    """Return whether two defaults are equal, NaN being equal to NaN."""
    return stated == default or (stated != stated and default != default)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_summary_and_an_example(name):
    docstring = inspect.getdoc(PUBLIC[name])
    assert docstring, f"{name} has no docstring"
    assert docstring.splitlines()[0].endswith(".")
    assert ">>> " in sections(PUBLIC[name]).get("Examples", "")


@pytest.mark.parametrize("name", CALLABLES)
def test_documented_parameters_and_defaults_are_those_of_the_signature(name):
    thing = CALLABLES[name]
    documented = documented_parameters(thing)
    actual = signature_parameters(thing)
    assert list(documented) == list(actual)
    for parameter, default in actual.items():
        if documented[parameter] in ("None", "Ignored"):
            continue  # scikit-learn's way to write a y that only keeps the signature.
        stated = re.search(r"default=(.+)$", documented[parameter])
        if default is inspect.Parameter.empty:
            assert stated is None, f"{parameter} has no default"
        else:
            assert stated, f"{parameter}: no default= in its type line"
            assert is_same(default_value(stated[1]), default), parameter


def test_the_docstring_check_sees_a_wrong_default():
    def function(a, b=1, *, c=(2, 3), **rest):
        """Do nothing.

        Parameters
        ----------
        a : int
            One.
        b : int, default=2
            Two.
        c : tuple of int, default=(2, 3)
            Three.
        **rest : dict
            More.

        Returns
        -------
        None
        """

    documented = documented_parameters(function)
    assert list(documented) == ["a", "b", "c", "rest"]
    assert documented["b"] == "int, default=2"
    assert default_value("(2, 3)") == signature_parameters(function)["c"]
    assert default_value("2") != signature_parameters(function)["b"]
    assert is_same(default_value("nan"), float("nan"))
    assert not is_same(default_value("nan"), 0.0)
    assert not is_same(default_value("[2, 3]"), (2, 3))


def readme_blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_readme_python_runs(monkeypatch, tmp_path, capsys):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    blocks = readme_blocks("python")
    assert len(blocks) == 4
    exec(compile("\n".join(blocks), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    # README says so in a comment.
    assert "(1, 10)" in printed.splitlines()
    plt.close("all")


def test_ci_runs_the_commands_of_readme():
    blocks = readme_blocks("sh")
    assert len(blocks) == 2
    for number, block in enumerate(blocks, start=1):
        assert len(block.splitlines()) == 1, "each command is one line to copy"
        printed = subprocess.run(
            ["bash", ROOT / ".ci" / "readme-command", str(number)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert printed == block
    assert "skcnn train digits" in blocks[0]
    # .ci/run splits here: what installs, then what tests.
    assert blocks[1].split(" && ")[-1].startswith(".venv/bin/python -m pytest ")


def test_readme_names_what_there_is():
    table = README.split("| function of `skcnn.datasets` |")[1].split("\n\n")[0]
    functions = {
        name
        for row in table.splitlines()[2:]
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert len(functions) >= 6
    assert functions <= set(importlib.import_module("skcnn.datasets").__all__)
    for preset in skcnn.MNISTCNNClassifier.presets:
        assert f'"{preset}"' in README
    for name in importlib.import_module("skcnn.display").__all__:
        assert f"| `{name}` |" in README


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {skcnn.__version__}\n" in citation


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_changelog_has_a_heading_for_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    assert skcnn.__version__ in headings
