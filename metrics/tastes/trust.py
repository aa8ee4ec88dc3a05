"""How far a taste can be trusted: held-out concordance with an interval, a permutation test, and a word.

Everything that learns, the choice of the method and the scaling of items included, happens again inside every fold. Near-duplicates
and pictures of one group are never on both sides.

| word                     | when                                                                                            |
|--------------------------|-------------------------------------------------------------------------------------------------|
| ``too few examples``     | fewer than five liked or five disliked pictures (groups), so that nothing could be shown         |
| ``no better than chance`` | the one-sided permutation test gives p > 0.025, or the 95 % interval reaches down to 0.5           |
| ``usable``               | better than chance                                                                              |
| ``strong``               | the interval lies above 0.75                                                                    |

Sources: Newcombe, "Confidence intervals for an effect size measure based on the Mann–Whitney statistic, part 2", *Statistics in Medicine* 25
(2006), method 5; Phipson & Smyth, "Permutation p-values should never be zero", *Stat. Appl. Genet. Mol. Biol.* 9 (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .examples import Examples
from .folds import HeldOut, fold_numbers, gather, learnable
from .gaussian_process import TRUSTED
from .kernels import Frame, Kernels

TOO_FEW, CHANCE, USABLE, STRONG = "too few examples", "no better than chance", "usable", "strong"
#: Liked and disliked groups that are needed to show anything.
FEWEST = 5
SIGNIFICANT, STRONG_ABOVE = 0.025, 0.75
#: Pictures a side by which the upper end of the interval is made more careful.
PESSIMISM = 16
FOLDS, REPEATS, BOOTSTRAPS, PERMUTATIONS = 5, 5, 1000, 499
_Z95 = 1.959964

#: (i, p) items and (i, k) prior scores to (i,) liking.
Predictor = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Learns from examples alone, with random numbers of its own.
Learner = Callable[[Examples, np.random.Generator], Predictor]


@dataclass(frozen=True)
class Trust:
    """What is known about a profile's worth.

    Attributes:
        word: one of the four above.
        concordance: held-out chance that of two pictures the better liked scores higher (AUC for good against bad).
        low, high: its 95 % interval.
        p_value: of the permutation test, 1 where there was none.
        liked, disliked: pictures above and below the middle.
        groups: pictures that stand on their own.
        graded: whether there are more than two degrees of liking.
        curve: learning curve, (pictures learnt from, concordance, low, high) each.
        advice: how many more ratings would help, as a sentence.
        more, expected: further pictures the advice speaks of, and the concordance expected after them; 0 and NaN if unknown.
    """

    word: str
    concordance: float = float("nan")
    low: float = 0.0
    high: float = 1.0
    p_value: float = 1.0
    liked: int = 0
    disliked: int = 0
    groups: int = 0
    graded: bool = False
    curve: tuple[tuple[int, float, float, float], ...] = ()
    advice: str = ""
    more: int = 0
    expected: float = float("nan")

    @property
    def useless(self) -> bool:
        """Whether its scores must not be shown without a warning."""
        return self.word in (TOO_FEW, CHANCE)

    @property
    def rank_correlation(self) -> float:
        """Somers' D, −1…1."""
        return 2 * self.concordance - 1

    @property
    def sentence(self) -> str:
        """The report in one sentence."""
        said = f"{self.word}: {self.liked} liked and {self.disliked} disliked pictures"
        if not np.isfinite(self.concordance):
            return f"{said}; nothing can be held out to check the profile"
        what = f"held-out rank correlation {self.rank_correlation:.2f}" if self.graded else "held-out AUC"
        low, high = (2 * v - 1 if self.graded else v for v in (self.low, self.high))
        value = "" if self.graded else f" {self.concordance:.2f}"
        return f"{said}, {what}{value} (95 % interval {low:.2f}…{high:.2f}, permutation test p = {self.p_value:.3f})"


def score_interval(concordance: float, better: float, worse: float) -> tuple[float, float]:
    """95 % interval of a concordance from ``better`` and ``worse`` pictures: Newcombe's method 5, which holds at 0 and 1 too."""
    theta = np.linspace(0, 1, 2001)
    size = (better + worse) / 2
    variance = theta * (1 - theta) * (1 + (size - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta)))
    inside = theta[(concordance - theta) ** 2 <= _Z95**2 * variance / (better * worse) + 1e-12]
    return float(inside[0]), float(inside[-1])


def interval(
    held_out: HeldOut, groups: np.ndarray, better: int, worse: int, rng: np.random.Generator
) -> tuple[float, float]:
    """95 % interval of the held-out concordance: the wider of a bootstrap over groups and of ``score_interval``.

    The bootstrap alone is too short for few pictures, and empty where every comparison came out right. Profiles are cross-validated on
    four fifths of the pictures, and with few of them the profile learnt from all is often better: the upper end is that of fewer pictures
    (found on planted tastes; the lower end needs no such room).
    """
    low = score_interval(held_out.concordance, better, worse)[0]
    high = score_interval(held_out.concordance, *(max(1.0, n**2 / (n + PESSIMISM)) for n in (better, worse)))[1]
    which = np.unique(groups, return_inverse=True)[1]
    count = which.max() + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=BOOTSTRAPS)[:, which].astype(np.float64)
    values = held_out.resampled(drawn)
    values = values[np.isfinite(values)]
    if len(values):
        low, high = min(low, float(np.quantile(values, 0.025))), max(high, float(np.quantile(values, 0.975)))
    return low, high


