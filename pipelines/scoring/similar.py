"""Finds pictures like those that the user names: more like this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...errors import CollectionError, ImageError
from ...metrics.image import read_content, read_image
from ...metrics.items.combined import taste_extractor
from ...metrics.protocols import Measurer
from ...metrics.similarity.neighbours import likeness
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..ingest.scan import find_pictures
from ..support.progress import Advance, silent
from .likeness_index import LikenessIndex
from .measuring import measure, open_pictures

#: Share of the pictures that must have a network's items for these to be used.
NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class SimilarPicture:
    """A picture like the named ones."""

    place: int
    row: ImageRow
    path: Path
    likeness: float  # mean cosine of the items, −1…1


def by_likeness(collection: Collection, ids: Sequence[int], image: int) -> list[int]:
    """Sort pictures of a collection by likeness to one of them, by stored items alone; it comes first itself.

    Items of a network are used if nearly all pictures have them. Pictures without the used items come last.
    """
    names, plain = taste_extractor().names, taste_extractor().version
    versions = [v for v in collection.item_versions(image) if v == plain or v.startswith(f"{plain}+deep")]
    if not versions:
        raise CollectionError("This picture is not measured yet: choose Score all pictures first.")
    # Counting is a third of the time of a search.
    measured = cache(collection.measured)
    enough = NEARLY_ALL * measured(plain)[0]
    # Those of a network first: their versions are longer.
    for version in sorted(versions, key=len, reverse=True):
        if measured(version)[0] >= enough:
            break
    width = len(collection.items(version, [image])[image])
    columns = [*names, *(f"deep/{column}" for column in range(width - len(names)))]
    index = LikenessIndex.of(collection, version, columns, measured(version))
    pictures = np.array([number for number in ids if number != image], dtype=np.int64)
    rows, (example,) = index.rows(pictures), index.rows(np.array([image]))
    alike = np.where(rows >= 0, index.likeness(int(example))[rows], -np.inf)
    return [image, *pictures[np.argsort(-alike, kind="stable")].tolist()]


def check_liked(liked: Sequence[Path]) -> None:
    """Check that one of the liked pictures can be read, before hundreds of others are."""
    files, problems = find_pictures(liked)
    for file in files:
        try:
            read_image(read_content(file), label=str(file))
        except ImageError as error:
            problems.append(str(error))
        else:
            return
    raise CollectionError(" ".join(problems) or "Name a picture to compare with.")


def similar(
    collection: Collection,
    rows: Sequence[ImageRow],
    liked: Sequence[Path],
    measurer: Measurer,
    progress: Advance = silent,
) -> tuple[list[SimilarPicture], list[str]]:
    """Sort pictures by likeness to liked ones, the most alike first; the liked ones themselves are left out."""
    examples, named, problems = open_pictures(list(liked), measurer)
    with examples:
        known, unreadable = measure(examples, named, measurer)
    if not known:
        raise CollectionError(" ".join([*problems, *unreadable]) or "Name a picture to compare with.")
    shown = {row.sha256 for row in named}
    sound = [row for row in rows if not row.problem and row.sha256 not in shown]
    items, missing = measure(collection, sound, measurer, progress=progress)
    sound = [row for row in sound if row.id in items]
    if not sound:
        return [], [*problems, *unreadable, *missing]
    alike = likeness(
        np.stack([items[row.id] for row in sound]), np.stack(list(known.values())), measurer.extractor.names
    )
    found = [
        SimilarPicture(place, sound[i], collection.locate(sound[i]), float(alike[i]))
        for place, i in enumerate(np.argsort(-alike, kind="stable"), start=1)
    ]
    return found, [*problems, *unreadable, *missing]
