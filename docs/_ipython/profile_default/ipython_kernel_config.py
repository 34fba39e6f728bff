"""How the Python blocks of the pages run; docs/conf.py names this folder."""

c = get_config()  # noqa: F821 (IPython defines it)

# A page shows what its code prints, as a script does, but no values of expressions.
c.InteractiveShell.ast_node_interactivity = "none"
c.HistoryManager.enabled = False
# What TensorFlow's C++ code writes while it starts goes to the terminal of the build.
c.IPKernelApp.capture_fd_output = False
c.IPKernelApp.log_level = "ERROR"
# Warnings without the path of a temporary file, and no notes of TensorFlow's logger.
c.IPKernelApp.exec_lines = [
    "import logging, warnings",
    # A filter, because TensorFlow sets the level of its logger when it is imported.
    "logging.getLogger('tensorflow').addFilter(lambda record: record.levelno >= 40)",
    "warnings.formatwarning = lambda m, c, *_, **__: f'{c.__name__}: {m}\\n'",
    "del logging, warnings",
]
