"""Pictures by their ids, read in blocks, so that any number of ids can be looked up."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import ColumnElement, Select, func, not_, or_, select, update

from ...files import leads_out
from ..support.batching import batches
from .collection import Collection
from .storage import limits
from .tables import AWAY, HERE, MISSING, FingerprintRow, GenerationRow, ImageRow, MetadataRow

T = TypeVar("T")
#: Rows read or written in one query.
_BLOCK = 1000
#: Formats whose files hold every pixel as it was saved; those of WebP, AVIF and JPEG XL may, and do not say so.
_LOSSLESS = ("PNG", "TIFF", "BMP", "PPM", "TGA")


def _pairs(collection: Collection, query: Select[int, T], ids: Sequence[int]) -> dict[int, T]:
    """Return the pairs of a query for the pictures named, whose id is its first column."""
    key, pairs = query.selected_columns[0], dict[int, T]()
    with collection.session("be read") as session:
        for block in batches(ids, _BLOCK):
            pairs.update(session.execute(query.where(key.in_(block))).all())
    return pairs


def sha256_by_id(collection: Collection, ids: Sequence[int]) -> dict[int, str]:
    """Return the SHA-256 of pictures, by id."""
    return _pairs(collection, select(ImageRow.id, ImageRow.sha256), ids)


def sound_digests(collection: Collection) -> np.ndarray:
    """Return the first 64 bits of the SHA-256 (n,) uint64 of the pictures without a problem whose files are not missing."""
    query = select(ImageRow.sha256).where(ImageRow.problem.is_(None), HERE).execution_options(yield_per=_BLOCK)
    with collection.session("be read") as session:
        return np.fromiter((digest_of(sha256) for sha256 in session.scalars(query)), np.uint64)


def digest_of(sha256: str) -> int:
    """The first 64 bits of a hash in hexadecimal digits."""
    return int(sha256[:16], 16)


def pixel_counts(collection: Collection, ids: Sequence[int]) -> dict[int, int]:
    """Return the number of pixels of pictures, by id."""
    return _pairs(collection, select(ImageRow.id, ImageRow.width * ImageRow.height), ids)


def original_ids(collection: Collection, ids: Sequence[int]) -> set[int]:
    """Return those of some pictures whose file is lossless and says how it was made, as generators write it and few copies do."""
    return set(_pairs(collection, _formats().where(_made(), FingerprintRow.format.in_(_LOSSLESS)), ids))


def plain_lossy_ids(collection: Collection, ids: Sequence[int]) -> set[int]:
    """Return those of some pictures whose file is lossy and does not say how it was made, as most copies saved anew."""
    return set(_pairs(collection, _formats().where(not_(_made()), FingerprintRow.format.not_in(_LOSSLESS)), ids))


def _formats() -> Select[int, str]:
    return select(ImageRow.id, FingerprintRow.format).join(FingerprintRow, FingerprintRow.image_id == ImageRow.id)


def _made() -> ColumnElement[bool]:
    """True for pictures of which it is known how they were made."""
    return or_(ImageRow.id.in_(select(MetadataRow.image_id)), ImageRow.id.in_(select(GenerationRow.image_id)))


def perceptual_hashes(collection: Collection, ids: Sequence[int]) -> dict[int, int]:
    """Return the 64-bit perceptual hashes of pictures as signed numbers, by id."""
    return _pairs(collection, select(FingerprintRow.image_id, FingerprintRow.phash), ids)


def small_thumbnails(collection: Collection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the thumbnails that a scan made of pictures, as JPEG, by id."""
    return _pairs(collection, select(FingerprintRow.image_id, FingerprintRow.thumbnail), ids)


def known_ids(collection: Collection, ids: Iterable[int]) -> list[int]:
    """Return those of some picture ids that are in the collection, each once, in their order."""
    unique = list(dict.fromkeys(ids))
    known = _pairs(collection, select(ImageRow.id, ImageRow.id), unique)
    return [image for image in unique if image in known]


def images_by_id(collection: Collection, ids: Sequence[int]) -> dict[int, ImageRow]:
    """Return pictures by id; those that are not there are left out."""
    rows: dict[int, ImageRow] = {}
    with collection.session("be read") as session:
        for block in batches(ids, _BLOCK):
            rows.update({row.id: row for row in session.scalars(select(ImageRow).where(ImageRow.id.in_(block)))})
    return rows


def count_sound_pictures(collection: Collection) -> int:
    """Return the number of pictures without a problem whose files are not missing."""
    query = select(func.count()).select_from(ImageRow).where(ImageRow.problem.is_(None), HERE)
    with collection.session("be read") as session:
        return session.scalar(query) or 0


def newest_id(collection: Collection) -> int:
    """Return the highest id of all pictures, which grows with each that is added; 0 without pictures."""
    with collection.session("be read") as session:
        return session.scalar(select(func.max(ImageRow.id))) or 0


def ids_without_files(collection: Collection) -> set[int]:
    """Return the ids of the pictures of which scans have missed all files."""
    with collection.session("be read") as session:
        return set(session.scalars(select(ImageRow.id).where(MISSING)))


def hidden_ids(collection: Collection, ids: Sequence[int] | None = None) -> set[int]:
    """Return the ids of the pictures, by default among all, that may not be shown now; see ``show_within``.

    A picture is hidden if a link out of the folders leads to it, or to the file beside it that says how it was made.
    """
    folders = limits()
    if folders is None:
        return set()
    home, led_out = collection.folder or Path(), cache(partial(leads_out, folders=folders))

    def is_hidden(path: str, source: str | None) -> bool:
        # An absolute path stays as it is.
        place = home / path
        kind, _, name = (source or "").partition(":")
        beside = [place.parent / name, place.parent.parent / name] if kind in ("sidecar", "table") else []
        # Unlike Path.is_symlink it does not fail in a folder out of reach.
        return led_out(place.parent) or any(os.path.islink(one) and led_out(one) for one in (place, *beside))  # noqa: PTH114

    query = select(ImageRow.id, ImageRow.path, MetadataRow.source)
    query = query.outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id).execution_options(yield_per=_BLOCK)
    hidden = set()
    with collection.session("be read") as session:
        for some in [None] if ids is None else batches(ids, _BLOCK):
            rows = session.execute(query if some is None else query.where(ImageRow.id.in_(some)))
            hidden |= {image for image, path, source in rows if is_hidden(path, source)}
    return hidden


def ids_moved_away(collection: Collection) -> set[int]:
    """Return the ids of the pictures that are marked as moved away."""
    with collection.session("be read") as session:
        return set(session.scalars(select(ImageRow.id).where(ImageRow.problem == AWAY)))


def sound_or_moved_away(collection: Collection, ids: Sequence[int]) -> Iterator[ImageRow]:
    """Yield those of some pictures that are sound, or whose only problem is that they were moved away."""
    query = select(ImageRow).where(or_(ImageRow.problem.is_(None), ImageRow.problem == AWAY))
    for block in batches(ids, _BLOCK):
        with collection.session("be read") as session:
            rows = session.scalars(query.where(ImageRow.id.in_(block))).all()
        yield from rows


def update_pictures(collection: Collection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Change columns of pictures; every change is a row's ``id`` and its new values by column."""
    for block in batches(changes, _BLOCK):
        with collection.session("be written", write=True) as session:
            session.execute(update(ImageRow), block)
