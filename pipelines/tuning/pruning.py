"""Previews twice as many candidates as are drawn, and drops the worse half.

This is one round of successive halving (Jamieson & Talwalkar 2016). Nothing is dropped until the study's own first
batch shows that previews rank like final pictures. Dropped candidates still teach the rating model: regression on the
drawn pictures turns a preview's score into the expected final one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..models.request import DrawnPicture, Request
from ..scoring.pictures import PicturesInMemory
from ..support.figures import fixed
from .panel import Judgements, Panel
from .study import Study, Trial

if TYPE_CHECKING:
    from ..models.generator import ImageGenerator

#: Shares of the steps after which a preview is tried, earliest first. Half of the steps would save nothing.
SHARES = (0.2, 0.35)
#: Candidates for each picture that is drawn.
CANDIDATES = 2
#: Pictures with a preview that are needed before anything is dropped, and the rank correlation that they must reach.
MIN_PAIRS, MIN_CORRELATION = 6, 0.7


@dataclass(frozen=True, slots=True)
class PreviewAgreement:
    """Spearman's rank correlation of the goal of previews after a share of the steps with that of final pictures."""

    share: float
    correlation: float
    pictures: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """The effect of pruning on a study, with the agreement for every share of the steps that was previewed."""

    agreements: list[PreviewAgreement]
    share: float | None  # after which previews are made now; None if nothing is to be dropped
    previews: int
    dropped: int  # candidates that were not drawn
    saving: float  # of drawing time against drawing every candidate, negative while previews were only tried

    def __str__(self) -> str:
        """A one-sentence summary."""
        if not self.agreements:
            return "Previews: too few pictures so far to compare them with the final ones; nothing was dropped."
        ranks = ", ".join(
            f"{fixed(a.correlation, 2)} after {fixed(100 * a.share, 0)} % of the steps" for a in self.agreements
        )
        if not self.dropped:
            return f"Previews: rank correlation with the final pictures {ranks}; nothing was dropped."
        time = f"{fixed(100 * abs(self.saving), 0)} % of the drawing time {'saved' if self.saving >= 0 else 'added so far'}"
        return (
            f"Previews: {self.dropped} {'candidate was' if self.dropped == 1 else 'candidates were'} dropped after "
            f"{self.previews} previews, {time} (rank correlation {ranks})."
        )


def preview_goal(judgements: Judgements, scores: Mapping[str, float]) -> float:
    """The goal by the scores of a preview, in standard deviations; NaN if a judge of the goal has not scored it."""
    total = sum(judgements.goal.values())
    value = 0.0
    for name, weight in judgements.goal.items():
        middle, unit = judgements.scale(name)
        value += weight * (scores.get(name, np.nan) - middle) / unit / total
    return value


def _key(share: float) -> str:
    return f"{share:g}"


def agreements(judgements: Judgements) -> list[PreviewAgreement]:
    """The agreement at each share, over the judged pictures with a preview; none for a share with too few."""
    # Only tunes with previews need it, and its import takes long.
    from scipy.stats import spearmanr

    results, goal = [], judgements.goal_values()
    for share in SHARES:
        scored = [
            (preview_goal(judgements, trial.previews[_key(share)]), final)
            for trial, final in zip(judgements.trials, goal, strict=True)
            if _key(share) in trial.previews
        ]
        pairs = np.array([pair for pair in scored if np.isfinite(pair).all()]).reshape(-1, 2)
        if len(pairs) >= MIN_PAIRS:
            varies = np.ptp(pairs, axis=0).min() > 0
            results.append(PreviewAgreement(share, float(spearmanr(*pairs.T)[0]) if varies else 0.0, len(pairs)))
    return results


def account(study: Study, judgements: Judgements) -> Pruning:
    """The effect of pruning on a study so far, and the share at which it continues."""
    known = agreements(judgements)
    share = next((a.share for a in known if a.correlation >= MIN_CORRELATION), None)
    trials = (*study.earlier, *study.own)
    shares = [float(key) for trial in trials for key in trial.previews]
    drawn, dropped = sum(trial.row is not None for trial in trials), len(study.dropped)
    saving = 1 - (drawn + sum(shares)) / max(drawn + dropped, 1)
    return Pruning(known, share, len(shares), dropped, saving)


def add_previews(
    generator: ImageGenerator, panel: Panel, trials: Sequence[Trial], share: float, request: Callable[[Trial], Request]
) -> list[Trial]:
    """The same choices with the judges' scores of a preview after ``share`` of the steps, made unless it exists."""
    missing = [trial for trial in trials if _key(share) not in trial.previews]
    scores: dict[str, dict[str, float]] = {}
    batches = generator.preview([request(trial) for trial in missing], share)
    for trial, drawn in zip(missing, (drawn for batch in batches for drawn in batch), strict=True):
        scores[trial.request_key] = _scores(panel, drawn)
    return [
        replace(trial, previews={**trial.previews, _key(share): scores[trial.request_key]})
        if trial.request_key in scores
        else trial
        for trial in trials
    ]


def _scores(panel: Panel, drawn: DrawnPicture) -> dict[str, float]:
    scores: dict[str, float] = {}
    if drawn.problem:
        return scores
    pictures = PicturesInMemory({0: drawn.pixels})
    for judge in panel.item_judges:
        value = float(judge.values(pictures)[0])
        if np.isfinite(value):
            scores[judge.stored_name] = value
    return scores


def halve(judgements: Judgements, trials: Sequence[Trial], share: float, count: int) -> list[Trial]:
    """Mark all ``trials`` but the ``count`` best by their preview after ``share`` of the steps as dropped."""
    values = [preview_goal(judgements, trial.previews.get(_key(share), {})) for trial in trials]
    order = np.argsort([-value if np.isfinite(value) else np.inf for value in values], kind="stable")
    dropped = set(order[count:].tolist())
    return [replace(trial, dropped=number in dropped) for number, trial in enumerate(trials)]


def expected_scores(study: Study, judgements: Judgements, name: str) -> list[tuple[Trial, float]]:
    """The expected final scores of dropped choices under a judge, by linear regression on its preview scores."""
    expected: dict[str, tuple[Trial, float]] = {}
    for share in SHARES:
        key = _key(share)
        pairs = [
            (trial.previews[key][name], score)
            for trial, score in zip(judgements.trials, judgements.values[name], strict=True)
            if name in trial.previews.get(key, {}) and np.isfinite(score)
        ]
        if len(pairs) < MIN_PAIRS:
            continue
        early, final = np.array(pairs).T
        slope = np.cov(early, final)[0, 1] / early.var(ddof=1) if np.ptp(early) > 0 else 0.0
        for trial in study.dropped:
            if name in trial.previews.get(key, {}):
                value = final.mean() + slope * (trial.previews[key][name] - early.mean())
                # The latest preview is the best predictor.
                expected[trial.request_key] = (trial, float(value))
    return list(expected.values())
