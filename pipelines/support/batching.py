"""Splits a stream into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
#: Paths handed to a worker at once, and number of such batches that wait for each worker.
BATCH, WAITING = 16, 3


def batches(things: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """``things`` in lists of ``size``, read as they are needed."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch
