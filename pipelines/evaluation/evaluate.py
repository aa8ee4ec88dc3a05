"""Evaluates a collection: scores, damage, outliers, styles and near-duplicates.

Items are read in blocks, and only a few numbers of each picture stay in memory, so that memory hardly grows with the
collection. The unit space of the collection and its styles are learnt from a sample, drawn by content hash: the same
pictures give the same sample, whatever their names and ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError
from ...metrics.damage.scorer import DETECTORS, TechnicalScorer
from ...metrics.damage.suspicion import suspected
from ...metrics.items.combined import taste_extractor
from ...metrics.protocols import Scorer
from ..collection.collection import Collection
from ..collection.files import sound_image_ids
from ..collection.results import store_changed_scores, store_result, stored_result
from ..collection.score_statistics import digest_of_settings
from ..scoring.prior_scores import known_of_given, scores_in
from .correlates import find_associations, find_trends, timeline
from .near_duplicates import corrected, near_duplicates
from .result import Evaluation, Style

if TYPE_CHECKING:
    from ...metrics.similarity.outliers_and_styles import Overview

#: Pictures from which the unit space of the collection is learnt, and pictures handled at once.
SAMPLE, BLOCK = 4096, 1024
#: Typical pictures of a style.
SHOWN = 6
#: Increased whenever evaluations change their meaning, so that stored ones are made anew.
_VERSION = "6"


def _blocks(collection: Collection, version: str, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the place of each block of pictures in ``ids`` (n,), and their items (b, p) float64."""
    for start in range(0, len(ids), BLOCK):
        block = ids[start : start + BLOCK].tolist()
        items = collection.items(version, block)
        yield slice(start, start + len(block)), np.stack([items[i] for i in block]).astype(np.float64)


def items_of(collection: Collection, version: str, ids: np.ndarray) -> np.ndarray:
    """Items (n, p) float64 of (n,) pictures that have all been measured."""
    return np.concatenate([items for _, items in _blocks(collection, version, ids)])


def fingerprint(collection: Collection, scan_number: int, ids: np.ndarray, scorers: Sequence[Scorer]) -> str:
    """Hash of the pictures (n,) of a scan, of their settings, and of the profiles.

    A profile is recognised by its scores of the first pictures.
    """
    digest = hashlib.sha256(f"{_VERSION} {SAMPLE}".encode() + ids.tobytes())
    digest.update(digest_of_settings(collection, scan_number))
    for scorer in scorers:
        items = items_of(collection, scorer.extractor.version, ids[:16])
        digest.update(scorer.stored_name.encode() + scorer.score(items).tobytes())
        for name, values in known_of_given(collection, scorer, ids.tolist()).items():
            digest.update(name.encode() + np.array(list(values.values())).tobytes())
    return digest.hexdigest()


def default_scorers() -> list[Scorer]:
    """The technical score and the detectors of damage, which every evaluation uses."""
    return [TechnicalScorer.load(), *(TechnicalScorer.detector(damage) for damage in DETECTORS)]


def evaluate(
    collection: Collection,
    scan_number: int,
    tastes: Sequence[Scorer] = (),
    progress: Callable[[int], None] = lambda pictures: None,
) -> Evaluation:
    """Evaluate the pictures that a scan saw.

    A stored evaluation of the same pictures, with the same settings, by the same profiles is reused.
    The user's corrections of near-duplicates count at once; stored evaluations hold none of them.

    Args:
        collection: the collection, in step with its folders.
        scan_number: number of the scan, from ``sync``.
        tastes: profiles to score by, beside the technical score and the detectors; the first one ranks.
        progress: called with a number of pictures that are done.

    Raises:
        CollectionError: there is no picture, or the collection cannot be read or written.
    """
    scorers = [*tastes, *(s for s in default_scorers() if s.stored_name not in {t.stored_name for t in tastes})]
    ids = sound_image_ids(collection, scan_number)
    if not len(ids):
        raise CollectionError(f"The collection {collection.name!r} holds no picture that can be evaluated.")
    key = f"evaluation:{','.join(s.stored_name for s in scorers)}"[:128]
    state = fingerprint(collection, scan_number, ids, scorers)
    stored = stored_result(collection, key, state)
    if stored is not None:
        progress(len(ids))
        return corrected(collection, Evaluation.unpacked(stored))
    result = _evaluate(collection, scan_number, ids, scorers, progress)
    store_result(collection, key, state, result.packed())
    return corrected(collection, result)


