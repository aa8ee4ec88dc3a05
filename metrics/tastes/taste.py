"""A taste: one person's liking, learnt from a few pictures.

It starts from prior scores, such as the technical score, appeal, NIMA, the mean of other raters, a judge or another taste, and comes with a report on
its own worth.

| value       | scale                                                                                          |
|-------------|------------------------------------------------------------------------------------------------|
| liking      | about −1 (as the disliked, rating 1) to 1 (as the liked, rating 5); unbounded                  |
| probability | 0…1: chance that the picture is liked if liked and disliked pictures are equally frequent;     |
|             | calibrated on held-out pictures                                                                |
| score       | 100 × probability                                                                              |
| percentile  | 0–100: share of the user's own collection, or of the learning pictures, that the picture beats |

The method is described in ``docs/method.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import expit

from ...errors import ItemsError, TasteError, expect
from ..checks import check_items
from ..damage.names import TASTE
from ..damage.names import TECHNICAL as TECHNICAL
from ..damage.titles import JudgeKey, Kind, stored_title
from ..items.frame import CONTENT, columns_of
from ..items.nima import ITEMS, NIMA, nima_values
from ..percentiles import percentiles_in
from .appeal import APPEAL, appeal_model
from .examples import Examples, check_contradictions
from .fitting import Fitted, Scaling, calibrate, evidence_of, fit
from .folds import near_duplicates
from .learning_curve import add_curve
from .mixture import METHOD, Makings, makings_at
from .modes import Attention, learn_attention
from .trust import FEWEST_PER_SIDE, Learner, Predictor, Trust, examine, sides, taste_table
from .within_groups import WithinGroups, rows_by_group, within_held_out

if TYPE_CHECKING:
    import pandas as pd

#: Fewest pictures of a background; fewer describe a collection too badly to be used.
FEWEST_OF_BACKGROUND = 30
#: Most pictures that a taste is learnt from.
MOST_PICTURES = 3000
#: Name of the prior score of other raters' means; those of judges and other tastes have the names that they are stored under.
OTHERS = "others"
#: Names of the prior scores that a collection and its items tell.
STANDARD_PRIORS = TECHNICAL, APPEAL, NIMA, OTHERS
#: For each prior score that is not always available, what it needs.
_NEEDS = {
    APPEAL: "items of the default network: learn the taste without another network",
    NIMA: "a network: learn the taste with one",
    OTHERS: "ratings of other raters, and this collection has none",
}


class OtherTaste(Protocol):
    """A taste or a blend that another taste starts from."""

    @property
    def name(self) -> str:
        """The user's name for it."""

    def liking(self, items: object, /) -> np.ndarray:
        """(n,) liking of (n, p) items."""


