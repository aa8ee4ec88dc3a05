"""The judges of a study, their judgements, and the goal made of them.

Every judge counts on a scale of its own: scores in standard deviations over the study, ratings in stars. A goal of one
judge is reported on that judge's scale, a weighted goal of several in standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...errors import SoartError, expect
from ...metrics.damage.names import OVERALL
from ...metrics.damage.titles import JudgeKey, Kind
from ...metrics.goals import Goal, Unit, unit_of
from ...metrics.protocols import ItemJudge
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..judges.board import columns_of
from ..judges.finding import By, Weighted, doubts_of, guarded, judges_for
from ..judges.guarded import GuardedJudge
from ..judges.phrase_judgements import SEEN
from ..judges.storing import judge_pictures
from ..scoring.opinions import MIDDLE, Opinion, who_judged
from ..scoring.pictures import StoredPictures
from .study import Trial

#: The unit of people.
STARS = Unit(MIDDLE, 1.0)


class RaterKey(NamedTuple):
    """A rater of the rating model: a judge or a person, on pictures of one base subject."""

    name: str
    context: str


@dataclass(frozen=True)
class AdherenceFloor:
    """The least adherence to the prompt that a picture of a study should have.

    Args:
        judge: tells the adherence.
        least: above 0 and at most 1. None for the usual floor, 0.5, from which on a phrase is called seen. It is the median
            of the study where that is lower, because some models fall short of most words, and it spares people's ratings.
    """

    judge: GuardedJudge
    least: float | None = None

    def __post_init__(self) -> None:
        if self.least is not None and not 0 < self.least <= 1:
            raise SoartError(f"Expected a least adherence above 0 and at most 1, got {self.least:g}.")

    def among(self, adherence: np.ndarray) -> float:
        """The floor in a study of some adherences (n,), of which one at least is not NaN."""
        return min(SEEN, max(float(np.nanmedian(adherence)), 0.01)) if self.least is None else self.least

    def apply(self, values: np.ndarray, adherence: np.ndarray) -> np.ndarray:
        """Values (n,) pulled towards the lowest one, as far as the adherence (n,) lies below the floor.

        A picture that shows nothing of its prompt counts as the worst of the study. NaN adherence changes nothing.
        """
        if not np.isfinite(values).any():
            return values
        lowest = np.nanmin(values)
        told = np.isfinite(adherence)
        if not told.any():
            return values
        share = np.where(told, np.clip(adherence / self.among(adherence), 0, 1), 1.0)
        pulled: np.ndarray = lowest + share * (values - lowest)
        return pulled


def unheard(panel: Panel, collection: Collection) -> list[str]:
    """A sentence for each person of a panel who has not judged a picture of the collection yet."""
    known = who_judged(collection)
    return [
        f"{name!r} has not rated or compared any picture of this collection yet: until that happens, the other judges set the goal."
        for name in panel.people
        if name not in known
    ]


class Panel:
    """The judges of a study.

    A judge of weight 0 does not count in the goal, but informs the model, and counts as long as no other judge has
    judged. If no judge of items is named, the overall score informs the model so.

    Args:
        by: a judge, a taste or a name; several of them; or weights by judge or name. People are named ``person:NAME``; their
            ratings and choices in the collection count as they come. None for the overall score.
        floor: least adherence; pictures below it count less in the goal.
        observed: names of values from outside soart that the collection holds; in the goal they count as people do.

    Attributes:
        judges: all judges, guarded, with their weights; ``floor`` and ``observed`` are as given.

    Raises:
        SoartError: values of another type.
        JudgeError: a judge that cannot be found, loaded or used; two of one name; or weights that are negative or all 0.
        TasteError: a taste that cannot be used.

    Examples:
        >>> import soart
        >>> panel = soart.Panel({"person:me": 2.0, "technical": 0.5})
        >>> panel.weight("me"), panel.people, panel.counting
        (2.0, ['me'], ('me', 'technical-9'))
    """

    def __init__(self, by: By = None, floor: AdherenceFloor | None = None, *, observed: Sequence[str] = ()) -> None:
        if floor is not None:
            expect("the floor as an AdherenceFloor", floor, AdherenceFloor)
        expect("names of observed values", observed, list, tuple)
        judges = judges_for(by, counted_beside=bool(observed))
        if not any(_by_items(judge) for judge, _ in judges):
            judges = [*judges, (guarded(OVERALL), 0.0)]
        self.judges: tuple[Weighted, ...] = tuple(judges)
        self.floor, self.observed = floor, tuple(observed)
        self._weights = {name_of(judge): weight for judge, weight in judges} | dict.fromkeys(self.observed, 1.0)

    @property
    def people(self) -> list[str]:
        """Names of the judges that are people."""
        return [judge.person for judge, _ in self.judges if judge.person]

    @property
    def item_judges(self) -> list[GuardedJudge]:
        """Judges of soart's own items, at least one; the items of the first also measure how diverse pictures are."""
        return [judge for judge, _ in self.judges if _by_items(judge)]

    @property
    def first(self) -> ItemJudge:
        """The first judge of soart's own items."""
        judge: ItemJudge = self.item_judges[0].inner  # type: ignore[assignment]
        return judge

    @property
    def others(self) -> list[GuardedJudge]:
        """Judges that are neither people nor judges of soart's own items."""
        return [judge for judge, _ in self.judges if not judge.person and not _by_items(judge)]

    @property
    def doubts(self) -> list[str]:
        """Sentences on tastes that cannot be relied on yet."""
        return doubts_of(self.judges)

    @property
    def counting(self) -> tuple[str, ...]:
        """Names of the judges that count in the goal, sorted."""
        return tuple(sorted(name for name, weight in self._weights.items() if weight > 0))

    def weight(self, name: str) -> float:
        """The weight of a judge in the goal, by its name in judgements."""
        return self._weights[name]

    def of_hints(self) -> Panel:
        """The panel for pictures of earlier studies: judges of items and people alone.

        Other judges would have to look at them anew, and a floor of adherence belongs to other words.
        """
        people = [judge for judge, _ in self.judges if judge.person]
        return Panel(dict.fromkeys((*self.item_judges, *people), 1.0))


