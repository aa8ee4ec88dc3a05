"""Proposes pictures to rate next, or first, and when to stop.

Pictures are chosen one by one, each time the one whose rating carries most information about all likings: ½ log(1 +
σ²/noise), where σ is its standard deviation after the ratings so far and those already proposed. So near-copies of a
proposed picture are not proposed as well.

While nothing is known of a taste, the most uncertain pictures are odd ones, from which little follows. Then each time the
picture is chosen whose rating lowers the variance of all likings most, summed over the pictures (transductive
experimental design): one that stands for many others.

Sources: MacKay, "Information-based objective functions for active data selection", *Neural Computation* 4 (1992);
Krause, Singh & Guestrin, *Journal of Machine Learning Research* 9 (2008); Yu, Bi & Tresp, "Active learning via
transductive experimental design", ICML (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ItemsError
from ..checks import check_items
from ..items.frame import APPEARANCE, Frame
from .item_kernels import ItemKernels
from .learning_curve import CHOOSE_FIVE, RATE_FIVE, WORTH
from .mixture import Makings, Mixture, learn_mixture, makings_at
from .taste import LearntTaste
from .trust import STRONG, TOO_FEW

#: Only so many of the most uncertain pictures are candidates.
SHORTLIST = 600
#: The least information, in bits, that is worth a rating.
LEAST_BITS = 0.02
#: Kernels of ``item_kernels`` for the first pictures, with their sizes, and the noise of a rating.
FIRST_KERNELS, FIRST_NOISE = {"gaussian appearance": 0.25, "linear all": 0.25}, 0.5


@dataclass(frozen=True)
class Proposal:
    """Pictures to rate next.

    Attributes:
        rows: row numbers of the pictures, the most informative first.
        bits: expected information of each rating.
        stop: True if further ratings are not worth the effort.
        reason: reason for ``stop``, or advice, as a sentence.
    """

    rows: np.ndarray
    bits: np.ndarray
    stop: bool
    reason: str


def information_model(taste: LearntTaste) -> Mixture:
    """A Gaussian process over the taste's examples, without prior scores if the taste trusts these alone."""
    model = taste.fitted.model
    if any(h.kernel >= 0 for _, h, _ in model.parts):
        return model
    examples = taste.examples
    none = np.zeros((len(examples), 0))
    return learn_mixture(
        model.kernels.z, examples.liking, examples.weights, none, model.kernels, levels=examples.levels
    )


def propose(
    taste: LearntTaste, items: object, count: int = 8, priors: np.ndarray | None = None, makings: Makings = None
) -> Proposal:
    """Propose at most ``count`` pictures of (n, p) items to rate; fewer if the rest is not informative.

    By default the (n, k) prior scores are those that can be computed, and nothing is known of makings.
    """
    rows = check_items(items, len(taste.names), rows=0)
    stop, reason = stop_rule(taste)
    if not len(rows):
        return Proposal(np.zeros(0, dtype=int), np.zeros(0), True, "Every picture of the collection is rated.")
    scaling, model = taste.fitted.scaling, information_model(taste)
    z, standard_priors = scaling.frame.deviations(rows), scaling.priors(taste.prior_scores(rows, priors))
    standard_priors = standard_priors[:, : model.priors.shape[1]]
    shortlist = np.argsort(-model.uncertainty(z, standard_priors, makings), kind="stable")[:SHORTLIST]
    some = makings_at(makings, shortlist)
    covariance, noise = model.covariance(z[shortlist], standard_priors[shortlist], some)
    chosen: list[int] = []
    bits: list[float] = []
    for _ in range(min(count, len(shortlist))):
        variance = np.maximum(np.diag(covariance), 0)
        variance[chosen] = -1
        best = int(variance.argmax())
        gain = 0.5 * float(np.log2(1 + max(variance[best], 0) / noise))
        if gain < LEAST_BITS:
            break
        chosen.append(best)
        bits.append(gain)
        column = covariance[:, best]
        covariance = covariance - np.outer(column, column) / (covariance[best, best] + noise)
    if not chosen:
        return Proposal(np.zeros(0, dtype=int), np.zeros(0), True, "No further rating would improve the taste.")
    return Proposal(shortlist[chosen], np.array(bits), stop, reason)


def propose_first(items: object, names: tuple[str, ...], count: int, rated: Sequence[int] = ()) -> np.ndarray:
    """Rows of pictures to rate while nothing is known of a taste, the most instructive first; none of those ``rated``.

    Of the (n, p) items, those of rated pictures among them, a network's are not used.
    """
    rows = check_items(items, len(names), rows=0)
    if not len(rows):
        return np.zeros(0, dtype=int)
    frame = Frame.of(rows, names)
    z = frame.deviations(rows)
    kinds = {kind: columns for kind, columns in frame.kinds.items() if kind in APPEARANCE}
    if not kinds:
        raise ItemsError("Expected SOART, colour or quality items, got those of a network alone.")
    kernels = ItemKernels.of(z, kinds, np.zeros(len(z)))
    values = dict(zip(kernels.names, kernels.against(z), strict=True))
    covariance = 1 + np.sum([size * values[name] for name, size in FIRST_KERNELS.items()], axis=0)
    for row in rated:
        covariance = _after_rating(covariance, row)
    taken = list(rated)
    for _ in range(min(count, len(rows) - len(set(taken)))):
        gain = np.einsum("ij,ij->j", covariance, covariance) / (np.diag(covariance) + FIRST_NOISE)
        gain[taken] = -np.inf
        taken.append(int(gain.argmax()))
        covariance = _after_rating(covariance, taken[-1])
    return np.array(taken[len(rated) :], dtype=int)


def _after_rating(covariance: np.ndarray, row: int) -> np.ndarray:
    """The covariance (n, n) of likings once a picture is rated."""
    column = covariance[:, row]
    after: np.ndarray = covariance - np.outer(column, column) / (column[row] + FIRST_NOISE)
    return after


def stop_rule(taste: LearntTaste) -> tuple[bool, str]:
    """True if rating, or choosing, can stop, and the reason or advice as a sentence.

    It can stop if the taste is strong and as many judgements again would add less than ``WORTH`` to the concordance.
    """
    trust = taste.trust
    if trust.word == TOO_FEW:
        return False, trust.advice or f"{CHOOSE_FIVE if trust.only_choices else RATE_FIVE}."
    if trust.word == STRONG and trust.expected - trust.concordance < WORTH:
        reason = (
            f"The taste is strong, and {trust.more} more {trust.judgements} would order hardly one more pair of 100 your way: "
            "you can stop."
        )
        return True, reason
    return False, trust.advice
