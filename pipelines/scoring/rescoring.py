"""Scores all pictures of a collection by one profile."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...metrics.damage.scorer import why_unfit
from ...metrics.protocols import Scorer
from ...metrics.tastes.fitting import CHUNK
from ..collection.collection import Collection
from ..collection.pictures import images_by_id
from ..support.background import Job
from ..support.batching import batches
from .measuring import measure
from .prior_scores import scores_in
from .taste_scorer import TasteScorer

#: Pictures scored and stored at once if some may have to be measured, which takes long.
STEP = 128


def score_all(
    collection: Collection, scorer: Scorer, job: Job | None = None, *, stored_items_only: bool = False
) -> tuple[int, list[str]]:
    """Score every sound picture, and measure those without items; scores stay when the job is cancelled.

    Args:
        collection: the collection.
        scorer: the profile.
        job: counts the pictures, and can be cancelled between them; None if there is no job.
        stored_items_only: True to skip pictures without items of the profile's version, so that none is decoded.

    Returns:
        number of scores stored, and a sentence for each that cannot be read.
    """
    ids = collection.ids()
    job = job or Job(0, "", "")
    job.expect(len(ids))
    problems: list[str] = []
    count = 0
    for block in batches(ids, CHUNK if stored_items_only else STEP):
        if stored_items_only:
            items = collection.items(scorer.extractor.version, block)
            job.advance(len(block))
        else:
            rows = list(images_by_id(collection, block).values())
            items, unreadable = measure(collection, rows, scorer, progress=job.advance)
            problems += unreadable
        count += score_items(collection, scorer, items)
    return count, problems


def score_items(collection: Collection, scorer: Scorer, items: Mapping[int, np.ndarray]) -> int:
    """Score pictures by their items (p,), by picture id, and store the scores that are numbers.

    A taste gives no score to pictures that cannot be judged.

    Returns:
        number of scores stored.
    """
    if not items:
        return 0
    ids, matrix = list(items), np.stack(list(items.values())).astype(np.float64)
    scores = scores_in(collection, scorer, ids, matrix)
    counts = np.isfinite(scores)
    if isinstance(scorer, TasteScorer):
        counts &= [not reason for reason in why_unfit(matrix, scorer.extractor.names)]
    known = {image: score for image, score, count in zip(ids, scores.tolist(), counts, strict=True) if count}
    collection.set_scores(scorer.stored_name, known)
    return len(known)
