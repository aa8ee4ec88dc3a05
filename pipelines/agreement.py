"""How far stored scores agree, and what they like most and least: from the database alone, nothing is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..metrics.blend import Agreement, compare_tastes
from .collection import Collection
from .gallery import Query, order


def ends(store: Collection, profile: str, count: int) -> tuple[list[int], list[int]]:
    """Ids of the ``count`` best and of the ``count`` worst pictures under a stored score; no picture is in both."""
    ids = order(store, Query(profile=profile, sort="score", sound=True, scored=True), "")
    count = min(count, len(ids) // 2)
    return ids[:count], ids[len(ids) - count :][::-1]


def agreement(store: Collection, profiles: Mapping[str, str]) -> tuple[Agreement | None, list[int]]:
    """Compare stored scores on the pictures that all of them have.

    Args:
        store: the collection.
        profiles: stored score by the name to show.

    Returns:
        the agreement, None with fewer than two profiles or two pictures in common, and the ids of these pictures.
    """
    found = {name: store.scores(profile) for name, profile in profiles.items()}
    found = {name: scores for name, scores in found.items() if scores}
    common = sorted(set.intersection(*(set(scores) for scores in found.values()))) if found else []
    if len(found) < 2 or len(common) < 2:
        return None, common
    values = np.array([[scores[image] for image in common] for scores in found.values()])
    return compare_tastes(list(found), values), common
