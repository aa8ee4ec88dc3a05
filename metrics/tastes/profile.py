"""A taste profile: what somebody likes, learnt from a few pictures, on top of prior scores, with a report on its own worth.

| value       | scale                                                                                                |
|-------------|------------------------------------------------------------------------------------------------------|
| liking      | about −1 (as the disliked, rating 1) to 1 (as the liked, rating 5); unbounded                           |
| probability | 0…1: chance that the picture is liked, were liked and disliked pictures equally many; calibrated on held-out pictures |
| score       | 100 × probability                                                                                     |
| percentile  | 0–100: share of the user's own collection, or of the learning pictures, that the picture beats          |

Method: METHOD §6; the prior scores are the built-in technical score and whatever other raters have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from scipy.special import expit

from ...errors import ItemsError, ProfileError
from ..checks import check_items
from ..percentiles import percentiles_in
from .examples import Examples, contradictions
from .fitting import Fitted, Scaling, calibrate, fit
from .folds import near_duplicates
from .learning_curve import add_curve
from .methods import METHODS, Attention, learn_attention
from .trust import Learner, Predictor, Trust, examine

#: A background of fewer pictures than this says too little about what pictures are like.
BACKGROUND = 30
TECHNICAL, OTHERS = "technical", "others"


def technical_prior(items: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(n,) built-in technical score, not bent above 100, from the SOART items among (n, p) items."""
    from ..damage.scorer import CLEAN, TechnicalScorer

    scorer = TechnicalScorer.load()
    place = {name: i for i, name in enumerate(names)}
    try:
        columns = [place[name] for name in scorer.names]
    except KeyError as error:
        raise ProfileError(f"The technical score needs the item {error}, which is not among those given.") from error
    return CLEAN + scorer.evidence(items[:, columns])


