"""``python -m netsurf``: the same as the ``netsurf`` command."""

import sys

from netsurf.cli import main

if __name__ == "__main__":
    sys.exit(main())
