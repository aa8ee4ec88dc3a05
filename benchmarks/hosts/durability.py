"""Measures the cost of ratings that survive a power cut.

    python benchmarks/hosts/durability.py [-n 300] [--folder DIR]

Ratings of single pictures are stored in a collection, as the gallery stores them, in turn with and without waiting for
the disk. DIR says which disk; by default that of temporary files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate


class Hasty(Collection):
    """A collection that never waits for the disk."""

    def session(self, action: str, *, write: bool = False, durable: bool = False) -> AbstractContextManager[Session]:
        """A session as before soart waited for the disk."""
        return super().session(action, write=write)


def seconds_of(collections: dict[str, Collection], count: int) -> Iterator[tuple[str, float]]:
    """Name of the collection and seconds of each rating, in turn."""
    for number in range(count):
        for name, collection in collections.items():
            begin = time.perf_counter()
            rate(collection, "me", {1: 1 + number % 5})
            yield name, time.perf_counter() - begin


def main() -> None:
    """Print medians and 95th percentiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=300, help="ratings of each kind")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=arguments.folder) as folder,
        Collection(Path(folder, "durable")) as durable,
        Hasty(Path(folder, "hasty")) as hasty,
    ):
        for collection in (durable, hasty):
            collection.add_inspected(Path(folder, "a.png"), "0" * 64, 8, 8)
        times: dict[str, list[float]] = {}
        for name, seconds in seconds_of({"on the disk": durable, "not waited for": hasty}, arguments.n):
            times.setdefault(name, []).append(1000 * seconds)
    print("| rating | median | 95th percentile |\n|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {np.median(values):.1f} ms | {np.percentile(values, 95):.1f} ms |")


if __name__ == "__main__":
    main()
