"""Proposes pictures to rate next, and when to stop.

Pictures are chosen one by one, each time the one whose rating carries most information about all likings: ½ log(1 +
σ²/noise), where σ is its standard deviation after the ratings so far and those already proposed. So near-copies of a
proposed picture are not proposed as well.

Sources: MacKay, "Information-based objective functions for active data selection", *Neural Computation* 4 (1992);
Krause, Singh & Guestrin, *Journal of Machine Learning Research* 9 (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import check_items
from .gaussian_process import Preference, learn_preference
from .learning_curve import WORTH
from .methods import Both
from .mixture import Mixture
from .profile import TasteProfile
from .trust import RATE_FIVE, STRONG, TOO_FEW

#: Only so many of the most uncertain pictures are candidates.
SHORTLIST = 600
#: The least information, in bits, that is worth a rating.
LEAST_BITS = 0.02


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


def information_model(profile: TasteProfile) -> Preference | Mixture:
    """A Gaussian process over the profile's examples, also if the profile uses another method."""
    model = profile.fitted.model
    model = model.gp if isinstance(model, Both) else model
    if isinstance(model, Mixture) and any(h.kernel >= 0 for _, h, _ in model.parts):
        return model
    if isinstance(model, Preference) and any(h.amplitude > 0 for _, h, _, _ in model.parts):
        return model
    examples, scaling = profile.examples, profile.fitted.scaling
    z, priors = scaling.frame.deviations(examples.items), scaling.priors(examples.priors)
    return learn_preference(z, examples.liking, examples.weights, priors * 0, scaling.frame)


def propose(profile: TasteProfile, items: object, count: int = 8, priors: np.ndarray | None = None) -> Proposal:
    """Propose pictures to rate.

    Args:
        profile: the taste so far.
        items: (n, p) items of pictures not rated yet.
        count: the most pictures to propose; fewer if there are fewer, or if the rest is not informative.
        priors: (n, k) prior scores; by default those that can be computed.

    Raises:
        ItemsError: items or prior scores do not fit.
    """
    rows = check_items(items, len(profile.names), rows=0)
    stop, reason = stop_rule(profile)
    if not len(rows):
        return Proposal(np.zeros(0, dtype=int), np.zeros(0), True, "Every picture of the collection is rated.")
    scaling, model = profile.fitted.scaling, information_model(profile)
    z, standard_priors = scaling.frame.deviations(rows), scaling.priors(profile.prior_scores(rows, priors))
    shortlist = np.argsort(-model.uncertainty(z, standard_priors), kind="stable")[:SHORTLIST]
    covariance, noise = model.covariance(z[shortlist], standard_priors[shortlist])
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


def stop_rule(profile: TasteProfile) -> tuple[bool, str]:
    """True if rating can stop, and the reason or advice as a sentence.

    Rating can stop if as many ratings again would add less than ``WORTH`` to the concordance, and the profile is strong
    or its learning curve is flat.
    """
    trust = profile.trust
    if trust.word == TOO_FEW:
        return False, trust.advice or f"{RATE_FIVE}."
    gain = trust.expected - trust.concordance
    if np.isfinite(gain) and gain < WORTH and trust.word == STRONG:
        reason = (
            f"The profile is strong, and {trust.more} more ratings are expected to add less than {WORTH}: you can stop."
        )
        return True, reason
    if np.isfinite(gain) and gain < WORTH and trust.curve and trust.curve[-1][1] - trust.curve[0][1] < WORTH:
        return True, f"The learning curve is flat: {trust.more} more ratings are expected to add less than {WORTH}."
    return False, trust.advice
