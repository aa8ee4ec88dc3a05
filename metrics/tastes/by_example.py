"""Explains a taste's score of a picture by the pictures that the taste was learnt from: exact shares.

The liking of a picture x is a sum over the learning pictures, see ``mixture``:

    liking(x) = c + Σ_j w_j p_j(x) + Σ_i s_i(x),   s_i(x) = Σ_K α_iK K(x, x_i)

where K runs over all kernels, attention of version D among them. Against a reference with the mean shares of the pictures
to compare with, learning picture i adds s_i(x) − mean s_i to the liking, and a prior score w_j (p_j(x) − mean p_j). Both
add up to the difference of the likings exactly. Scaled by the difference of the scores over that of the likings they add up to
the difference of the scores. A blend's score is the weighted mean of its parts' scores, so that its reasons are theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from ..checks import check_items
from ..damage.reasons import share_exceeded, than_others
from ..damage.titles import stored_title
from ..items.phrases import phrases_of
from ..protocols import Example, Reason
from .blend import Blend, Taste
from .item_kernels import squared_distances
from .mixture import Makings, makings_at
from .taste import LearntTaste

#: Fewest pictures to tell it of.
_FEWEST = 4
#: The quantile of the examples' distances that is usual, and how many times as far half of the pictures must be.
_USUAL, _TIMES = 0.9, 1.5
#: Most pictures that are named as alike, and the least share of the second beside that of the first.
_ALIKE, _LEAST = 2, 0.3
#: Mean squared distance of items, in deviations, below which two pictures are one: rounding differs from batch to batch.
SAME = 1e-4
#: Words for the learning pictures that have no reason of their own.
OTHERS = "the other pictures you rated"
#: Words by what the user said of the learning pictures (liked them or not), and by likeness.
_WORDS = {
    (True, True): ("like this you liked", "like these you liked"),
    (True, False): ("unlike this you liked",),
    (False, True): ("like this you disliked", "like these you disliked"),
    (False, False): ("unlike this you disliked",),
}


@dataclass(frozen=True, eq=False)
class Shares:
    """The parts of n likings, which sum to them."""

    examples: np.ndarray  # (n, m) of the learning pictures
    starts: np.ndarray  # (n, k) of the prior scores
    likeness: np.ndarray  # (n, m) how like the learning pictures they are; no part of the sum
    constant: float  # of every picture

    @property
    def liking(self) -> np.ndarray:
        """(n,) likings."""
        liking: np.ndarray = self.constant + self.starts.sum(axis=1) + self.examples.sum(axis=1)
        return liking


@dataclass(frozen=True, eq=False)
class Known:
    """Items, prior scores and origin of n pictures, as far as a taste can know them."""

    items: np.ndarray  # (n, p) of the version that it was learnt on
    priors: np.ndarray | None = None  # (n, k) prior scores; None for those that items tell. Blends use those alone
    makings: Makings = None  # how each picture was made, None where nothing is known; None if nothing is known of any

    def take(self, rows: Sequence[int] | np.ndarray) -> Known:
        """The same of some of the pictures."""
        numbers = np.asarray(rows, dtype=np.int64)
        return Known(
            self.items[numbers],
            None if self.priors is None else self.priors[numbers],
            makings_at(self.makings, numbers),
        )


def shares_of(taste: LearntTaste, pictures: Known) -> Shares:
    """The shares in the liking of pictures, of whose prior scores a missing one counts as the mean."""
    scaling, model = taste.fitted.scaling, taste.fitted.model
    z = scaling.frame.deviations(pictures.items)
    starts = scaling.priors(taste.prior_scores(pictures.items, pictures.priors), pictures.makings) * model.coefficients
    return Shares(model.by_example(z, pictures.makings), starts, model.likeness(z, pictures.makings), model.bias)


def explain(taste: Taste, pictures: Known, among: Known | None = None) -> list[list[Reason]]:
    """All parts of each score as reasons in points, which add up to the score less that of the reference.

    The reference is ``among``, or else the learning pictures. Pictures that lack a prior score are explained by the
    taste learnt without it, as they are scored by it.
    """
    if isinstance(taste, Blend):
        given = replace(pictures, priors=None), None if among is None else replace(among, priors=None)
        parts = [explain(part, *given) for part in taste.parts]
        return [_blended(reasons, taste.weights) for reasons in zip(*parts, strict=True)]
    pictures = _with_priors(taste, pictures)
    others = None if among is None or not len(among.items) else _with_priors(taste, among)
    assert pictures.priors is not None
    lacking, found = taste.lacking(pictures.priors), dict[int, list[Reason]]()
    if taste.alone is not None and lacking.any():
        known = None if others is None else _for_alone(taste, others)
        by_alone = explain(taste.alone, _for_alone(taste, pictures.take(np.flatnonzero(lacking))), known)
        found |= dict(zip(np.flatnonzero(lacking).tolist(), by_alone, strict=True))
    rest = np.flatnonzero(~lacking)
    if len(rest):
        found |= dict(zip(rest.tolist(), _explain(taste, pictures.take(rest), others), strict=True))
    return [found[number] for number in range(len(pictures.items))]


def _with_priors(taste: LearntTaste, pictures: Known) -> Known:
    rows = check_items(pictures.items, len(taste.names), rows=0)
    return replace(pictures, items=rows, priors=taste.prior_scores(rows, pictures.priors))


def _for_alone(taste: LearntTaste, pictures: Known) -> Known:
    assert pictures.priors is not None
    return replace(pictures, priors=taste.for_alone(pictures.priors))


def _explain(taste: LearntTaste, pictures: Known, among: Known | None) -> list[list[Reason]]:
    """Reasons of pictures of which no prior score is lacking that has a taste of its own."""
    examples = taste.examples
    shares = shares_of(taste, pictures)
    reference = shares_of(taste, among or Known(examples.items, examples.priors, list(examples.makings)))
    liking, usual = shares.liking, float(reference.liking.mean())
    points = _points_a_liking(taste, liking, usual)[:, None]
    by_example = (shares.examples - reference.examples.mean(axis=0)) * points
    by_start = (shares.starts - reference.starts.mean(axis=0)) * points
    nearer = shares.likeness > reference.likeness.mean(axis=0)
    apart = squared_distances(taste.fitted.scaling.frame.deviations(pictures.items), taste.fitted.model.kernels.z)
    names = Counter(PurePath(file).name for file in examples.files)
    count, found = 0 if among is None else len(among.items), []
    for n in range(len(liking)):
        nearest = int(apart[n].argmin())
        itself = nearest if apart[n, nearest] < SAME * pictures.items.shape[1] else -1
        reasons = _from_examples(taste, names, by_example[n], nearer[n], itself)
        reasons += _from_starts(taste, by_start[n], shares.starts[n], reference.starts, count)
        found.append(_likeness_first(reasons))
    return found


def _points_a_liking(taste: LearntTaste, liking: np.ndarray, usual: float) -> np.ndarray:
    """(n,) points of the score a unit of liking, between (n,) likings and the usual one."""
    apart = liking - usual
    near = np.abs(apart) < 1e-9
    chance, usual_chance = taste.probability(liking), float(taste.probability(np.array([usual]))[0])
    slope = taste.calibration[0] * usual_chance * (1 - usual_chance)
    return 100 * np.where(near, slope, (chance - usual_chance) / np.where(near, 1.0, apart))


def _from_examples(
    taste: LearntTaste, names: Mapping[str, int], added: np.ndarray, nearer: np.ndarray, itself: int
) -> list[Reason]:
    """Reasons from (m,) points of learning pictures: by those that it is like or unlike, liked or disliked.

    Named are those of which likeness (``nearer``, against the reference) and judgement tell what they add. The others,
    such as a picture that was liked less than all else tells, are one reason. ``itself`` is the number of the picture
    itself, or −1; ``names`` counts the files of each name.
    """
    liked = np.sign(taste.examples.liking - taste.examples.middle)
    plain = added * liked * np.where(nearer, 1, -1) > 0
    reasons, left = [], np.ones(len(added), dtype=bool)
    if itself >= 0:
        if liked[itself] and added[itself] * liked[itself] > 0:
            text = "you liked this one" if liked[itself] > 0 else "you disliked this one"
            reasons.append(Reason(text, float(added[itself])))
            left[itself] = False
        plain[itself] = False
    for good, alike in _WORDS:
        group = np.flatnonzero(plain & (liked == (1 if good else -1)) & (nearer == alike))
        if not len(group):
            continue
        named = group[np.argsort(-np.abs(added[group]))][: _ALIKE if alike else 1]
        named = named[np.abs(added[named]) >= _LEAST * abs(added[named[0]])]
        shown = tuple(_example(taste, names, int(i), float(added[i])) for i in named)
        reasons.append(Reason(_WORDS[good, alike][len(named) - 1], float(added[group].sum()), examples=shown))
        left[group] = False
    if left.any():
        reasons.append(Reason(OTHERS, float(added[left].sum())))
    return reasons


def _example(taste: LearntTaste, names: Mapping[str, int], number: int, share: float) -> Example:
    file = str(taste.examples.files[number])
    return Example(str(taste.examples.pictures[number]), share, file, namesake=names[PurePath(file).name] > 1)


def _from_starts(
    taste: LearntTaste, added: np.ndarray, own: np.ndarray, others: np.ndarray, count: int
) -> list[Reason]:
    """Reasons from what (k,) prior scores add, compared by their (k,) shares with (m, k) those of others."""
    phrases = phrases_of((), [stored_title(name) for name in taste.prior_names])
    reasons = []
    for k, phrase in enumerate(phrases):
        weight, sign = float(taste.fitted.model.coefficients[k]), 1 if added[k] >= 0 else -1
        share = share_exceeded(sign * float(own[k]), sign * others[:, k])
        words = phrase.more if sign * weight >= 0 else phrase.less
        reasons.append(Reason(than_others(words, share, count), float(added[k])))
    return reasons


def _likeness_first(reasons: Iterable[Reason]) -> list[Reason]:
    """The largest first; of likeness and unlikeness that point the same way, likeness, which people see sooner."""
    reasons, largest = [*reasons], {True: 0.0, False: 0.0}
    for reason in reasons:
        if reason.examples:
            lifts = reason.contribution > 0
            largest[lifts] = max(largest[lifts], abs(reason.contribution))

    def place(reason: Reason) -> tuple[float, bool]:
        size = largest[reason.contribution > 0] if reason.examples else abs(reason.contribution)
        return -size, reason.text.startswith("unlike")

    return sorted(reasons, key=place)


def _blended(parts: Sequence[list[Reason]], weights: Sequence[float]) -> list[Reason]:
    """Reasons of the parts of a blend; those that tell the same are one."""
    joined: dict[str, Reason] = {}
    for reasons, weight in zip(parts, weights, strict=True):
        for reason in reasons:
            before = joined.get(reason.in_full)
            shares = [example.share for example in before.examples] if before else [0.0] * len(reason.examples)
            examples = tuple(
                replace(example, share=share + weight * example.share)
                for example, share in zip(reason.examples, shares, strict=True)
            )
            total = (before.contribution if before else 0.0) + weight * reason.contribution
            joined[reason.in_full] = Reason(reason.text, total, examples=examples)
    return _likeness_first(joined.values())


def unlike_examples(taste: LearntTaste, items: np.ndarray) -> bool:
    """True if half of the pictures of (n, p) items, as the taste knows them, are unlike all its examples."""
    fitted = taste.fitted
    known = fitted.model.kernels.z
    apart = fitted.scaling.frame.deviations(items[np.isfinite(items).all(axis=1)])
    if min(len(apart), len(known)) < _FEWEST:
        return False
    among = squared_distances(known, known)
    np.fill_diagonal(among, np.inf)
    usual = np.quantile(among.min(axis=1), _USUAL)
    return bool(np.median(squared_distances(apart, known).min(axis=1)) > _TIMES * usual)
