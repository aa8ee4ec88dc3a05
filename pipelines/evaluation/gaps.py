"""Gaps between the means and shares of two collections, with intervals.

Pictures of one prompt are alike, so intervals take them together: a hundred seeds of one prompt are not a hundred prompts.

Sources: Welch's interval for means; Agresti & Caffo's (2000) for shares; prompts as clusters after Kish, *Survey Sampling*
(1965).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class Gap:
    """A quantity's mean, or share of pictures, in two collections, and the 95 % interval of first − second."""

    name: str
    first: float
    second: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """True if the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Sample:
    """Values (n,), n ≥ 1, of a collection's pictures, and (n,) numbers of prompts, shared by both; below 0 for none."""

    values: np.ndarray
    prompts: np.ndarray

    def influence(self, *, together: bool) -> dict[int, float]:
        """Influence of each cluster on the mean: of prompts if ``together``, else of pictures, under numbers below 0.

        The sum of their squares is the variance of the mean; with clusters of one picture that is s²/n.
        """
        each = (self.values - self.values.mean()) / len(self.values)
        alone = -1 - np.arange(len(each))
        numbers, which = np.unique(
            np.where(self.prompts < 0, alone, self.prompts) if together else alone, return_inverse=True
        )
        factor = np.sqrt(len(numbers) / max(len(numbers) - 1, 1))
        return dict(zip(numbers.tolist(), (factor * np.bincount(which, each)).tolist(), strict=True))

    @property
    def has_clusters(self) -> bool:
        """True if there are at least two prompts or pictures without one, so that prompts can count as clusters."""
        return bool((self.prompts < 0).any()) or len(np.unique(self.prompts)) > 1

    @property
    def size(self) -> float:
        """Number of independent pictures that would give as precise a mean, at most n."""
        variance, apart = (sum(v * v for v in self.influence(together=t).values()) for t in (self.has_clusters, False))
        return len(self.values) * min(1.0, apart / variance) if variance > 0 else float(len(self.values))


def mean_gap(name: str, first: Sample, second: Sample) -> tuple[Gap, float]:
    """Gap of the means of two samples, with the p-value of no gap; NaN if nothing varies.

    Welch's interval, with the pictures of a prompt as a cluster. An effect that a prompt has on both samples cancels
    out. If either sample has only one prompt, each picture is a cluster of its own.
    """
    mean, other = float(first.values.mean()), float(second.values.mean())
    together = first.has_clusters and second.has_clusters
    one, two = (sample.influence(together=together) for sample in (first, second))
    variances = [sum(value * value for value in each.values()) for each in (one, two)]
    shared = sum(one[prompt] * two[prompt] for prompt in one.keys() & two.keys() if prompt >= 0)
    error = np.sqrt(max(sum(variances) - 2 * shared, 0.0))
    # By rounding, equal values have a variance of a few ulps.
    if not error > 1e-9 * max(abs(mean), abs(other), 1e-9):
        return Gap(name, mean, other, math.nan, math.nan), math.nan
    freedom = sum(variances) ** 2 / sum(v**2 / (len(c) - 1) for v, c in zip(variances, (one, two), strict=True))
    half, p = float(stdtrit(freedom, 0.975) * error), float(2 * stdtr(freedom, -abs(mean - other) / error))
    return Gap(name, mean, other, mean - other - half, mean - other + half), p


def share_gap(
    name: str, first: tuple[int, int], second: tuple[int, int], worth: tuple[float, float] = (1.0, 1.0)
) -> Gap:
    """Gap of two shares (count, all); ``worth`` is how many independent observations a picture stands for, 0…1."""
    sizes = first[1] * worth[0], second[1] * worth[1]
    p1, p2 = ((c * w + 1) / (size + 2) for (c, _), w, size in zip((first, second), worth, sizes, strict=True))
    half = 1.959964 * math.sqrt(p1 * (1 - p1) / (sizes[0] + 2) + p2 * (1 - p2) / (sizes[1] + 2))
    return Gap(name, first[0] / first[1], second[0] / second[1], p1 - p2 - half, p1 - p2 + half)


def share_gap_of(name: str, first: Sample, second: Sample) -> Gap:
    """Gap of the shares of pictures with 1 in two samples of 0 and 1."""
    one, two = ((int(sample.values.sum()), len(sample.values)) for sample in (first, second))
    return share_gap(name, one, two, (first.size / one[1], second.size / two[1]))