def _evaluate(
    collection: Collection,
    scan_number: int,
    ids: np.ndarray,
    scorers: Sequence[Scorer],
    progress: Callable[[int], None],
) -> Evaluation:
    # Imported here, because it takes a second that a stored evaluation need not wait for.
    from ...metrics.similarity.outliers_and_styles import Overview, outlier_limit

    overview = Overview.of(items_of(collection, taste_extractor().version, ids[:SAMPLE]))
    scores, positions = _pass_over_items(collection, ids, scorers, overview, progress)
    _store_scores(collection, ids, scores)
    main, technical = scorers[0].stored_name, TechnicalScorer.load().stored_name
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
        style=positions.style,
        unfit=positions.unfit,
        styles=_styles(positions, ids, scores[main], len(overview.styles)),
        associations=find_associations(collection, scan_number, main, technical),
        trends=find_trends(collection, scan_number, main, technical),
        timeline=timeline(collection, scan_number, main, technical),
    )


@dataclass(frozen=True)
class _Positions:
    """Positions of pictures in the space of their collection.

    Attributes:
        distance: (n,) MT distance from the unit space.
        style: (n,) number of the nearest style.
        centre_distance: (n,) distance from the centre of that style.
        unfit: (n,) why pictures cannot be judged; empty for those that can.
    """

    distance: np.ndarray
    style: np.ndarray
    centre_distance: np.ndarray
    unfit: np.ndarray


def _pass_over_items(
    collection: Collection,
    ids: np.ndarray,
    scorers: Sequence[Scorer],
    overview: Overview,
    progress: Callable[[int], None],
) -> tuple[dict[str, np.ndarray], _Positions]:
    """Scores (n,) by profile, and the positions of pictures.

    All come from one pass over the items, except scores of profiles with items of another version.
    """
    extractor, n, technical = taste_extractor(), len(ids), TechnicalScorer.load()
    scores = {scorer.stored_name: np.empty(n) for scorer in scorers}
    positions = _Positions(np.empty(n), np.empty(n, np.int64), np.empty(n), np.empty(n, "U80"))
    for block, items in _blocks(collection, extractor.version, ids):
        for scorer in scorers:
            if scorer.extractor.version == extractor.version:
                scores[scorer.stored_name][block] = scores_in(collection, scorer, ids[block].tolist(), items)
        positions.unfit[block] = technical.unfit(items)
        positions.distance[block] = overview.distances(items)
        positions.style[block], positions.centre_distance[block] = overview.style_of(overview.coordinates(items))
        progress(len(items))
    for scorer in scorers:
        if (version := scorer.extractor.version) != extractor.version:
            for block, items in _blocks(collection, version, ids):
                scores[scorer.stored_name][block] = scores_in(collection, scorer, ids[block].tolist(), items)
    for scorer in scorers:
        # What cannot be judged is not called damaged either.
        if isinstance(scorer, TechnicalScorer) and scorer.fault:
            scores[scorer.stored_name][positions.unfit != ""] = 100.0
    return scores, positions


def _store_scores(collection: Collection, ids: np.ndarray, scores: Mapping[str, np.ndarray]) -> None:
    """Store the scores (n,) of each profile that differ from the stored ones."""
    for profile, values in scores.items():
        for start in range(0, len(ids), BLOCK):
            block = slice(start, start + BLOCK)
            by_id = dict(zip(ids[block].tolist(), values[block].tolist(), strict=True))
            store_changed_scores(collection, profile, by_id)


def _styles(positions: _Positions, ids: np.ndarray, scores: np.ndarray, count: int) -> tuple[Style, ...]:
    """Facts of each style; its typical pictures are those nearest its centre, its mean is of those that can be judged."""
    styles, fit = [], positions.unfit == ""
    for number in range(count):
        members = np.flatnonzero(positions.style == number)
        typical = members[np.argsort(positions.centre_distance[members], kind="stable")[:SHOWN]]
        judged = members[fit[members]] if fit[members].any() else members
        mean = float(scores[judged].mean()) if len(judged) else float("nan")
        styles.append(Style(number, len(members), mean, tuple(int(i) for i in ids[typical])))
    return tuple(styles)
