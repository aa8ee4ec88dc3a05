"""The trust report of a taste.

It holds the held-out concordance with an interval, a permutation test, and a word. All learning is repeated inside
every fold, including the choice of the method and the scaling of items. Near-duplicates and pictures of one group are
never on both sides of a fold.

| word                      | condition                                                                               |
|---------------------------|-----------------------------------------------------------------------------------------|
| ``too few examples``      | fewer than five liked or five disliked pictures (groups), too few to show anything      |
| ``no better than chance`` | the one-sided permutation test gives p > 0.025, or the 95 % interval reaches 0.5        |
| ``usable``                | better than chance                                                                      |
| ``strong``                | the interval lies above 0.75                                                            |

Sources: Newcombe, "Confidence intervals for an effect size measure based on the Mann–Whitney statistic, part 2",
*Statistics in Medicine* 25 (2006), method 5; Nadeau & Bengio, "Inference for the generalization error", *Machine
Learning* 52 (2003); Phipson & Smyth, "Permutation p-values should never be zero", *Stat. Appl.
Genet. Mol. Biol.* 9 (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ..items.frame import Frame
from .examples import Examples
from .folds import HeldOut, Units, fold_numbers, gather, learnable, splits
from .kernels import Kernels
from .within_groups import WithinGroups, accepted

TOO_FEW, CHANCE, USABLE, STRONG = "too few examples", "no better than chance", "usable", "strong"
#: Fewest liked groups, and fewest disliked groups, that can show anything.
FEWEST_PER_SIDE = 5
#: Advice for too few examples, the beginning of a sentence.
RATE_FIVE = "Rate at least five pictures you like and five you do not"
#: The same for a taste that is learnt from choices alone.
CHOOSE_FIVE = "Choose at least five times between two pictures, each time other ones"
#: Advice where there are enough pictures, or choices, of too few prompts.
MORE_PROMPTS = "Rate pictures of more prompts: those of one prompt or seed count as one here."
CHOOSE_MORE_PROMPTS = "Choose between pictures of more prompts: choices of one prompt or seed count as one here."
SIGNIFICANT, STRONG_ABOVE = 0.025, 0.75
#: The upper end of the interval is widened to that of n²/(n + so many) pictures a side.
CAUTION_PICTURES = 8
FOLDS, REPEATS, BOOTSTRAPS, PERMUTATIONS = 5, 5, 1000, 499
#: Weight of every prior score in the statistic of the permutation test, and the variance that it adds.
TRUSTED = 0.4, 0.25
_Z95 = 1.959964

#: (i, p) items, (i, k) prior scores and (i,) makings to (i,) liking.
Predictor = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
#: Learns a predictor from examples, with random numbers.
Learner = Callable[[Examples, np.random.Generator], Predictor]


@dataclass(frozen=True)
class Trust:
    """Trust report of a profile.

    Attributes:
        word: one of the four words above.
        concordance: held-out chance that the better liked of two pictures scores higher (AUC for good against bad).
        low, high: its 95 % interval.
        p_value: p-value of the permutation test; 1 without a test.
        liked, disliked: number of pictures above and below the middle, without those that are known from choices alone.
        choices: number of choices, not counting ties; 0 if there are none.
        groups: number of independent groups of pictures.
        graded: True if there are more than two different likings.
        curve: learning curve: number of learning pictures (choices, if there are choices alone), concordance, low and
            high for each point; the latter are two standard errors of the mean over random splits away.
        advice: how much more ratings or choices would help, as a sentence.
        more, expected: number of further pictures or choices in the advice, and the concordance expected after them; 0
            and NaN if unknown.
        within: trust among pictures of one prompt; None if no two pictures are of one.
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
    within: WithinGroups | None = None
    choices: int = 0

    @property
    def useless(self) -> bool:
        """True if scores must not be shown without a warning."""
        return self.word in (TOO_FEW, CHANCE)

    @property
    def only_choices(self) -> bool:
        """True for a taste that was learnt from choices alone."""
        return self.choices > 0 and not (self.liked or self.disliked)

    @property
    def judgements(self) -> str:
        """Plural noun of the judgements that would help: choices if it was learnt from them alone, or else ratings."""
        return "choices" if self.only_choices else "ratings"

    @property
    def rank_correlation(self) -> float:
        """Somers' D, −1…1."""
        return 2 * self.concordance - 1

    @property
    def sentence(self) -> str:
        """The report in one sentence."""
        choices = f"{self.choices} choice{'s' * (self.choices != 1)} between pictures"
        pictures = f"{self.liked} liked and {self.disliked} disliked picture{'s' * (self.disliked != 1)}"
        learnt_from = choices if self.only_choices else f"{pictures}, {choices}" if self.choices else pictures
        start = f"{self.word}: {learnt_from}"
        if not np.isfinite(self.concordance):
            return f"{start}; too few to set some aside as a test"
        statistic = "rank correlation" if self.graded else "AUC"
        values = (2 * v - 1 if self.graded else v for v in (self.concordance, self.low, self.high))
        value, low, high = map(hundredths, values)
        test = f"permutation test p = {self.p_value:.3f}"
        return f"{start}, held-out {statistic} {value} (95 % interval {low}…{high}, {test})"


