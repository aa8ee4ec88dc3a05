"""Evidence for a difference between versions: bootstrap intervals of accuracy and a permutation test of the difference.

Pictures come in groups, such as one scene in several modes. Whole groups are drawn and exchanged, because pictures of
one group succeed and fail together.

Sources: B. Efron and R. Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 8 and 13; P. Good, *Permutation,
Parametric and Bootstrap Tests of Hypotheses* (2005), chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Coverage of the intervals.
LEVEL = 0.95


@dataclass(frozen=True)
class VersionEvidence:
    """Accuracies of versions with their uncertainty."""

    #: balanced accuracy by version: the mean over modes of the share that is recognised, 0–1
    accuracy: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]  # (low, high) of each, 95 %
    difference: float  # second named version less the first, −1…1
    difference_interval: tuple[float, float]  # (low, high) of the difference, 95 %
    p_value: float  # share of random exchanges of the two versions, group by group, with a difference as large; 0–1


def evidence(
    modes: Sequence[str] | np.ndarray,
    predicted: Mapping[str, np.ndarray],
    groups: Sequence[str] | np.ndarray,
    names: tuple[str, str],
    rng: np.random.Generator,
    draws: int = 2000,
) -> VersionEvidence:
    """Accuracies of versions on (n,) modes with intervals, and a test of the difference between two of ``names``.

    The (n,) predictions of each version are for pictures that it was not fitted to. The (n,) groups are drawn and
    exchanged whole. The same name twice gives a difference of 0.
    """
    _, mode = np.unique(np.asarray(modes), return_inverse=True)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    shape = (int(group.max()) + 1, int(mode.max()) + 1)
    totals = _by_group(np.ones(len(mode)), group, mode, shape)
    hits = {
        version: _by_group((values == np.asarray(modes)).astype(float), group, mode, shape)
        for version, values in predicted.items()
    }
    accuracy = {version: float(_balanced(count.sum(0), totals.sum(0))) for version, count in hits.items()}
    drawn = rng.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), size=draws).astype(float)
    spread = {version: _balanced(drawn @ count, drawn @ totals) for version, count in hits.items()}
    first, second = names
    apart = hits[second] - hits[first]
    difference = accuracy[second] - accuracy[first]
    signs = rng.choice([-1.0, 1.0], size=(draws, len(apart)))
    exchanged = _balanced(signs @ apart, np.broadcast_to(totals.sum(0), (draws, shape[1])))
    as_large = int((np.abs(exchanged) >= abs(difference) - 1e-12).sum())
    return VersionEvidence(
        accuracy,
        {version: _interval(values) for version, values in spread.items()},
        difference,
        _interval(spread[second] - spread[first]),
        (1 + as_large) / (1 + draws),
    )


def _by_group(values: np.ndarray, group: np.ndarray, mode: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(groups, modes) sums of (n,) values."""
    table = np.zeros(shape)
    np.add.at(table, (group, mode), values)
    return table


def _balanced(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """(…) mean over the modes that have pictures of hits divided by totals, both (…, modes)."""
    there = totals > 0
    shares = np.divide(hits, totals, out=np.zeros_like(hits), where=there)
    mean: np.ndarray = shares.sum(-1) / there.sum(-1)
    return mean


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
