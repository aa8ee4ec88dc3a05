"""Progress of work that takes long, told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

#: Called with a number of pictures or files that are done; whatever it raises ends the work.
Advance = Callable[[int], None]


def silent(done: int) -> None:
    """Tell nobody."""
