"""Make ``python -m skcnn`` the same as the ``skcnn`` command."""

import sys

from skcnn._cli import main

if __name__ == "__main__":
    sys.exit(main())
