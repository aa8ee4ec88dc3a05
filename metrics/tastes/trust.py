"""The trust report of a taste.

It says how well a taste orders other pictures: of pairs of a better and a worse liked picture, the share that it orders
rightly, the true concordance (the AUC for good against bad). ``true_auc`` estimates it from what is known of other people's
tastes, the evidence that items explain the likings, how well appeal orders the rated pictures, and the held-out concordance. All
learning is repeated inside every fold, including the choice of the method and the scaling of items. Near-duplicates and
pictures of one group are never on both sides of a fold.

| word                      | condition                                                                               |
|---------------------------|-----------------------------------------------------------------------------------------|
| ``too few examples``      | fewer than five liked or five disliked pictures, too few to show anything               |
| ``no better than chance`` | the true concordance is above 0.5 with less than 0.9, and below 0.6 in the mean         |
| ``unproven``              | with 0.1 or more, the likings follow nothing that soart sees                            |
| ``usable``                | better than chance                                                                      |
| ``strong``                | the 95 % interval lies above 0.65                                                       |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...notebooks import html_table
from ..damage.names import TECHNICAL
from .appeal import APPEAL
from .examples import Examples
from .folds import HeldOut, Units, fold_numbers, gather, learnable, splits
from .true_auc import TrueAuc
from .within_groups import WithinGroups

TOO_FEW, CHANCE, UNPROVEN, USABLE, STRONG = (
    "too few examples",
    "no better than chance",
    "unproven",
    "usable",
    "strong",
)
#: Fewest liked groups, and fewest disliked groups, that can show anything.
FEWEST_PER_SIDE = 5
#: Least probability that a taste is better than chance, mean from which on it is not called chance whatever the probability,
#: least probability of nothing of an unproven one, and lower end of the interval of a strong one.
BETTER, CLEAR, DOUBTED, STRONG_ABOVE = 0.9, 0.6, 0.1, 0.65
FOLDS, REPEATS = 5, 5

#: (i, p) items, (i, k) prior scores and (i,) makings to (i,) liking.
Predictor = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
#: Learns a predictor from examples, with random numbers.
Learner = Callable[[Examples, np.random.Generator], Predictor]


@dataclass(frozen=True)
class Trust:
    """Trust report of a taste."""

    word: str  # one of the five words above
    #: chance that the better liked of two other pictures scores higher, as far as is known
    concordance: float = float("nan")
    low: float = 0.0  # low, high: its 95 % interval
    high: float = 1.0
    #: the same chance among held-out pictures. Both are NaN if nothing could be held out
    held_out: float = float("nan")
    #: liked, disliked: number of pictures above and below the middle, without those that are known from choices alone
    liked: int = 0
    disliked: int = 0
    groups: int = 0  # number of independent groups of pictures
    graded: bool = False  # True if there are more than two different likings
    #: for each point of the learning curve the number of learning pictures (or choices, if there are these alone), the
    #: concordance that is expected after them, and the ends of its 95 % interval; the first is that of now
    curve: tuple[tuple[int, float, float, float], ...] = ()
    advice: str = ""  # how much more ratings or choices would help, as a sentence or more
    #: more, expected: number of further pictures or choices in the advice, and the concordance expected after them
    more: int = 0
    expected: float = float("nan")
    within: WithinGroups | None = None  # trust among pictures of one prompt; None if no two pictures are of one
    choices: int = 0  # number of choices, not counting ties

    @property
    def useless(self) -> bool:
        """True if scores must not be shown without a warning."""
        return self.word in (TOO_FEW, CHANCE, UNPROVEN)

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
        choices = f"{self.choices} choice{'' if self.choices == 1 else 's'} between pictures"
        pictures = f"{self.liked} liked and {self.disliked} disliked picture{'' if self.disliked == 1 else 's'}"
        learnt_from = ([] if self.only_choices else [pictures]) + ([choices] if self.choices else [])
        start = f"{self.word}: {', '.join(learnt_from)}"
        if not np.isfinite(self.concordance):
            return f"{start}; too few to set some aside as a test"
        value, low, high = map(of_hundred, (self.concordance, self.low, self.high))
        if self.useless:
            # A single figure would promise what the word denies.
            return f"{start}; of 100 pairs of other pictures it orders {low} to {high} as you would (chance is 50)"
        return (
            f"{start}; of 100 pairs of other pictures it orders about {value} as you would (very likely {low} to "
            f"{high}; chance is 50)"
        )

    @property
    def in_full(self) -> str:
        """The report in one sentence, and in another one that among pictures of one prompt, if there are any."""
        return f"{self.sentence}." + ("" if self.within is None else f" {self.within.sentence()}.")


def of_hundred(concordance: float) -> int:
    """A concordance as a number of 100 pairs.

    >>> from soart.metrics.tastes.trust import of_hundred
    >>> of_hundred(0.714)
    71
    """
    return round(100 * concordance)


def comparisons(pictures: float, choices: int, rated: float) -> float:
    """Number of rated pictures a side that show as much as these (0 counts as 1) and some choices.

    At chance, the comparisons of k with k rated pictures have the variance 1/(6k), and m choices that of m coins,
    1/(4m). ``rated`` is the share 0…1 of comparisons between rated pictures.
    """
    parts = [(rated, max(pictures, 1)), (1 - rated, 2 * choices / 3)]
    return 1 / sum(share**2 / size for share, size in parts if share > 0)


def shown_as_much(held_out: HeldOut, units: Units, better: float, worse: float) -> tuple[float, float]:
    """Rated pictures a side that show as much as ``better`` and ``worse`` liked units; see ``comparisons``."""
    rated = held_out.counts[np.ix_(units.level < 0, units.level < 0)].sum() / held_out.counts.sum()
    first, second = (comparisons(n - units.choices, units.choices, rated) for n in (better, worse))
    return first, second


def cross_validate(examples: Examples, learner: Learner, rng: np.random.Generator, repeats: int = REPEATS) -> HeldOut:
    """Leave every unit out ``repeats`` times, with other folds each time."""
    tests, units = [], Units.of(examples)
    for _ in range(repeats):
        for test, learning in splits(fold_numbers(examples.liking, units.unit, FOLDS, rng)):
            if learnable(examples.liking[learning]):
                predictor = learner(examples.take(learning), rng)
                tests.append((test, predictor(examples.items[test], examples.priors[test], examples.makings[test])))
    return gather(examples.liking, tests, units.level)


def sides(examples: Examples) -> tuple[int, int]:
    """Numbers of units with pictures liked above and below the middle; those of choices have pictures on both sides."""
    units, liking = Units.of(examples), examples.liking
    parts = (units.unit[(units.level < 0) & side] for side in (liking > examples.middle, liking < examples.middle))
    above, below = (len(np.unique(part)) + units.choices for part in parts)
    return above, below


def kind_of(examples: Examples, *, content: bool) -> str:
    """The kind of a taste among the levels of ``true_auc``; ``content`` if a network's items are among the items."""
    if not examples.rated.any():
        return "choices"
    # Judges and other tastes are taken for what people in general like, as appeal, NIMA and others' means are.
    if any(name != TECHNICAL for name in examples.prior_names):
        models = {making.model for making in examples.makings if making is not None}
        return "alike" if examples.generated and len(models) < 2 else "shared"
    return "content" if content else "appearance"