def cross_validate(examples: Examples, learner: Learner, rng: np.random.Generator, repeats: int = REPEATS) -> HeldOut:
    """Leave every group out, ``repeats`` times over in different company."""
    tests = []
    for _ in range(repeats):
        numbers = fold_numbers(examples.liking, examples.groups, FOLDS, rng)
        for fold in np.unique(numbers):
            test, learning = np.flatnonzero(numbers == fold), np.flatnonzero(numbers != fold)
            if learnable(examples.liking[learning]):
                predictor = learner(examples.take(learning), rng)
                tests.append((test, predictor(examples.items[test], examples.priors[test])))
    return gather(examples.liking, tests)


def permutation_test(
    z: np.ndarray, examples: Examples, priors: np.ndarray, frame: Frame, rng: np.random.Generator
) -> float:
    """p-value of the hypothesis that likings and pictures have nothing to do with each other.

    The statistic is the covariance of held-out predictions of kernel ridge on top of the prior scores with the likings, within
    folds; likings are permuted over groups, whose members count as one picture.
    """
    names, which = np.unique(examples.groups, return_inverse=True)
    mean = np.zeros((len(names), len(z)))
    mean[which, np.arange(len(z))] = 1
    mean /= mean.sum(axis=1, keepdims=True)
    kernels = Kernels.of(z, frame)
    base = np.mean(kernels.against(z), axis=0) + TRUSTED[1] * priors @ priors.T
    kernel, liking, offset = mean @ base @ mean.T, mean @ examples.liking, TRUSTED[0] * mean @ priors.sum(axis=1)
    permuted = np.stack([liking, *(rng.permutation(liking) for _ in range(PERMUTATIONS))], axis=1)
    statistic = np.zeros(permuted.shape[1])
    for _ in range(REPEATS):
        numbers = fold_numbers(liking, names, FOLDS, rng) if len(names) >= FOLDS else np.arange(len(names))
        for fold in np.unique(numbers):
            test, learning = numbers == fold, numbers != fold
            inside = kernel[np.ix_(learning, learning)] + 0.3 * np.eye(learning.sum())
            known = permuted[learning] - offset[learning, None]
            level = known.mean(axis=0)
            predicted = kernel[np.ix_(test, learning)] @ np.linalg.solve(inside, known - level) + offset[test, None]
            predicted -= predicted.mean(axis=0)
            statistic += np.sum(predicted * (permuted[test] - permuted[test].mean(axis=0)), axis=0)
    # Rounding must not make a permutation that changes nothing look different.
    return float(np.mean(statistic >= statistic[0] - 1e-9 * np.abs(statistic).max()))


def sides(examples: Examples) -> tuple[int, int]:
    """Groups liked above and below the middle of the likings."""
    which = np.unique(examples.groups, return_inverse=True)[1]
    mean = np.bincount(which, examples.liking) / np.bincount(which)
    middle = (examples.liking.min() + examples.liking.max()) / 2
    return int((mean > middle).sum()), int((mean < middle).sum())


def word_for(better: int, worse: int, p_value: float, low: float) -> str:
    """The word of the table above."""
    if min(better, worse) < FEWEST:
        return TOO_FEW
    if p_value > SIGNIFICANT or low <= 0.5:
        return CHANCE
    return STRONG if low > STRONG_ABOVE else USABLE


@dataclass(frozen=True)
class Check:
    """Held-out comparisons with what was concluded from them."""

    trust: Trust
    held_out: HeldOut | None = field(default=None, repr=False)


def examine(
    examples: Examples,
    learner: Learner,
    z: np.ndarray,
    priors: np.ndarray,
    frame: Frame,
    rng: np.random.Generator,
    repeats: int = REPEATS,
) -> Check:
    """Check a way of learning on examples.

    Args:
        examples: what was said, with near-duplicates grouped.
        learner: learns from part of them.
        z: (n, p) deviations of the examples, for the permutation test.
        priors: (n, k) standardised prior scores, for the same.
        frame: blocks of the items.
        rng: source of folds, bootstraps and permutations.
        repeats: of the cross-validation.
    """
    better, worse = sides(examples)
    middle = (examples.liking.min() + examples.liking.max()) / 2
    liked, disliked = int((examples.liking > middle).sum()), int((examples.liking < middle).sum())
    groups = len(np.unique(examples.groups))
    plain = Trust(TOO_FEW, liked=liked, disliked=disliked, groups=groups, graded=examples.graded)
    if min(better, worse) < 2 or groups < FOLDS:
        return Check(plain)
    held_out = cross_validate(examples, learner, rng, repeats)
    if not np.isfinite(held_out.concordance):
        return Check(plain)
    low, high = interval(held_out, examples.groups, better, worse, rng)
    p_value = permutation_test(z, examples, priors, frame, rng)
    word = word_for(better, worse, p_value, low)
    found = replace(plain, word=word, concordance=held_out.concordance, low=low, high=high, p_value=p_value)
    return Check(found, held_out)
