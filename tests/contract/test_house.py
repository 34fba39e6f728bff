"""The house rules that can be read from the source; tests/house.py has the tables.

Each reader of the source is tried on a small bad example too, so that a rule cannot
pass because its reader sees nothing.
"""

import ast
import importlib
import inspect
import re
from functools import cache

import house
import pytest

import skcnn
from skcnn import _sklearn_private

KNOWN = {module.name for module in house.modules()}
BY_NAME = {module.name: module for module in house.modules()}
EVERY = [pytest.param(module, id=module.name) for module in house.modules()]
PUBLIC_CLASSES = sorted(
    {thing for _, _, thing in house.public_names() if inspect.isclass(thing)},
    key=lambda thing: thing.__name__,
)


def parse(text):
    return ast.parse(text)


# ----------------------------------------------------------------------- public names


def test_every_public_module_lists_its_names_and_has_them():
    assert len(house.public_modules()) >= 8
    for name in house.public_modules():
        module = importlib.import_module(name)
        assert module.__all__ == sorted(module.__all__), name
        assert all(hasattr(module, public) for public in module.__all__), name


def test_every_public_module_is_an_attribute_of_the_package():
    for name in house.public_modules()[1:]:
        assert getattr(skcnn, name.partition(".")[2]) is importlib.import_module(name)


