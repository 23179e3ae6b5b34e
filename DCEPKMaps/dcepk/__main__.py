"""``python -m dcepk`` is the command ``dcepk``."""

import sys

from dcepk.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