@dataclass(frozen=True)
class TasteProfile:
    """A learnt taste; made by ``learn_taste``.

    Attributes:
        name: what the user calls it.
        names: (p,) names of the items.
        version: of the extractor; items of other versions do not fit.
        examples: what it was learnt from.
        fitted: scaling and method.
        prior_names: what the k prior scores are: ``technical`` is computed where it is not given, others count as missing.
        trust: how far it can be trusted.
        calibration: slope and offset from liking to log odds.
        reference: (101,) quantiles of liking in the user's collection.
        modes: version D over named modes, where there are any.
        network: source of the network behind deep items, if any.
        created: UTC time, ISO 8601.
    """

    higher_is_better = True

    name: str
    names: tuple[str, ...]
    version: str
    examples: Examples
    fitted: Fitted
    prior_names: tuple[str, ...]
    trust: Trust
    calibration: tuple[float, float]
    reference: np.ndarray
    network: str | None = None
    created: str = ""
    modes: Attention | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        """The method that was chosen."""
        return self.fitted.choice.method

    def prior_scores(self, items: np.ndarray, priors: np.ndarray | None = None) -> np.ndarray:
        """(n, k) prior scores: those given, else the technical score and NaN for all others."""
        if priors is not None:
            given = np.asarray(priors, dtype=np.float64)
            if given.shape != (len(items), len(self.prior_names)):
                raise ItemsError(f"Expected {len(self.prior_names)} prior scores a picture, got shape {given.shape}.")
            return given
        columns = [technical_prior(items, self.names) if name == TECHNICAL else np.full(len(items), np.nan)
                   for name in self.prior_names]  # fmt: skip
        return np.stack(columns, axis=1) if columns else np.zeros((len(items), 0))

    def liking(self, items: object, priors: np.ndarray | None = None) -> np.ndarray:
        """(n,) liking of (n, p) items; see the scale above.

        Raises:
            ItemsError: items of another number, or not finite.
        """
        rows = check_items(items, len(self.names), rows=0)
        return self.fitted(rows, self.prior_scores(rows, priors))

    def probability(self, liking: np.ndarray) -> np.ndarray:
        """(n,) calibrated probabilities of (n,) likings."""
        slope, offset = self.calibration
        chance: np.ndarray = expit(slope * liking + offset)
        return chance

    def percentile(self, liking: np.ndarray) -> np.ndarray:
        """(n,) percentiles of (n,) likings within the reference collection."""
        return percentiles_in(liking, self.reference)

    def score(self, items: object, priors: np.ndarray | None = None, *, useless_ok: bool = False) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; higher is better.

        Args:
            items: of the version the profile was learnt on.
            priors: (n, k) prior scores in the order of ``prior_names``; by default what can be computed.
            useless_ok: score even if the profile is no better than chance or learnt from too few examples; whoever says so shows the
                trust report beside the scores.

        Raises:
            ProfileError: the profile is useless, and that was not accepted.
        """
        if self.trust.useless and not useless_ok:
            raise ProfileError(
                f"The taste {self.name!r} is not to be trusted ({self.trust.sentence}): rate more pictures, or say useless_ok."
            )
        return 100 * self.probability(self.liking(items, priors))


def learn_taste(
    examples: Examples,
    names: tuple[str, ...],
    version: str,
    *,
    name: str = "taste",
    prior_names: tuple[str, ...] = (),
    background: tuple[np.ndarray, np.ndarray] | None = None,
    rng: np.random.Generator | None = None,
    methods: Sequence[str] = METHODS,
    curve: bool = True,
    repeats: int = 5,
    network: str | None = None,
) -> TasteProfile:
    """Learn a taste and check it.

    Args:
        examples: what was said; their groups are widened by near-duplicates.
        names: (p,) names of the items.
        version: of the extractor.
        name: what to call the profile.
        prior_names: what the k prior scores of the examples are.
        background: (m, p) items and (m, k) prior scores of the collection the user's pictures come from, rated or not: items are
            scaled and percentiles taken on it.
        rng: source of all randomness; by default seeded with 0.
        methods: candidates, the usual one first.
        curve: whether to measure the learning curve.
        repeats: of the cross-validation in the trust report.
        network: source of the network behind deep items.

    Raises:
        ItemsError: only liked or only disliked pictures, one picture, all alike, the same picture good and bad, or matrices that do
            not fit together.
    """
    rng = rng if rng is not None else np.random.default_rng(0)
    check_items(examples.items, len(names), name="learning items")
    _check_contrast(examples)
    contradictions(examples)
    reference = background if background is not None and len(background[0]) >= BACKGROUND else None
    scaling = None if reference is None else Scaling.of(*reference, names)
    own = scaling or Scaling.of(examples.items, examples.priors, names)
    z, priors = own.frame.deviations(examples.items), own.priors(examples.priors)
    examples = replace(examples, groups=near_duplicates(z, examples.groups).astype(np.str_))
    fitted = fit(examples, names, rng, scaling, methods, repeats=2, every=True)
    check = examine(examples, _learner(names, scaling, methods), z, priors, own.frame, rng, repeats)
    trust = check.trust
    if curve:
        trust = add_curve(trust, examples, _learner(names, scaling, (fitted.choice.method,)), rng)
    seen = reference or (examples.items, examples.priors)
    quantiles = np.quantile(fitted(*seen), np.linspace(0, 1, 101))
    return TasteProfile(
        name, names, version, examples, fitted, prior_names, trust, calibrate(check.held_out, examples), quantiles, network,
        datetime.now(UTC).isoformat(timespec="seconds"), mode_model(examples, fitted),
    )  # fmt: skip


def mode_model(examples: Examples, fitted: Fitted) -> Attention | None:
    """Version D over the modes, where a kind of bad was named."""
    if len(np.unique(examples.modes)) < 3 or examples.graded:
        return None
    return learn_attention(fitted.scaling.frame.deviations(examples.items), examples, fitted.scaling.frame)


def _learner(names: tuple[str, ...], scaling: Scaling | None, methods: Sequence[str]) -> Learner:
    def learner(part: Examples, rng: np.random.Generator) -> Predictor:
        return fit(part, names, rng, scaling, methods)

    return learner


def _check_contrast(examples: Examples) -> None:
    if len(examples) < 2:
        raise ItemsError("Expected pictures you like and pictures you do not, got a single picture: add more.")
    if np.ptp(examples.liking) == 0:
        kind = "liked" if examples.liking[0] > 0 else "disliked" if examples.liking[0] < 0 else "equally rated"
        raise ItemsError(
            f"Expected pictures you like and pictures you do not, got only {kind} ones ({len(examples)}): add some of the "
            "other kind, for a taste is a difference."
        )
    if (np.ptp(examples.items, axis=0) == 0).all():
        raise ItemsError(
            f"All {len(examples)} pictures measure alike: a taste cannot be learnt from copies of one picture."
        )
