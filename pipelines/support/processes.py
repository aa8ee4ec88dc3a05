"""Cores of this machine, and the processes that work on them."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from functools import cache
from pathlib import Path

from ...errors import SoartError

#: Parameters of glibc's ``mallopt``, from its ``malloc.h``.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Bytes up to which an allocation comes from the heap, and bytes that may lie free at the heap's end.
_LARGEST_IN_HEAP, _KEPT = 32 * 2**20, 256 * 2**20


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_on_one_core() -> None:
    """Let this process compute in one thread: with as many workers as cores, more would only wait for each other."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def keep_freed_memory() -> bool:
    """Let this process keep memory that it frees for the next picture; for processes of soart's own, never a host's.

    By default glibc returns the planes of a picture and the layers of a network, megabytes each, to the system, which
    fills every page with zeros when it comes again: a quarter of the time of a network. Up to 256 MiB more than needed
    stay with the process. Returns False where the C library is not glibc.
    """
    try:
        library = ctypes.CDLL(None)
        # Other C libraries have no mallopt, or take its parameters and do nothing.
        if not hasattr(library, "gnu_get_libc_version"):
            return False
        return bool(library.mallopt(_MMAP_THRESHOLD, _LARGEST_IN_HEAP) and library.mallopt(_TRIM_THRESHOLD, _KEPT))
    # Windows has no library of the process itself; a Python without shared libraries opens none.
    except (OSError, TypeError, AttributeError):
        return False


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


@cache
def _system() -> str:
    """Name of this running system and its processes; empty where it cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the system did; None if there is none, or if it is only still listed."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else fields[18]


def process_identity() -> str:
    """A name of this process that no other one has, on any machine, at most 90 characters; see ``has_ended``."""
    return f"{_system()}/{os.getpid()}/{_started(os.getpid()) or ''}"


def has_ended(identity: str) -> bool:
    """True if a process of this running system has ended; False if it runs, or if that cannot be told from here."""
    system, _, rest = identity.rpartition("/")[0].rpartition("/")
    started = identity.rpartition("/")[2]
    return (
        bool(system) and system == _system() and rest.isdecimal() and bool(started) and _started(int(rest)) != started
    )
