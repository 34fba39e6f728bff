"""How Sphinx builds the documentation; see CONTRIBUTING.md for the command."""

import os
import shutil
import sys
import warnings
from pathlib import Path

from sphinx.errors import ConfigError

import skcnn

sys.path.insert(0, os.path.dirname(__file__))  # reference_pages, short_examples

project = "skcnn"
author = "The skcnn developers"
copyright = f"2026, {author}"
version = release = skcnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "reference_pages",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "auto_examples/*.ipynb"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# The Python blocks of a page are run in order, as a notebook, and what they print and
# draw is shown below them. A page whose blocks did not change keeps its results.
nb_custom_formats = {
    ".md": [
        "myst_nb.core.read.read_myst_markdown_notebook",
        {"code_directive": "python", "add_source_map": True},
        False,
    ]
}
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
# The settings of the process that runs the blocks are in this folder.
os.environ["IPYTHONDIR"] = os.path.join(os.path.dirname(__file__), "_ipython")
# The process that runs the blocks shows figures only if MPLBACKEND is not set.
os.environ.pop("MPLBACKEND", None)
default_role = "literal"  # names in docstrings
toc_object_entries_show_parents = "hide"
autosummary_generate = True
# The numpydoc sections state the types of all parameters; signatures stay short.
autodoc_typehints = "none"
# Members are listed by the template of a class; numpydoc would list them twice.
numpydoc_show_class_members = False
autodoc_default_options = {"no-value": True}

html_theme = "pydata_sphinx_theme"
html_title = "skcnn"
html_static_path = ["_static"]
html_css_files = ["skcnn.css"]
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
# What is copied from a code block: without prompts, and without what the code prints.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
# Quotes in types of parameters stay as Python needs them.
smartquotes = False
html_theme_options = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"}
    | {"text": f"skcnn {version}"},
    "navbar_align": "left",
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_sidebars = {
    "index": [],
    "install": [],
    "quickstart": [],
    "glossary": [],
    "auto_examples/index": [],
}

# The gallery is run on few images, in seconds instead of minutes, unless Sphinx is
# called with `-t published`. Only what is built with this tag is fit to be published:
# without it, each page says so in a banner, and a folder "published" is refused.
published = tags.has("published")  # noqa: F821, Sphinx defines it
if not published:
    html_theme_options["announcement"] = (
        "A build for checking: the examples have learned from few images, "
        "so the results in the gallery mean nothing."
    )
# Examples on MNIST and CIFAR-10 are shown without output where there are no data.
with_data = "SKCNN_DATA" in os.environ
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "copyfile_regex": "index.rst",
    "filename_pattern": "plot_" if with_data else "plot_(?!mnist|cifar10)",
    "reset_modules": ("matplotlib",)
    if published
    else ("matplotlib", "short_examples.shorten"),
    "within_subsection_order": "FileNameSortKey",
    "minigallery_sort_order": "short_examples.place",
    "doc_module": ("skcnn",),
    "backreferences_dir": "generated/examples",
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "run_stale_examples": published,  # an example may stay while skcnn changes
    "remove_config_comments": True,
    "plot_gallery": True,
    "abort_on_example_error": True,
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")


def check_folder(app):
    """Refuse to write results of few images where published pages are."""
    if not published and "published" in app.outdir.parts:
        raise ConfigError(
            f"Got the folder {app.outdir}, but this build runs the examples on few "
            "images. Call Sphinx with `-t published`, or choose another folder."
        )


def forget_other_results(app):
    """Delete the gallery of a build with other results, which Sphinx would keep."""
    gallery = Path(app.srcdir, "auto_examples")
    kind = f"published: {published}, with data: {with_data}\n"
    note = gallery / "kind.txt"
    if not note.exists() or note.read_text(encoding="utf-8") != kind:
        shutil.rmtree(gallery, ignore_errors=True)
        gallery.mkdir()
        note.write_text(kind, encoding="utf-8")


def setup(app):
    """Run the checks before sphinx-gallery starts."""
    app.connect("builder-inited", check_folder, priority=1)
    app.connect("builder-inited", forget_other_results, priority=2)