def test_the_reference_lists_what_is_public_and_nothing_else():
    listed = references((house.ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert listed == {(module, name) for module, name, _ in house.public_names()}


def references(page):
    """Return module and name of all that an API page lists."""
    found, module = set(), None
    for line in page.splitlines():
        if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   (\w+)", line):
            found.add((module, match[1]))
    return found


def test_the_reader_of_the_reference_sees_module_and_name():
    page = ".. currentmodule:: skcnn.a\n\n.. autosummary::\n   :nosignatures:\n\n   f\n"
    assert references(page) == {("skcnn.a", "f")}


@pytest.mark.parametrize("kind", PUBLIC_CLASSES)
def test_a_constructor_assigns_its_arguments_and_does_nothing_more(kind):
    if "display" in kind.__module__:
        return  # Displays are made by their class methods.
    if kind.__init__ is object.__init__:
        return  # There are no arguments.
    init = ast.parse(inspect.getsource(kind.__init__).replace("\n    ", "\n").strip())
    assert not beyond_assignments(init), kind


def beyond_assignments(tree):
    """Return the statements of a constructor that do more than keep an argument."""
    return [
        ast.unparse(statement)
        for statement in tree.body[0].body
        if not (
            isinstance(statement, ast.Assign)
            and re.fullmatch(r"self\.(\w+) = \1", ast.unparse(statement))
        )
        and not ast.unparse(statement).startswith("super().__init__(")
    ]


def test_the_reader_of_constructors_sees_a_conversion():
    bad = parse("def __init__(self, a, b):\n    self.a = a\n    self.b = int(b)")
    assert beyond_assignments(bad) == ["self.b = int(b)"]


# ------------------------------------------------------------------------------ rooms


@pytest.mark.parametrize("module", EVERY)
def test_imports_run_down_only(module):
    room = module.room
    for target in house.own_imports(module.tree, KNOWN):
        there = house.room_of(target)
        if there == room:
            continue
        if room == "cli" and target in house.PRIVATE_IN_CLI:
            continue
        assert there in house.ARROWS[room], (
            f"skcnn.{module.name} ({room}) imports skcnn.{target} ({there}), but may "
            f"import {', '.join(sorted(house.ARROWS[room])) or 'nothing'} only."
        )


def test_every_module_has_a_room_and_every_room_modules():
    assert {module.room for module in house.modules()} == set(house.ROOMS)
    assert set(house.ARROWS) == set(house.ROOMS)
    with pytest.raises(LookupError, match=r"Say in ROOMS of tests/house\.py"):
        house.room_of("_utils")


def test_arrows_have_an_order():
    order = list(house.ARROWS)
    for room, targets in house.ARROWS.items():
        down = order[order.index(room) + 1 :]
        # The command line asks the package itself for what is public.
        up = targets - set(down) - ({"front"} if room == "cli" else set())
        assert not up, f"{room} -> {up}"


def test_no_exception_is_listed_that_is_not_needed():
    used = set()
    for module in house.modules():
        if module.room == "cli":
            used |= house.own_imports(module.tree, KNOWN)
    public = {name.partition(".")[2] or "skcnn" for name in house.public_modules()}
    private = {name for name in used if house.room_of(name) != "cli"} - public
    assert private == set(house.PRIVATE_IN_CLI)


def test_the_reader_of_imports_sees_them_in_functions_too():
    tree = parse(
        "import skcnn\nfrom skcnn._storage import files\n"
        "def f():\n    from skcnn.datasets._npz import parts\n    import numpy.linalg\n"
        "if TYPE_CHECKING:\n    import skcnn._estimator.base"
    )
    assert house.own_imports(tree, KNOWN) == {
        "skcnn",
        "_storage.files",
        "datasets._npz",
    }
    assert house.libraries(tree) == {"skcnn", "numpy"}


def test_an_exact_name_of_a_room_comes_before_a_pattern():
    rooms = {"a": ("_x.*",), "b": ("_x", "_x.y")}
    assert [house.room_of(name, rooms) for name in ("_x", "_x.y", "_x.z")] == [
        *("b", "b", "a")
    ]


# -------------------------------------------------------------------------- libraries


@pytest.mark.parametrize("library", house.LIBRARIES)
def test_a_library_is_imported_where_it_may_be(library):
    importers = {m.name for m in house.modules() if library in house.libraries(m.tree)}
    assert importers == house.LIBRARIES[library]


@pytest.mark.parametrize("library", house.ROOMS_OF_LIBRARIES)
def test_a_library_is_imported_in_the_rooms_it_belongs_to(library):
    importers = {m.name for m in house.modules() if library in house.libraries(m.tree)}
    rooms = {house.room_of(name) for name in importers}
    assert rooms <= house.ROOMS_OF_LIBRARIES[library], importers


def test_what_differs_between_backends_is_in_backends():
    asking = {m.name for m in house.modules() if house.compared_backends(m.tree)}
    outside = {name for name in asking if not name.startswith("_network.backends")}
    assert outside == house.ASKS_FOR_A_BACKEND


def test_the_reader_of_backends_sees_a_comparison():
    assert house.compared_backends(parse('if backend() in ("jax",): pass')) == {"jax"}


# ---------------------------------------------------------------------- private names


def names_with_a_reason():
    return re.findall(r"^- ``(\w+)``: \w", _sklearn_private.__doc__, re.MULTILINE)


@cache
def own_names():
    return set().union(*(house.definitions(m.tree) for m in house.modules()))


def foreign_attributes(module):
    """Return the private attributes that a module reads and skcnn never defines."""
    return house.private_attributes(module.tree) - own_names()


def test_private_names_of_scikit_learn_come_through_one_module():
    for module in house.modules():
        if module.name != "_sklearn_private":
            assert not house.private_imports(module.tree, "sklearn"), module.name


def test_at_most_eight_private_names_of_scikit_learn_each_have_a_reason_and_a_canary():
    tree = BY_NAME["_sklearn_private"].tree
    used = house.private_imports(tree, "sklearn") | house.private_attributes(tree)
    assert used == set(names_with_a_reason())
    assert len(used) <= 8
    assert "canary for each name" in (
        house.ROOT / "tests/contract/test_sklearn_private.py"
    ).read_text(encoding="utf-8")


def test_no_private_hook_of_scikit_learn_is_overridden():
    inherited = {
        name
        for kind in PUBLIC_CLASSES
        for base in kind.__mro__
        if base.__module__.startswith("sklearn.")
        for name in vars(base)
        if house.is_private(name)
    }
    assert "_validate_params" in inherited
    own = {
        (kind, name)
        for module in house.modules()
        for kind, name in house.methods(module.tree)
        if name in inherited
    }
    # scikit-learn asks estimators of every package for the address of their page.
    assert {name for _, name in own} == {"_parameter_constraints", "_get_doc_link"}


def test_private_names_of_other_libraries_are_listed_with_a_canary():
    libraries = ("keras", "tensorflow", "jax", "torch", "numpy", "pandas", "joblib")
    for module in house.modules():
        for library in libraries:
            assert not house.private_imports(module.tree, library), module.name
        if module.name not in {"_sklearn_private", *house.LIBRARIES["scikeras"]}:
            for name in foreign_attributes(module):
                assert house.PRIVATE_NAMES[name][0] == module.name, (module.name, name)
    for name, (module, canary) in house.PRIVATE_NAMES.items():
        defined = house.definitions(BY_NAME[module].tree)
        assert name in house.private_attributes(BY_NAME[module].tree) | defined
        assert (house.ROOT / canary).is_file()


def test_private_names_of_scikeras_have_a_canary():
    canary = (house.ROOT / house.CANARY_OF_SCIKERAS).read_text(encoding="utf-8")
    (door,) = house.LIBRARIES["scikeras"]
    assert foreign_attributes(BY_NAME[door])
    for name in foreign_attributes(BY_NAME[door]):
        assert f'"{name}"' in canary, name


def test_the_readers_of_private_names_see_them():
    tree = parse(
        "from sklearn.utils import _safe_indexing, Bunch\n"
        "from sklearn.utils._param_validation import Interval\n"
        "import sklearn.utils._mask\n"
        "def f(search):\n"
        "    search._mine = 1\n"
        "    getattr(search, '_hidden')\n"
        "    return search._get_scorers().__class__\n"
    )
    assert house.private_imports(tree, "sklearn") == {
        *("_safe_indexing", "Interval", "_mask")
    }
    assert house.private_attributes(tree) == {"_hidden", "_get_scorers"}
    assert {"_mine", "f"} <= house.definitions(tree)
    kind = parse("class A:\n    _x = 1\n    def _hook(self): pass")
    assert set(house.methods(kind)) == {("A", "_x"), ("A", "_hook")}


# ------------------------------------------------------------------------- the shelves


def test_no_module_is_a_dumping_ground():
    for module in house.modules():
        assert not re.search(r"(^|[._])(utils?|helpers?|misc|common)$", module.name)


def test_each_house_rule_names_a_test_that_there_is():
    page = (house.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    own = page.split("## House rules")[1].split("\n## ")[0]
    rules = re.findall(r"^\d+\. (.*)$", own, re.MULTILINE)
    assert len(rules) >= 8
    for rule in rules:
        tests = re.findall(r"`(test_\w+)\.(test_\w+)`", rule)
        assert tests, f"names no test: {rule}"
        for file, name in tests:
            (path,) = (house.ROOT / "tests").rglob(f"{file}.py")
            text = path.read_text(encoding="utf-8")
            assert f"def {name}(" in text, f"{file}.{name}"


def test_the_table_of_behavior_names_files_that_there_are():
    page = (house.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.split("| behavior | file |")[1].split("\n\n")[0]
    paths = re.findall(r"`(skcnn/[^`]+)`", table)
    assert len(paths) >= 20
    for path in paths:
        assert (house.ROOT / path).exists(), path
