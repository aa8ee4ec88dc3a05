"""Words, models and settings that correlate with scores, with intervals.

Pictures of one prompt are alike, so the mean of each different prompt counts once: a hundred seeds of one prompt say
nothing about its words. Correlation is not causation.

Sources: Welch's t-test and interval; false discovery rate after Benjamini & Hochberg (1995); interval of Spearman's ρ
after Bonett & Wright (*Psychometrika* 65, 2000).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

#: Fewest different prompts with a property, and without it, to compare; and about how many words are counted at most.
FEWEST, WORDS = 3, 50_000


@dataclass(frozen=True, slots=True)
class Association:
    """Difference of scores between prompts with and without a property.

    Attributes:
        kind: ``"word"``, ``"model"``, ``"sampler"`` and so on.
        value: the word, or the name of the model and so on.
        pictures, prompts: number of pictures and of different prompts with the property.
        difference: of mean scores, with − without.
        low, high: 95 % interval of the difference.
        q: false discovery rate at which the difference is significant, among those of its kind.
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
    """Sums over prompts.

    Attributes:
        pictures, prompts: their numbers.
        total, squares: sum, and sum of squares, of the mean score of each prompt.
    """

    pictures: int = 0
    prompts: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, pictures: int, mean: float) -> None:
        """Add a prompt with the number and the mean score of its pictures."""
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
    """Collects the scores of properties of one kind; every prompt is added once, with all its properties.

    Attributes:
        kind: ``"word"``, ``"model"`` and so on.
        everything: sums over all prompts.
        having: sums over the prompts with each property.
    """

    kind: str
    everything: Sums = field(default_factory=Sums)
    having: dict[str, Sums] = field(default_factory=dict)

    def add(self, values: Iterable[str], pictures: int, mean: float) -> None:
        """Add a prompt with its properties, and the number and the mean score of its pictures."""
        self.everything.add(pictures, mean)
        for value in set(values):
            self.having.setdefault(value, Sums()).add(pictures, mean)
        if len(self.having) > 2 * WORDS:
            # A word of one prompt cannot be compared; a word of every thousandth prompt will come again.
            self.having = {value: sums for value, sums in self.having.items() if sums.prompts > 1}

    def associations(self) -> list[Association]:
        """All associations that can be tested, the smallest p-value first."""
        tests = []
        for value, sums in self.having.items():
            rest = Sums(
                self.everything.pictures - sums.pictures, self.everything.prompts - sums.prompts,
                self.everything.total - sums.total, self.everything.squares - sums.squares,
            )  # fmt: skip
            if min(sums.prompts, rest.prompts) >= FEWEST:
                tests.append((value, sums, *welch(sums, rest)))
        tests = [test for test in tests if np.isfinite(test[5])]
        if not tests:
            return []
        from scipy import stats

        q = stats.false_discovery_control([test[5] for test in tests])
        ordered = sorted(zip(tests, q, strict=True), key=lambda pair: (pair[0][5], pair[0][0]))
        return [
            Association(self.kind, value, sums.pictures, sums.prompts, difference, low, high, float(rate))
            for (value, sums, difference, low, high, _), rate in ordered
        ]


def welch(one: Sums, two: Sums) -> tuple[float, float, float, float]:
    """Welch's test of two samples.

    Returns:
        the difference of means, the lower and upper end of its 95 % interval, and the p-value; the last three are NaN
        if nothing varies.
    """
    from scipy import stats

    (mean1, variance1), (mean2, variance2) = one.moments(), two.moments()
    variances = variance1 / one.prompts, variance2 / two.prompts
    error = np.sqrt(sum(variances))
    difference = mean1 - mean2
    # By rounding, equal scores have a variance of a few ulps.
    if not error > 1e-9 * max(abs(mean1), abs(mean2), 1e-9):
        return difference, np.nan, np.nan, np.nan
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / (one.prompts - 1) + variances[1] ** 2 / (two.prompts - 1))
    half = float(stats.t.ppf(0.975, freedom)) * error
    return difference, difference - half, difference + half, float(2 * stats.t.sf(abs(difference) / error, freedom))


@dataclass(frozen=True, slots=True)
class Trend:
    """Correlation of scores with a number, such as steps.

    Attributes:
        name: of the number.
        pictures: how many have the number.
        rho: Spearman's rank correlation with the score.
        low, high: 95 % interval of ``rho``.
        bins: lowest and highest number, pictures and mean score of up to five bins of about equal size.
    """

    name: str
    pictures: int
    rho: float
    low: float
    high: float
    bins: tuple[tuple[float, float, int, float], ...]


def trend(name: str, values: np.ndarray, scores: np.ndarray) -> Trend | None:
    """The trend of (n,) scores over (n,) values; None for fewer than eight pictures, or if either does not vary."""
    known = np.isfinite(values) & np.isfinite(scores)
    values, scores = values[known], scores[known]
    if len(values) < 8 or np.ptp(values) == 0 or np.ptp(scores) == 0:
        return None
    from scipy import stats

    rho = float(np.clip(stats.spearmanr(values, scores).statistic, -0.999999, 0.999999))
    half = 1.959964 * np.sqrt((1 + rho**2 / 2) / (len(values) - 3))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 6)))
    number = np.clip(np.searchsorted(edges, values, "right") - 1, 0, max(len(edges) - 2, 0))
    bins = []
    for k in np.unique(number):
        inside = number == k
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
    """The ``top`` associations of every kind with the smallest p-values."""
    return [association for tally in tallies.values() for association in tally.associations()[:top]]
