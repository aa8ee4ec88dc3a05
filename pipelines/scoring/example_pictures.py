"""Finds the pictures that a taste gives as reasons: in a collection, or else where they were when it was learnt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ...errors import ImageError
from ...files import read_regular
from ...metrics.image import read_image
from ...metrics.protocols import Example, Reason
from ..collection.collection import Collection
from ..collection.queries import rows_by_hash
from ..collection.thumbnails import SMALL, encode_thumbnail, thumbnail


def examples_of(reasons: Iterable[Reason]) -> dict[str, Example]:
    """The examples of reasons by the start of their hash, each once."""
    return {example.picture: example for reason in reasons for example in reason.examples}


def example_thumbnails(reasons: Iterable[Reason], collection: Collection | None = None) -> dict[str, bytes]:
    """JPEG thumbnails of the examples of reasons by the start of their hash; those that cannot be found any more are missing."""
    examples, found = examples_of(reasons), dict[str, bytes]()
    rows = rows_by_hash(collection, [*examples]) if collection is not None and examples else {}
    for start, example in examples.items():
        try:
            if collection is not None and start in rows:
                found[start] = thumbnail(collection, rows[start], SMALL)
            elif picture := _of_file(example):
                found[start] = picture
        except ImageError:
            # It is gone: its name is said.
            continue
    return found


def _of_file(example: Example) -> bytes:
    """The thumbnail of an example from its file; nothing if that is gone or holds something else by now."""
    path = Path(example.file)
    if not path.is_absolute() or not path.is_file():
        return b""
    try:
        content = read_regular(path)
    except OSError:
        return b""
    if not hashlib.sha256(content).hexdigest().startswith(example.picture):
        return b""
    return encode_thumbnail(read_image(content).pixels, SMALL)
