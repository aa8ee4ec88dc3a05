"""Words, models and other texts that go with higher scores, with intervals.

Pictures of one prompt are alike, so the mean of each different prompt counts once: a hundred seeds of one prompt say
nothing about its words. Where enough prompts have pictures with a property and without it, such as of two models, these alone
are compared, each with itself, so that subjects cancel. Correlation is not causation.

Scores crowd at their ceiling, where a t-test calls noise certain. So ranks are compared, which also keep a few very low
scores from deciding.

Sources: rank-sum and signed-rank tests after Wilcoxon (*Biometrics Bulletin* 1, 1945) with mid-ranks; tails of the first by a Pearson III curve of
the permutation distribution's first three moments, as in Mielke & Berry, *Permutation Methods* (2007); Welch's interval;
false discovery rate after Benjamini & Hochberg (1995).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

#: Fewest different prompts with a property, and without it, to compare; and about how many words are counted at most.
FEWEST, WORDS = 8, 50_000
#: Kind of the words of file names.
NAME = "file name"
#: Kinds that pages list on their own, uncertain ones too: what draws.
MAKES = ("model", "LoRA", "sampler")


@dataclass(frozen=True, slots=True)
class Association:
    """Difference of mean scores between prompts with and without a property (with − without), and its 95 % interval."""

    kind: str
    value: str
    pictures: int
    prompts: int
    difference: float
    low: float
    high: float
    q: float  # false discovery rate at which the ranks differ significantly, among all associations of an evaluation
    within: int = 0  # prompts with both, which alone were compared, each with itself; 0 if others were, too

    @property
    def words(self) -> str:
        """The words by which a search finds its pictures."""
        return searched(self.kind, self.value)


def searched(kind: str, value: str) -> str:
    """The words by which a search finds pictures with a property.

    >>> from soart.pipelines.evaluation.associations import searched
    >>> searched("word", "at night"), searched("model", "sdxl turbo")
    ('at night', 'model:"sdxl turbo"')
    """
    return (
        value
        if kind in ("word", NAME)
        else f'"{value.replace(chr(34), " ")}"'
        if kind in ("prompt", "folder")
        else f'{kind.casefold()}:"{value}"'
        if " " in value
        else f"{kind.casefold()}:{value}"
    )


@dataclass(slots=True)
class Sums:
    """Number of pictures and prompts, and sum and sum of squares of the mean score of each prompt."""

    pictures: int = 0
    prompts: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, pictures: np.ndarray, means: np.ndarray) -> Sums:
        """The sums over prompts with some numbers (n,) of pictures and mean scores (n,)."""
        return cls(int(pictures.sum()), len(means), float(means.sum()), float(means @ means))

    def __sub__(self, other: Sums) -> Sums:
        """The sums over the prompts that ``other`` does not count."""
        return Sums(
            self.pictures - other.pictures, self.prompts - other.prompts, self.total - other.total,
            self.squares - other.squares,
        )  # fmt: skip

    def moments(self) -> tuple[float, float]:
        """Mean and sample variance of the prompts' means."""
        mean = self.total / self.prompts
        return mean, max(self.squares - self.prompts * mean * mean, 0.0) / (self.prompts - 1)


@dataclass
class Tally:
    """Collects the scores of properties of one kind, such as ``"word"``."""

    kind: str
    #: number of the prompt of each entry; equal prompts follow each other
    prompts: array[int] = field(default_factory=lambda: array("q"))
    #: pictures, means: number and mean score of the pictures of each entry
    pictures: array[int] = field(default_factory=lambda: array("q"))
    means: array[float] = field(default_factory=lambda: array("d"))
    having: dict[str, array[int]] = field(default_factory=dict)  # the entries with each property
    _latest: str | None = None

    def add(self, prompt: str, values: Iterable[str], pictures: int, mean: float) -> None:
        """Add a prompt with its properties, and number and mean score of its pictures; its entries must be adjacent."""
        entry = len(self.means)
        self.prompts.append(self.prompts[-1] + (prompt != self._latest) if entry else 0)
        self._latest = prompt
        self.pictures.append(pictures)
        self.means.append(mean)
        for value in set(values):
            self.having.setdefault(value, array("q")).append(entry)
        if len(self.having) > 2 * WORDS:
            # A word of one prompt cannot be compared; a word of every thousandth prompt will come again.
            self.having = {value: entries for value, entries in self.having.items() if len(entries) > 1}

    def tests(self) -> list[Test]:
        """A test of every property that enough prompts have and enough lack; on either side a prompt counts once."""
        prompts, pictures = np.array(self.prompts, dtype=np.int64), np.array(self.pictures, dtype=np.float64)
        totals = pictures * np.array(self.means, dtype=np.float64)
        whole = Prompts.of(prompts, pictures, totals)
        pure: list[tuple[str, Prompts]] = []
        tests = []
        for value, entries in self.having.items():
            if len(entries) < FEWEST:
                continue
            rows = np.array(entries, dtype=np.int64)
            having = Prompts.of(prompts[rows], pictures[rows], totals[rows])
            mixed = having.pictures < whole.pictures[having.numbers]
            if min(len(mixed), len(whole.numbers) - int((~mixed).sum())) < FEWEST:
                continue
            if not mixed.any():
                pure.append((value, having))
                continue
            others = whole.without(having)
            if mixed.sum() >= FEWEST:
                both = having.numbers[mixed]
                apart = having.means[mixed] - others.means[np.searchsorted(others.numbers, both)]
                tests.append(Test(self.kind, value, having.sums, others.sums, signed_rank_p(apart), apart))
                continue
            scores = np.concatenate([having.means, others.means])
            p = rank_sum_p(scores, [np.arange(len(having.means))])[0]
            tests.append(Test(self.kind, value, having.sums, others.sums, float(p)))
        # All of them compare the same scores, whose ranks are found once.
        everything = whole.sums
        for (value, having), p in zip(
            pure, rank_sum_p(whole.means, [having.numbers for _, having in pure]), strict=True
        ):
            tests.append(Test(self.kind, value, having.sums, everything - having.sums, float(p)))
        return tests


