"""Near-duplicates of a collection, with the user's corrections."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ...errors import CollectionError
from ...metrics.image import read_image
from ...metrics.similarity.comparisons import NO_PAIRS, Comparisons, StoredPairs
from ...metrics.similarity.distinct import Distinct, numbered
from ...metrics.similarity.near_duplicates import METHOD, near_groups, views
from ..collection.collection import Collection
from ..collection.labels import distinct_pictures
from ..collection.pictures import (
    digest_of,
    original_ids,
    perceptual_hashes,
    pixel_counts,
    plain_lossy_ids,
    sha256_by_id,
    small_thumbnails,
    sound_digests,
)
from ..collection.results import store_result, stored_result
from ..collection.thumbnails import SMALL
from .result import Evaluation

#: Pictures whose views are kept at hand while near-duplicates are found.
_VIEWED = 8192
#: Name of the stored comparisons of views, and what they depend on beside the pictures: the method, and the size of the
#: thumbnails.
_COMPARED, _STATE = "compared", hashlib.sha256(f"{METHOD} {SMALL}".encode()).hexdigest()
#: Most pairs that are stored, of 8 bytes each: databases take no value of a gigabyte.
_MOST = 20_000_000


def near_duplicates(
    collection: Collection,
    ids: np.ndarray,
    scores: np.ndarray,
    damaged: np.ndarray,
    distinct: Distinct = MappingProxyType({}),
) -> tuple[np.ndarray, np.ndarray]:
    """Groups (n,) of near-duplicates, −1 for none, and (n,) bool, True for the one to keep of each group.

    The collection keeps the comparisons, so that later calls compare only new pictures. ``ids`` are in the order of
    hashes; ``distinct`` holds corrections by row.
    """
    order = keeping_order(collection, ids, scores, damaged)
    comparisons = _comparisons(collection, ids)
    group = near_groups(
        _hashes(collection, ids), order, _Views(collection, ids), distinct=distinct, comparisons=comparisons
    )
    if comparisons.fresh:
        _store(collection, comparisons)
    return group, best_of_groups(order, group)


def distinct_rows(collection: Collection, place: Mapping[int, int]) -> dict[int, frozenset[int]]:
    """The user's corrections by row of pictures, as far as they are about these; ``place`` gives the rows by id."""
    apart = distinct_pictures(collection)
    by_row = {place[i]: frozenset(place[j] for j in others if j in place) for i, others in apart.items() if i in place}
    return {row: others for row, others in by_row.items() if others}


def corrected(collection: Collection, e: Evaluation) -> Evaluation:
    """The evaluation with those groups divided that hold pictures which the user says are no duplicates."""
    distinct = distinct_rows(collection, e.place)
    wrong = {int(e.group[row]) for row, others in distinct.items() if (e.group[list(others)] == e.group[row]).any()}
    members = np.flatnonzero(np.isin(e.group, sorted(wrong - {-1})))
    if not len(members):
        return e
    local = {row: number for number, row in enumerate(members.tolist())}
    within = {
        local[row]: frozenset(local[other] for other in others if other in local)
        for row, others in distinct.items()
        if row in local
    }
    group, best = near_duplicates(collection, e.ids[members], e.scores[e.main][members], e.damage[members] >= 0, within)
    groups, keep = e.group.copy(), e.best.copy()
    groups[members] = np.where(group >= 0, group + groups.max() + 1, -1)
    keep[members] = best
    return replace(e, group=numbered([number if number >= 0 else None for number in groups.tolist()]), best=keep)


def _hashes(collection: Collection, ids: np.ndarray) -> np.ndarray:
    """Perceptual hashes (n,) uint64 of pictures (n,)."""
    signed = perceptual_hashes(collection, ids.tolist())
    return np.fromiter((signed[image] for image in ids.tolist()), np.int64, len(ids)).view(np.uint64)


def _comparisons(collection: Collection, ids: np.ndarray) -> Comparisons:
    """Earlier comparisons of pictures (n,)."""
    sha256 = sha256_by_id(collection, ids.tolist())
    digests = np.fromiter((digest_of(sha256[image]) for image in ids.tolist()), np.uint64, len(ids))
    return Comparisons(digests, _stored(collection))


def _stored(collection: Collection) -> StoredPairs:
    content = stored_result(collection, _COMPARED, _STATE)
    if content is None:
        return NO_PAIRS
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        alike = np.unpackbits(stored["alike"], count=len(stored["pairs"])).astype(bool)
        return StoredPairs(stored["digests"], stored["pairs"], alike)


def _store(collection: Collection, comparisons: Comparisons) -> None:
    """Store all comparisons, earlier ones too, of pictures that are still there; nothing if they are too many."""
    stored = comparisons.stored().among(sound_digests(collection))
    if len(stored.pairs) > _MOST:
        return
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, digests=stored.digests, pairs=stored.pairs, alike=np.packbits(stored.alike))
    # They only save time, so the evaluation goes on without them.
    with contextlib.suppress(CollectionError):
        store_result(collection, _COMPARED, _STATE, buffer.getvalue())


class _Views:
    """Views of pictures (n,) by their rows, from stored thumbnails; those read last stay in memory."""

    def __init__(self, collection: Collection, ids: np.ndarray) -> None:
        self._collection, self._ids = collection, ids
        self._known: dict[int, np.ndarray] = {}

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        missing = {row: int(self._ids[row]) for row in rows.tolist() if row not in self._known}
        thumbnails = small_thumbnails(self._collection, list(missing.values()))
        self._known |= {row: views(read_image(thumbnails[image]).pixels) for row, image in missing.items()}
        result = np.stack([self._known[row] for row in rows.tolist()])
        for row in list(self._known)[: max(0, len(self._known) - _VIEWED)]:
            del self._known[row]
        return result


def keeping_order(collection: Collection, ids: np.ndarray, scores: np.ndarray, damaged: np.ndarray) -> np.ndarray:
    """Row numbers (n,) in the order in which pictures, given in that of hashes, are worth keeping among near-duplicates."""
    # Pixels and format come before the score, because what was lost cannot be regained.
    pixels, originals = pixel_counts(collection, ids.tolist()), original_ids(collection, ids.tolist())
    size = np.array([pixels[i] for i in ids.tolist()], dtype=np.int64)
    copy = np.array([i not in originals for i in ids.tolist()], dtype=bool)
    plain_lossy = plain_lossy_ids(collection, ids.tolist())
    lossy = np.array([i in plain_lossy for i in ids.tolist()], dtype=bool)
    return np.lexsort((np.arange(len(ids)), -scores, lossy, -size, damaged, copy))


def best_of_groups(order: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Choose the picture to keep of each group of near-duplicates: (n,) bool, True for the first in ``order`` (n,)."""
    best = np.zeros(len(group), bool)
    members = order[group[order] >= 0]
    best[members[np.unique(group[members], return_index=True)[1]]] = True
    return best
