"""Stacks of pictures: those of one prompt, burst or look lie on each other, the keeper on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ...errors import CollectionError
from ...metrics.similarity.distinct import separated
from ...metrics.similarity.diversity import choose_varied
from ..collection.collection import Collection
from ..collection.makes import place_effects
from ..collection.provenance import origins
from ..collection.queries import known_prompts
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.near_duplicates import distinct_rows, keeping_order
from ..evaluation.settings import EvaluationSettings
from ..scoring.grouping import grouped_by
from ..scoring.looks import seen_in
from .choosing import choose, too_close
from .finding import UNITS

#: Stacks of the best of each look, and the number of pictures that are chosen for it.
VARIED, BEST = "best", 60
#: Ids of pictures to their groups (n,), −1 for none.
Grouping = Callable[[Sequence[int]], np.ndarray]


def group_origins(collection: Collection, by: str, ids: Sequence[int]) -> np.ndarray:
    """(n,) group of each picture by ``prompt`` or ``burst``, corrections left aside; −1 for none."""
    made = origins(collection, ids)
    return grouped_by(by, [made[image] for image in ids])


def find_stacks(
    collection: Collection,
    by: str,
    ids: Sequence[int],
    scores: Mapping[int, float],
    judge: str,
    evaluated: EvaluatedCollection | None = None,
    group: Grouping | None = None,
) -> list[tuple[int, ...]]:
    """Ids of each stack of a collection, two or more, found as ``find_keepers`` finds groups.

    In each stack the pictures that the user keeps come first, then the others as they are worth keeping; a picture
    without a score is worth least. Pictures that the user says are no duplicates are in no stack together. Look-alikes
    need ``evaluated``. ``group`` is by default ``group_origins``; it may remember its result. ``VARIED`` lays pictures under
    those of the best that they are like, see ``choose_varied``.
    """
    if by == VARIED:
        known = np.array([image for image in ids if image in scores], dtype=np.int64)
        values = _values(known.tolist(), scores)
        standing = values + place_effects(collection, judge).points(known, values)
        order = np.argsort(-standing, kind="stable")
        best = known[order].tolist()
        varied = choose_varied(standing[order], seen_in(collection, best, known_prompts(collection, best)), BEST)
        return [(best[row], *(best[other] for other in others)) for row, others in varied.items() if others]
    if by not in UNITS:
        raise CollectionError(f"Expected stacks by {', '.join(UNITS)}, got {by[:40]!r}.")
    if by == "look-alike":
        if evaluated is None:
            raise CollectionError("Look-alikes need an evaluation: choose Evaluate first.")
        e = evaluated.evaluation
        numbers, groups = e.ids.tolist(), e.group
        values = _values(numbers, scores)
        order = keeping_order(collection, e.ids, np.where(np.isfinite(values), values, -np.inf), e.damage >= 0)
    else:
        numbers, values = list(ids), _values(ids, scores)
        standing = values + place_effects(collection, judge).points(numbers, values)
        order = np.argsort(np.where(np.isfinite(values), -standing, np.inf), kind="stable")
        groups = (group or partial(group_origins, collection, by))(numbers)
        place = {image: row for row, image in enumerate(numbers)}
        groups = separated(groups, order, distinct_rows(collection, place))
    kept = set(EvaluationSettings.of(collection).keep)
    own = {row for row, image in enumerate(numbers) if image in kept}
    choices = choose(groups, order, values, 1, partial(too_close, judge), own)
    return [tuple(numbers[row] for row in choice.rows) for choice in choices]


def _values(ids: Sequence[int], scores: Mapping[int, float]) -> np.ndarray:
    return np.array([scores.get(image, np.nan) for image in ids], dtype=np.float64)


def stacked(
    found: Sequence[int], stacks: Sequence[tuple[int, ...]], opened: int | None = None
) -> tuple[list[int], dict[int, list[int]]]:
    """Lay the pictures of a query on each other, a stack at the place of its first picture, with the top of a stack first.

    Returns the ids that are shown, and by top one those of each stack that has several of the query's pictures. ``opened``
    is a picture whose stack alone is shown, spread out.
    """
    if opened is not None:
        members = set(next((stack for stack in stacks if opened in stack), (opened,)))
        return [image for image in found if image in members], {}
    there = set(found)
    shown = [[image for image in stack if image in there] for stack in stacks]
    by_top = {images[0]: images for images in shown if len(images) > 1}
    top = {image: images[0] for images in by_top.values() for image in images}
    return list(dict.fromkeys(top.get(image, image) for image in found)), by_top
