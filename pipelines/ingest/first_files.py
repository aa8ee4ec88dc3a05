"""Adds a few random pictures of folders to a collection, so that they can be shown before all are inspected."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from ...errors import ImageError
from ...metrics.image import read_content
from ..collection.collection import Collection
from ..collection.png import picture_digest
from .scan import Scan

#: Files among which the pictures are chosen: to list these takes a fraction of a second.
LISTED = 4096


def add_first_pictures(
    collection: Collection, scan: Scan, count: int, rng: np.random.Generator, added: Callable[[], None] = lambda: None
) -> int:
    """Add random pictures of folders; nothing is measured, and what cannot be read is left to the scan of all files."""
    paths = [file.path for file in islice((file for file in scan if not file.sidecar), LISTED)]
    rng.shuffle(paths)
    read = 0
    for path in paths:
        if read >= count:
            break
        with contextlib.suppress(ImageError):
            content = read_content(path)
            height, width = collection.decode(content, path).pixels.shape[:2]
            collection.add_inspected(Path(path), picture_digest(content), width, height)
            read += 1
            added()
    return read
