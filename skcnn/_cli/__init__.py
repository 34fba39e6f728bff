"""The ``skcnn`` command.

Libraries other than click are imported inside the commands, so that --help answers at
once.
"""

import click

from skcnn import __version__
from skcnn._cli._evaluate import evaluate
from skcnn._cli._predict import predict
from skcnn._cli._terminal import (
    discard_unwritten,
    interrupts,
    one_line,
    standard_streams,
    warnings_in_one_line,
)
from skcnn._cli._train import train


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
        return 130 if interrupted else code


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli():
    """Train convolutional networks as scikit-learn classifiers, and use them.

    \b
    Examples:
      skcnn train digits                       needs no download
      skcnn train mnist --preset fast -o mnist.skcnn
      skcnn evaluate mnist.skcnn mnist --pictures pictures
      skcnn predict mnist.skcnn scan1.png scan2.png

    \b
    Kaggle's digit-recognizer:
      skcnn train train.csv -o digits.skcnn
      skcnn predict digits.skcnn test.csv --submission submission.csv

    Results go to stdout, everything else to stderr. "skcnn COMMAND --help" lists the
    options of a command. Exit codes: 0 success, 1 failure, 2 wrong usage, 130
    interrupted.
    """  # noqa: D301 (click reads the \b: keep these lines as they are)


for command in (train, evaluate, predict):
    cli.add_command(command)
