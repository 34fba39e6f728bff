"""What Sphinx does for the API reference beyond its extensions.

Parameters of the classifiers are shown in the groups that their docstrings name, and
names of scikit-learn and NumPy are links to their documentation.
"""

import importlib
import inspect
import sys
from operator import attrgetter
from typing import Any

from docutils import nodes
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

# The first parameter of each group, and the heading above it.
GROUPS = {
    "network": "The network",
    "epochs": "What most users set",
    "filters": "Network",
    "optimizer": "Optimization",
    "image_shape": "Images",
    "validation_fraction": "Details of early stopping",
    "init_from": "Start and course of a fit",
}

# Where a library documents a name, which is the same for all of its names.
PAGES = {
    "sklearn": "https://scikit-learn.org/stable/modules/generated/{}.html",
    "numpy": "https://numpy.org/doc/stable/reference/generated/{}.html",
}

# Sections of scikit-learn's user guide that its docstrings refer to.
SECTIONS = {
    "accuracy_score": "https://scikit-learn.org/stable/modules/model_evaluation.html"
    "#accuracy-score"
}


def group_parameters(app: Any, domain: str, kind: str, content: nodes.Element) -> None:
    """Put a heading above the first parameter of each group of a classifier."""
    for listed in list(content.findall(nodes.definition_list)):
        names = [item[0].astext().split(" ")[0] for item in listed]
        if kind != "class" or not {"epochs", "early_stopping"} <= set(names):
            continue
        parts: list[nodes.Node] = []
        for name, item in zip(names, list(listed), strict=True):
            if name in GROUPS:
                parts.append(nodes.rubric("", GROUPS[name], classes=["group"]))
            if name in GROUPS or not parts:
                parts.append(nodes.definition_list())
            parts[-1] += item
        listed.replace_self(parts)


def link_to_library(
    app: Any, env: Any, node: nodes.Element, text: nodes.Node
) -> nodes.Node | None:
    """Return a link to the page of a public name of another library, if it is one."""
    target = node.get("reftarget", "")
    if node.get("reftype") == "ref" and target in SECTIONS:
        return nodes.reference("", "", text, internal=False, refuri=SECTIONS[target])
    module, _, name = target.rpartition(".")
    page = PAGES.get(target.partition(".")[0])
    if page is None or not module:
        return None
    try:
        getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    return nodes.reference("", "", text, internal=False, refuri=page.format(target))


def module_of_the_source(app: Any, module: str, name: str) -> str | None:
    """Return the module in whose file a public name is defined.

    Public classes and functions have the module from which users import them in
    `__module__`, but `sphinx.ext.viewcode` shows the source of that module.
    """
    try:
        found = inspect.unwrap(attrgetter(name)(importlib.import_module(module)))
    except AttributeError:  # an attribute of instances
        return None
    methods = vars(found).values() if inspect.isclass(found) else [found]
    for method in methods:
        code = getattr(inspect.unwrap(method), "__code__", None)
        if code is not None and method.__qualname__.startswith(found.__qualname__):
            files = {
                getattr(loaded, "__file__", None): key
                for key, loaded in sys.modules.items()
            }
            return files.get(code.co_filename)
    return None


def setup(app: Any) -> dict[str, bool]:
    """Connect both to Sphinx."""
    app.connect("object-description-transform", group_parameters)
    app.connect("missing-reference", link_to_library)
    app.connect("viewcode-follow-imported", module_of_the_source)
    return {"parallel_read_safe": True}
