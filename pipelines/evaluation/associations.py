"""Which words, models and settings go with better pictures, with intervals.

Pictures of one prompt resemble each other, so the mean of each different prompt counts once: with a hundred seeds of one prompt nothing is
known about its words. What goes with a score need not cause it.

Sources: Welch's t-test and interval; false discovery rate after Benjamini & Hochberg (1995); interval of Spearman's ρ after Bonett & Wright
(*Psychometrika* 65, 2000).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

#: Fewest different prompts on each side, and most words that are counted.
FEWEST, WORDS = 3, 50_000


@dataclass(frozen=True, slots=True)
class Association:
    """How scores differ between what has a property and what has not.

    Attributes:
        kind: ``"word"``, ``"model"``, ``"sampler"``…
        value: the word, or the name of the model….
        pictures, prompts: that have it.
        difference: of mean scores, with − without.
        low, high: 95 % interval of it.
        q: false discovery rate at which it is one of the findings of its kind.
    """

    kind: str
    value: str
    pictures: int
    prompts: int
    difference: float
    low: float
    high: float
    q: float


@dataclass(slots=True)
class Sums:
    """Sums over prompts: how many pictures and prompts, and the sum and sum of squares of the prompts' means."""

    pictures: int = 0
    prompts: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, pictures: int, mean: float) -> None:
        """Add a prompt."""
        self.pictures += pictures
        self.prompts += 1
        self.total += mean
        self.squares += mean * mean

    def moments(self) -> tuple[float, float]:
        """Mean and sample variance of the prompts' means."""
        mean = self.total / self.prompts
        return mean, max(self.squares - self.prompts * mean * mean, 0.0) / (self.prompts - 1)


@dataclass
class Tally:
    """Collects properties of one kind; give it every prompt once with all its properties."""

    kind: str
    everything: Sums = field(default_factory=Sums)
    having: dict[str, Sums] = field(default_factory=dict)

    def add(self, values: Iterable[str], pictures: int, mean: float) -> None:
        """Add a prompt that has these properties, with the mean score of its pictures."""
        self.everything.add(pictures, mean)
        for value in set(values):
            self.having.setdefault(value, Sums()).add(pictures, mean)
        if len(self.having) > 2 * WORDS:
            # Words seen once cannot be judged; a word of every thousandth prompt will come again.
            self.having = {value: sums for value, sums in self.having.items() if sums.prompts > 1}

    def associations(self) -> list[Association]:
        """What can be judged, largest |t| first."""
        found = []
        for value, sums in self.having.items():
            rest = Sums(
                self.everything.pictures - sums.pictures, self.everything.prompts - sums.prompts,
                self.everything.total - sums.total, self.everything.squares - sums.squares,
            )  # fmt: skip
            if min(sums.prompts, rest.prompts) >= FEWEST:
                found.append((value, sums, *welch(sums, rest)))
        found = [row for row in found if np.isfinite(row[5])]
        if not found:
            return []
        from scipy import stats

        q = stats.false_discovery_control([row[5] for row in found])
        order = sorted(range(len(found)), key=lambda i: (found[i][5], found[i][0]))
        rows = [(*found[i], float(q[i])) for i in order]
        return [
            Association(self.kind, value, sums.pictures, sums.prompts, difference, low, high, rate)
            for value, sums, difference, low, high, _, rate in rows
        ]


def welch(one: Sums, two: Sums) -> tuple[float, float, float, float]:
    """Difference of means, its 95 % interval, and the p-value of Welch's test; NaN where nothing varies."""
    from scipy import stats

    (mean1, variance1), (mean2, variance2) = one.moments(), two.moments()
    parts = variance1 / one.prompts, variance2 / two.prompts
    error = np.sqrt(sum(parts))
    difference = mean1 - mean2
    # Rounding leaves equal scores a variance of some ulps.
    if not error > 1e-9 * max(abs(mean1), abs(mean2), 1e-9):
        return difference, np.nan, np.nan, np.nan
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (one.prompts - 1) + parts[1] ** 2 / (two.prompts - 1))
    half = float(stats.t.ppf(0.975, freedom)) * error
    return difference, difference - half, difference + half, float(2 * stats.t.sf(abs(difference) / error, freedom))


@dataclass(frozen=True, slots=True)
class Trend:
    """How scores go with a number, such as steps.

    Attributes:
        name: of the number.
        pictures: that have it.
        rho: Spearman's rank correlation with the score.
        low, high: 95 % interval of it.
        bins: lowest and highest value, pictures and mean score, of up to five parts of about equal size.
    """

    name: str
    pictures: int
    rho: float
    low: float
    high: float
    bins: tuple[tuple[float, float, int, float], ...]


def trend(name: str, values: np.ndarray, scores: np.ndarray) -> Trend | None:
    """The trend of (n,) scores over (n,) values; None for fewer than eight pictures, or where one of both does not vary."""
    known = np.isfinite(values) & np.isfinite(scores)
    values, scores = values[known], scores[known]
    if len(values) < 8 or np.ptp(values) == 0 or np.ptp(scores) == 0:
        return None
    from scipy import stats

    rho = float(np.clip(stats.spearmanr(values, scores).statistic, -0.999999, 0.999999))
    half = 1.959964 * np.sqrt((1 + rho**2 / 2) / (len(values) - 3))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 6)))
    part = np.clip(np.searchsorted(edges, values, "right") - 1, 0, max(len(edges) - 2, 0))
    bins = []
    for k in np.unique(part):
        inside = part == k
        bins.append(
            (float(values[inside].min()), float(values[inside].max()), int(inside.sum()), float(scores[inside].mean()))
        )
    return Trend(
        name,
        len(values),
        rho,
        float(np.tanh(np.arctanh(rho) - half)),
        float(np.tanh(np.arctanh(rho) + half)),
        tuple(bins),
    )


def findings(tallies: Mapping[str, Tally], top: int = 20) -> list[Association]:
    """The most certain associations of every kind, ``top`` of each."""
    return [one for tally in tallies.values() for one in tally.associations()[:top]]
