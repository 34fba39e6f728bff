"""The ``skcnn`` command.

Each command is a module, which is imported when the command is asked for, and imports
libraries other than click inside its functions, so that --help answers at once.
"""

from importlib import import_module

import click

from skcnn import __version__
from skcnn._cli._terminal import (
    did_you_mean,
    discard_unwritten,
    interrupts,
    one_line,
    standard_streams,
    warnings_in_one_line,
)

COMMANDS = ("train", "evaluate", "predict", "info", "export", "label-issues")


def main(args=None):
    """Run the ``skcnn`` command.

    Parameters
    ----------
    args : list of str, default=None
        The command line without the program's name; None takes it from `sys.argv`.

    Returns
    -------
    int
        The exit code: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
    """
    with standard_streams(), warnings_in_one_line(), interrupts() as interrupted:
        try:
            # With standalone_mode, click would end an interrupted run with exit code 1.
            code = cli.main(args, prog_name="skcnn", standalone_mode=False) or 0
        except click.ClickException as error:
            code = error.exit_code
            if not interrupted:
                error.show()
        except (click.Abort, KeyboardInterrupt):
            code = 130
            click.echo("Interrupted.", err=True)
        except SystemExit as error:  # raised by click if a pipe has no reader
            code = error.code
        except OSError as error:  # raised by --help; commands raise ClickException
            code = 1
            click.echo(f"Error: {one_line(error.strerror or str(error))}.", err=True)
        if discard_unwritten() and not code:
            code = 1
        return 128 + interrupted[0] if interrupted else code


class _Commands(click.Group):
    """A group of commands that are imported when they are asked for."""

    def list_commands(self, ctx):
        """Return the names of all commands, in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx, cmd_name):
        """Return a command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        return getattr(import_module(f"skcnn._cli._{name}"), name)

    def resolve_command(self, ctx, args):
        """Return the command that was typed, or say which was perhaps meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli():
    """Train convolutional networks as scikit-learn classifiers, and use them.

    \b
    Examples:
      skcnn train digits                       needs no download
      skcnn train mnist --preset fast -o mnist.skcnn
      skcnn evaluate mnist.skcnn mnist --pictures pictures
      skcnn predict mnist.skcnn scan1.png scan2.png
      skcnn info mnist.skcnn

    \b
    Kaggle's digit-recognizer:
      skcnn train train.csv -o digits.skcnn
      skcnn predict digits.skcnn test.csv --submission submission.csv

    Results go to stdout, everything else to stderr. "skcnn COMMAND --help" lists the
    options of a command. Exit codes: 0 success, 1 failure, 2 wrong usage, 130
    interrupted.
    """  # noqa: D301 (click reads the \b: keep these lines as they are)
