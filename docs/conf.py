"""How Sphinx builds the documentation; see CONTRIBUTING.md for the command."""

import os
import warnings

import skcnn

project = "skcnn"
author = "The skcnn developers"
copyright = f"2026, {author}"
version = release = skcnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
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
default_role = "literal"  # names in docstrings
toc_object_entries_show_parents = "hide"
autosummary_generate = True
# The numpydoc sections state the types of all parameters; signatures stay short.
autodoc_typehints = "none"
# Members are listed by the template of a class; numpydoc would list them twice.
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "skcnn"
html_static_path = ["_static"]
html_css_files = ["skcnn.css"]
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"}
    | {"text": "skcnn"},
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
    "auto_examples/index": [],
}

# In seconds instead of minutes, the pictures being the same in kind.
os.environ.setdefault("SKCNN_FAST", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Examples on MNIST and CIFAR-10 are shown without output where there are no data.
needs_data = "(?!mnist|cifar10)" if "SKCNN_DATA" not in os.environ else ""
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": f"plot_{needs_data}",
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "plot_gallery": True,
    "abort_on_example_error": True,
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")
