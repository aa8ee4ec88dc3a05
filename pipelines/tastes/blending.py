"""Blends judges with weights into one that is named and stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import JudgeError
from ...metrics.damage.titles import Kind
from ...metrics.goals import AS_GIVEN, Goal
from ...metrics.protocols import POINTS
from ...metrics.tastes.blend import NamedJudge, StoredGoal, Taste, blend, by_items, shares_of
from ..judges.board import columns_of
from ..judges.catalogue import Catalogue
from ..judges.finding import Weighted, check_weights
from ..judges.guarded import GuardedJudge
from ..scoring.pictures import StoredPictures
from ..scoring.taste_judge import TasteJudge
from ..scoring.taste_store import StoresInTurn


def blended(
    name: str, parts: Sequence[tuple[str, float]], tastes: StoresInTurn, among: StoredPictures | None = None
) -> Taste | StoredGoal:
    """Blend judges by their texts with weights, tastes alone into a taste; the others' versions are kept.

    Values count in deviations over the pictures ``among``; without these all must be points.
    """
    catalogue = Catalogue(tastes)
    own = {text: tastes.load(text) for text, _ in parts if catalogue.entry(text).kind == Kind.TASTE}
    if among is None and len(own) == len({text for text, _ in parts}):
        return blend(name, [own[text] for text, _ in parts], [weight for _, weight in parts])
    learnt = [
        (GuardedJudge(TasteJudge.of(by_items(part))), weight * share)
        for text, weight in parts
        if text in own
        for part, share in shares_of(own[text])
    ]
    judges = [(catalogue.member(text), weight) for text, weight in parts if text not in own]
    every: list[Weighted] = [*learnt, *judges]
    check_weights(every)
    weights = {judge.stored_name: weight for judge, weight in every}
    if len(weights) < 2 or not all(weights.values()):
        raise JudgeError("A blend needs at least two judges, each with a weight above 0.")
    units = dict.fromkeys(weights, AS_GIVEN)
    if among is not None:
        units = dict(Goal(weights).fitted(columns_of(among, every).values).units)
    for judge, _ in every:
        if among is None and judge.scale != POINTS:
            raise JudgeError(
                f"The judge {judge.name!r} gives no points: name a collection to learn how its values vary."
            )
        if not np.isfinite(units[judge.stored_name].step):
            raise JudgeError(f"The judge {judge.name!r} gives all these pictures one value: name another collection.")
    copies = tuple(judge.inner.taste for judge, _ in learnt)  # type: ignore[attr-defined]
    named = tuple(NamedJudge(judge.named, judge.version) for judge, _ in judges)
    shares = tuple(weight / sum(weights.values()) for weight in weights.values())
    return StoredGoal(name, copies, named, shares, tuple(units[key] for key in weights))
