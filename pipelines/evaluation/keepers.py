"""Finds the keepers of an evaluated collection: the best of each prompt, burst or group of look-alikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError, expect
from ...metrics.damage.titles import has_points
from ...metrics.similarity.distinct import separated
from ...metrics.tastes.within_groups import WithinGroups, within_scores
from ..collection.files import first_paths
from ..collection.origins import origins
from ..collection.ratings import ratings
from ..scoring.grouping import grouped_by
from ..scoring.keepers import Choice, choose, too_close
from .folders import EvaluatedCollection
from .near_duplicates import distinct_rows, keeping_order
from .settings import EvaluationSettings

if TYPE_CHECKING:
    from ..judges.guarded import GuardedJudge

#: Ways to group pictures, and what pictures of a group have in common, in the singular.
UNITS = {"prompt": "prompt", "burst": "burst", "look-alike": "look-alike group"}
#: Name of the score that several judges make together.
JUDGES = "judges"


@dataclass(frozen=True, slots=True)
class KeeperGroup:
    """A group of pictures with those to keep.

    Attributes:
        images: picture ids, the first to keep first.
        paths: of their files.
        scores: NaN for a picture without one.
        kept: number of pictures to keep.
        margin, close: see ``Choice``.
        prompt: of the first picture; empty if unknown.
        why: reason for the choice, in a few words.
    """

    images: tuple[int, ...]
    paths: tuple[str, ...]
    scores: tuple[float, ...]
    kept: int
    margin: float
    close: bool
    prompt: str
    why: str


@dataclass(frozen=True)
class Keepers:
    """The keepers of a collection.

    Attributes:
        by: how pictures are grouped, one of ``UNITS``.
        profile: stored name of the profile that chooses.
        groups: in the order of their files.
        alone: ids of the pictures that are in no group; all of them stay.
        staying: paths of the keepers and of the pictures in no group, the highest score first.
        trust: how often the profile picks the picture that the rater likes better; None if that is not known.
        problems: sentences on pictures that could not be judged.
    """

    by: str
    profile: str
    groups: tuple[KeeperGroup, ...]
    alone: tuple[int, ...]
    staying: tuple[str, ...]
    trust: WithinGroups | None
    problems: tuple[str, ...] = ()

    @property
    def kept(self) -> list[int]:
        """Ids of the pictures to keep, group by group."""
        return [image for group in self.groups for image in group.images[: group.kept]]

    @property
    def others(self) -> list[int]:
        """Ids of the other pictures of the groups."""
        return [image for group in self.groups for image in group.images[group.kept :]]

    @property
    def unit(self) -> str:
        """The thing that pictures of a pair have in common in ``trust``; a taste knows its trust within prompts alone."""
        return "prompt" if self.profile.startswith("taste:") else UNITS[self.by]

    @property
    def trust_sentence(self) -> str:
        """The trust in a sentence without its full stop."""
        if self.trust is None:
            return (
                "Of two pictures of one prompt: cannot say, because this taste was learnt without ratings of such pairs, or "
                "by an earlier soart"
            )
        return self.trust.sentence(self.unit)


def check_groups(by: str, per_group: int, rater: str) -> None:
    """Refuse a way of grouping, a number of pictures or a rater as ``find_keepers`` would, before the pictures are evaluated.

    Raises:
        CollectionError: an unknown way of grouping, no picture to keep of a group, or values of a wrong type.
    """
    expect("the way of grouping as text", by, str, error=CollectionError)
    expect("the pictures to keep of each group as a whole number", per_group, int, error=CollectionError)
    expect("the name of the rater as text", rater, str, error=CollectionError)
    if by not in UNITS or per_group < 1:
        raise CollectionError(f"Expected groups by {', '.join(UNITS)}, and 1 or more pictures to keep of each.")


def find_keepers(
    evaluated: EvaluatedCollection,
    by: str = "prompt",
    per_group: int = 1,
    *,
    judges: Sequence[tuple[GuardedJudge, float]] = (),
    with_score: bool = False,
    rater: str = "me",
) -> Keepers:
    """Find the keepers of every group.

    A group that has pictures which the user chose in the gallery keeps these and no other. Look-alikes are kept as
    near-duplicates are everywhere: undamaged ones first, then those with most pixels, then by score. Of other groups
    in which no picture has a value all pictures are kept. Pictures that the user says are no duplicates are in no group
    together.

    Args:
        evaluated: the evaluated collection.
        by: ``prompt``, ``burst`` or ``look-alike``.
        per_group: pictures to keep of each group, from 1.
        judges: judges by others with their weights, which choose in place of the main profile; the evaluation must hold
            their values.
        with_score: True if the main profile counts beside the judges, with weight 1.
        rater: whose ratings tell how far a profile that is no taste is trusted.

    Raises:
        CollectionError: an unknown way of grouping, no picture to keep of a group, or no picture could be judged.
        JudgeError: two judges of one name, or weights that are negative or all 0.
    """
    check_groups(by, per_group, rater)
    collection, e = evaluated.collection, evaluated.evaluation
    ids = e.ids.tolist()
    profile, scores = _scores(evaluated, judges, with_score)
    made = origins(collection, ids)
    ranked = np.where(np.isfinite(scores), scores, -np.inf)
    if by == "look-alike":
        groups, order = e.group, keeping_order(collection, e.ids, ranked, e.damage >= 0)
    else:
        pictures, order = [made[image] for image in ids], np.argsort(-ranked, kind="stable")
        groups = separated(grouped_by(by, pictures), order, distinct_rows(collection, e))
    own = {e.place[image] for image in EvaluationSettings.of(collection).keep if image in e.place}
    choices = choose(groups, order, scores, per_group, partial(too_close, profile), own)
    if by != "look-alike":
        choices = [_all_kept_without_values(choice, scores) for choice in choices]
    paths = first_paths(collection, evaluated.update.scan_number, ids)

    def group_of(choice: Choice) -> KeeperGroup:
        images = tuple(ids[row] for row in choice.rows)
        return KeeperGroup(
            images, tuple(paths[image] for image in images), tuple(float(scores[row]) for row in choice.rows),
            choice.kept, choice.margin, choice.close, made[images[0]].prompt, _why(choice, profile, scores),
        )  # fmt: skip

    found = sorted((group_of(choice) for choice in choices), key=lambda group: min(group.paths))
    if profile.startswith("taste:"):
        trust = evaluated.taste.trust.within if evaluated.taste is not None else None
    else:
        trust = _trust(ratings(collection, rater), e.place, scores, groups)
    alone = tuple(e.ids[groups < 0].tolist())
    stays = {*alone, *(image for group in found for image in group.images[: group.kept])}
    staying = tuple(paths[ids[row]] for row in np.argsort(-ranked, kind="stable").tolist() if ids[row] in stays)
    return Keepers(by, profile, tuple(found), alone, staying, trust, evaluated.judged.problems)


def _scores(
    evaluated: EvaluatedCollection, judges: Sequence[tuple[GuardedJudge, float]], with_score: bool
) -> tuple[str, np.ndarray]:
    """Name and values (n,) of the score that chooses; NaN for pictures that cannot be judged."""
    e = evaluated.evaluation
    if not judges:
        return e.main, np.where(np.isfinite(e.standing), e.standing, np.nan)
    from ..judges.finding import check_weights
    from ..judges.ranking import combined

    check_weights(judges, beside=with_score)
    weights = {judge.stored_name: weight for judge, weight in judges}
    columns = {name: evaluated.judged.values[name] for name in weights}
    if with_score:
        columns[e.main] = e.scores[e.main]
    scores = np.full(len(e.ids), np.nan)
    judged = np.isfinite(list(columns.values())).all(axis=0)
    if not judged.any():
        raise CollectionError(" ".join(["No picture could be judged.", *evaluated.judged.problems[:3]]))
    scores[judged] = combined({name: values[judged] for name, values in columns.items()}, weights)[0]
    return next(iter(columns)) if len(columns) == 1 else JUDGES, scores


def _trust(
    stars: Mapping[int, float], place: Mapping[int, int], scores: np.ndarray, groups: np.ndarray
) -> WithinGroups:
    rated = [(place[image], value) for image, value in stars.items() if image in place]
    rows = np.array([row for row, _ in rated if np.isfinite(scores[row])], dtype=np.int64)
    liking = np.array([value for row, value in rated if np.isfinite(scores[row])])
    return within_scores(liking, scores[rows], groups[rows])


def _all_kept_without_values(choice: Choice, scores: np.ndarray) -> Choice:
    """The choice of a group; all of it if nothing is known of any picture, because any other choice would be chance."""
    known = choice.chosen or np.isfinite(scores[list(choice.rows)]).any()
    return choice if known else replace(choice, kept=len(choice.rows), margin=float("nan"), close=False)


def _why(choice: Choice, profile: str, scores: np.ndarray) -> str:
    """The reason for a choice in a few words."""
    if choice.chosen:
        return "your choice"
    if choice.kept == len(choice.rows):
        known = np.isfinite(scores[list(choice.rows)]).any()
        return "all are kept" if known else "none has a value: all are kept"
    if choice.margin < 0 or not np.isfinite(scores[choice.rows[0]]):
        return "without suspected damage, or larger"
    if not np.isfinite(choice.margin):
        return "the others have no value"
    if choice.close:
        return "too close to call"
    margin = f"{choice.margin:.0f} points" if has_points(profile) else f"{choice.margin:.3g}"
    return f"{margin} above the next"