def order_of_starts(examples: Examples, names: Sequence[str]) -> float:
    """AUC of prior scores by name, in deviations and added, on the rated pictures; NaN without any."""
    values = examples.priors[:, [name in names for name in examples.prior_names]]
    rows = np.flatnonzero(examples.rated & np.isfinite(values).any(axis=1))
    values = values[np.ix_(rows, np.isfinite(values[rows]).any(axis=0))]
    if not values.size:
        return float("nan")
    known = np.isfinite(values)
    apart = np.where(known, values - values.mean(axis=0, where=known), 0.0)
    scores = (apart / np.maximum(apart.std(axis=0), 1e-12)).sum(axis=1)
    return gather(examples.liking[rows], [(np.arange(len(rows)), scores)]).concordance


def signs_in(examples: Examples) -> tuple[float, float]:
    """Orders of appeal alone, NaN for generated pictures, of which it says little, and of all that shows what people like."""
    appeal = float("nan") if examples.generated else order_of_starts(examples, [APPEAL])
    return appeal, order_of_starts(examples, [name for name in examples.prior_names if name != TECHNICAL])


def word_for(better: int, worse: int, found: TrueAuc) -> str:
    """The word of the table above, from the numbers of liked and disliked groups and what is known of the concordance."""
    if min(better, worse) < FEWEST_PER_SIDE:
        return TOO_FEW
    if found.above_chance < BETTER and found.mean < CLEAR:
        return CHANCE
    if found.nothing >= DOUBTED:
        return UNPROVEN
    return STRONG if found.interval[0] > STRONG_ABOVE else USABLE


@dataclass(frozen=True)
class Check:
    """A trust report with the comparisons and the true AUC behind it; these are None if nothing could be held out."""

    trust: Trust
    held_out: HeldOut | None = field(default=None, repr=False)
    true_auc: TrueAuc | None = field(default=None, repr=False)


def examine(
    examples: Examples,
    learner: Learner,
    rng: np.random.Generator,
    repeats: int = REPEATS,
    *,
    content: bool = False,
    evidence: float = float("nan"),
) -> Check:
    """Check how well a learner predicts held-out examples, whose near-duplicates are grouped; ``evidence`` is in nats."""
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
    shown = a_side(*shown_as_much(held_out, units, better, worse))
    kind, n = kind_of(examples, content=content), a_side(better, worse)
    found = TrueAuc.of(kind, n, held_out.concordance, shown, evidence, *signs_in(examples))
    low, high = found.interval
    word = word_for(better, worse, found)
    trust = replace(plain, word=word, concordance=found.mean, low=low, high=high, held_out=held_out.concordance)
    return Check(trust, held_out, found)


def a_side(better: float, worse: float) -> float:
    """Number of pictures on each side, equally many, that show as much as these: their harmonic mean."""
    return 2 * better * worse / (better + worse)


def taste_table(name: str, trust: Trust, method: str, network: str | None) -> str:
    """HTML: how reliable a taste is, its method and its network."""
    rows = [["reliability", trust.in_full], ["method", method], ["network", network or "none"]]
    return html_table(["taste", name], rows, [trust.advice] if trust.advice else [])
