"""The true AUC of a taste, as far as other people's tastes, evidence and the held-out figure tell it: a posterior.

A held-out figure of sixteen pictures is one noisy observation. So it is laid on top of what is known of other people's
tastes that were learnt from as many pictures. With the log-odds η = log θ/(1 − θ) of the true AUC θ after n liked and n
disliked pictures, and the held-out figure h,

    η ~ (1 − ε) [level + slope·log(n/8) + scale·t(ν)] + ε N(3, 1)   the prior, by kind of taste; ε for plain ones
    log ε/(1 − ε) = log 0.08/0.92 + b·log max(e/border, 1)          e the evidence that items explain the likings
    h ~ N(θ', c V(θ', n)),   η' = η + slope·log(4/5)                each fold learns from four fifths of the pictures

V is the variance of an AUC of n and n independent pictures (Newcombe's method 5). c tells how much less cross-validation
shows than new pictures would. A figure near 1 can still outweigh the prior, because a few tastes are plain, and V is small
there. Plain ones also show in the evidence, which no fold has to share (``fitting.evidence_of``).
After n' pictures, η moves with the slope, and keeps its distance from the prior's middle but for a share:

    η_n' = level + slope·log(n'/8) + ρ (η_n − level − slope·log(n/8)) + √(1 − ρ²) scale·√(ν/(ν − 2)) ε,   ρ = r^|log₂(n'/n)|

All numbers were learnt on people whose tastes were checked on many other pictures (``benchmarks/taste/trust.py``).

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
ETA = np.linspace(-4.0, 7.0, 1101)


class Level(NamedTuple):
    """Middle of the prior of η after 8 liked and 8 disliked pictures, and its slope."""

    level: float
    slope: float


#: Of tastes with prior scores that show what people in general like, with a network alone, and with neither.
LEVELS = {
    "shared": Level(0.90, 0.13),
    "content": Level(0.60, 0.25),
    "appearance": Level(0.25, 0.22),
    "choices": Level(0.27, 0.105),
}
SCALE, DEGREES = 0.36, 4.0
#: ε up to the border of the evidence, and middle and standard deviation of η of plain tastes.
PLAIN = 0.08, 3.0, 1.0
#: Border of the evidence after 8 liked and 8 disliked pictures, in nats, its power of n, and b.
EVIDENCE = 2.66, 1.16, 9.8
#: Pictures a side beyond which evidence is not looked for.
MOST = 80
#: c, and r.
EXCESS, KEPT = 6.0, 0.9
#: Share of the pictures that a fold learns from.
_LEARNT = 0.8


def variance_of_auc(theta: np.ndarray, n: float | np.ndarray, m: float | np.ndarray | None = None) -> np.ndarray:
    """Variance of the AUC of n liked and m disliked independent pictures whose true AUC is ``theta``, 0…1.

    Args:
        theta: true AUCs.
        n: liked pictures.
        m: disliked pictures; as many by default.
    """
    m = n if m is None else m
    more = (np.asarray(n) + m) / 2 - 1
    spread = theta * (1 - theta) * (1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta)))
    found: np.ndarray = spread / (np.maximum(n, 1.0) * np.maximum(m, 1.0))
    return found


@dataclass(frozen=True)
class TrueAuc:
    """The posterior of the true AUC; made by ``of``.

    Attributes:
        kind: of the taste, one of ``LEVELS``.
        n: liked, and disliked, pictures that it was learnt from; a fraction where the two differ.
        weights: (m,) probabilities of a fixed grid of values.
    """

    kind: str
    n: float
    weights: np.ndarray

    @classmethod
    def of(
        cls,
        kind: str,
        n: float,
        held_out: float = float("nan"),
        shown: float | None = None,
        evidence: float = float("nan"),
    ) -> TrueAuc:
        """The posterior.

        Args:
            kind: of the taste, one of ``LEVELS``.
            n: liked, and disliked, pictures.
            held_out: AUC of held-out pictures, 0…1; NaN for none, which leaves the prior.
            shown: independent pictures a side that show as much as they do; by default n.
            evidence: that items explain the likings, in nats; NaN if unknown.

        Examples:
            >>> from soart.metrics.tastes.true_auc import TrueAuc
            >>> usual, plain = TrueAuc.of("shared", 8, 0.6), TrueAuc.of("shared", 8, 1.0)
            >>> usual.mean < plain.mean < TrueAuc.of("shared", 8, 1.0, evidence=5).mean
            True
        """
        logs = np.log(prior_density(ETA, kind, n, share_of_plain(n, evidence)))
        if np.isfinite(held_out):
            folds = expit(ETA + LEVELS[kind].slope * np.log(_LEARNT))
            variance = EXCESS * variance_of_auc(folds, n if shown is None else shown)
            logs = logs - 0.5 * (held_out - folds) ** 2 / variance - 0.5 * np.log(variance)
        weights = np.exp(logs - logs.max())
        return cls(kind, n, weights / weights.sum())

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
        moved = middle_of(self.kind, n) + kept * (ETA - middle_of(self.kind, self.n))
        spread = np.sqrt((1 - kept**2) * DEGREES / (DEGREES - 2)) * SCALE + 1e-6
        if kept > 0.999:
            return TrueAuc(self.kind, n, np.interp(ETA, moved, self.weights, left=0, right=0))
        apart = np.exp(-0.5 * ((ETA[:, None] - moved) / spread) ** 2)
        weights = (apart / apart.sum(axis=0)) @ self.weights
        return TrueAuc(self.kind, n, weights / weights.sum())


def share_of_plain(n: float, evidence: float) -> float:
    """Chance that a taste of n liked and n disliked pictures is a plain one, by the evidence in nats, NaN if unknown."""
    share, (border, power, slope) = PLAIN[0], EVIDENCE
    # Little evidence does not speak against a plain taste whose ratings are noisy.
    above = np.fmax(evidence / (border * (min(n, MOST) / 8) ** power), 1.0)
    odds = share / (1 - share) * above**slope
    return float(odds / (1 + odds))


def prior_density(eta: np.ndarray, kind: str, n: float, share: float = PLAIN[0]) -> np.ndarray:
    """Density of the prior of η after n liked and n disliked pictures, with the share of plain tastes."""
    _, middle, spread = PLAIN
    # Imported only to learn: the gallery opens without it.
    from scipy.stats import norm, t

    usual = t.pdf((eta - middle_of(kind, n)) / SCALE, DEGREES) / SCALE
    density: np.ndarray = (1 - share) * usual + share * norm.pdf(eta, middle, spread)
    return density


def middle_of(kind: str, n: float) -> float:
    """Middle of the prior of η after n liked and n disliked pictures."""
    level, slope = LEVELS[kind]
    return float(level + slope * np.log(n / 8))
