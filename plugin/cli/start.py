"""Starts the command line; a module of its own, so that Ctrl-C ends even its imports without a traceback."""

from __future__ import annotations

import atexit
import gc
import signal
import sys

#: Exit code after Ctrl-C.
INTERRUPTED = 130


def main() -> None:
    """Import the command line and run it, see ``app.main``."""
    # Python looks through every object for cycles before it ends, which takes half a second with PyTorch: leave them.
    atexit.register(gc.freeze)
    try:
        from .app import main as run

        run()
    except KeyboardInterrupt:
        _ignore_interrupts()
        # During imports stderr may be closed, and nothing of this package can be relied upon.
        if sys.stderr is not None:
            print("Interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _ignore_interrupts()
        raise


def _ignore_interrupts() -> None:
    """Ignore Ctrl-C from here on: pressed again while Python ends, it would end the program by the signal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
