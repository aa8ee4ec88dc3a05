"""Stored pictures that the detectors' scores make suspected of damage."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from sqlalchemy import func, select

from ...metrics.damage.technical import DETECTORS, LIMIT, detectors
from ...metrics.damage.technical import suspected as suspected_by_scores
from .collection import Collection
from .tables import ScoreRow


def suspected(collection: Collection, ids: Sequence[int] | None = None) -> dict[int, str]:
    """The suspected damage of pictures, by id; of all, or of a few hundred at most."""
    names = [detector.stored_name for detector in detectors()]
    query = select(ScoreRow.image_id, ScoreRow.judge, ScoreRow.value)
    query = query.where(ScoreRow.judge.in_(names), ScoreRow.value < LIMIT)
    if ids is not None:
        query = query.where(ScoreRow.image_id.in_(ids))
    with collection.session("be read") as session:
        # Sorted here, because in SQL the order would have the database look up each score by the index.
        rows = sorted(session.execute(query), key=itemgetter(0))
    # Scores within a detector's limit do not make a picture suspected; leaving them out has the same effect.
    images = {image: place for place, image in enumerate(dict.fromkeys(image for image, _, _ in rows))}
    scores = {name: np.full(len(images), np.nan) for name in names}
    for image, judge, value in rows:
        scores[judge][images[image]] = value
    damages = suspected_by_scores(scores)
    return {image: DETECTORS[damages[place]] for image, place in images.items() if damages[place] >= 0}


def examined(collection: Collection) -> set[int]:
    """Ids of the pictures that every detector has scored."""
    names = [detector.stored_name for detector in detectors()]
    query = select(ScoreRow.image_id).where(ScoreRow.judge.in_(names)).group_by(ScoreRow.image_id)
    with collection.session("be read") as session:
        return set(session.scalars(query.having(func.count() == len(names))))
