"""Inspects files inside a worker process."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Protocol

from .look import Inspection, inspect_file

InspectFile = Callable[[str, Sequence[str | None]], Inspection]
#: Seconds that one picture may take.
TIME_LIMIT = 120.0


class Engine(Protocol):
    """Looks at files."""

    def looks(self, paths: Iterable[str], networks: Sequence[str | None] = (None,)) -> Iterator[Inspection]:
        """A look at each path, in any order; few are read ahead of what has been taken.

        Args:
            paths: of the files.
            networks: as for ``inspect_file``.
        """


def fatal(path: str) -> Inspection:
    """The look at a picture that no worker survived."""
    return Inspection(path, problem=f"{path!r} crashed its decoder or took too long: it is left out.")


@cache
def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def inspect_all(
    paths: Sequence[str], networks: Sequence[str | None], limit: float, look: InspectFile = inspect_file
) -> list[Inspection]:
    """Looks at several files in this process, which *ends* if one of them takes longer than ``limit`` seconds."""
    looks = []
    for path in paths:
        # Nothing else ends a decoder that hangs in C code.
        faulthandler.dump_traceback_later(limit, exit=True, file=_nowhere())
        looks.append(look(path, networks))
        faulthandler.cancel_dump_traceback_later()
    return looks


def compute_on_one_core() -> None:
    """Let this process compute in one thread: with as many workers as cores, more would only wait for each other."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
