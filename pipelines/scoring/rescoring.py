"""Scores all pictures of a collection by one profile."""

from __future__ import annotations

import numpy as np

from ...metrics.protocols import Scorer
from ...metrics.tastes.fitting import CHUNK
from ..collection.collection import Collection
from ..collection.queries import rows_of
from ..support.background import Job
from .measuring import measure
from .taste_scorer import TasteScorer

#: Pictures scored in one step.
STEP = 128


def score_all(collection: Collection, scorer: Scorer, job: Job) -> tuple[int, list[str]]:
    """Measure what is not measured yet, and score every sound picture; what is done stays when the job is cancelled.

    Returns:
        how many pictures were scored, and a sentence for each that cannot be read.
    """
    ids = collection.ids()
    job.expect(len(ids))
    problems: list[str] = []
    done = 0
    for start in range(0, len(ids), STEP):
        rows = rows_of(collection, ids[start : start + STEP])
        items, unreadable = measure(collection, rows, scorer, progress=job.advance)
        problems += unreadable
        if items:
            scores = scorer.score(np.stack(list(items.values())).astype(np.float64))
            collection.set_scores(scorer.stored_name, dict(zip(items, scores.tolist(), strict=True)))
            done += len(items)
    return done, problems


def rescore(collection: Collection, scorer: TasteScorer) -> int:
    """Score every measured picture of a collection anew, from its stored items alone: nothing is decoded.

    Returns:
        how many pictures were scored; those without items of this version are passed over.
    """
    done = 0
    ids = collection.ids()
    for start in range(0, len(ids), CHUNK):
        items = collection.items(scorer.extractor.version, ids[start : start + CHUNK])
        if items:
            scores = scorer.score(np.stack(list(items.values())).astype(np.float64))
            collection.set_scores(scorer.stored_name, dict(zip(items, scores.tolist(), strict=True)))
            done += len(items)
    return done