def hundredths(value: float) -> str:
    """A statistic for people, with two digits after the point and a real minus sign.

    >>> from soart.metrics.tastes.trust import hundredths
    >>> hundredths(-0.05), hundredths(-0.001)
    ('−0.05', '0.00')
    """
    # Adding 0 turns -0 into 0.
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def score_interval(concordance: float, better: float, worse: float) -> tuple[float, float]:
    """95 % interval of a concordance by Newcombe's method 5, which is valid at 0 and 1 too.

    Args:
        concordance: 0…1.
        better: number of better liked pictures.
        worse: number of the others.
    """
    theta = np.linspace(0, 1, 2001)
    size = (better + worse) / 2
    variance = theta * (1 - theta) * (1 + (size - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta)))
    return accepted(concordance, theta, _Z95**2 * variance / (better * worse))


def independent(pictures: float, repeats: int = REPEATS) -> float:
    """Number of independent pictures that show as much as cross-validation with ``pictures`` of them does; at least 1.

    Folds share nearly all pictures that they learn from. For J folds in all, with shares t held out and l learnt from,
    the variance is (1/J + t/l) times that of a fold instead of 1/J (Nadeau & Bengio); t/l is 1/(``FOLDS`` − 1).
    """
    return max(1.0, pictures / (1 / repeats + FOLDS / (FOLDS - 1)))


def comparisons(pictures: float, choices: int, rated: float) -> float:
    """Number of rated pictures a side that show as much as these and some choices.

    At chance, the comparisons of k with k rated pictures have the variance 1/(6k), and m choices that of m coins, 1/(4m).

    Args:
        pictures: k; 0 counts as 1, where all rated pictures are on the other side of the middle.
        choices: m.
        rated: share of the comparisons, 0…1, that are between rated pictures.
    """
    parts = [(rated, max(pictures, 1)), (1 - rated, 2 * choices / 3)]
    return 1 / sum(share**2 / size for share, size in parts if share > 0)


def shown_as_much(held_out: HeldOut, units: Units, better: float, worse: float) -> tuple[float, float]:
    """Numbers of rated pictures on each side that show as much as these units, see ``comparisons``.

    Args:
        held_out: comparisons of held-out pictures, which say how many are between rated ones.
        units: what was left out together, and compared.
        better: number of units with better liked pictures, choices among them.
        worse: number of those with others.
    """
    rated = held_out.counts[np.ix_(units.level < 0, units.level < 0)].sum() / held_out.counts.sum()
    first, second = (comparisons(n - units.choices, units.choices, rated) for n in (better, worse))
    return first, second


