"""The ``skcnn`` command and ``python -m skcnn``, which are the same."""

import signal
import sys


def main():
    """Run the command line; Ctrl-C is one line, from the first import to the end."""
    try:
        from skcnn._cli import main as run

        code = run()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        code = 130
    # What is left is Python's own end, in which an exception would be a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    sys.exit(main())
