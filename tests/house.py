"""The rooms of skcnn, what each may touch, and how to read that from the source.

The tables are data. When a module moves, or a new one comes, ROOMS changes and nothing
else; tests/test_house.py holds the source against the tables.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import skcnn

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "skcnn"

# ----------------------------------------------------------------------------- tables

# The room of each module, by its name without "skcnn."; "x.*" is all that is in x.
ROOMS = {
    "front": ("skcnn", "__main__"),
    "cli": ("_cli", "_cli.*"),
    "model_selection": ("model_selection",),
    "clusters": ("clusters",),
    "export": ("export",),
    "saving": ("_persistence",),
    "display": ("display", "display.*"),
    "inspection": ("inspection",),
    "estimator": (
        "_classifiers",
        "_base",
        "_fitting",
        "_parameters",
        "_scikeras",
        "_keras_classifier",
        "_arguments",
    ),
    "training": (
        "_training",
        "_state",
        "_schedule",
        "_step",
        "_engine",
        "_backends.*",
        "_checkpoint",
        "_fit_tasks",
        "_keras_callbacks",
    ),
    "network": (
        "_networks",
        "_augment",
        "_optimizers",
        "_adam",
        "_muon",
        "_initializers",
    ),
    "startup": ("_startup", "_threads", "_backends"),
    "datasets": ("datasets", "datasets.*"),
    "preprocessing": ("preprocessing",),
    "images": (
        "_images",
        "_containers",
        "_container_errors",
        "_container_kinds",
        "_image_files",
        "_image_decoding",
        "_folder_listing",
        "_labelled_images",
        "_fingerprints",
        "_pixels",
        "_pixel_layout",
        "_pixel_warnings",
        "_warnings",
        "_seen_pixels",
        "_targets",
        "_whitening",
        "_numerics",
        "_read_ahead",
    ),
    "storage": ("_archive", "_files", "_npy", "_schema", "_wording"),
    "sklearn_private": ("_sklearn_private",),
}

# What a room may import, besides itself. Every arrow points down this list.
ARROWS = {
    "front": {"cli", "estimator", "saving"},
    "cli": {"front", "saving", "display", "inspection", "datasets", "preprocessing"},
    "model_selection": {"sklearn_private"},
    "clusters": set(),
    "export": {"estimator", "preprocessing", "storage", "sklearn_private"},
    "saving": {
        *("estimator", "training", "preprocessing"),
        *("images", "storage", "sklearn_private"),
    },
    "display": {"inspection", "preprocessing", "images", "storage"},
    "inspection": {"images"},
    "estimator": {
        *("training", "network", "startup"),
        *("images", "storage", "sklearn_private"),
    },
    "training": {"network", "startup", "images", "storage", "sklearn_private"},
    "network": {"startup", "images", "storage", "sklearn_private"},
    "datasets": {"startup", "images", "storage", "sklearn_private"},
    "preprocessing": {"images", "storage", "sklearn_private"},
    "startup": set(),
    "images": {"storage"},
    "storage": set(),
    "sklearn_private": set(),
}

# Arrows that are still to be cut, each with what stands in the way.
UNCUT = {
    ("_archive", "_optimizers"): "describes an optimizer while it encodes one",
}

# What the command line imports beyond public names, each with its reason.
PRIVATE_IN_CLI = {
    "_base": "tells a classifier of skcnn's from any other estimator in a file",
    "_files": "writes pictures and tables whole or not at all",
    "_fingerprints": "tells images that a model was trained on from unseen ones",
    "_image_files": "reads images of any sizes, in parts",
    "_images": "says which shape flat rows are taken for",
    "_parameters": "refuses wrong options before any data are read",
    "_pixels": "inverts within the range that the pixels can have",
    "_sklearn_private": "refuses wrong options before any data are read",
    "_startup": "hides the start-up lines of TensorFlow",
    "_wording": "counts and lists as the messages of the library do",
    "datasets._image_folder": "sees the parts of a folder before it reads one",
    "datasets._npz": "sees the parts of a file before it reads one",
}

# The only modules that import a library; by room where a room has a name for it.
LIBRARIES = {
    "scikeras": {"_scikeras"},
    "tensorflow": {"_adam", "_backends.tensorflow", "_scikeras", "export"},
    "jax": {"_backends.jax"},
    "torch": {"_backends.torch"},
    "tf2onnx": {"export"},
    "onnx": {"export"},
    "ray": {"clusters"},
    "PIL": {"_image_files"},
}
ROOMS_OF_LIBRARIES = {
    "keras": {
        *("estimator", "training", "network", "startup"),
        *("saving", "export", "datasets"),
    },
    "matplotlib": {"display", "cli"},
    "pandas": {"datasets", "inspection", "cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "sklearn": {room for room in ROOMS if room not in {"storage", "startup", "front"}},
}

# Names that a library keeps private, outside of the two rooms with a list of their own
# (the door to scikit-learn and the one to SciKeras): the module, the test that notices
# when the name moves.
PRIVATE_NAMES = {
    "_should_use_adamw": ("_muon", "tests/test_muon.py"),
    "_getframe": ("_pixel_warnings", "tests/test_seen_pixels.py"),
    "_fit_callbacks": ("_keras_callbacks", "tests/test_keras_callbacks.py"),
    "_initial_epoch": ("_keras_callbacks", "tests/test_keras_callbacks.py"),
}

# The test that knows the private names of SciKeras, with their parameters.
CANARY_OF_SCIKERAS = "tests/test_scikeras.py"

# The public methods of a named tuple begin with an underscore.
PUBLIC_IN_SPITE_OF_UNDERSCORE = {"_asdict", "_fields", "_make", "_replace"}

# What asks which backend Keras runs on, outside of skcnn/_network/backends/: `export`
# needs TensorFlow, and the others start a backend or hide it.
ASKS_FOR_A_BACKEND = {"_augment", "_scikeras", "_startup", "export"}

# ---------------------------------------------------------------------------- readers


@dataclass(frozen=True)
class Module:
    """A module of skcnn: its name without "skcnn." and its syntax tree."""

    name: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return room_of(self.name)


def room_of(name: str, rooms: dict[str, tuple] = ROOMS) -> str:
    """Return the room of a module; raise a LookupError unless it is in one."""
    # An exact name comes before a pattern: "_backends" is not in "_backends.*".
    found = [room for room, names in rooms.items() if name in names] or [
        room
        for room, names in rooms.items()
        if any(fnmatchcase(name, pattern) for pattern in names)
    ]
    if len(found) != 1:
        raise LookupError(
            f"skcnn.{name} is in the rooms {found}, but a module is in exactly one. "
            "Say in ROOMS of tests/house.py in which."
        )
    return found[0]


@cache
def modules() -> tuple[Module, ...]:
    """Return all modules of skcnn."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "skcnn"
        found.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


