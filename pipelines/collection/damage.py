"""Which stored pictures are suspected of damage, read from the scores that detectors gave them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from sqlalchemy import and_, func, or_, select

from ...metrics.damage.scorer import DETECTORS, TechnicalScorer
from .collection import Collection
from .tables import ScoreRow


@cache
def detectors() -> dict[str, tuple[str, TechnicalScorer]]:
    """Damage and detector, by the name under which its scores are stored."""
    found = ((damage, TechnicalScorer.detector(damage)) for damage in DETECTORS)
    return {scorer.name: (damage, scorer) for damage, scorer in found}


def suspected(store: Collection, ids: Sequence[int] | None = None) -> dict[int, str]:
    """The damage suspected of pictures, by id: the one whose detector is most beyond its limit, as in evaluations.

    Args:
        store: the collection.
        ids: pictures to ask about, a few hundred at most; None for all.
    """
    known = detectors()
    beyond = (and_(ScoreRow.profile == name, ScoreRow.value < d.limit) for name, (_, d) in known.items())
    query = select(ScoreRow.image_id, ScoreRow.profile, ScoreRow.value).where(or_(*beyond))
    if ids is not None:
        query = query.where(ScoreRow.image_id.in_(ids))
    worst: dict[int, tuple[float, str]] = {}
    with store.session("be read") as session:
        for image, profile, value in session.execute(query.order_by(ScoreRow.image_id, ScoreRow.profile)):
            damage, detector = known[profile]
            unusual = float(detector.suspicion(np.array(value)))
            worst[image] = max(worst.get(image, (0.0, "")), (unusual, damage))
    return {image: damage for image, (_, damage) in worst.items()}


def examined(store: Collection) -> set[int]:
    """Ids of the pictures that every detector has scored."""
    known = detectors()
    query = select(ScoreRow.image_id).where(ScoreRow.profile.in_(list(known))).group_by(ScoreRow.image_id)
    with store.session("be read") as session:
        return set(session.scalars(query.having(func.count() == len(known))))