@dataclass(frozen=True, slots=True)
class Prompts:
    """Ascending numbers (n,) of prompts, and number and sum of scores of some pictures of each."""

    numbers: np.ndarray
    pictures: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, prompts: np.ndarray, pictures: np.ndarray, totals: np.ndarray) -> Prompts:
        """The prompts of (e,) entries, with ascending numbers of their prompts."""
        if not len(prompts):
            return cls(prompts, pictures, totals)
        starts = np.flatnonzero(np.diff(prompts, prepend=prompts[0] - 1))
        return cls(prompts[starts], np.add.reduceat(pictures, starts), np.add.reduceat(totals, starts))

    def without(self, some: Prompts) -> Prompts:
        """The prompts, numbered from 0 without gaps, without the pictures of ``some`` of them."""
        pictures, totals = self.pictures.copy(), self.totals.copy()
        pictures[some.numbers] -= some.pictures
        totals[some.numbers] -= some.totals
        left = pictures > 0
        return Prompts(self.numbers[left], pictures[left], totals[left])

    @property
    def means(self) -> np.ndarray:
        """(n,) mean score of each prompt's pictures."""
        means: np.ndarray = self.totals / self.pictures
        return means

    @property
    def sums(self) -> Sums:
        """The sums over the prompts."""
        return Sums.of(self.pictures, self.means)


@dataclass(frozen=True, slots=True)
class Test:
    """Test of one property: sums over prompts with it and without it, the two-sided p-value, and differences within prompts."""

    kind: str
    value: str
    having: Sums
    others: Sums
    p: float
    apart: np.ndarray | None = None

    def association(self, q: float) -> Association:
        """The association, significant at a false discovery rate ``q``."""
        if self.apart is None:
            difference, low, high, _ = welch(self.having, self.others)
        else:
            difference, low, high = mean_interval(self.apart)
        if not np.isfinite(low):
            # Nothing varies on either side.
            low = high = difference
        return Association(
            self.kind, self.value, self.having.pictures, self.having.prompts, difference, low, high, q,
            0 if self.apart is None else len(self.apart),
        )  # fmt: skip


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of (n,) differences; 1 if all are 0."""
    from scipy import stats

    # By rounding, means of equal scores differ by a few ulps.
    differences = np.round(differences, 9)
    ranks = stats.rankdata(np.abs(differences)) * np.sign(differences)
    spread = float(np.sqrt((ranks**2).sum()))
    return float(2 * stats.norm.sf(abs(ranks.sum()) / spread)) if spread else 1.0


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of (n,) values and the ends of its 95 % interval."""
    from scipy import stats

    mean, error = float(values.mean()), float(values.std(ddof=1)) / np.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - half, mean + half


def rank_sum_p(scores: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Two-sided p-values (m,) of Wilcoxon's rank-sum test of each group against all other scores; 1 if all are the same.

    ``scores`` are (n,) float64, with ties or without; a group (k,) holds the rows of its scores, 0 < k < n.
    """
    from scipy import stats

    n = len(scores)
    # By rounding, means of equal scores differ by a few ulps.
    ranks = stats.rankdata(np.round(scores, 9)) - (n + 1) / 2
    second, third = (ranks**2).mean() if n else 0.0, (ranks**3).mean() if n else 0.0
    if n < 3 or second == 0:
        return np.ones(len(groups))
    size = np.array([len(rows) for rows in groups], dtype=np.float64)
    # Moments of a sum of ranks that are drawn without replacement.
    variance = size * (n - size) / (n - 1) * second
    skewness = size * (n - size) * (n - 2 * size) / ((n - 1) * (n - 2)) * third / variance**1.5
    z = np.array([ranks[rows].sum() for rows in groups]) / np.sqrt(variance)
    skewed = np.minimum(stats.pearson3.cdf(z, skewness), stats.pearson3.sf(z, skewness))
    # The curve ends on one side, where the true tail may not.
    p: np.ndarray = np.minimum(1.0, 2 * np.maximum(skewed, stats.norm.sf(np.abs(z))))
    return p


def welch(one: Sums, two: Sums) -> tuple[float, float, float, float]:
    """Welch's difference of means, the ends of its 95 % interval, and p-value; the last three NaN if nothing varies."""
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


def findings(tallies: Mapping[str, Tally], top: int = 20) -> list[Association]:
    """The ``top`` associations of every kind with the smallest p-values; all kinds are one family of tests."""
    from scipy import stats

    tests = [
        test for tally in tallies.values() for test in sorted(tally.tests(), key=lambda test: (test.p, test.value))
    ]
    rates = stats.false_discovery_control([test.p for test in tests]) if tests else ()
    found: dict[str, list[Association]] = {}
    for test, q in zip(tests, rates, strict=True):
        if len(of_kind := found.setdefault(test.kind, [])) < top:
            of_kind.append(test.association(float(q)))
    return [association for of_kind in found.values() for association in of_kind]
