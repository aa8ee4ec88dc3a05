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
from ...metrics.similarity.near_duplicates import near_groups
from ..collection.collection import Collection
from ..collection.files import sound_image_ids
from ..collection.pictures import perceptual_hashes, pixel_counts
from ..collection.results import store_changed_scores, store_result, stored_result
from .correlates import find_associations, find_trends, timeline
from .result import Evaluation, Style

if TYPE_CHECKING:
    from ...metrics.similarity.outliers_and_styles import Overview

#: Pictures from which the unit space of the collection is learnt, and pictures handled at once.
SAMPLE, BLOCK = 4096, 1024
#: Typical pictures of a style.
SHOWN = 6
#: Increased whenever evaluations change their meaning, so that stored ones are made anew.
_VERSION = "2"


def _blocks(collection: Collection, version: str, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the place of each block of pictures in ``ids`` (n,), and their items (b, p) float64."""
    for start in range(0, len(ids), BLOCK):
        block = ids[start : start + BLOCK].tolist()
        items = collection.items(version, block)
        yield slice(start, start + len(block)), np.stack([items[i] for i in block]).astype(np.float64)


def items_of(collection: Collection, version: str, ids: np.ndarray) -> np.ndarray:
    """Items (n, p) float64 of (n,) pictures that have all been measured."""
    return np.concatenate([items for _, items in _blocks(collection, version, ids)])


def _version_of(scorer: Scorer) -> str:
    # Technical scores need only SOART items, which are the first ones of every taste.
    return taste_extractor().version if isinstance(scorer, TechnicalScorer) else scorer.extractor.version


def _score(scorer: Scorer, items: np.ndarray) -> np.ndarray:
    return scorer.score(items[:, : len(scorer.extractor.names)])


def fingerprint(collection: Collection, ids: np.ndarray, scorers: Sequence[Scorer]) -> str:
    """Hash of the pictures (n,) and of the profiles; a profile is recognised by its scores of the first pictures."""
    digest = hashlib.sha256(f"{_VERSION} {SAMPLE}".encode() + ids.tobytes())
    for scorer in scorers:
        items = items_of(collection, _version_of(scorer), ids[:16])
        digest.update(scorer.stored_name.encode() + _score(scorer, items).tobytes())
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
    """Evaluate the pictures that a scan saw; a stored evaluation of the same pictures by the same profiles is reused.

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
    state = fingerprint(collection, ids, scorers)
    stored = stored_result(collection, key, state)
    if stored is not None:
        progress(len(ids))
        return Evaluation.unpacked(stored)
    result = _evaluate(collection, scan_number, ids, scorers, progress)
    store_result(collection, key, state, result.packed())
    return result


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
    main = scorers[0].stored_name
    group = near_groups(_hashes(collection, ids), positions.tints)
    damage = suspected(scores)
    return Evaluation(
        main=main,
        ids=ids,
        scores=scores,
        distance=positions.distance,
        outlier_limit=outlier_limit(positions.distance) if np.isfinite(positions.distance).all() else float("inf"),
        damage=damage,
        group=group,
        best=best_of_groups(collection, ids, group, scores[main], damage >= 0),
        style=positions.style,
        styles=_styles(positions.style, positions.centre_distance, ids, scores[main], len(overview.styles)),
        associations=find_associations(collection, scan_number, main),
        trends=find_trends(collection, scan_number, main),
        timeline=timeline(collection, scan_number, main),
    )


@dataclass(frozen=True)
class _Positions:
    """Positions of pictures in the space of their collection.

    Attributes:
        distance: (n,) MT distance from the unit space.
        style: (n,) number of the nearest style.
        centre_distance: (n,) distance from the centre of that style.
        tints: (n, c) float32 deviations of the colour items.
    """

    distance: np.ndarray
    style: np.ndarray
    centre_distance: np.ndarray
    tints: np.ndarray


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
    extractor, n = taste_extractor(), len(ids)
    colours = [k for k, name in enumerate(extractor.names) if name.startswith("colour/")]
    scores = {scorer.stored_name: np.empty(n) for scorer in scorers}
    positions = _Positions(np.empty(n), np.empty(n, np.int64), np.empty(n), np.empty((n, len(colours)), np.float32))
    for block, items in _blocks(collection, extractor.version, ids):
        for scorer in scorers:
            if _version_of(scorer) == extractor.version:
                scores[scorer.stored_name][block] = _score(scorer, items)
        positions.distance[block] = overview.distances(items)
        positions.style[block], positions.centre_distance[block] = overview.style_of(overview.coordinates(items))
        positions.tints[block] = ((items - overview.centre) / overview.scale)[:, colours]
        progress(len(items))
    for scorer in scorers:
        if (version := _version_of(scorer)) != extractor.version:
            for block, items in _blocks(collection, version, ids):
                scores[scorer.stored_name][block] = _score(scorer, items)
    return scores, positions


def _store_scores(collection: Collection, ids: np.ndarray, scores: Mapping[str, np.ndarray]) -> None:
    """Store the scores (n,) of each profile that differ from the stored ones."""
    for profile, values in scores.items():
        for start in range(0, len(ids), BLOCK):
            block = slice(start, start + BLOCK)
            by_id = dict(zip(ids[block].tolist(), values[block].tolist(), strict=True))
            store_changed_scores(collection, profile, by_id)


def _hashes(collection: Collection, ids: np.ndarray) -> np.ndarray:
    """Perceptual hashes (n,) uint64 of pictures (n,)."""
    signed = perceptual_hashes(collection, ids.tolist())
    return np.fromiter((signed[image] for image in ids.tolist()), np.int64, len(ids)).view(np.uint64)


def best_of_groups(
    collection: Collection, ids: np.ndarray, group: np.ndarray, scores: np.ndarray, damaged: np.ndarray
) -> np.ndarray:
    """Choose the picture to keep of each group of near-duplicates.

    That is one without suspected damage if there is any, of these the one with most pixels, then best score, then first
    hash. An enlarged or crushed copy so loses to the original. Pixels come before the score, because a reduced copy
    often looks sharper and scores higher.

    Args:
        collection: the collection.
        ids: of the pictures (n,), in the order of their hashes.
        group: number of each picture's group (n,), −1 for none.
        scores: (n,).
        damaged: (n,) bool, True for suspected damage.

    Returns:
        (n,) bool.
    """
    best = np.zeros(len(ids), bool)
    members = np.flatnonzero(group >= 0)
    pixels = pixel_counts(collection, ids[members].tolist())
    size = np.array([pixels[i] for i in ids[members].tolist()], dtype=np.int64)
    order = members[np.lexsort((members, -scores[members], -size, damaged[members], group[members]))]
    best[order[np.unique(group[order], return_index=True)[1]]] = True
    return best


def _styles(
    style: np.ndarray, centre_distance: np.ndarray, ids: np.ndarray, scores: np.ndarray, count: int
) -> tuple[Style, ...]:
    """Facts of each style; its typical pictures are those nearest its centre."""
    styles = []
    for number in range(count):
        members = np.flatnonzero(style == number)
        typical = members[np.argsort(centre_distance[members], kind="stable")[:SHOWN]]
        mean = float(scores[members].mean()) if len(members) else float("nan")
        styles.append(Style(number, len(members), mean, tuple(int(i) for i in ids[typical])))
    return tuple(styles)
