"""The prompts of the pictures that judges like best."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from .collection import Collection
from .ratings import STARS
from .tables import GenerationRow, MetadataRow, RatingRow, ScoreRow

#: Fewest stars of a good picture.
LIKED = 4
#: Best pictures of each judge that are looked at.
_PICTURES = 300


def good_prompts(collection: Collection, judges: Sequence[str], without: Names[str] = ()) -> list[str]:
    """Return the distinct prompts of the pictures with the highest ratings, then scores, best first.

    Only ratings of at least four stars count, and scores above their judge's mean, of the raters and scores named
    ``judges``; pictures with the request keys ``without`` do not count. Prompts of metadata count, too.
    """
    prompts: dict[str, None] = {}
    rated = (RatingRow, RatingRow.rater.in_(judges) & (RatingRow.kind == STARS) & (RatingRow.value >= LIKED))
    others = aliased(ScoreRow)
    mean = select(func.avg(others.value)).where(others.judge == ScoreRow.judge).scalar_subquery()
    scored = (ScoreRow, ScoreRow.judge.in_(judges) & (ScoreRow.value > mean))
    with collection.session("be read") as session:
        for table, chosen in (rated, scored):
            query = (
                select(GenerationRow.prompt, GenerationRow.request_key, MetadataRow.prompt)
                .select_from(table)
                .outerjoin(GenerationRow, GenerationRow.image_id == table.image_id)
                .outerjoin(MetadataRow, MetadataRow.image_id == table.image_id)
                .where(chosen, or_(GenerationRow.prompt.is_not(None), MetadataRow.prompt.is_not(None)))
                .order_by(table.value.desc(), table.image_id)
                .limit(_PICTURES + len(without))
            )
            for drawn, key, stored in session.execute(query):
                if key not in without and (prompt := drawn or stored):
                    prompts[prompt] = None
    return list(prompts)
