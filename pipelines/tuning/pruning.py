"""Early pruning: twice as many candidates as are drawn are looked at part of the way, and the worse half is dropped.

This is one round of successive halving (Jamieson & Talwalkar 2016). Nothing is dropped before the study itself has shown that early looks rank as final pictures do; the first batch is looked at for that. What is
dropped still teaches: its early score, carried over to a final one by regression, is told to the rating model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import spearmanr

from ..models.generator import ImageGenerator
from ..models.request import DrawnPicture, Request
from .panel import Judgements, Panel
from .study import Study, Trial

#: Shares of the steps at which an early look is tried, earliest first. A look at half of the steps would save nothing.
SHARES = (0.2, 0.35)
#: Candidates for each picture that is drawn.
CANDIDATES = 2
#: Pictures seen early and in the end before anything is dropped, and the rank correlation they must reach.
FEWEST, AGREES = 6, 0.7


@dataclass(frozen=True, slots=True)
class PreviewAgreement:
    """How well early looks at a share of the steps rank pictures: Spearman's correlation with the final goal over ``pictures``."""

    share: float
    correlation: float
    pictures: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """What pruning did in a study.

    Attributes:
        agreements: of every share that was looked at.
        share: at which looks are taken now; None where nothing is to be dropped.
        looked, dropped: numbers of early looks and of candidates that were not drawn.
        saving: share of the drawing time that judging the same candidates by whole pictures would have taken more; negative while only looks were taken.
    """

    agreements: list[PreviewAgreement]
    share: float | None
    looked: int
    dropped: int
    saving: float

    def __str__(self) -> str:
        """In a sentence."""
        ranks = ", ".join(f"{a.correlation:.2f} after {a.share:.0%} of the steps" for a in self.agreements)
        if not self.dropped:
            return f"Early looks: rank correlation with the final pictures {ranks}; nothing was dropped."
        candidates = "candidate was" if self.dropped == 1 else "candidates were"
        change = f"{abs(self.saving):.0%} of the drawing time {'saved' if self.saving >= 0 else 'spent on top so far'}"
        return f"Early looks: {self.dropped} {candidates} dropped after {self.looked} looks, {change} (rank correlation {ranks})."


def early_goal(judged: Judgements, scores: Mapping[str, float]) -> float:
    """The goal as an early look has it, in deviations; NaN where a judge of the goal has not looked."""
    total = sum(judged.goal.values())
    value = 0.0
    for name, weight in judged.goal.items():
        middle, unit = judged.unit(name)
        value += weight * (scores.get(name, np.nan) - middle) / unit / total
    return value


def _key(share: float) -> str:
    return f"{share:g}"


def agreements(judged: Judgements) -> list[PreviewAgreement]:
    """How well each share ranks, over the judged pictures that were seen early."""
    found, goal = [], judged.goal_values()
    for share in SHARES:
        seen = [
            (early_goal(judged, a.previews[_key(share)]), g)
            for a, g in zip(judged.asked, goal, strict=True)
            if _key(share) in a.previews
        ]
        pairs = np.array([pair for pair in seen if np.isfinite(pair).all()]).reshape(-1, 2)
        if len(pairs) >= FEWEST:
            moved = np.ptp(pairs, axis=0).min() > 0
            found.append(PreviewAgreement(share, float(spearmanr(*pairs.T)[0]) if moved else 0.0, len(pairs)))
    return found


def account(study: Study, judged: Judgements) -> Pruning:
    """What pruning did in a study, and whether it goes on."""
    known = agreements(judged)
    share = next((a.share for a in known if a.correlation >= AGREES), None)
    every = (*study.earlier, *study.own)
    looks = [float(key) for asked in every for key in asked.previews]
    drawn, dropped = sum(asked.row is not None for asked in every), len(study.dropped)
    saving = 1 - (drawn + sum(looks)) / max(drawn + dropped, 1)
    return Pruning(known, share, len(looks), dropped, saving)


def add_previews(
    generator: ImageGenerator, panel: Panel, asked: Sequence[Trial], share: float, request: Callable[[Trial], Request]
) -> list[Trial]:
    """The same choices with what the profiles think of them at ``share`` of the steps; those looked at already are left alone."""
    fresh = [one for one in asked if _key(share) not in one.previews]
    seen: dict[str, dict[str, float]] = {}
    batches = generator.preview([request(one) for one in fresh], share)
    for one, drawn in zip(fresh, (drawn for batch in batches for drawn in batch), strict=True):
        seen[one.request_key] = _scores(panel, drawn)
    return [
        replace(one, previews={**one.previews, _key(share): seen[one.request_key]}) if one.request_key in seen else one
        for one in asked
    ]


def _scores(panel: Panel, drawn: DrawnPicture) -> dict[str, float]:
    found = {}
    for scorer in panel.scorers:
        value = float(scorer.score(scorer.extractor.extract(drawn.pixels).astype(np.float64))[0])
        if np.isfinite(value) and not drawn.problem:
            found[scorer.stored_name] = value
    return found


def halve(judged: Judgements, asked: Sequence[Trial], share: float, count: int) -> list[Trial]:
    """All ``asked``, those marked as dropped that are not among the ``count`` best at ``share`` of the steps."""
    values = [early_goal(judged, one.previews.get(_key(share), {})) for one in asked]
    order = np.argsort([-value if np.isfinite(value) else np.inf for value in values], kind="stable")
    dropped = set(order[count:].tolist())
    return [replace(one, dropped=number in dropped) for number, one in enumerate(asked)]


def expected_scores(study: Study, judged: Judgements, name: str) -> list[tuple[Trial, float]]:
    """What a profile would say of the dropped choices, by linear regression of its final scores on its early ones."""
    found: dict[str, tuple[Trial, float]] = {}
    for share in SHARES:
        key = _key(share)
        pairs = [
            (asked.previews[key][name], score)
            for asked, score in zip(judged.asked, judged.said[name], strict=True)
            if name in asked.previews.get(key, {})
        ]
        if len(pairs) < FEWEST:
            continue
        early, final = np.array(pairs).T
        slope = np.cov(early, final)[0, 1] / early.var(ddof=1) if np.ptp(early) > 0 else 0.0
        for asked in study.dropped:
            if name in asked.previews.get(key, {}):
                value = final.mean() + slope * (asked.previews[key][name] - early.mean())
                # The latest look is the best one.
                found[asked.request_key] = (asked, float(value))
    return list(found.values())