def interval(
    held_out: HeldOut, units: Units, better: int, worse: int, rng: np.random.Generator, repeats: int = REPEATS
) -> tuple[float, float]:
    """95 % interval of the held-out concordance: ``score_interval`` of fewer, independent pictures.

    The upper end is cautious, because profiles are cross-validated on four fifths of the pictures, and with few of them
    the profile learnt from all is often better. Nor is a profile learnt from all expected below chance: folds that leave
    out liked pictures learn from more disliked ones, which turns a weak profile round. So the upper end is at least that
    of a concordance of 0.5. Both were chosen on planted tastes. Where units hold several pictures, the interval is
    widened to that of a bootstrap over units.

    Args:
        held_out: comparisons of held-out pictures.
        units: what was left out together, and compared.
        better: number of units with better liked pictures.
        worse: number of those with others.
        rng: source of the bootstrap.
        repeats: repetitions of the cross-validation.
    """
    sizes = shown_as_much(held_out, units, better, worse)
    low = score_interval(held_out.concordance, *(independent(n, repeats) for n in sizes))[0]
    cautious = (independent(n**2 / (n + CAUTION_PICTURES), repeats) for n in sizes)
    high = score_interval(max(held_out.concordance, 0.5), *cautious)[1]
    count = units.unit.max() + 1
    if count == len(units.unit):
        return low, high
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=BOOTSTRAPS)[:, units.unit].astype(np.float64)
    values = held_out.resampled(drawn, units.level)
    values = values[np.isfinite(values)]
    if len(values):
        low, high = min(low, float(np.quantile(values, 0.025))), max(high, float(np.quantile(values, 0.975)))
    return low, high


def cross_validate(examples: Examples, learner: Learner, rng: np.random.Generator, repeats: int = REPEATS) -> HeldOut:
    """Leave every unit out ``repeats`` times, with other folds each time."""
    tests, units = [], Units.of(examples)
    for _ in range(repeats):
        for test, learning in splits(fold_numbers(examples.liking, units.unit, FOLDS, rng)):
            if learnable(examples.liking[learning]):
                predictor = learner(examples.take(learning), rng)
                tests.append((test, predictor(examples.items[test], examples.priors[test], examples.makings[test])))
    return gather(examples.liking, tests, units.level)


