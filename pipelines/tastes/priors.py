"""Prior scores of a new taste by name: of the items and of other raters, of a judge, or of another taste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import JudgeError, SoartError, TasteError, expect
from ...metrics.damage.names import TASTE
from ...metrics.damage.titles import Kind
from ...metrics.items.nima import NIMA
from ...metrics.protocols import Extractor
from ...metrics.tastes.appeal import APPEAL
from ...metrics.tastes.beliefs import Beliefs
from ...metrics.tastes.blend import Blend, Taste, by_items, parts_of
from ...metrics.tastes.mixture import shown_trusts
from ...metrics.tastes.shown_by_others import beliefs_shown_by_others
from ...metrics.tastes.taste import (
    OTHERS,
    STANDARD_PRIORS,
    TECHNICAL,
    LearntTaste,
    OtherTaste,
    chosen_priors,
    unavailable_priors,
)
from ..collection.collection import Collection
from ..collection.ratings import stars_of_others
from ..judges.catalogue import Catalogue, known_judges
from ..judges.guarded import GuardedJudge
from ..scoring.taste_store import TasteStore
from ..support.judge_names import ITEM_SCORES

#: Prior scores of pictures that a rater has rated, and the ratings.
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Priors:
    """The prior scores that a new taste starts from: names of ``STANDARD_PRIORS``, judges, and tastes without their own."""

    standard: tuple[str, ...]
    judges: tuple[GuardedJudge, ...] = ()
    tastes: tuple[Taste, ...] = ()
    left_out: tuple[str, ...] = ()  # a sentence for each that the settings name and that is not available

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all of them, as a taste stores them."""
        judges = tuple(judge.stored_name for judge in self.judges)
        return (*self.standard, *judges, *(f"{TASTE}{taste.name}" for taste in self.tastes))


def check_priors(wanted: Sequence[str], stores: Sequence[TasteStore]) -> None:
    """Refuse names that are no prior score; no judge is loaded and no taste is read."""
    expect("names of prior scores in a list", wanted, list, tuple, error=TasteError)
    for name in wanted:
        expect("names of prior scores as texts", name, str, error=TasteError)
        if name not in STANDARD_PRIORS and not _is_judge(name) and _home(name, stores) is None:
            tastes = dict.fromkeys(taste for store in stores for taste in store.names())
            known = ", ".join(
                [
                    *STANDARD_PRIORS,
                    *(one.name for one in known_judges() if one.name not in STANDARD_PRIORS and _is_judge(one.name)),
                    *tastes,
                ]
            )
            raise TasteError(
                f"There is no prior score {name!r}: choose among {known}, or name a judge as module:Class."
            )


def load_priors(
    name: str,
    wanted: Sequence[str] | None,
    available: Sequence[str],
    extractor: Extractor,
    stores: Sequence[TasteStore],
    *,
    if_available: bool = False,
    load_judges: bool = True,
) -> Priors:
    """Prior scores by name, with their judges and tastes, for a new taste with this name and extractor.

    ``wanted`` is None for all that are ``available``, which the items and the raters of a collection tell. With
    ``if_available`` those that are not are left out with a sentence; without ``load_judges`` judges are only checked,
    before there is something to judge.
    """
    if wanted is None:
        return Priors(tuple(available))
    expect("names of prior scores in a list", wanted, list, tuple, error=TasteError)
    standard: list[str] = []
    judges: list[GuardedJudge] = []
    tastes: list[Taste] = []
    left_out: list[str] = []
    for prior in dict.fromkeys(wanted):
        try:
            check_priors([prior], stores)
            if prior in STANDARD_PRIORS:
                needed = unavailable_priors([prior], available) if if_available else {}
                if needed:
                    raise TasteError(f"it needs {needed[prior]}.")
                standard += chosen_priors([prior], available)
            elif not _is_judge(prior):
                tastes.append(_usable(_taste_named(prior, stores), name, extractor))
            elif load_judges:
                judges.append(Catalogue().find(prior))
        except SoartError as error:
            if not if_available:
                raise
            left_out.append(_left_out(prior, error))
    by_name = {judge.stored_name: judge for judge in reversed(judges)}
    if len(by_name) < len(judges) and not if_available:
        names = [judge.stored_name for judge in judges]
        twice = next(judge.name for judge in judges if names.count(judge.stored_name) > 1)
        raise JudgeError(f"The judge {twice!r} is named twice: name each judge once.")
    judges = [judge for judge in judges if by_name[judge.stored_name] is judge]
    return Priors(tuple(one for one in available if one in standard), tuple(judges), tuple(tastes), tuple(left_out))


