"""Counts of the pictures, ratings and scores in a collection."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from .collection import Collection
from .ratings import OPINIONS
from .tables import AWAY, HERE, GenerationRow, ImageRow, RatingRow, ScoreRow


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    """Counts of one collection: ratings by rater, scores by stored judge, pictures by model."""

    pictures: int  # that were not moved away and have their files
    problems: int  # of these, left out of rankings
    away: int  # whose ratings and scores are kept
    raters: dict[str, int]
    judges: dict[str, int]
    models: dict[str, int]
    first: dt.datetime | None  # first, last: times at which pictures were added
    last: dt.datetime | None


def count_collection(collection: Collection) -> CollectionCounts:
    """Count the contents of a collection."""

    def tally(pairs: Iterable[Any]) -> dict[str, int]:
        return dict(sorted((name, count) for name, count in pairs))

    with collection.session("be read") as session:
        pictures, first, last = session.execute(
            select(func.count(), func.min(ImageRow.created_at), func.max(ImageRow.created_at)).where(HERE)
        ).one()
        problems = session.scalar(select(func.count()).where(ImageRow.problem.is_not(None), HERE))
        away = session.scalar(select(func.count()).where(ImageRow.problem == AWAY))
        rated = select(RatingRow.rater, func.count()).where(RatingRow.kind.in_(OPINIONS)).group_by(RatingRow.rater)
        scored = select(ScoreRow.judge, func.count()).join(ImageRow, ImageRow.id == ScoreRow.image_id).where(HERE)
        scored = scored.group_by(ScoreRow.judge)
        drawn = select(GenerationRow.model, func.count()).group_by(GenerationRow.model)
        raters, judges, models = (tally(session.execute(query)) for query in (rated, scored, drawn))
    return CollectionCounts(pictures, problems or 0, away or 0, raters, judges, models, first, last)