def technical_prior(items: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(n,) prior from the faults of the technical score of (n, p) items, of any scale, higher is better."""
    from ..damage.technical import costs_of_faults, quality_model

    numbers = {name: column for column, name in enumerate(names)}
    try:
        columns = [numbers[name] for name in quality_model().names]
    except KeyError as error:
        raise TasteError(
            f"The technical score needs the item {error}, which is missing: measure quality items."
        ) from error
    return -costs_of_faults(items[:, columns])


def priors_of_items(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the prior scores that items of these names tell: appeal if the network is its own."""
    known = {TECHNICAL: True, APPEAL: appeal_model().known_from(names), NIMA: set(ITEMS) <= {*names}}
    return tuple(name for name, told in known.items() if told)


def chosen_priors(wanted: Sequence[str] | None, available: Sequence[str]) -> tuple[str, ...]:
    """The wanted prior scores by name (None: all), each once, in the order of the available; or a ``TasteError``."""
    if wanted is None:
        return tuple(available)
    for name, needed in unavailable_priors(wanted, available).items():
        raise TasteError(f"The prior score {name!r} needs {needed}.")
    return tuple(name for name in available if name in wanted)


def unavailable_priors(wanted: Sequence[str], available: Sequence[str]) -> dict[str, str]:
    """The wanted prior scores that are not available, each with what it needs; see ``chosen_priors``."""
    expect("names of prior scores in a list", wanted, list, tuple, error=TasteError)
    for name in wanted:
        if name not in STANDARD_PRIORS:
            raise TasteError(f"There is no prior score {name!r}: choose among {', '.join(STANDARD_PRIORS)}.")
    return {name: _NEEDS.get(name, "quality items") for name in wanted if name not in available}


def is_given(prior: str) -> bool:
    """True for a prior score that items do not tell: other raters' means, and a judge's values."""
    return prior == OTHERS or JudgeKey.of(prior).kind is Kind.MODEL


def computed_priors(
    prior_names: Sequence[str],
    items: np.ndarray,
    names: Sequence[str],
    given: Mapping[str, np.ndarray] = MappingProxyType({}),
    tastes: Sequence[OtherTaste] = (),
) -> np.ndarray:
    """(n, k) prior scores by name: the technical score, appeal, NIMA, the liking of other tastes, or given ones.

    ``given`` holds (n,) values of those that ``is_given``; the others of them are NaN. The other tastes come in the
    order of their names.
    """
    others = iter(tastes)
    unknown, columns = np.full(len(items), np.nan), []
    for name in prior_names:
        if name == TECHNICAL:
            columns.append(technical_prior(items, names))
        elif name == APPEAL:
            columns.append(appeal_model().scores(items, names))
        elif name == NIMA:
            columns.append(nima_values(items[:, columns_of("NIMA", ITEMS, names)]).values)
        elif JudgeKey.of(name).kind is Kind.TASTE:
            columns.append(next(others).liking(items))
        else:
            columns.append(given.get(name, unknown))
    return np.stack(columns, axis=1) if columns else np.zeros((len(items), 0))


def words_of_lack(prior: str) -> str:
    """Words after "pictures that" for those without a value of a prior score that ``is_given``."""
    if prior == OTHERS:
        return "no other rater has rated"
    judge = stored_title(prior).removeprefix("judge: ")
    return f"the judge {judge!r} has not judged"


def tastes_without(taste: LearntTaste) -> Iterator[tuple[str, LearntTaste]]:
    """Yield each taste that was learnt without a prior score which pictures may lack, after words on what these lack."""
    lacked = ""
    while (alone := taste.alone) is not None:
        (lacking,) = set(taste.prior_names) - set(alone.prior_names)
        words = words_of_lack(lacking)
        lacked = f"{lacked} or that {words}" if lacked else words
        yield lacked, alone
        taste = alone


@dataclass(frozen=True, eq=False)
class LearntTaste:
    """A learnt taste; made by ``learn_taste``.

    Attributes:
        name: the user's name for the taste.
        names: (p,) names of the items.
        version: version of the extractor; items of other versions do not fit.
        examples: the judged pictures that it was learnt from.
        fitted: scaling and model.
        prior_names: (k,) names of the prior scores. ``technical``, ``appeal``, ``nima`` and other tastes are computed if they
            are not passed; other raters' means and judges' values then count as missing.
        trust: trust report.
        calibration: slope and offset from liking to log odds.
        reference: (101,) quantiles of liking in the user's collection.
        network: source of the network behind deep items, if any.
        created: UTC time at which its learning began, ISO 8601.
        modes: version D over named modes; None if no modes were named.
        rater: name of the rater in a collection, whose others make a prior score; empty if there is none.
        alone: the taste learnt without one of the prior scores that ``is_given``, for pictures that lack one; None if there
            is no such prior score.
        tastes: copies of the other tastes among the prior scores, in the order of their names.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import LearntTaste, learn_taste
        >>> from soart.metrics.tastes.examples import from_ratings
        >>> rng = np.random.default_rng(0)
        >>> items = rng.normal(size=(24, 2))
        >>> ratings = np.clip(np.round(3 + 2 * items[:, 0]), 1, 5)
        >>> names = ("colour/chroma/mean", "colour/luma/mean")
        >>> taste = learn_taste(
        ...     from_ratings(items, ratings), names, "colour-1", repeats=1
        ... )
        >>> isinstance(taste, LearntTaste), taste.trust.useless
        (True, False)
        >>> vivid, dull = taste.score([[2.0, 0.0], [-2.0, 0.0]])
        >>> bool(vivid > 80), bool(dull < 20)
        (True, True)
    """

    name: str
    names: tuple[str, ...] = field(repr=False)
    version: str
    examples: Examples = field(repr=False)
    fitted: Fitted = field(repr=False)
    prior_names: tuple[str, ...]
    trust: Trust
    calibration: tuple[float, float]
    reference: np.ndarray = field(repr=False)
    network: str | None = None
    created: str = ""
    modes: Attention | None = field(default=None, repr=False)
    rater: str = ""
    alone: LearntTaste | None = field(default=None, repr=False)
    tastes: tuple[OtherTaste, ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        return taste_table(self.name, self.trust, self.method, self.network)

    def to_pandas(self) -> pd.DataFrame:
        """One row for each picture that it was learnt from: its name and file, its liking (−1…1) and what it counts as."""
        import pandas as pd

        learnt = self.examples
        columns = {"picture": learnt.pictures, "file": learnt.files, "liking": learnt.liking, "counts_as": learnt.modes}
        return pd.DataFrame({name: list(column) for name, column in columns.items()})

    @property
    def method(self) -> str:
        """The method that it was learnt by."""
        return METHOD

    @property
    def trusted_priors(self) -> dict[str, float]:
        """Trust in each prior score, 0…1, by name."""
        return {name: float(trust) for name, trust in zip(self.prior_names, self.fitted.model.trusts, strict=True)}

    @property
    def of_making(self) -> bool:
        """True if its scores depend on how pictures were made: because its learning pictures were not made alike."""
        own = self.fitted.model.makings.facets or self.fitted.scaling.of_models
        return bool(own) or (self.alone is not None and self.alone.of_making)

    def prior_scores(self, items: np.ndarray, priors: np.ndarray | None = None) -> np.ndarray:
        """(n, k) prior scores: ``priors`` themselves, or by default those that items tell, and NaN for all others.

        Items tell the technical score, appeal, NIMA, and the liking of other tastes.

        Raises:
            ItemsError: the shape of ``priors`` does not fit.
            TasteError: an item is missing.
        """
        if priors is not None:
            scores = np.asarray(priors, dtype=np.float64)
            if scores.shape != (len(items), len(self.prior_names)):
                raise ItemsError(f"Expected {len(self.prior_names)} prior scores a picture, got shape {scores.shape}.")
            return scores
        return computed_priors(self.prior_names, items, self.names, tastes=self.tastes)

    def liking(self, items: object, priors: np.ndarray | None = None, makings: Makings = None) -> np.ndarray:
        """(n,) liking of (n, p) items; see the scale above.

        Args:
            items: items of the version that the taste was learnt on.
            priors: (n, k) prior scores in the order of ``prior_names``; by default those that can be computed.
            makings: how each picture was made, None where nothing is known; by default nothing is known of any.

        Raises:
            ItemsError: items or prior scores do not fit, or items are not finite.
        """
        rows = check_items(items, len(self.names), rows=0)
        scores = self.prior_scores(rows, priors)
        liking, lacking = self.fitted(rows, scores, makings), self.lacking(scores)
        if self.alone is not None and lacking.any():
            some = makings_at(makings, np.flatnonzero(lacking))
            liking[lacking] = self.alone.liking(rows[lacking], self.for_alone(scores[lacking]), some)
        return liking

    def lacking(self, scores: np.ndarray) -> np.ndarray:
        """(n,) True for pictures that lack one of the prior scores (n, k) that ``is_given``, if there is a taste for them."""
        columns = [k for k, name in enumerate(self.prior_names) if self.alone is not None and is_given(name)]
        lacking: np.ndarray = ~np.isfinite(scores[:, columns]).all(axis=1)
        return lacking

    def for_alone(self, scores: np.ndarray) -> np.ndarray:
        """The prior scores that ``alone`` uses, of (n, k)."""
        own = () if self.alone is None else self.alone.prior_names
        return scores[:, [name in own for name in self.prior_names]]

    def probability(self, liking: np.ndarray) -> np.ndarray:
        """(n,) calibrated probabilities of (n,) likings."""
        slope, offset = self.calibration
        return expit(slope * liking + offset)

    def percentile(self, liking: np.ndarray) -> np.ndarray:
        """(n,) percentiles 0–100 of (n,) likings in the reference collection."""
        return percentiles_in(liking, self.reference)

    def score(
        self, items: object, priors: np.ndarray | None = None, makings: Makings = None, *, useless_ok: bool = False
    ) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; higher is better.

        Args:
            items: items of the version that the taste was learnt on.
            priors: (n, k) prior scores in the order of ``prior_names``; by default those that can be computed.
            makings: as for ``liking``.
            useless_ok: True to score even if the taste is no better than chance or learnt from too few examples.
                Callers that pass this must show the trust report with the scores.

        Raises:
            ItemsError: items or prior scores do not fit, or items are not finite.
            TasteError: the taste is not reliable, and ``useless_ok`` is False.
        """
        if self.trust.useless and not useless_ok:
            raise TasteError(
                f"The taste {self.name!r} is not reliable yet ({self.trust.sentence}): rate more pictures, or pass "
                "useless_ok=True."
            )
        rows = check_items(items, len(self.names), rows=0)
        scores = self.prior_scores(rows, priors)
        points, lacking = 100 * self.probability(self.liking(rows, scores, makings)), self.lacking(scores)
        if self.alone is not None and lacking.any():
            some = makings_at(makings, np.flatnonzero(lacking))
            points[lacking] = self.alone.score(rows[lacking], self.for_alone(scores[lacking]), some, useless_ok=True)
        return points


def learn_taste(
    examples: Examples,
    names: tuple[str, ...],
    version: str,
    *,
    name: str = "taste",
    prior_names: tuple[str, ...] = (),
    background: tuple[np.ndarray, np.ndarray] | None = None,
    rng: np.random.Generator | None = None,
    repeats: int = 5,
    network: str | None = None,
    rater: str = "",
    prompts: np.ndarray | None = None,
    tastes: Sequence[OtherTaste] = (),
    makings: Makings = None,
) -> LearntTaste:
    """Learn a taste and check it.

    If a prior score ``is_given``, a second taste is learnt without it, for pictures that lack it. Of several, that which most
    pictures lack is left out first.

    Args:
        examples: the judged pictures; their groups are widened by near-duplicates. Of more than ``MOST_PICTURES`` so many
            count, because memory grows with their square.
        names: (p,) names of the items.
        version: version of the extractor.
        name: name of the taste.
        prior_names: (k,) names of the prior scores of the examples.
        background: (m, p) items and (m, k) prior scores of the user's collection, rated pictures or not. Items are
            scaled and percentiles taken on it; by default on the examples.
        rng: source of all randomness; by default seeded with 0.
        repeats: repetitions of the cross-validation in the trust report.
        network: source of the network behind deep items.
        rater: name of the rater in a collection.
        prompts: (n,) number of the prompt and settings that each picture was made with, −1 if unknown, for the trust
            among pictures of one prompt.
        tastes: other tastes among the prior scores, in the order of their names.
        makings: how each picture of the background was made, None where nothing is known.

    Raises:
        ItemsError: pictures are only liked or only disliked, a single one, all alike, or both good and bad; or matrices
            do not fit together.
        TasteError: something else than examples.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import learn_taste
        >>> from soart.metrics.tastes.examples import from_modes
        >>> rng = np.random.default_rng(0)
        >>> examples = from_modes({"good": rng.normal(1, 1, (8, 2)), "bad": rng.normal(-1, 1, (8, 2))})
        >>> learn_taste(examples, ("colour/chroma/mean", "colour/luma/mean"), "colour-1", repeats=1).trust.useless
        False
    """
    # What is judged while it learns is newer.
    created = datetime.now(UTC).isoformat(timespec="microseconds")
    expect("examples, such as from_ratings makes them", examples, Examples, error=TasteError)
    rng = rng if rng is not None else np.random.default_rng(0)
    _check_matrices(examples, names, prior_names, background, prompts, tastes)
    if len(examples) > MOST_PICTURES:
        # Spread over all of them, in their order.
        some = np.linspace(0, len(examples) - 1, MOST_PICTURES).astype(int)
        examples, prompts = examples.take(some), None if prompts is None else prompts[some]
    alone = None
    if (rarest := _rarest(prior_names, examples.priors if background is None else background[1])) is not None:
        kept = np.arange(len(prior_names)) != rarest
        beliefs = tuple(b for b, keep in zip(examples.prior_beliefs, kept, strict=False) if keep)
        alone = learn_taste(
            replace(examples, priors=examples.priors[:, kept], prior_beliefs=beliefs), names, version, name=name,
            prior_names=(*prior_names[:rarest], *prior_names[rarest + 1 :]), rng=rng,
            background=background and (background[0], background[1][:, kept]), repeats=repeats, network=network,
            prompts=prompts, tastes=tastes, makings=makings,
        )  # fmt: skip
    _check_contrast(examples)
    check_contradictions(examples)
    if background is not None and len(background[0]) < FEWEST_OF_BACKGROUND:
        background = makings = None
    reference = background or (examples.items, examples.priors)
    made = examples.makings if background is None else makings
    scaling = Scaling.of(*reference, names, prior_names, made)
    # Without a background, every fold has a scaling of its own.
    common = None if background is None else scaling
    z = scaling.frame.deviations(examples.items)
    # Where prompts or seeds are few, pictures are left out one by one.
    for groups in (examples.groups, np.arange(len(z))):
        examples = replace(examples, groups=near_duplicates(z, groups).astype(np.str_), prior_names=prior_names)
        if min(sides(examples)) >= FEWEST_PER_SIDE:
            break
    fitted = fit(examples, names, scaling)
    learner = _learner(names, common)
    content = CONTENT in scaling.frame.kinds
    check = examine(examples, learner, rng, repeats, content=content, evidence=evidence_of(examples, scaling))
    trust = check.trust
    if prompts is not None and rows_by_group(prompts):
        within = WithinGroups() if check.held_out is None else within_held_out(check.held_out, prompts)
        trust = replace(trust, within=within)
    trust = add_curve(trust, examples, check.true_auc, content=content)
    quantiles = np.quantile(fitted(*reference, made), np.linspace(0, 1, 101))
    calibration = calibrate(check.held_out, examples)
    return LearntTaste(
        name, names, version, examples, fitted, prior_names, trust, calibration, quantiles, network, created,
        mode_model(examples, fitted), rater, alone, tastes=tuple(tastes),
    )  # fmt: skip


def _rarest(prior_names: Sequence[str], priors: np.ndarray) -> int | None:
    """The column of (n, k) prior scores that ``is_given`` and is missing most often; None if none is given."""
    missing = {k: -int(np.isnan(priors[:, k]).sum()) for k, name in enumerate(prior_names) if is_given(name)}
    return min(missing, key=lambda k: missing[k], default=None)


def mode_model(examples: Examples, fitted: Fitted) -> Attention | None:
    """Version D over the modes; None unless a kind of bad was named."""
    if len(np.unique(examples.modes)) < 3 or examples.graded:
        return None
    return learn_attention(fitted.scaling.frame.deviations(examples.items), examples, fitted.scaling.frame)


def _learner(names: tuple[str, ...], scaling: Scaling | None) -> Learner:
    def learner(examples: Examples, rng: np.random.Generator) -> Predictor:
        return fit(examples, names, scaling)

    return learner


def _check_matrices(
    examples: Examples,
    names: Sequence[str],
    prior_names: Sequence[str],
    background: tuple[np.ndarray, np.ndarray] | None,
    prompts: np.ndarray | None,
    tastes: Sequence[OtherTaste],
) -> None:
    """Refuse arguments of ``learn_taste`` that do not fit together."""
    check_items(examples.items, len(names), name="learning items")
    named = len(prior_names)
    shapes: list[tuple[str, np.ndarray, tuple[int, ...]]] = [
        ("prior scores of the learning pictures", examples.priors, (len(examples), named))
    ]
    if background is not None:
        check_items(background[0], len(names), rows=0, name="items of the background")
        shapes.append(("prior scores of the background", background[1], (len(background[0]), named)))
    if prompts is not None:
        shapes.append(("prompts of the learning pictures", prompts, (len(examples),)))
    for what, values, shape in shapes:
        if np.shape(values) != shape:
            raise ItemsError(f"Expected {what} of shape {shape}, got {np.shape(values)}.")
    if [name for name in prior_names if JudgeKey.of(name).kind is Kind.TASTE] != [
        f"{TASTE}{taste.name}" for taste in tastes
    ]:
        raise ItemsError(f"Expected the tastes among the prior scores, got {[taste.name for taste in tastes]}.")


def _check_contrast(examples: Examples) -> None:
    if len(examples) < 2:
        raise ItemsError("Expected pictures you like and pictures you do not, got a single picture: add more.")
    if np.ptp(examples.liking) == 0:
        kind = "liked" if examples.liking[0] > 0 else "disliked" if examples.liking[0] < 0 else "equally rated"
        raise ItemsError(
            f"Expected pictures you like and pictures you do not, got only {kind} ones ({len(examples)}): add some of "
            "the other kind, because a taste is learnt from the difference between the two."
        )
    if (np.ptp(examples.items, axis=0) == 0).all():
        raise ItemsError(
            f"All {len(examples)} pictures have equal items, as copies of one picture do: add pictures that differ."
        )
