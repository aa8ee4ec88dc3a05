"""A collection in numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from .collection import Collection
from .ratings import STARS
from .tables import AWAY, HERE, GenerationRow, ImageRow, RatingRow, ScoreRow


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    """A collection in numbers.

    Attributes:
        pictures, problems: all that are here, and those of them left out of rankings.
        away: pictures that were moved away; their ratings and scores are kept.
        raters: number of ratings by rater.
        profiles: number of scores by stored profile, of pictures that are here.
        models: number of pictures by model.
        first, last: when pictures came; None where there are none.
    """

    pictures: int
    problems: int
    away: int
    raters: dict[str, int]
    profiles: dict[str, int]
    models: dict[str, int]
    first: dt.datetime | None
    last: dt.datetime | None


def count_collection(collection: Collection) -> CollectionCounts:
    """Count what a collection holds."""

    def tally(pairs: Iterable[Any]) -> dict[str, int]:
        return dict(sorted((name, count) for name, count in pairs))

    with collection.session("be read") as session:
        pictures, first, last = session.execute(
            select(func.count(), func.min(ImageRow.created_at), func.max(ImageRow.created_at)).where(HERE)
        ).one()
        problems = session.scalar(select(func.count()).where(ImageRow.problem.is_not(None), HERE))
        away = session.scalar(select(func.count()).where(ImageRow.problem == AWAY))
        given = select(RatingRow.rater, func.count()).where(RatingRow.kind == STARS).group_by(RatingRow.rater)
        scored = select(ScoreRow.profile, func.count()).join(ImageRow, ImageRow.id == ScoreRow.image_id).where(HERE)
        scored = scored.group_by(ScoreRow.profile)
        drawn = select(GenerationRow.model, func.count()).group_by(GenerationRow.model)
        raters, profiles, models = (tally(session.execute(one)) for one in (given, scored, drawn))
    return CollectionCounts(pictures, problems or 0, away or 0, raters, profiles, models, first, last)
