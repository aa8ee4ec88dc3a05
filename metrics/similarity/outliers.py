"""Outliers among the pictures of a collection.

Symbols: n pictures, p items, z = (x − m)/s an item vector in standard deviations of the sample, c = z Pᵀ/√p its
coordinates on the k principal axes P of the sample. Two pictures whose items all differ by one standard deviation are
about 1 apart.

* Distances are those of the MT method (Taguchi & Jugulum 2002) from the collection's own unit space: the sample without
  its farthest twentieth. Its items are the coordinates and the log of the remainder that they leave unexplained, so
  there are far fewer items than pictures.
* Outliers are found by the modified z-score of log distances (Iglewicz & Hoaglin 1993).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import ItemsError
from ..taguchi.distances import MT

#: Fewest pictures among which outliers can be found.
FEWEST_PICTURES = 12
#: The most principal axes, and the fewest pictures per axis.
MOST_AXES, PICTURES_PER_AXIS = 32, 10
#: Share of the sample that is left out of the unit space, and the modified z-score of an outlier.
LEFT_OUT, OUTLIER = 0.05, 3.5


def unit_space(sample: np.ndarray) -> MT:
    """Fit the MT method to a sample (n, q) of a collection, first to all of it, then without the farthest twentieth."""
    distance = MT(singular="shrink").fit(sample).distance(sample)
    return MT(singular="shrink").fit(sample[distance <= np.quantile(distance, 1 - LEFT_OUT)])


def outlier_limit(distances: np.ndarray) -> float:
    """Distance beyond which a picture is an outlier; infinite if the (n,) distances do not vary, or are too few."""
    logs = np.log(distances[distances > 0])
    if len(logs) < FEWEST_PICTURES:
        return float("inf")
    median = float(np.median(logs))
    deviation = float(np.median(np.abs(logs - median))) / 0.6745
    return float(np.exp(median + OUTLIER * deviation)) if deviation > 0 else float("inf")


@dataclass(frozen=True)
class SampleOverview:
    """Description of a collection, learnt from a sample of its pictures."""

    #: (p,) mean and standard deviation of the items; the scale of constant items is infinite
    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray  # (k, p) principal axes
    unit: MT | None  # the unit space over coordinates and remainder; None if pictures are too few or all alike

    @classmethod
    def of(cls, sample: np.ndarray) -> SampleOverview:
        """Learn from the finite (n, p) items of a sample, n ≥ 1."""
        if sample.ndim != 2 or not len(sample) or not np.isfinite(sample).all():
            raise ItemsError(f"Expected finite items of at least one picture as (n, p), got shape {sample.shape}.")
        centre, deviation = sample.mean(axis=0), sample.std(axis=0)
        scale = np.where(deviation > 1e-12 * np.abs(sample).max(axis=0), deviation, np.inf)
        z = (sample - centre) / scale
        # Axes must not depend on the number of cores, and threads slow down short loops on a busy machine.
        with threadpool_limits(1):
            axes = np.linalg.svd(z, full_matrices=False)[2][: min(MOST_AXES, max(1, len(z) // PICTURES_PER_AXIS))]
            plain = cls(centre, scale, axes, None)
            if len(sample) < FEWEST_PICTURES or not np.isfinite(scale).any():
                return plain
            return replace(plain, unit=unit_space(plain._with_remainder(sample)))

    def _with_remainder(self, items: np.ndarray) -> np.ndarray:
        """(n, k + 1) coordinates and log of the mean square that they leave unexplained."""
        z = (items - self.centre) / self.scale
        coordinates = z @ self.axes.T / np.sqrt(items.shape[1])
        rest = np.mean(z**2, axis=1) - np.sum(coordinates**2, axis=1)
        # If the axes explain a picture wholly, only rounding is left.
        return np.column_stack([coordinates, np.log(np.maximum(rest, 1e-6))])

    def distances(self, items: np.ndarray) -> np.ndarray:
        """(n,) MT distances of (n, p) items from the collection's unit space, about 1 inside; NaN without one."""
        if self.unit is None:
            return np.full(len(items), np.nan)
        return self.unit.distance(self._with_remainder(items))