def name_of(judge: GuardedJudge) -> str:
    """Name of a judge in judgements: that of a person, or the one that values are stored under."""
    return judge.person or judge.stored_name


def _by_items(judge: GuardedJudge) -> bool:
    return judge.needs == {"items"} and judge.key.kind is not Kind.MODEL


@dataclass(frozen=True, slots=True)
class Judgements:
    """The n judged pictures of a study, sound and readable, and the values that the judges gave them."""

    trials: list[Trial]
    rows: list[ImageRow]
    items: np.ndarray  # (n, p), of the first judge of items
    values: dict[str, np.ndarray]  # (n,) by judge, judges of items first: scores or stars, NaN where there is none
    goal: dict[str, float]
    people: frozenset[str]
    problems: tuple[str, ...] = ()
    adherence: np.ndarray | None = None  # (n,), which lowers the goal's values; None without a floor of it
    compared: Mapping[str, np.ndarray] = field(default_factory=dict)  # by person, (p, 2) trials, the preferred first
    suggested: Mapping[str, np.ndarray] = field(default_factory=dict)  # (n,) stars that follow from these choices alone

    def scale(self, name: str) -> Unit:
        """The unit of a judge: ``STARS`` for people, mean and deviation for others (a step of 1 if all are equal)."""
        if name in self.people:
            return STARS
        middle, step = unit_of(self.values[name][np.isfinite(self.values[name])])
        return Unit(middle, step if np.isfinite(step) else 1.0)

    def spread(self, name: str) -> float | None:
        """Standard deviation of the values of a judge; None if all are equal, or if there are none."""
        values = self.values.get(name, np.zeros(0))
        step = unit_of(values[np.isfinite(values)]).step
        return step if np.isfinite(step) else None

    def standard(self, name: str) -> np.ndarray:
        """(n,) values of a judge as distances from its middle, in its unit."""
        middle, unit = self.scale(name)
        return (self.values[name] - middle) / unit

    @property
    def goal_scale(self) -> Unit:
        """The unit of the goal: that of its only judge, else middle 0 and step 1."""
        names = [name for name, weight in self.goal.items() if weight > 0]
        return self.scale(names[0]) if len(names) == 1 else Unit(0.0, 1.0)

    @property
    def goal_range(self) -> tuple[float, float]:
        """Lowest and highest value that the goal can have; infinite where it is not known."""
        names = [name for name, weight in self.goal.items() if weight > 0]
        if len(names) != 1 or self.adherence is not None:
            return -np.inf, np.inf
        if names[0] in self.people:
            return float(LOWEST), float(HIGHEST)
        return (0.0, 100.0) if JudgeKey.of(names[0]).points else (-np.inf, np.inf)

    @property
    def goal_limits(self) -> tuple[float, float]:
        """The range of the goal as distances from the middle of its scale, in its unit: the scale of steering."""
        middle, unit = self.goal_scale
        lowest, highest = self.goal_range
        return (lowest - middle) / unit, (highest - middle) / unit

    def goal_values(self) -> np.ndarray:
        """(n,) the goal of every picture; NaN if a judge of the goal has not judged it."""
        goal = Goal(self.goal)
        if not goal.counting:
            return np.full(len(self.trials), np.nan)
        return Goal(self.goal, {name: self.scale(name) for name in goal.counting}).total(self.values)


