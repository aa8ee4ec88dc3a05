"""The judgements of a study as the rating model takes them."""

from __future__ import annotations

import numpy as np

from ...prompts.rating_model.feedback import Feedback
from .panel import Judgements, RaterKey
from .study import Trial


class JudgedChoices:
    """Judged (n,) choices, once for each of their judges, every judge on a standard scale."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []
        self.judges: list[RaterKey] = []
        self._ratings: dict[int, float] = {}
        self._pairs: list[tuple[int, int]] = []

    @classmethod
    def of(cls, judgements: Judgements) -> JudgedChoices:
        """The judgements of pictures; what only follows from choices is left to the choices.

        Pictures of two base subjects are not compared, because a judge of one is not one of the other.
        """
        evidence, trials = cls(), judgements.trials
        for name in judgements.values:
            suggested = judgements.suggested.get(name, np.zeros(len(trials), dtype=bool))
            for trial, value in zip(trials, np.where(suggested, np.nan, judgements.standard(name)), strict=True):
                if np.isfinite(value):
                    evidence.rate(trial, name, float(value))
        for name, pairs in judgements.compared.items():
            for preferred, other in pairs.tolist():
                if trials[preferred].context == trials[other].context:
                    evidence._pairs.append((evidence._add(trials[preferred], name), evidence._add(trials[other], name)))
        return evidence

    def rate(self, trial: Trial, name: str, value: float) -> None:
        """Add the rating of a choice by a judge, on the judge's standard scale."""
        self._ratings[self._add(trial, name)] = value

    def _add(self, trial: Trial, name: str) -> int:
        self.trials.append(trial)
        self.judges.append(RaterKey(name, trial.context))
        return len(self.trials) - 1

    def __bool__(self) -> bool:
        return bool(self.trials)

    @property
    def feedback(self) -> Feedback:
        """All judgements, by the numbers of the choices."""
        return Feedback(
            rated=np.array([*self._ratings], dtype=np.int64),
            ratings=np.array([*self._ratings.values()], dtype=np.float64),
            pairs=np.array(self._pairs, dtype=np.int64).reshape(-1, 2),
        )