@dataclass(frozen=True)
class Contrasts:
    """Weights that make means of rated pictures, and differences of chosen ones, from values of single pictures.

    Attributes:
        rows: (m, n) weights of the pictures. The first picture of a difference counts positively, so that its value says
            whether that one was chosen.
        unit: (m,) unit of each row, as in ``Units``.
        choice: (m,) True for differences.
    """

    rows: np.ndarray
    unit: np.ndarray
    choice: np.ndarray

    @classmethod
    def of(cls, examples: Examples, units: Units) -> Contrasts:
        """A mean for each unit with rated pictures, and a difference for each with choices that are no ties."""
        rows, unit, choice = [], [], []
        for number in range(units.unit.max() + 1):
            rated, difference = (units.unit == number) & (units.level < 0), np.zeros(len(examples))
            for level in np.unique(units.level[(units.unit == number) & (units.level >= 0)]):
                of_level = units.level == level
                difference[of_level] = examples.liking[of_level] - examples.liking[of_level].mean()
            size = np.abs(difference).sum() / 2
            if rated.any():
                rows.append(rated / rated.sum())
            if size > 1e-12:
                rows.append(difference / size * np.sign(difference[np.flatnonzero(difference)[0]]))
            found = [False] * bool(rated.any()) + [True] * bool(size > 1e-12)
            choice += found
            unit += [number] * len(found)
        return cls(np.array(rows), np.array(unit), np.array(choice))

    def centred(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Values of some rows, (r,) or (r, b), with those of means less their mean; differences have no level."""
        means = ~self.choice[rows]
        centred = values.copy()
        if means.any():
            centred[means] -= values[means].mean(axis=0)
        return centred


def permutation_test(
    z: np.ndarray, examples: Examples, priors: np.ndarray, frame: Frame, rng: np.random.Generator
) -> float:
    """p-value of the hypothesis that likings do not depend on the pictures.

    The statistic is the covariance, within folds, of likings and held-out predictions by kernel ridge on top of the
    prior scores. Likings are permuted over units, whose members count as one picture; choices are turned round instead,
    each with a chance of one half. The folds do not depend on the likings: if they were balanced for the true likings
    alone, these would differ from permuted ones by chance too.

    Args:
        z: (n, p) deviations of the examples.
        examples: the judged pictures.
        priors: (n, k) standardised prior scores.
        frame: blocks of the items.
        rng: source of folds and permutations.
    """
    units = Units.of(examples)
    contrasts = Contrasts.of(examples, units)
    rows, choices = contrasts.rows, contrasts.choice
    kernels = Kernels.of(z, frame)
    base = np.mean(kernels.against(z), axis=0) + TRUSTED[1] * priors @ priors.T
    kernel, liking, offset = rows @ base @ rows.T, rows @ examples.liking, TRUSTED[0] * rows @ priors.sum(axis=1)
    permuted = np.repeat(liking[:, None], 1 + PERMUTATIONS, axis=1)
    permuted[~choices, 1:] = rng.permuted(permuted[~choices, 1:], axis=0)
    permuted[choices, 1:] *= rng.choice([-1.0, 1.0], (int(choices.sum()), PERMUTATIONS))
    statistic = np.zeros(permuted.shape[1])
    for _ in range(REPEATS):
        numbers = rng.permutation(np.arange(units.unit.max() + 1) % FOLDS)[contrasts.unit]
        for test, learning in splits(numbers):
            inside = kernel[np.ix_(learning, learning)] + 0.3 * np.eye(len(learning))
            target = permuted[learning] - offset[learning, None]
            weights = np.linalg.solve(inside, contrasts.centred(target, learning))
            predicted = kernel[np.ix_(test, learning)] @ weights + offset[test, None]
            predicted = contrasts.centred(predicted, test)
            statistic += np.sum(predicted * contrasts.centred(permuted[test], test), axis=0)
    # Rounding must not make a permutation that changes nothing look different.
    return float(np.mean(statistic >= statistic[0] - 1e-9 * np.abs(statistic).max()))


def sides(examples: Examples) -> tuple[int, int]:
    """Numbers of units whose mean liking is above and below the middle; those of choices have pictures on both sides."""
    units = Units.of(examples)
    rated = units.level < 0
    count = np.bincount(units.unit[rated])
    mean = np.bincount(units.unit[rated], examples.liking[rated])[count > 0] / count[count > 0]
    above, below = (int(side.sum()) + units.choices for side in (mean > examples.middle, mean < examples.middle))
    return above, below


def word_for(better: int, worse: int, p_value: float, low: float) -> str:
    """The word of the table above, from the numbers of liked and disliked groups, the test and the interval."""
    if min(better, worse) < FEWEST_PER_SIDE:
        return TOO_FEW
    if p_value > SIGNIFICANT or low <= 0.5:
        return CHANCE
    return STRONG if low > STRONG_ABOVE else USABLE


@dataclass(frozen=True)
class Check:
    """A trust report with the comparisons behind it; None if nothing could be held out."""

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
    """Check how well a learner predicts held-out examples.

    Args:
        examples: the judged pictures, with near-duplicates grouped.
        learner: learns from some of them.
        z: (n, p) deviations of the examples, for the permutation test.
        priors: (n, k) standardised prior scores, for the permutation test.
        frame: blocks of the items.
        rng: source of folds, bootstraps and permutations.
        repeats: repetitions of the cross-validation.
    """
    better, worse = sides(examples)
    liked = int((examples.rated & (examples.liking > examples.middle)).sum())
    disliked = int((examples.rated & (examples.liking < examples.middle)).sum())
    units = Units.of(examples)
    groups = int(units.unit.max()) + 1
    plain = Trust(
        TOO_FEW, liked=liked, disliked=disliked, groups=groups, graded=examples.graded, choices=examples.choice_count
    )
    if min(better, worse) < 2 or groups < FOLDS:
        return Check(plain)
    held_out = cross_validate(examples, learner, rng, repeats)
    if not np.isfinite(held_out.concordance):
        return Check(plain)
    low, high = interval(held_out, units, better, worse, rng, repeats)
    p_value = permutation_test(z, examples, priors, frame, rng)
    word = word_for(better, worse, p_value, low)
    trust = replace(plain, word=word, concordance=held_out.concordance, low=low, high=high, p_value=p_value)
    return Check(trust, held_out)
