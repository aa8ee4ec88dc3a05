"""Starts the command line; a module of its own, so that Ctrl-C ends even its imports without a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Import the command line and run it, see ``app.main``."""
    try:
        from .app import main as run

        run()
    except KeyboardInterrupt:
        # During imports stderr may be closed, and nothing of this package can be relied upon.
        if sys.stderr is not None:
            print("Interrupted.", file=sys.stderr)
        sys.exit(130)
