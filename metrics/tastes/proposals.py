"""Which pictures to rate next: those whose ratings would teach most, and unlike each other; and when to stop.

The pictures are taken one by one, each time the one whose rating carries most information about the likings of all, ½ log(1 + σ²/noise),
σ being its standard deviation given the ratings so far and those already proposed: near-copies of a proposed picture teach nothing any more.

Source: MacKay, "Information-based objective functions for active data selection", *Neural Computation* 4 (1992); Krause, Singh & Guestrin,
*Journal of Machine Learning Research* 9 (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import check_items
from .gaussian_process import Preference, learn_preference
from .learning_curve import WORTH
from .methods import Both
from .profile import TasteProfile
from .trust import STRONG, TOO_FEW

#: Only the most uncertain of many pictures are weighed against each other.
SHORTLIST = 600
#: Bits below which a rating is not worth the look.
LEAST = 0.02


@dataclass(frozen=True)
class Proposal:
    """What to rate next.

    Attributes:
        rows: row numbers of the pictures, the most telling first.
        bits: information expected of each rating.
        stop: whether further ratings are not worth the effort.
        reason: why, in a sentence.
    """

    rows: np.ndarray
    bits: np.ndarray
    stop: bool
    reason: str


def information_model(profile: TasteProfile) -> Preference:
    """The Gaussian process over the profile's examples, whatever method the profile itself uses."""
    model = profile.fitted.model
    model = model.gp if isinstance(model, Both) else model
    if isinstance(model, Preference) and any(h.amplitude > 0 for _, h, _, _ in model.parts):
        return model
    examples, scaling = profile.examples, profile.fitted.scaling
    z, priors = scaling.frame.deviations(examples.items), scaling.priors(examples.priors)
    return learn_preference(z, examples.liking, examples.weights, priors * 0, scaling.frame)


def propose(profile: TasteProfile, items: object, count: int = 8, priors: np.ndarray | None = None) -> Proposal:
    """Propose pictures to rate.

    Args:
        profile: what is known so far.
        items: (n, p) items of pictures not rated yet.
        count: how many to propose; fewer where there are fewer, or where the rest teaches nothing.
        priors: (n, k) prior scores; by default what can be computed.
    """
    rows = check_items(items, len(profile.names), rows=0)
    stop, reason = stop_rule(profile)
    if not len(rows):
        return Proposal(np.zeros(0, dtype=int), np.zeros(0), True, "Every picture of the collection is rated.")
    scaling, model = profile.fitted.scaling, information_model(profile)
    z, given = scaling.frame.deviations(rows), scaling.priors(profile.prior_scores(rows, priors))
    unsure = model.uncertainty(z, given)
    shortlist = np.argsort(-unsure, kind="stable")[:SHORTLIST]
    covariance, noise = model.covariance(z[shortlist], given[shortlist])
    chosen: list[int] = []
    bits: list[float] = []
    for _ in range(min(count, len(shortlist))):
        variance = np.maximum(np.diag(covariance), 0)
        variance[chosen] = -1
        best = int(variance.argmax())
        gain = 0.5 * float(np.log2(1 + max(variance[best], 0) / noise))
        if gain < LEAST:
            break
        chosen.append(best)
        bits.append(gain)
        column = covariance[:, best]
        covariance = covariance - np.outer(column, column) / (covariance[best, best] + noise)
    if not chosen:
        return Proposal(np.zeros(0, dtype=int), np.zeros(0), True, "No further rating would teach anything.")
    return Proposal(shortlist[chosen], np.array(bits), stop, reason)


def stop_rule(profile: TasteProfile) -> tuple[bool, str]:
    """Whether to stop rating, and why: the learning curve expects less than 0.01 from doubling the ratings, or all is well."""
    trust = profile.trust
    if trust.word == TOO_FEW:
        return False, trust.advice or "Rate at least five pictures you like and five you do not."
    gain = trust.expected - trust.concordance
    if np.isfinite(gain) and gain < WORTH and trust.word == STRONG:
        return (
            True,
            f"The profile is strong, and {trust.more} more ratings are expected to add less than {WORTH}: you can stop.",
        )
    if np.isfinite(gain) and gain < WORTH and trust.curve and trust.curve[-1][1] - trust.curve[0][1] < WORTH:
        return True, f"The learning curve is flat: {trust.more} more ratings are expected to add less than {WORTH}."
    return False, trust.advice
