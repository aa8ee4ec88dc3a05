"""The true AUC of a taste, as far as other people's tastes, evidence and the held-out figure tell it: a posterior.

A held-out figure of sixteen pictures is one noisy observation. So it is laid on top of what is known of other people's
tastes that were learnt from as many pictures. A taste is of one of three sorts: *usual*, *plain*, or *nothing*, ratings that
follow nothing which soart sees. With the log-odds η = log θ/(1 − θ) of the true AUC θ after n liked and n disliked pictures,
and the held-out figure h,

    usual     η ~ level + slope·log(n/8) + gain·(s − s̄) + scale·t(ν)    by kind of taste
    plain     η ~ N(3.8, 1.8²)
    nothing   η ~ N(0, 0.2²), whatever h
    h ~ N(θ', c V(θ', n)),   η' = η + slope·log(4/5)     each fold learns from four fifths of the pictures

s is the AUC on the rated pictures of the prior scores that show what people in general like; where it is unknown, the usual s̄.
V is the variance of an AUC of n and n independent pictures (Newcombe's method 5). c tells how much less cross-validation
shows than new pictures would, of usual tastes and of plain ones. The shares of the three sorts are a multinomial logistic
regression on what is known of the log evidence that items explain the likings (``fitting.evidence_of``), log n, h, and the AUC
of appeal on the rated pictures, which has learnt nothing from them. Both AUCs are told in standard deviations; for *nothing*
the held-out one is told as log-odds.
After n' pictures, η of a usual taste moves with the slope, and keeps its distance from the prior's middle but for a share:

    η_n' = μ_n' + ρ (η_n − μ_n) + √(1 − ρ²) scale·√(ν/(ν − 2)) ε,   μ_n = level + slope·log(n/8) + gain·(s − s̄),   ρ = r^|log₂(n'/n)|

All numbers were learnt on people whose tastes were checked on many other pictures, on planted plain tastes, and on ratings by
chance (``benchmarks/taste/trust.py``); of the first two kinds also on planted tastes in generated pictures (``starts.py``).

Sources: Lindley & Smith, "Bayes estimates for the linear model", *Journal of the Royal Statistical Society B* 34 (1972);
Newcombe, "Confidence intervals for an effect size measure based on the Mann–Whitney statistic, part 2", *Statistics in
Medicine* 25 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

#: Values of η on which posteriors are computed.
ETA = np.linspace(-4.0, 9.0, 1301)


class Level(NamedTuple):
    """Middle of the prior of η after 8 liked and 8 disliked pictures, and its slope."""

    level: float
    slope: float


#: Of tastes with prior scores that show what people in general like, the same in pictures by one generator, of which these
#: say less, with a network alone, and with neither.
LEVELS = {
    "shared": Level(0.96, 0.10),
    "alike": Level(0.51, 0.10),
    "content": Level(0.70, 0.25),
    "appearance": Level(0.27, 0.22),
    "choices": Level(0.27, 0.105),
}
#: s̄, the gain, and the most that it moves η.
STARTS, GAIN, MOST_GAIN = 0.62, 1.3, 0.5
SCALE, DEGREES = 0.42, 4.0
#: Middle and standard deviation of η of plain tastes, and of those that follow nothing.
PLAIN, NOTHING = (3.8, 1.8), (0.0, 0.2)
#: Shares of usual and plain tastes and of nothing where nothing is held out, and least share of plain ones beside usual ones:
#: ratings of a plain taste may be noisy.
SHARES, LEAST_PLAIN = (0.87, 0.08, 0.05), 0.08
#: Log-odds of plain tastes and of nothing against usual ones, by the number of signs: the constant, and the weights of the signs.
SORTS: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    1: ((-6.35, 1.98), (-2.52, -0.46)),
    3: ((-7.9, 0.77, 4.11, -4.4), (-2.59, -0.45, 0.0, 0.35)),
    4: ((-4.56, 1.71, 2.85, -0.19, -2.33), (-0.02, -0.07, -1.0, 2.39, -2.67)),
}
#: Pictures a side beyond which evidence is not looked for, and the least evidence whose size counts, in nats.
MOST, LEAST_EVIDENCE = 80, 0.1
#: c of usual and of plain tastes, and r.
EXCESS, EXCESS_OF_PLAIN, KEPT = 6.0, 1.7, 0.9
#: Least variance of an AUC.
FLOOR = 1e-4
#: Share of the pictures that a fold learns from.
_LEARNT = 0.8


def variance_of_auc(
    theta: float | np.ndarray, n: float | np.ndarray, m: float | np.ndarray | None = None
) -> np.ndarray:
    """Variance of the AUC of n liked and m (by default n) disliked independent pictures of true AUC ``theta``."""
    m = n if m is None else m
    more = (np.asarray(n) + m) / 2 - 1
    spread = theta * (1 - theta) * (1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta)))
    found: np.ndarray = spread / (np.maximum(n, 1.0) * np.maximum(m, 1.0))
    return found


@dataclass(frozen=True)
class TrueAuc:
    """The posterior of the true AUC; made by ``of``."""

    kind: str  # of the taste, one of ``LEVELS``
    n: float  # liked, and disliked, pictures that it was learnt from; a fraction where the two differ
    #: (3, m) probabilities of a fixed grid of values with usual tastes, plain ones, and nothing; they sum to 1
    sorts: np.ndarray
    moved: float = 0.0  # gain·(s − s̄)

    @classmethod
    def of(
        cls,
        kind: str,
        n: float,
        held_out: float = float("nan"),
        shown: float | None = None,
        evidence: float = float("nan"),
        appeal: float = float("nan"),
        starts: float = float("nan"),
    ) -> TrueAuc:
        """The posterior of a taste of a ``kind`` of ``LEVELS`` and n liked and n disliked pictures; NaN for what is not known.

        ``held_out`` is the AUC of held-out pictures and ``appeal`` that of appeal, 0…1. ``shown`` are independent
        pictures a side that show as much as they do, by default n; ``evidence`` that items explain the likings is in
        nats, and ``starts`` is s, 0…1.
        """
        shown = n if shown is None else shown
        moved = float(np.clip(np.nan_to_num(GAIN * (starts - STARTS)), -MOST_GAIN, MOST_GAIN))
        sorts = priors(kind, n, moved)
        if np.isfinite(held_out):
            folds = expit(ETA + LEVELS[kind].slope * np.log(_LEARNT))
            for sort, excess in ((0, EXCESS), (1, EXCESS_OF_PLAIN)):
                variance = excess * variance_of_auc(folds, shown) + FLOOR
                logs = np.log(sorts[sort]) - 0.5 * (held_out - folds) ** 2 / variance - 0.5 * np.log(variance)
                sorts[sort] = np.exp(logs - logs.max())
        signs = signs_of(kind, n, held_out, shown, evidence, appeal)
        return cls(kind, n, shares(signs)[:, None] * sorts / sorts.sum(axis=1, keepdims=True), moved)

    @property
    def weights(self) -> np.ndarray:
        """(m,) probabilities of the grid."""
        total: np.ndarray = self.sorts.sum(axis=0)
        return total

    @property
    def nothing(self) -> float:
        """Probability that the ratings follow nothing which soart sees."""
        return float(self.sorts[2].sum())

    @property
    def mean(self) -> float:
        """Mean of θ, 0…1."""
        return float(self.weights @ expit(ETA))

    def quantile(self, share: float) -> float:
        """Quantile of θ."""
        return float(expit(np.interp(share, np.cumsum(self.weights) - self.weights / 2, ETA)))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of θ."""
        return self.quantile(0.025), self.quantile(0.975)

    @property
    def above_chance(self) -> float:
        """Probability that θ is above 0.5."""
        return float(self.weights[ETA > 0].sum())

    def after(self, n: float) -> TrueAuc:
        """The posterior after other numbers of liked and disliked pictures, as far as it is known now."""
        kept = KEPT ** abs(np.log2(n / self.n))
        before, then = (middle_of(self.kind, count) + self.moved for count in (self.n, n))
        moved = then + kept * (ETA - before)
        spread = np.sqrt((1 - kept**2) * DEGREES / (DEGREES - 2)) * SCALE + 1e-6
        if kept > 0.999:
            usual = np.interp(ETA, moved, self.sorts[0], left=0, right=0)
        else:
            apart = np.exp(-0.5 * ((ETA[:, None] - moved) / spread) ** 2)
            usual = (apart / apart.sum(axis=0)) @ self.sorts[0]
        sorts = np.stack([usual * self.sorts[0].sum() / usual.sum(), *self.sorts[1:]])
        return TrueAuc(self.kind, n, sorts, self.moved)


