"""Measures the items of pictures, and stores them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...errors import CollectionError, ImageError
from ...metrics.image import read_image
from ...metrics.protocols import Measurer
from ..collection.address import address_of, is_url
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..ingest.scan import find_pictures
from .taste_scorer import TasteScorer

#: Items are stored after this many pictures, so that a killed run loses no more.
_STORE_EVERY = 32


def measure(
    collection: Collection,
    rows: Sequence[ImageRow],
    scorer: Measurer,
    pixels: dict[int, np.ndarray] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Items of ``rows``: those stored, and the rest measured from ``pixels`` or the file, and stored.

    Returns:
        items by picture id, and a sentence for each picture that could not be read.
    """
    version = scorer.extractor.version
    items = collection.items(version, [row.id for row in rows])
    fresh: dict[int, np.ndarray] = {}
    problems = []
    for row in rows:
        if row.id not in items:
            try:
                decoded = (pixels or {}).get(row.id)
                image = decoded if decoded is not None else read_image(collection.locate(row)).pixels
                # As stored, so that a score does not depend on whether its items came from the store.
                items[row.id] = fresh[row.id] = scorer.extractor.extract(image)[0].astype(np.float32)
            except ImageError as error:
                problems.append(str(error))
        if len(fresh) >= _STORE_EVERY:
            collection.add_items(version, fresh)
            fresh = {}
        progress()
    collection.add_items(version, fresh)
    return items, problems


def import_pictures(
    collection: Collection, files: Sequence[Path], scorer: Measurer, progress: Callable[[], None] = lambda: None
) -> tuple[list[ImageRow], list[str]]:
    """Refer to ``files`` where they lie, and measure them while they are decoded.

    Returns:
        a row for each different picture, and a sentence for each file that is unreadable or the same as an earlier one.
    """
    rows: dict[int, ImageRow] = {}
    problems = []
    for file in files:
        try:
            row, picture = collection.add_file(file)
        except ImageError as error:
            problems.append(str(error))
        else:
            if row.id in rows:
                problems.append(f"{str(file)!r} is the same file as {rows[row.id].path!r}: ranked once.")
            rows.setdefault(row.id, row)
            if picture is not None:
                measure(collection, [row], scorer, {row.id: picture.pixels})
        progress()
    return list(rows.values()), problems


def measure_sound(
    collection: Collection, rows: Sequence[ImageRow], scorer: TasteScorer, progress: Callable[[], None] = lambda: None
) -> tuple[list[ImageRow], np.ndarray, list[str]]:
    """The sound pictures among ``rows``, their (n, p) items, and a sentence for each that cannot be read."""
    sound = [row for row in rows if not row.problem]
    items, problems = measure(collection, sound, scorer, progress=progress)
    kept = [row for row in sound if row.id in items]
    matrix = np.stack([items[row.id] for row in kept]) if kept else np.zeros((0, len(scorer.extractor.names)))
    return kept, matrix.astype(np.float64), problems


def existing_collection(where: Path | str) -> Collection:
    """The collection in a folder or a database; unlike ``Collection(where)`` it makes none.

    Raises:
        CollectionError: there is none.
    """
    if not Collection.is_collection(where):
        raise CollectionError(f"{address_of(where).name!r} is no collection: generate pictures into one first.")
    return Collection(where)


def open_pictures(
    paths: Sequence[Path | str],
    measurer: Measurer,
    progress: Callable[[], None] = lambda: None,
    found: Callable[[int], None] = lambda n: None,
) -> tuple[Collection, list[ImageRow], list[str]]:
    """The pictures named: of the collection that is named, or in one in memory; to be closed by the caller.

    Returns:
        the collection, its pictures, and a sentence for each file that cannot be used.

    Raises:
        CollectionError: a URL among several paths, or of no collection.
    """
    if any(map(is_url, paths)) and len(paths) > 1:
        raise CollectionError("A collection named by a URL stands alone: name it without other pictures.")
    if len(paths) == 1 and (is_url(paths[0]) or Collection.is_collection(paths[0])):
        collection = existing_collection(paths[0])
        return collection, collection.images(), []
    files, problems = find_pictures([Path(path) for path in paths])
    found(len(files))
    collection = Collection(None)
    rows, unreadable = import_pictures(collection, files, measurer, progress)
    return collection, rows, problems + unreadable