def collect_judgements(panel: Panel, collection: Collection, drawn: Sequence[Trial]) -> Judgements:
    """Collect every judge's scores and ratings for the drawn pictures; unreadable pictures are left out."""
    rows = [trial.row for trial in drawn if trial.row is not None]
    pictures, problems = StoredPictures(collection, rows), list[str]()
    for judge in panel.item_judges:
        if judge.extractor is not None:
            pictures, unreadable = pictures.with_items(judge.extractor)
            problems += unreadable
    readable = {*pictures.ids}
    trials = [trial for trial in drawn if trial.row is not None and trial.row.id in readable]
    pictures = StoredPictures(collection, [trial.row for trial in trials if trial.row is not None])
    ids, items = pictures.ids, pictures.items(panel.first.extractor)
    columns = columns_of(pictures, [(judge, 1.0) for judge, _ in panel.judges if not judge.person])
    problems += columns.problems
    opinions = {person: Opinion.of(collection, person, ids) for person in panel.people}
    told = {person: opinion.stars for person, opinion in opinions.items()}
    told |= {name: collection.scores(name) for name in panel.observed}
    values = (
        {judge.stored_name: columns.values[judge.stored_name] for judge in panel.item_judges}
        | {name: np.array([stored.get(image, np.nan) for image in ids]) for name, stored in told.items()}
        | dict(columns.values)
    )
    active = [name for name, column in values.items() if np.isfinite(column).any()]
    goal = {name: panel.weight(name) for name in active if panel.weight(name) > 0}
    # Until people have rated, judges of items stand in for them.
    goal = goal or {judge.stored_name: 1.0 for judge in panel.item_judges if judge.stored_name in active}
    adherence = None
    if panel.floor is not None:
        stored, sentences = judge_pictures(pictures, panel.floor.judge)
        problems += sentences
        adherence = np.array([stored.get(image, np.nan) for image in ids])
        lowered = set(goal) if panel.floor.least is not None else set(goal) - set(told)
        values |= {name: panel.floor.apply(values[name], adherence) for name in lowered}
    place = {image: number for number, image in enumerate(ids)}
    compared = {
        person: np.array([(place[a], place[b]) for a, b in opinion.pairs], dtype=np.int64).reshape(-1, 2)
        for person, opinion in opinions.items()
    }
    suggested = {
        person: np.array([image in opinion.stars and image not in opinion.rated for image in ids], dtype=bool)
        for person, opinion in opinions.items()
    }
    return Judgements(
        trials,
        list(pictures.rows),
        items,
        values,
        goal,
        frozenset(panel.people),
        tuple(dict.fromkeys(problems)),
        adherence,
        compared,
        suggested,
    )