def signs_of(
    kind: str, n: float, held_out: float, shown: float, evidence: float, appeal: float = float("nan")
) -> np.ndarray:
    """(2, s) signs that tell plain tastes and nothing from usual ones; arguments as for ``TrueAuc.of``.

    They are the held-out figure, in deviations from the kind's middle and as the log odds of the middle against chance,
    log evidence, log n/8, and how many deviations appeal's figure is above chance, 0 if it is below. Fewer of them,
    from the end, where some are unknown.
    """
    if not np.isfinite(held_out):
        return np.zeros((2, 0))
    middle = float(expit(middle_of(kind, n)))
    variance = float(variance_of_auc(middle, shown))
    of_plain = [(held_out - middle) / np.sqrt(variance)]
    of_nothing = [(held_out - (middle + 0.5) / 2) * (middle - 0.5) / variance]
    both: list[float] = []
    if np.isfinite(evidence):
        both += [np.log(max(evidence, LEAST_EVIDENCE)), np.log(min(n, MOST) / 8)]
        if np.isfinite(appeal):
            # A liking of the opposite of appeal is no chance.
            both.append(max(appeal - 0.5, 0.0) / float(np.sqrt(variance_of_auc(0.5, n))))
    return np.array([of_plain + both, of_nothing + both], dtype=np.float64)


def shares(signs: np.ndarray) -> np.ndarray:
    """(3,) shares of usual tastes, plain ones, and nothing, by the (2, s) signs of ``signs_of``."""
    if not signs.size:
        return np.array(SHARES)
    weights = np.array(SORTS[signs.shape[1]])
    logs = np.array([0.0, *(weights[:, 0] + (weights[:, 1:] * signs).sum(axis=1))])
    usual, plain, nothing = np.exp(logs - np.logaddexp.reduce(logs))
    real = usual + plain
    plain = max(plain, LEAST_PLAIN * real)
    return np.array([real - plain, plain, nothing])


def priors(kind: str, n: float, moved: float = 0.0) -> np.ndarray:
    """(3, m) densities of η after n liked and n disliked pictures with usual tastes, plain ones, and nothing."""
    # Imported only to learn: the gallery opens without it.
    from scipy.stats import norm, t

    usual = t.pdf((ETA - middle_of(kind, n) - moved) / SCALE, DEGREES) / SCALE
    return np.stack([usual, norm.pdf(ETA, *PLAIN), norm.pdf(ETA, *NOTHING)])


def middle_of(kind: str, n: float) -> float:
    """Middle of the prior of η of usual tastes after n liked and n disliked pictures."""
    level, slope = LEVELS[kind]
    return float(level + slope * np.log(n / 8))
