"""Engines: worker processes on this machine or a Ray cluster, chosen by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ...metrics.items.combined import ItemKind
from ..support.processes import unknown_engine
from .inspection import FileToInspect, Inspection


class Engine(Protocol):
    """Inspects files in worker processes.

    A file that crashes its worker, or takes too long, loses only that worker: it is reported with a problem, and all
    other files are inspected.
    """

    def inspect(
        self, files: Iterable[FileToInspect], kinds: Sequence[ItemKind | None] = (None,), /
    ) -> Iterator[Inspection]:
        """The inspection of each file, in any order, with ``kinds`` as for ``inspect_file``; few files are read ahead."""


def engine_named(name: str, workers: int | None = None) -> Engine:
    """The engine ``local`` or ``ray``, by default with as many workers as it chooses itself."""
    if name == "local":
        from .local_engine import LocalEngine

        return LocalEngine(workers)
    if name == "ray":
        from .ray_engine import RayEngine

        return RayEngine(workers)
    raise unknown_engine(name)
