"""Finds the keepers of an evaluated collection: the best of each prompt, burst, folder or group of look-alikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError, expect
from ...metrics.damage.titles import JudgeKey, Kind
from ...metrics.similarity.distinct import separated
from ...metrics.tastes.within_groups import WithinGroups, within_scores
from ...notebooks import Cell, first_rows
from ..collection.files import files_by_picture, first_paths
from ..collection.makes import place_effects
from ..collection.pictures import original_ids, pixel_counts, plain_lossy_ids
from ..collection.provenance import origins
from ..collection.ratings import ratings
from ..collection.thumbnails import thumbnail_of_file
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.near_duplicates import distinct_rows, keeping_order
from ..evaluation.settings import EvaluationSettings
from ..scoring.grouping import grouped_by
from ..support.failures import told_together
from ..support.figures import figure
from ..support.wording import counted
from .choosing import Choice, choose, too_close

if TYPE_CHECKING:
    import pandas as pd

#: Ways to group pictures, and what pictures of a group have in common, in the singular.
UNITS = {"prompt": "prompt", "burst": "burst", "folder": "folder", "look-alike": "look-alike group"}


@dataclass(frozen=True, slots=True)
class KeeperGroup:
    """A group of pictures with the number to keep, the first to keep first, and the reason for the choice."""

    images: tuple[int, ...]
    paths: tuple[str, ...]  # of originals
    scores: tuple[float, ...]
    kept: int
    margin: float
    close: bool  # False where damage or pixels decide
    prompt: str
    why: str
    copies: tuple[tuple[str, ...], ...]  # of exact copies


@dataclass(frozen=True)
class Keepers:
    """The keepers of a collection, grouped by one of ``UNITS`` and chosen by a stored ``judge``, or ``SEVERAL``."""

    group: str
    judge: str
    groups: tuple[KeeperGroup, ...]
    alone: tuple[int, ...]  # ids in no group
    staying: tuple[str, ...]  # paths of these and of keepers
    trust: WithinGroups | None  # None where it is not known
    problems: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """The groups with their first keepers as a table, for notebooks."""

        def cells(group: KeeperGroup) -> list[Cell]:
            kept = ", ".join(Path(path).name for path in group.paths[: group.kept])
            return [thumbnail_of_file(Path(group.paths[0])), kept, str(len(group.images) - group.kept), group.why]

        alone = [f"In no group: {counted(len(self.alone))}."] if self.alone else []
        below = [*alone, f"{self.trust_sentence}.", *told_together(self.problems)]
        return first_rows(["", "keepers", "others", "why"], self.groups, cells, below, "groups")

    def to_pandas(self) -> pd.DataFrame:
        """One row a picture of a group: group, path, score, True for a keeper, prompt and why."""
        import pandas as pd

        rows = [
            (number, path, score, place < group.kept, group.prompt, group.why)
            for number, group in enumerate(self.groups, 1)
            for place, (path, score) in enumerate(zip(group.paths, group.scores, strict=True))
        ]
        return pd.DataFrame(rows, columns=["group", "path", "score", "kept", "prompt", "why"])

    @property
    def kept(self) -> list[int]:
        """Ids of the pictures to keep, group by group."""
        return [image for group in self.groups for image in group.images[: group.kept]]

    @property
    def others(self) -> list[int]:
        """Ids of the other pictures of the groups."""
        return [image for group in self.groups for image in group.images[group.kept :]]

    @property
    def copies(self) -> int:
        """Number of exact copies in the groups, none of which is kept."""
        return sum(len(paths) for group in self.groups for paths in group.copies)

    @property
    def by_taste(self) -> bool:
        """True if a taste chooses; then its trust comes from its own pairs, not from the rater's."""
        return JudgeKey.of(self.judge).kind is Kind.TASTE

    @property
    def unit(self) -> str:
        """The thing that pictures of a pair have in common in ``trust``; a taste knows its trust within prompts alone."""
        return "prompt" if self.by_taste else UNITS[self.group]

    @property
    def trust_sentence(self) -> str:
        """The trust in a sentence without its full stop."""
        if self.trust is None:
            return (
                "Not known how often it picks the one you prefer of two pictures of one prompt: this taste was learnt "
                "without such pairs, or by an earlier soart; give the two pictures of some pairs different ratings and "
                "learn it again"
            )
        return self.trust.sentence(self.unit)


def check_groups(group: str, per_group: int, rater: str) -> None:
    """Refuse arguments as ``find_keepers`` would, before the pictures are evaluated."""
    expect("the way of grouping as text", group, str, error=CollectionError)
    expect("the pictures to keep of each group as a whole number", per_group, int, error=CollectionError)
    expect("the name of the rater as text", rater, str, error=CollectionError)
    if group not in UNITS:
        raise CollectionError(f"Pictures cannot be grouped by {group!r}: choose {', '.join(UNITS)}.")
    if per_group < 1:
        raise CollectionError(f"Expected 1 or more pictures to keep of each group, got {per_group}.")


