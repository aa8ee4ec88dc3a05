"""Inspects files inside a worker process, with a time limit for each."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Sequence
from functools import cache

from ...metrics.items.combined import ItemKind
from .inspection import Inspection, inspect_file

InspectFile = Callable[[str, Sequence[ItemKind | None]], Inspection]
#: Seconds that one file may take.
TIME_LIMIT = 120.0


def lost_worker(path: str) -> Inspection:
    """The inspection of a file that no worker survived."""
    return Inspection(path, problem=f"Decoding {path!r} crashed or timed out; skipped.")


@cache
def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def inspect_all(
    paths: Sequence[str], kinds: Sequence[ItemKind | None], limit: float, inspect: InspectFile = inspect_file
) -> list[Inspection]:
    """Inspect several files in this process, which *ends* if one of them takes longer than ``limit`` seconds."""
    inspections = []
    for path in paths:
        # Nothing else ends a decoder that hangs in C code.
        faulthandler.dump_traceback_later(limit, exit=True, file=_nowhere())
        inspections.append(inspect(path, kinds))
        faulthandler.cancel_dump_traceback_later()
    return inspections
