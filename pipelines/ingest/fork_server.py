"""The process that workers are forked from.

It imports once what all of them need, which takes two seconds. So a command that will measure pictures starts it before its
own imports, and both import at once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from pathlib import Path

from ..collection.names import DATABASE
from ..support.processes import cores
from .default_places import memory_path

#: Modules that workers need, by their names in the package.
_NEEDED = ("pipelines.ingest.inspection", "metrics.items.deep", "metrics.items.planes", "metrics.items.views")
#: Files from which on starting processes pays.
MANY = 32


def context() -> BaseContext:
    """The way in which worker processes start."""
    # A server that has imported everything once makes new workers at once; never fork a process that has threads.
    if "forkserver" in multiprocessing.get_all_start_methods():
        forking = multiprocessing.get_context("forkserver")
        package = __package__.split(".")[0]
        # OpenCV is passed over where it is not installed.
        forking.set_forkserver_preload([*(f"{package}.{name}" for name in _NEEDED), "cv2"])
        return forking
    return multiprocessing.get_context("spawn")


def start_for(paths: Sequence[str]) -> None:
    """Start the process and let it import, if a user names many files, or folders of many, of which nothing is stored yet.

    A command calls this before it imports what measures pictures. Nothing happens with a single core, on Windows, or if
    the process cannot be started; the workers will say why.
    """
    if context().get_start_method() == "forkserver" and cores() > 1 and look_new([Path(path) for path in paths]):
        from multiprocessing.forkserver import ensure_running

        with contextlib.suppress(OSError), later_interrupted():
            ensure_running()


def look_new(paths: Sequence[Path]) -> bool:
    """True if there are many files, and nothing that was measured of them is stored; False for collections."""
    if not paths:
        return False
    try:
        known = memory_path(paths).exists() or any((path / DATABASE).exists() for path in paths)
        return not known and len([*islice(_files(paths), MANY)]) == MANY
    # Names that no file can have; the command says so.
    except (OSError, ValueError):
        return False


def _files(paths: Sequence[Path]) -> Iterator[object]:
    """As many things as there are files, pictures or not, in files and folders."""
    for path in paths:
        if path.is_dir():
            for _, _, names in os.walk(path):
                yield from names
        elif path.exists():
            yield path


@contextmanager
def later_interrupted() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block: processes that are starting would print tracebacks."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not None
    if not (ours and hasattr(signal, "pthread_sigmask")):
        yield
        return
    # Starting the tracker lets Ctrl-C through, so that comes first. What is blocked here is blocked in new processes.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Another thread of this process may still take it.
    pressed = threading.Event()
    handler = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if pressed.is_set():
        signal.raise_signal(signal.SIGINT)
