"""Engines by name."""

from __future__ import annotations

from ..support.ray_cluster import unknown_engine
from .local_engine import LocalEngine
from .worker import Engine


def engine_named(name: str, workers: int | None = None) -> Engine:
    """The engine of a name, with a number of workers or its own choice.

    Raises:
        SoartError: there is none of that name, or what it needs is not installed.
    """
    if name == "local":
        return LocalEngine(workers)
    if name == "ray":
        from .ray_engine import RayEngine

        return RayEngine(workers)
    raise unknown_engine(name)
