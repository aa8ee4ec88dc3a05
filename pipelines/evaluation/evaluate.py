"""Evaluates a collection: what is in it, what is good, what is broken, what is double, and what goes with better pictures.

Items are read in blocks, and only a few numbers are kept of each picture, so that memory hardly grows with the collection. The space of the
collection and its styles are learnt from a sample, drawn by content hash: the same pictures give the same sample, whatever they are called and
whoever looked at them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

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

#: Pictures of which the space of the collection is learnt, and pictures handled at once.
SAMPLE, BLOCK = 4096, 1024
#: Pictures shown for a style.
SHOWN = 6
#: Raised whenever an evaluation changes its meaning.
_VERSION = "1"


def _blocks(collection: Collection, version: str, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Items (b, p) float64 of the pictures, block by block."""
    for start in range(0, len(ids), BLOCK):
        part = ids[start : start + BLOCK].tolist()
        items = collection.items(version, part)
        yield slice(start, start + len(part)), np.stack([items[i] for i in part]).astype(np.float64)


def items_of(collection: Collection, version: str, ids: np.ndarray) -> np.ndarray:
    """Items (n, p) float64 of (n,) pictures that have all been measured."""
    return np.concatenate([items for _, items in _blocks(collection, version, ids)])


def _version_of(scorer: Scorer) -> str:
    # Technical scores need SOART items alone, which are the first ones of every taste.
    return taste_extractor().version if isinstance(scorer, TechnicalScorer) else scorer.extractor.version


def _score(scorer: Scorer, items: np.ndarray) -> np.ndarray:
    return scorer.score(items[:, : len(scorer.extractor.names)])


def fingerprint(collection: Collection, ids: np.ndarray, scorers: Sequence[Scorer]) -> str:
    """Changes with the pictures and with every profile: profiles are known by what they say of the first pictures."""
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
    """Evaluate the pictures that a scan saw; an evaluation of the same pictures by the same profiles is taken from the store.

    Args:
        collection: the collection, brought up to date.
        scan_number: number of the scan, as ``sync`` gives it.
        tastes: profiles to score by beside the technical score and the detectors; the first one ranks.
        progress: called with a number of pictures that are done.

    Raises:
        CollectionError: no picture, or a collection that cannot be read or written.
    """
    scorers = [*tastes, *(s for s in default_scorers() if s.stored_name not in {t.stored_name for t in tastes})]
    ids = sound_image_ids(collection, scan_number)
    if not len(ids):
        raise CollectionError(f"The collection {collection.name!r} holds no picture that can be evaluated.")
    key = f"evaluation:{','.join(s.stored_name for s in scorers)}"[:128]
    state = fingerprint(collection, ids, scorers)
    found = stored_result(collection, key, state)
    if found is not None:
        progress(len(ids))
        return Evaluation.unpacked(found)
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
    # Only an evaluation needs what lies behind this, which takes a second to load; taking one from the store does not.
    from ...metrics.similarity.outliers_and_styles import Overview, outlier_limit

    extractor = taste_extractor()
    overview = Overview.of(items_of(collection, extractor.version, ids[:SAMPLE]))
    tint = [k for k, name in enumerate(extractor.names) if name.startswith("colour/")]
    scores = {scorer.stored_name: np.empty(len(ids)) for scorer in scorers}
    distance, style, middle = np.empty(len(ids)), np.empty(len(ids), np.int64), np.empty(len(ids))
    tints = np.empty((len(ids), len(tint)), np.float32)
    for part, items in _blocks(collection, extractor.version, ids):
        for scorer in scorers:
            if _version_of(scorer) == extractor.version:
                scores[scorer.stored_name][part] = _score(scorer, items)
        distance[part] = overview.distances(items)
        style[part], middle[part] = overview.style_of(overview.coordinates(items))
        tints[part] = ((items - overview.centre) / overview.scale)[:, tint]
        progress(len(items))
    for scorer in scorers:
        if (version := _version_of(scorer)) != extractor.version:
            for part, items in _blocks(collection, version, ids):
                scores[scorer.stored_name][part] = _score(scorer, items)
        for start in range(0, len(ids), BLOCK):
            part = slice(start, start + BLOCK)
            given = dict(zip(ids[part].tolist(), scores[scorer.stored_name][part].tolist(), strict=True))
            store_changed_scores(collection, scorer.stored_name, given)
    main = scorers[0].stored_name
    group = near_groups(_hashes(collection, ids), tints)
    return Evaluation(
        main=main,
        ids=ids,
        scores=scores,
        distance=distance,
        outlier_limit=outlier_limit(distance) if np.isfinite(distance).all() else float("inf"),
        damage=suspected(scores),
        group=group,
        best=best_of_groups(collection, ids, group, scores[main]),
        style=style,
        styles=_styles(style, middle, ids, scores[main], len(overview.styles)),
        associations=find_associations(collection, scan_number, main),
        trends=find_trends(collection, scan_number, main),
        timeline=timeline(collection, scan_number, main),
    )


def _hashes(collection: Collection, ids: np.ndarray) -> np.ndarray:
    known = perceptual_hashes(collection, ids.tolist())
    return np.fromiter((known[image] for image in ids.tolist()), np.int64, len(ids)).view(np.uint64)


def best_of_groups(collection: Collection, ids: np.ndarray, group: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(n,) bool: the one to keep of each group of near-duplicates: of most pixels, then of the best score, then of the first hash.

    More pixels come first because scores compare what is shown, and a reduced copy shows the same, often sharper.
    """
    best = np.zeros(len(ids), bool)
    members = np.flatnonzero(group >= 0)
    pixels = pixel_counts(collection, ids[members].tolist())
    size = np.array([pixels[i] for i in ids[members].tolist()], dtype=np.int64)
    order = members[np.lexsort((members, -scores[members], -size, group[members]))]
    best[order[np.unique(group[order], return_index=True)[1]]] = True
    return best


def _styles(
    style: np.ndarray, middle: np.ndarray, ids: np.ndarray, scores: np.ndarray, count: int
) -> tuple[Style, ...]:
    """Facts of each style; its most typical pictures lie nearest its centre."""
    found = []
    for number in range(count):
        members = np.flatnonzero(style == number)
        typical = members[np.argsort(middle[members], kind="stable")[:SHOWN]]
        mean = float(scores[members].mean()) if len(members) else float("nan")
        found.append(Style(number, len(members), mean, tuple(int(i) for i in ids[typical])))
    return tuple(found)


def counts_of_modes(evaluation: Evaluation) -> Mapping[str, int]:
    """How many pictures are suspected of each damage, most first."""
    counted = {name: int((evaluation.damage == k).sum()) for k, name in enumerate(DETECTORS)}
    return dict(sorted(counted.items(), key=lambda pair: -pair[1]))
