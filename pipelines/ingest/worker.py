"""Inspects files inside a worker process, with a time limit for each."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ...metrics.items.combined import ItemKind
from .inspection import FileToInspect, Inspection, inspect_file

#: Functions of one's own may take paths alone, which are all that a collection without stored items sends.
InspectFile = Callable[[Any, Sequence[ItemKind | None]], Inspection]
#: Seconds that one file may take.
TIME_LIMIT = 120.0


def lost_worker(file: FileToInspect) -> Inspection:
    """The inspection of a file that no worker survived."""
    path = os.fspath(file)
    return Inspection(path, problem=f"Decoding {path!r} crashed or timed out; skipped.")


@cache
def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def inspect_all(
    files: Sequence[FileToInspect], kinds: Sequence[ItemKind | None], limit: float, inspect: InspectFile = inspect_file
) -> list[Inspection]:
    """Inspect several files in this process, which *ends* if one of them takes longer than ``limit`` seconds."""
    inspections = []
    for file in files:
        # Nothing else ends a decoder that hangs in C code.
        faulthandler.dump_traceback_later(limit, exit=True, file=_nowhere())
        inspections.append(inspect(file, kinds))
        faulthandler.cancel_dump_traceback_later()
    return inspections