def find_keepers(
    evaluated: EvaluatedCollection,
    group: str = "prompt",
    per_group: int = 1,
    *,
    rater: str = "me",
    copies: bool = True,
) -> Keepers:
    """Find the keepers of every group (``prompt``, ``burst``, ``folder`` or ``look-alike``).

    A group that has pictures which the user chose in the gallery keeps these and no other. Look-alikes are kept in the
    order of ``keeping_order``. Of other groups in which no picture has a value all pictures are kept. Pictures that the
    user says are no duplicates are in no group together. Exact copies are look-alikes, of which the original is kept;
    without ``copies`` every group has several pictures. The ratings of ``rater`` tell how far a judge that is no taste
    is trusted.
    """
    check_groups(group, per_group, rater)
    collection, e = evaluated.collection, evaluated.evaluation
    ids = e.ids.tolist()
    judge, scores = e.main, np.where(e.judged, e.scores[e.main], np.nan)
    # Pictures that nobody can judge, such as black ones, are kept by their size.
    if not e.judged.any() and not (e.unfit != "").all():
        raise CollectionError(" ".join(["No picture could be judged.", *evaluated.judged.problems[:3]]))
    made = origins(collection, ids)
    ranked, standing = e.standing, evaluated.standing
    damaged, original, lossy = np.zeros((3, len(ids)), bool)
    pixels = np.zeros(len(ids), np.int64)
    if group == "look-alike":
        damaged, sizes = e.damage >= 0, pixel_counts(collection, ids)
        pixels = np.array([sizes[image] for image in ids], dtype=np.int64)
        original = np.isin(ids, list(original_ids(collection, ids)))
        lossy = np.isin(ids, list(plain_lossy_ids(collection, ids)))
        groups, order = e.group, keeping_order(collection, e.ids, ranked, damaged)
    else:
        pictures, order = [made[image] for image in ids], np.argsort(-standing, kind="stable")
        groups = separated(grouped_by(group, pictures), order, distinct_rows(collection, e.place))
    own = {e.place[image] for image in EvaluationSettings.of(collection).keep if image in e.place}
    choices = choose(groups, order, scores, per_group, partial(too_close, judge), own)
    of_models = place_effects(collection, judge)
    if group != "look-alike":
        choices = [_all_kept_without_values(choice, scores) for choice in choices]
        files = {image: [path] for image, path in first_paths(collection, evaluated.update.scan_number, ids).items()}
    else:
        files = files_by_picture(collection, evaluated.update.scan_number)
        if copies:
            grouped = {row for choice in choices for row in choice.rows}
            alone_with_copies = [row for row, image in enumerate(ids) if row not in grouped and len(files[image]) > 1]
            choices += [Choice((row,), 1, float("nan"), close=False) for row in alone_with_copies]
    paths = {image: of[0] for image, of in files.items()}

    def keeper_group(choice: Choice) -> KeeperGroup:
        images = tuple(ids[row] for row in choice.rows)
        first = _decided_before_score(choice, original, damaged, pixels, lossy)
        return KeeperGroup(
            images, tuple(paths[image] for image in images), tuple(float(scores[row]) for row in choice.rows),
            choice.kept, choice.margin, choice.close and not first, made[images[0]].prompt,
            first or _why(choice, judge, scores) or of_models.why(images)[choice.kept - 1] or "the highest place", tuple(tuple(files[image][1:]) if copies else () for image in images),
        )  # fmt: skip

    found = sorted((keeper_group(choice) for choice in choices), key=lambda one: min(one.paths))
    in_groups = {image for one in found for image in one.images}
    alone = tuple(image for image in ids if image not in in_groups)
    stays = {*alone, *(image for one in found for image in one.images[: one.kept])}
    staying = tuple(paths[ids[row]] for row in np.argsort(-standing, kind="stable").tolist() if ids[row] in stays)
    keepers = Keepers(group, judge, tuple(found), alone, staying, None, evaluated.judged.problems)
    if not keepers.by_taste:
        return replace(keepers, trust=_trust(ratings(collection, rater), e.place, scores, groups))
    taste = evaluated.judged.taste
    return replace(keepers, trust=taste.trust.within if taste is not None else None)


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


def _decided_before_score(
    choice: Choice, original: np.ndarray, damaged: np.ndarray, pixels: np.ndarray, lossy: np.ndarray
) -> str:
    """The reason for a choice among look-alikes that the file, damage or pixels decided; empty if none did."""
    if choice.chosen or choice.kept == len(choice.rows):
        return ""
    last, following = choice.rows[choice.kept - 1], choice.rows[choice.kept]
    if original[last] and not original[following]:
        return "lossless and says how it was made, unlike the next one listed"
    if damaged[following] and not damaged[last]:
        return "the next one listed is suspected of damage"
    if pixels[last] > pixels[following]:
        return "more pixels than the next one listed"
    return "the next one listed is saved with losses" if lossy[following] and not lossy[last] else ""


def _why(choice: Choice, judge: str, scores: np.ndarray) -> str:
    """The reason for a choice in a few words, if the score decided; empty if the effect of a model did."""
    if choice.chosen:
        return "your choice"
    known = np.isfinite(scores[list(choice.rows)])
    if len(choice.rows) == 1:
        return "exact copies"
    if choice.kept == len(choice.rows):
        return "all are kept" if known.any() else "none could be scored: all are kept"
    if not known.any():
        return "none could be scored: the first is kept"
    if not np.isfinite(choice.margin):
        return "the others could not be scored"
    difference, margin = choice.margin, figure(choice.margin)
    if JudgeKey.of(judge).points:
        # Of the scores as a list shows them, so that people can subtract them.
        last, following = (round(float(scores[row]), 1) for row in choice.rows[choice.kept - 1 : choice.kept + 1])
        difference = round(last - following, 1)
        margin = f"{abs(difference):.1f} points"
    if difference < 0 and not choice.close:
        return ""
    if not difference:
        same = "the same score as the next one listed"
        return "too close to call: the same score as the next one listed" if choice.close else same
    if choice.close:
        return f"too close to call: {margin} {'above' if difference > 0 else 'below'} the next one listed"
    return f"{margin} above the next one listed"
