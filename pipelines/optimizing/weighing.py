"""Weighs several judges together, as the ranker does: each in standard deviations, of the first pictures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ...metrics.protocols import Pictures, Scale
from ..judges.gradients import Gradient, checked_gradient, gradient_of
from ..judges.guarded import GuardedJudge, View
from ..judges.ranking import Weighted
from ..scoring.taste_judge import TasteJudge


class WeightedJudges:
    """Several judges as one, whose value is the weighted mean of theirs in standard deviations of the first pictures.

    Args:
        judges: at least two, with weights of which those above 0 count.

    Attributes:
        judges: those that count.
        units: mean and standard deviation of each among the first pictures; empty before these are known.
    """

    scale = Scale(-np.inf, np.inf, "deviations")
    needs: Sequence[str] = ()

    def __init__(self, judges: Sequence[Weighted]) -> None:
        self.judges = [(judge, weight) for judge, weight in judges if weight > 0]
        self.units: list[tuple[float, float]] = []
        self.name = " + ".join(
            judge.name if weight == 1 else f"{weight:g} × {judge.name}" for judge, weight in self.judges
        )
        self.version = " + ".join(f"{judge.stored_name} {judge.version}" for judge, _ in self.judges)

    @property
    def taste(self) -> GuardedJudge | None:
        """The only taste among them; None for none or several."""
        tastes = [judge for judge, _ in self.judges if isinstance(judge.inner, TasteJudge)]
        return tastes[0] if len(tastes) == 1 else None

    def _columns(self, pictures: View) -> np.ndarray:
        # One by one, so that no value depends on the pictures beside it.
        rows = [[float(judge.values(pictures.part({one}))[0]) for judge, _ in self.judges] for one in pictures.ids]
        return np.array(rows, dtype=np.float64).reshape(len(pictures.ids), len(self.judges))

    def calibrate(self, pictures: View) -> None:
        """Take means and standard deviations from the first pictures."""
        columns = self._columns(pictures)
        known = [column[np.isfinite(column)] for column in columns.T]
        self.units = [(float(one.mean()), float(one.std())) if len(one) else (np.nan, 0.0) for one in known]

    @property
    def _shares(self) -> np.ndarray:
        """(judges,) what a value of each counts; 0 for a judge that gave all first pictures the same."""
        weights = np.array([weight for _, weight in self.judges])
        spread = [(deviation, 1e-9 * (1 + abs(mean))) for mean, deviation in self.units]
        shares: np.ndarray = weights / weights.sum() * [1 / s if s > least else 0.0 for s, least in spread]
        return shares

    def values(self, pictures: Pictures, /) -> np.ndarray:
        """(n,) values in standard deviations of the first pictures."""
        seen = cast("View", pictures)
        if not self.units:
            self.calibrate(seen)
        values: np.ndarray = (self._columns(seen) - [mean for mean, _ in self.units]) @ self._shares
        return values

    @property
    def gradient(self) -> Gradient | None:
        """The weighted sum of all gradients; None unless each judge has one."""
        found = [(gradient_of(judge.inner), judge.name) for judge, _ in self.judges]
        gradients = [(gradient, name) for gradient, name in found if gradient is not None]
        if len(gradients) < len(found):
            return None

        def together(pixels: np.ndarray, prompt: str, /) -> tuple[float, np.ndarray]:
            value, derivative = 0.0, np.zeros(pixels.shape, dtype=np.float32)
            for (gradient, name), share, (mean, _) in zip(gradients, self._shares.tolist(), self.units, strict=True):
                own, slope = checked_gradient(gradient, name, pixels, prompt)
                value += share * (own - mean)
                derivative += np.float32(share) * slope
            return value, derivative

        return together