def public_modules() -> list[str]:
    """Return the names of all modules that a user may import."""
    walked = pkgutil.walk_packages(skcnn.__path__, "skcnn.")
    return ["skcnn"] + [
        module.name for module in walked if "._" not in f".{module.name}"
    ]


def public_names() -> Iterator[tuple[str, str, object]]:
    """Return module, name and object of all that the public modules export."""
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in module.__all__:
            yield module_name, name, getattr(module, name)


def imports(tree: ast.AST) -> Iterator[str]:
    """Return the dotted names that a module imports, at its top or inside functions.

    Imports for type checking only are left out: they never run.
    """
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        prefix = "." * tree.level + (tree.module or "")
        yield from (f"{prefix}.{alias.name}" for alias in tree.names)
    elif not (isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(tree):
            yield from imports(child)


def own_imports(tree: ast.AST, known: Iterable[str]) -> set[str]:
    """Return the modules of skcnn that a module imports, without "skcnn."."""
    found = set()
    for name in imports(tree):
        top, _, rest = name.partition(".")
        if top != "skcnn":
            continue
        # The last part is a module or something in one.
        found.add(rest if rest in known else rest.rpartition(".")[0] or "skcnn")
    return found


def libraries(tree: ast.AST) -> set[str]:
    """Return the packages that a module imports."""
    return {name.partition(".")[0] for name in imports(tree)}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_imports(tree: ast.AST, package: str) -> set[str]:
    """Return the names of a package that are private, or lie in a private module."""
    return {
        name.rpartition(".")[2]
        for name in imports(tree)
        if name.partition(".")[0] == package and any(map(is_private, name.split(".")))
    }


def private_attributes(tree: ast.AST) -> set[str]:
    """Return the private attributes that a module reads, also through `getattr`."""
    read = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            read.add(node.attr)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "hasattr")
            and isinstance(node.args[1], ast.Constant)
        ):
            read.add(node.args[1].value)
    return set(filter(is_private, read)) - PUBLIC_IN_SPITE_OF_UNDERSCORE


def definitions(tree: ast.AST) -> set[str]:
    """Return the names that a module gives to functions, classes and attributes."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def methods(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Return class and name of what the classes of a module define."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.FunctionDef):
                    yield node.name, child.name
                elif isinstance(child, ast.Assign):
                    for target in child.targets:
                        if isinstance(target, ast.Name):
                            yield node.name, target.id


def compared_backends(tree: ast.AST) -> set[str]:
    """Return the names of Keras's backends with which a module compares something."""
    backends = {"tensorflow", "jax", "torch"}
    return {
        part.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and part.value in backends
    }
