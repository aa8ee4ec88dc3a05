"""Proposes pictures to rate next, or first, and when to stop.

Pictures are chosen one by one, each time the one whose rating carries most information about all likings: ½ log(1 +
σ²/noise), where σ is its standard deviation after the ratings so far and those already proposed. So near-copies of a
proposed picture are not proposed as well.

Pictures to rate first, and in a quick start, are hunted: while nothing is liked, each time the picture is chosen whose
rating lowers the variance of all likings most, summed over the pictures (transductive experimental design): one that stands
for many others. Once something is liked, it is the picture that may be liked most: expected liking plus ``BOLD`` standard
deviations (upper confidence bound), in a Gaussian process over looks and content.

Sources: MacKay, "Information-based objective functions for active data selection", *Neural Computation* 4 (1992);
Krause, Singh & Guestrin, *Journal of Machine Learning Research* 9 (2008); Yu, Bi & Tresp, "Active learning via
transductive experimental design", ICML (2006); Srinivas, Krause, Kakade & Seeger, "Gaussian process optimization in the
bandit setting", ICML (2010).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..checks import check_items
from ..items.frame import Frame
from .item_kernels import ItemKernels
from .learning_curve import WORTH, rate_more
from .making_kernels import MakingKernels
from .mixture import Makings, Mixture, learn_mixture, makings_at
from .taste import LearntTaste
from .trust import STRONG, TOO_FEW

#: Only so many of the most uncertain pictures are candidates.
SHORTLIST = 600
#: The least information, in bits, that is worth a rating.
LEAST_BITS = 0.02
#: Kernels of ``item_kernels`` by which pictures are hunted, with their sizes, with a network's items and without; noise of a rating.
KERNELS = {"gaussian all": 0.5, "gaussian late content": 0.5}
KERNELS_OF_APPEARANCE, NOISE = {"gaussian appearance": 0.25, "linear all": 0.25}, 0.2
#: Those of ``making_kernels``.
KERNELS_OF_MAKING = {"model": 1.0, "words": 1.0}
#: Variance of what all likings have in common.
CONSTANT = 1.0
#: Liking from which on a picture is liked, and standard deviations by which an unknown picture may be liked more than expected.
LIKED, BOLD = 0.25, 0.2


@dataclass(frozen=True)
class NextPictures:
    """Pictures to rate next."""

    rows: np.ndarray  # row numbers of the pictures, the most informative first
    bits: np.ndarray  # expected information of each rating
    stop: bool  # True if further ratings are not worth the effort
    reason: str  # reason for ``stop``, or advice, as a sentence


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
) -> NextPictures:
    """Propose at most ``count`` pictures of (n, p) items to rate; fewer if the rest is not informative.

    By default the (n, k) prior scores are those that can be computed, and nothing is known of makings.
    """
    rows = check_items(items, len(taste.names), rows=0)
    stop, reason = stop_rule(taste)
    if not len(rows):
        return NextPictures(np.zeros(0, dtype=int), np.zeros(0), True, "Every picture of the collection is rated.")
    scaling, model = taste.fitted.scaling, information_model(taste)
    z, standard_priors = scaling.frame.deviations(rows), scaling.priors(taste.prior_scores(rows, priors), makings)
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
        return NextPictures(np.zeros(0, dtype=int), np.zeros(0), True, "No further rating would improve the taste.")
    return NextPictures(shortlist[chosen], np.array(bits), stop, reason)


def hunt(
    items: object,
    names: tuple[str, ...],
    count: int,
    shown: Mapping[int, float | None] = MappingProxyType({}),
    expected: np.ndarray | None = None,
    alike: Callable[[int], np.ndarray | float] = lambda row: 0.0,
    barred: np.ndarray | None = None,
    makings: Makings = None,
) -> np.ndarray:
    """Rows of at most ``count`` pictures to rate next, the first one first; none of those ``shown``.

    ``shown`` holds likings −1…1 by row, None where nothing was said, and ``expected`` the (n,) likings that are known
    without the rater, 0 by default. ``alike`` gives (n,) numbers by which each picture is like that of a row,
    ``barred`` are such numbers of their own: they add up over the shown pictures, and with a higher whole number a
    picture comes later.
    """
    rows = check_items(items, len(names), rows=0)
    n = len(rows)
    mean, bars = (np.zeros(n) if one is None else one.astype(float) for one in (expected, barred))
    covariance = _prior_covariance(rows, names, makings) if n else np.zeros((0, 0))
    hunting, chosen = any(liking is not None and liking > LIKED for liking in shown.values()), list[int]()
    for row, liking in shown.items():
        mean, covariance = _after(mean, covariance, row, liking)
        bars = bars + alike(row)
    bars[[*shown]] = np.inf
    while len(chosen) < count and np.isfinite(bars).any():
        variance = np.maximum(np.diag(covariance), 0)
        if hunting:
            gain = mean + BOLD * np.sqrt(variance)
        else:
            gain = np.einsum("ij,ij->j", covariance, covariance) / (variance + NOISE)
        row = int(np.where(np.floor(bars) == np.floor(bars.min()), gain, -np.inf).argmax())
        chosen.append(row)
        mean, covariance = _after(mean, covariance, row, None)
        bars = bars + alike(row)
        bars[row] = np.inf
    return np.array(chosen, dtype=int)


def _prior_covariance(rows: np.ndarray, names: tuple[str, ...], makings: Makings) -> np.ndarray:
    """(n, n) covariance of likings before any rating."""
    frame = Frame.of(rows, names)
    z = frame.deviations(rows)
    kernels = ItemKernels.of(z, frame.kinds, np.zeros(len(z)))
    values = dict(zip(kernels.names, kernels.against(z), strict=True))
    sizes = KERNELS if KERNELS.keys() <= values.keys() else KERNELS_OF_APPEARANCE
    if makings is not None:
        made = MakingKernels.of(makings)
        known = dict(zip(made.names, made.gram(), strict=True))
        values, sizes = (
            values | known,
            sizes | {name: size for name, size in KERNELS_OF_MAKING.items() if name in known},
        )
    covariance: np.ndarray = CONSTANT + np.sum([size * values[name] for name, size in sizes.items()], axis=0)
    return covariance


def _after(mean: np.ndarray, covariance: np.ndarray, row: int, liking: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n,) and covariance (n, n) of likings once a picture is rated; None for a rating as it is expected."""
    column = covariance[:, row]
    step = column / (column[row] + NOISE)
    if liking is not None:
        mean = mean + step * (liking - mean[row])
    return mean, covariance - np.outer(step, column)


def stop_rule(taste: LearntTaste) -> tuple[bool, str]:
    """True if rating, or choosing, can stop, and why: strong, and as many judgements again would add less than ``WORTH``."""
    trust = taste.trust
    if trust.word == TOO_FEW:
        return False, trust.advice or rate_more(trust)
    if trust.word == STRONG and trust.expected - trust.concordance < WORTH:
        reason = (
            f"The taste is strong, and {trust.more} more {trust.judgements} would order hardly one more pair of 100 your way: "
            "you can stop."
        )
        return True, reason
    return False, trust.advice