def of_use(
    priors: Priors,
    values: Mapping[str, np.ndarray],
    pictures: Sequence[str],
    problems: Sequence[str] = (),
    *,
    if_available: bool = False,
) -> Priors:
    """The prior scores that the learning pictures (n,), named as in ``Examples``, can show how far to trust.

    Refuses a judge that gave none of them a value (``values`` are (n,) by stored name, NaN for none), and a taste that
    was learnt from all of them; ``if_available`` as for ``load_priors``.
    """
    left_out = list(priors.left_out)

    def leave_out(name: str, error: SoartError) -> None:
        if not if_available:
            raise error
        left_out.append(_left_out(name, error))

    judges, tastes = [], []
    for judge in priors.judges:
        if np.isfinite(values[judge.stored_name]).any():
            judges.append(judge)
        else:
            why = next((text for text in problems if repr(judge.name) in text), "")
            text = f"The judge {judge.name!r} gave none of the learning pictures a value. {why}".rstrip()
            leave_out(judge.named or judge.name, JudgeError(text))
    for taste in priors.tastes:
        if _shared(taste, pictures).all():
            leave_out(
                taste.name,
                TasteError(
                    f"The taste {taste.name!r} was learnt from all {len(pictures)} pictures that this one is learnt from, so "
                    "that nothing shows how far to trust it: judge other pictures, or do not start from it."
                ),
            )
        else:
            tastes.append(taste)
    return replace(priors, judges=tuple(judges), tastes=tuple(tastes), left_out=tuple(left_out))


