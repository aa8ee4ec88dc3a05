"""Evaluates a collection: scores, damage, outliers, parts and near-duplicates.

Items are read in blocks, and only a few numbers of each picture stay in memory, so that memory hardly grows with the
collection. The unit space of the collection is learnt from a sample, drawn by content hash: the same pictures give
the same sample, whatever their names and ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError
from ...metrics.checks import settled
from ...metrics.damage.fitness import why_unfit
from ...metrics.damage.names import FAULTS_VERSION, OVERALL, STORED_TECHNICAL
from ...metrics.damage.technical import TechnicalJudge, detectors, suspected
from ...metrics.damage.titles import JudgeKey, Kind
from ...metrics.items.combined import taste_extractor
from ..collection.collection import Collection
from ..collection.files import sound_image_ids
from ..collection.results import replace_scores, store_changed_scores, store_result, stored_result
from ..collection.score_statistics import digest_of_settings
from ..support.progress import Advance, silent
from .contents import COLOURS, colours_of, face_counts, find_parts
from .correlates import find_associations, find_trends
from .near_duplicates import corrected, near_duplicates
from .result import Evaluation

if TYPE_CHECKING:
    from ...metrics.similarity.outliers import SampleOverview

#: Pictures from which the unit space of the collection is learnt, and pictures handled at once.
SAMPLE, BLOCK = 4096, 1024
#: Increased whenever evaluations change their meaning, so that stored ones are made anew.
_VERSION = "14"


def _blocks(collection: Collection, version: str, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the place of each block of pictures in ``ids`` (n,), and their items (b, p) float64."""
    for start in range(0, len(ids), BLOCK):
        block = ids[start : start + BLOCK].tolist()
        items = collection.items(version, block)
        yield slice(start, start + len(block)), np.stack([items[i] for i in block]).astype(np.float64)


def items_of(collection: Collection, version: str, ids: np.ndarray) -> np.ndarray:
    """Items (n, p) float64 of (n,) pictures that have all been measured."""
    return np.concatenate([items for _, items in _blocks(collection, version, ids)])


def fingerprint(collection: Collection, scan_number: int, ids: np.ndarray, main: str, values: np.ndarray) -> str:
    """Hash of the pictures (n,) of a scan, of settings and faces, of the main values (n,), and of versions of the damage."""
    digest = hashlib.sha256(f"{_VERSION} {SAMPLE} {STORED_TECHNICAL} {FAULTS_VERSION} {main}".encode() + ids.tobytes())
    digest.update(digest_of_settings(collection, scan_number) + values.tobytes())
    return digest.hexdigest()


def evaluate(
    collection: Collection, scan_number: int, main: str, values: np.ndarray, progress: Advance = silent
) -> Evaluation:
    """Evaluate the pictures that a scan saw: by the main judge, the technical score and the detectors of damage.

    A stored evaluation of the same pictures, with the same settings and main values, is reused. The user's corrections
    of near-duplicates count at once; stored evaluations hold none of them.

    ``values`` are those of the main judge (n,) for the sound pictures of the scan, in their order; NaN for none.
    """
    ids = sound_image_ids(collection, scan_number)
    if not len(ids):
        raise CollectionError(f"The collection {collection.name!r} holds no picture that can be evaluated.")
    key = f"evaluation:{main}"[:128]
    state = fingerprint(collection, scan_number, ids, main, values)
    stored = stored_result(collection, key, state)
    if stored is not None:
        progress(len(ids))
        return corrected(collection, Evaluation.unpacked(stored))
    result = _evaluate(collection, scan_number, ids, main, values, progress)
    store_result(collection, key, state, result.packed())
    return corrected(collection, result)


def _evaluate(
    collection: Collection, scan_number: int, ids: np.ndarray, main: str, values: np.ndarray, progress: Advance
) -> Evaluation:
    # Imported here, because it takes a second that a stored evaluation need not wait for.
    from ...metrics.similarity.outliers import SampleOverview, outlier_limit

    overview = SampleOverview.of(items_of(collection, taste_extractor().version, ids[:SAMPLE]))
    judges = [TechnicalJudge.load(), *detectors()]
    scores, positions = _pass_over_items(collection, ids, judges, overview, progress)
    _store_scores(collection, ids, scores, positions.unfit)
    if main not in scores:
        if JudgeKey.of(main).name == OVERALL:
            # An earlier version may have scored what cannot be judged.
            values = np.where(positions.unfit == "", values, np.nan)
        scores = {main: values, **scores}
        # Values of a single judge are stored; those of several together, or of a person, only for the statistics below.
        if JudgeKey.of(main).kind in (Kind.PERSON, Kind.OTHER):
            replace_scores(collection, main, *_by_id(ids, values, positions.unfit))
    damage = suspected(scores)
    group, best = near_duplicates(collection, ids, scores[main], damage >= 0)
    return Evaluation(
        main=main,
        ids=ids,
        scores=scores,
        distance=positions.distance,
        outlier_limit=outlier_limit(positions.distance) if np.isfinite(positions.distance).all() else float("inf"),
        damage=damage,
        group=group,
        best=best,
        unfit=positions.unfit,
        faces=(faces := face_counts(collection, ids)),
        parts=find_parts(
            collection,
            scan_number,
            ids,
            scores[main],
            positions.colours,
            faces,
            (damage >= 0) | (positions.unfit != ""),
        ),
        associations=find_associations(collection, scan_number, main),
        trends=find_trends(collection, scan_number, main),
    )


@dataclass(frozen=True)
class _Positions:
    """MT distance (n,) from the unit space, colours (n, t) as of ``COLOURS``, and why pictures (n,) are unfit."""

    distance: np.ndarray
    colours: np.ndarray
    unfit: np.ndarray


def _pass_over_items(
    collection: Collection,
    ids: np.ndarray,
    judges: Sequence[TechnicalJudge],
    overview: SampleOverview,
    progress: Advance,
) -> tuple[dict[str, np.ndarray], _Positions]:
    """Scores (n,) by stored name, and the positions of pictures, from one pass over the items."""
    extractor, n = taste_extractor(), len(ids)
    scores = {judge.stored_name: np.empty(n) for judge in judges}
    positions = _Positions(np.empty(n), np.empty((n, len(COLOURS)), bool), np.empty(n, "U80"))
    for block, items in _blocks(collection, extractor.version, ids):
        for judge in judges:
            scores[judge.stored_name][block] = settled(judge.score(items))
        positions.unfit[block] = why_unfit(items, extractor.names)
        positions.distance[block] = overview.distances(items)
        positions.colours[block] = colours_of(items, extractor.names)
        progress(len(items))
    for values in scores.values():
        values[positions.unfit != ""] = np.nan
    return scores, positions


def _store_scores(collection: Collection, ids: np.ndarray, scores: Mapping[str, np.ndarray], unfit: np.ndarray) -> None:
    """Store the scores (n,) of each judge, and the reasons (n,) why pictures have none, that differ from the stored ones."""
    for judge, values in scores.items():
        for start in range(0, len(ids), BLOCK):
            block = slice(start, start + BLOCK)
            store_changed_scores(collection, judge, *_by_id(ids[block], values[block], unfit[block]))


def _by_id(ids: np.ndarray, values: np.ndarray, unfit: np.ndarray) -> tuple[dict[int, float], dict[int, str]]:
    """Values (n,) that are known, and reasons (n,) why there can be none, by picture id."""
    known, why = np.isfinite(values), unfit != ""
    return (
        dict(zip(ids[known].tolist(), values[known].tolist(), strict=True)),
        dict(zip(ids[why].tolist(), unfit[why].tolist(), strict=True)),
    )
