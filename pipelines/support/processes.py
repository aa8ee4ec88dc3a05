"""Cores of this machine, and the processes that work on them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

from ...errors import SoartError


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_on_one_core() -> None:
    """Let this process compute in one thread: with as many workers as cores, more would only wait for each other."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def follow_parent() -> None:
    """Let this process ignore Ctrl-C, and end when its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def unknown_engine(name: str) -> SoartError:
    """The error for an engine other than ``local`` and ``ray``."""
    return SoartError(f"Expected an engine among local and ray, got {name!r}.")