def without_learnt_from(
    values: np.ndarray, priors: Priors, prior_names: Sequence[str], pictures: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Prior scores (n, k), NaN in place of those of other tastes for pictures that they were learnt from.

    At ranking a taste meets pictures that it was not learnt from, and its trust must come from such pictures. Also
    returns a sentence for each taste that has some.
    """
    values, notes = values.copy(), []
    for taste in priors.tastes:
        shared = _shared(taste, pictures)
        values[shared, prior_names.index(f"{TASTE}{taste.name}")] = np.nan
        if shared.any():
            notes.append(
                f"The taste {taste.name!r} was learnt from {shared.sum()} of these {len(pictures)} pictures too; the others "
                "show how far to trust it."
            )
    return values, notes


def _shared(taste: OtherTaste, pictures: Sequence[str]) -> np.ndarray:
    """(n,) True for pictures that a taste, or one that it starts from, was learnt from."""
    learnt = {str(picture) for part in _parts(taste) for picture in part.examples.pictures}
    return np.array([picture in learnt for picture in pictures])


def _left_out(name: str, error: SoartError) -> str:
    return f"The setting 'priors' names {name!r}, which is left out: {error}"


def holders_of(names: Sequence[str], store: TasteStore) -> dict[str, list[str]]:
    """By the names of tastes, those of the tastes and blends of a folder that hold a copy of it; only those with some."""
    holders: dict[str, list[str]] = {}
    for other in store.names():
        try:
            held = _names_in(store.load(other)) - {other}
        except TasteError:
            # It cannot be used, with or without.
            continue
        for name in names:
            if name in held:
                holders.setdefault(name, []).append(other)
    return holders


def _is_judge(name: str) -> bool:
    """True for judges whose values a taste can start from; those of points are told by items already."""
    if name in ITEM_SCORES:
        return False
    try:
        return Catalogue().entry(name).kind != Kind.TASTE
    except JudgeError:
        return False


def _home(name: str, stores: Sequence[TasteStore]) -> TasteStore | None:
    return next((store for store in stores if name in store.names()), None)


def _taste_named(name: str, stores: Sequence[TasteStore]) -> Taste:
    home = _home(name, stores)
    return (home or stores[0]).load(name)


def _usable(taste: Taste, name: str, extractor: Extractor) -> Taste:
    """A taste as another holds it, scoring by items alone; refuses the new taste itself, one from it, and other items."""
    if taste.name == name:
        raise TasteError(f"The taste {name!r} cannot be a prior score of itself: name another one.")
    if name in _names_in(taste):
        raise TasteError(
            f"The taste {taste.name!r} starts from {name!r}, which cannot start from it in turn: name another one."
        )
    if (taste.version, taste.names) != (extractor.version, extractor.names):
        raise TasteError(
            f"The taste {taste.name!r} was learnt on items {taste.version}, this one is learnt on {extractor.version}: learn "
            "both with the same network."
        )
    return taste if isinstance(taste, Blend) else by_items(taste)


def _parts(taste: OtherTaste) -> Iterator[LearntTaste]:
    """The parts of a taste, with those that it starts from."""
    for part in parts_of(taste):
        yield part
        for other in part.tastes:
            yield from _parts(other)


def _names_in(taste: Taste) -> set[str]:
    """Names of all tastes that a taste blends or starts from."""
    parts = list(_parts(taste))
    return {part.name for part in parts} | {other.name for part in parts for other in part.tastes}


def beliefs_in(
    collection: Collection, rater: str, prior_names: Sequence[str], priors: Mapping[int, np.ndarray], spread: float
) -> tuple[Beliefs, ...]:
    """Beliefs (k,) in the trusts in prior scores by picture, as other raters show them; None where they show nothing."""
    stars = list(stars_of_others(collection, rater).values())
    if not stars:
        return ()
    found: list[Beliefs] = []
    for column, name in enumerate(prior_names):
        pairs: list[Pair] | None = None
        if name in (TECHNICAL, APPEAL, NIMA):
            known = {image: float(row[column]) for image, row in priors.items() if np.isfinite(row[column])}
            pairs = list(ratings_with_scores(stars, known))
        elif name == OTHERS:
            pairs = list(ratings_with_others_means(stars))
        found.append(None if pairs is None else beliefs_shown_by_others(shown_trusts(name), pairs, spread))
    return tuple(found)


def ratings_with_scores(stars: Sequence[Mapping[int, float]], scores: Mapping[int, float]) -> Iterator[Pair]:
    """Yield for each rater the standardised scores and the ratings of the pictures that have both."""
    everything = np.array(list(scores.values()))
    for own in stars:
        rated = [image for image in own if image in scores]
        yield (
            _standardised(np.array([scores[image] for image in rated]), everything),
            np.array([own[image] for image in rated]),
        )


def ratings_with_others_means(stars: Sequence[Mapping[int, float]]) -> Iterator[Pair]:
    """Yield for each rater the standardised means of all others, as ``relative_means`` has them, and the rater's own ratings."""
    place = {image: number for number, image in enumerate(sorted({image for own in stars for image in own}))}
    rows = [np.array([place[image] for image in own]) for own in stars]
    values = [np.array(list(own.values())) for own in stars]
    count, total = np.zeros(len(place)), np.zeros(len(place))
    for row, value in zip(rows, values, strict=True):
        count[row] += 1
        total[row] += value - value.mean()
    for row, value in zip(rows, values, strict=True):
        others, sums = count.copy(), total.copy()
        others[row] -= 1
        sums[row] -= value - value.mean()
        known = others > 0
        means = np.divide(sums, others, out=np.zeros(len(place)), where=known)
        rated = known[row]
        yield _standardised(means[row[rated]], means[known]), value[rated]


def _standardised(scores: np.ndarray, everything: np.ndarray) -> np.ndarray:
    """Scores in standard deviations of all pictures, cut at ±3, as a taste takes them; 0 if all have the same."""
    deviation = everything.std() if len(everything) else 0.0
    return np.clip((scores - everything.mean()) / deviation, -3, 3) if deviation > 1e-12 else np.zeros(len(scores))
