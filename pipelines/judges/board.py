"""The board: the values of judges for pictures, their total, and the places that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...metrics.damage.titles import Kind
from ...metrics.goals import Goal
from ...metrics.percentiles import percentiles
from ..collection.makes import PlaceEffects, place_effects
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import sentences_on_judges
from ..support.progress import Advance, silent
from ..support.wording import counted
from .engines import Judging
from .finding import Weighted, check_weights
from .guarded import GuardedJudge, View
from .storing import judge_pictures, values_of


@dataclass(frozen=True)
class Columns:
    """The values of judges for n pictures."""

    ids: Sequence[int]
    values: Mapping[str, np.ndarray]  # (n,) by the stored name of the judge, higher is better; NaN where there is none
    #: why pictures have no value, in words that last, by their number
    unfit: Mapping[int, str] = field(default_factory=dict)
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Board:
    """Pictures × judges, filled, with what follows from it."""

    columns: Columns
    judges: Sequence[Weighted]
    total: np.ndarray  # (n,) values; NaN for a picture without the value of a judge that counts
    shares: Mapping[str, np.ndarray]  # (n,) the part of each judge that counts in the total, by stored name
    effects: PlaceEffects  # of models, which count beside the total where pictures are put in places and nowhere else
    #: rows of the m pictures that have a place, the best first; of equal ones the first by ``View.ties``
    order: np.ndarray

    @cached_property
    def effect(self) -> np.ndarray:
        """(n,) what the effects add to the total where pictures are put in places."""
        return self.effects.points(self.columns.ids, self.total)

    @property
    def only(self) -> GuardedJudge | None:
        """The judge, if only one counts."""
        return self.judges[0][0] if len(self.judges) == 1 else None

    @property
    def placed(self) -> list[int]:
        """Numbers of the pictures that have a place, in the order of rows."""
        return [self.columns.ids[row] for row in sorted(self.order.tolist())]

    @cached_property
    def percentile(self) -> np.ndarray:
        """(n,) share of the pictures with a place that each beats, ties counted half, 0–100; NaN without a place."""
        found = np.full(len(self.total), np.nan)
        if len(self.order):
            found[self.order] = percentiles(self.total[self.order])
        return found


def board(
    pictures: View, judges: Sequence[Weighted], progress: Advance = silent, judging: Judging = judge_pictures
) -> Board:
    """Judge pictures by one judge or by several, and put them into places.

    Judges of weight 0 judge too, because a taste may start from their values. Pictures with a problem get no value.
    """
    check_weights(judges)
    columns = columns_of(pictures, judges, progress, judging)
    goal = Goal({judge.stored_name: weight for judge, weight in judges}).fitted(columns.values)
    total = goal.total(columns.values)
    counting = [(judge, weight) for judge, weight in judges if weight > 0]
    effects = PlaceEffects()
    # What a model usually gets is stored for each judge of a collection, and for no sum of judges.
    if isinstance(pictures, StoredPictures) and len(counting) == 1:
        effects = place_effects(pictures.collection, counting[0][0].stored_name)
    rows = np.flatnonzero(np.isfinite(total))
    standing = total + effects.points(columns.ids, total)
    # Values of equal pictures differ by rounding.
    places = np.round(standing[rows] / (np.abs(standing[rows]).max(initial=0.0) or 1.0), 10)
    order = rows[np.lexsort((np.array(pictures.ties)[rows], -places))]
    return Board(columns, counting, total, goal.shares(columns.values), effects, order)


def columns_of(
    pictures: View, judges: Sequence[Weighted], progress: Advance = silent, judging: Judging = judge_pictures
) -> Columns:
    """The values of judges, see ``board``; missing ones are judged, and those of a collection stored."""
    ids, problems, unfit = pictures.ids, list[str](), dict[int, str]()
    sound = pictures
    if isinstance(pictures, StoredPictures):
        bad = [row for row in pictures.rows if row.problem]
        problems = [f"{str(pictures.collection.locate(row))!r} is left out: {row.problem}." for row in bad]
        sound = pictures.part({*ids} - {row.id for row in bad})
        progress(len(bad) * len(judges))
    values: dict[str, np.ndarray] = {}
    for judge, weight in last_tastes(judges):
        by_number, sentences = _values(sound, judge, progress, judging)
        values[judge.stored_name] = np.array([by_number.get(number, np.nan) for number in ids], dtype=np.float64)
        problems += sentences
        unfit |= {number: judge.why[number] for number in sound.ids if number in judge.why and weight > 0}
        problems += judge.notes(sound.part({*by_number})) if weight > 0 else []
        if weight > 0 and isinstance(sound, StoredPictures):
            problems += sentences_on_judges(sound.collection, judge.inner, [*by_number])
    ordered = {judge.stored_name: values[judge.stored_name] for judge, _ in judges}
    return Columns(ids, ordered, unfit, [*dict.fromkeys(problems)])


def last_tastes(judges: Sequence[Weighted]) -> list[Weighted]:
    """The judges in the order in which they judge: tastes last, because they may start from values of the others."""
    return sorted(judges, key=lambda one: one[0].key.kind is Kind.TASTE)


def _values(
    pictures: View, judge: GuardedJudge, progress: Advance, judging: Judging
) -> tuple[dict[int, float], list[str]]:
    """Values of a judge by number of the picture, and sentences on pictures without one."""
    if isinstance(pictures, StoredPictures):
        values, problems = judging(pictures, judge, progress)
        if judge.person and len(values) < len(pictures.ids):
            problems = [f"{judge.person!r} has rated or compared {len(values)} of {counted(len(pictures.ids))}."]
        return values, problems
    problems = []
    if "prompt" in judge.needs:
        without = sum(not prompt for prompt in pictures.prompts())
        if without:
            problems.append(judge.lacks_prompts(without, len(pictures.ids)))
            progress(without)
        pictures = pictures.part({n for n, text in zip(pictures.ids, pictures.prompts(), strict=True) if text})
    values, left_out = values_of(pictures, judge, progress)
    return values, [*problems, *left_out, *judge.problems]
