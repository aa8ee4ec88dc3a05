"""The judges of a study, their judgements, and the goal made of them.

Every judge counts on a scale of its own: scores in standard deviations over the study, ratings in stars. A goal of one
judge is reported on that judge's scale, a weighted goal of several in standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...errors import ItemsError, SoartError, expect
from ...metrics.checks import HEAVIEST, is_weight
from ...metrics.damage.scorer import TechnicalScorer
from ...metrics.damage.titles import has_points
from ...metrics.protocols import PictureJudge, Scorer
from ...metrics.tastes.blend import Taste
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..judges.guarded import GuardedJudge
from ..judges.in_memory import guarded
from ..judges.storing import judge_pictures
from ..scoring.measuring import measure
from ..scoring.profile_store import scorer_for
from .opinions import MIDDLE, Opinion, who_judged
from .study import Trial


class Scale(NamedTuple):
    """The middle and the unit in which a judge's values are counted."""

    middle: float
    unit: float


#: The scale of people.
STARS = Scale(MIDDLE, 1.0)


class Judge(NamedTuple):
    """A rater of the rating model: a profile or a person, on pictures of one base subject."""

    name: str
    context: str


@dataclass(frozen=True)
class AdherenceFloor:
    """The least adherence to the prompt that a picture of the study should have.

    Attributes:
        judge: judges adherence, 0…1.
        least: the floor, above 0 and at most 1.

    Raises:
        SoartError: a floor out of range.
    """

    judge: GuardedJudge
    least: float

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise SoartError(f"Expected a least adherence above 0 and at most 1, got {self.least:g}.")

    def apply(self, values: np.ndarray, adherence: np.ndarray) -> np.ndarray:
        """Values (n,) pulled towards the lowest one, as far as the adherence (n,) lies below the floor.

        A picture that shows nothing of its prompt counts as the worst of the study. NaN adherence changes nothing.
        """
        if not np.isfinite(values).any():
            return values
        lowest = np.nanmin(values)
        share = np.where(np.isfinite(adherence), np.clip(adherence / self.least, 0, 1), 1.0)
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


@dataclass(frozen=True)
class Panel:
    """The judges of a study.

    Attributes:
        scorers: profiles, scorers or tastes, at least one; the items of the first also measure how diverse pictures are.
        people: rater names; their ratings and choices in the collection count as they come.
        weights: by judge name, in the goal. Defaults: 1 for every person; 1 for a profile if there are no people, else
            0 (it then only informs the model).
        external: names of scores from outside soart that the collection holds; in the goal they count as people do.
        judges: judges by others or their names, see docs/judges.md; in the goal they count as people do. In ``weights``
            each has the name ``judge:NAME@VERSION``.
        floor: least adherence; pictures below it count less in the goal.

    Raises:
        SoartError: no scorers, two judges of one name, a weight of an unknown judge, a negative one, or none above 0; or
            values of another type.
        JudgeError: a judge that cannot be found, loaded or used.

    Examples:
        >>> import soart
        >>> panel = soart.Panel([soart.TechnicalScorer.load()], people=["me"], weights={"me": 2.0})
        >>> panel.weight("me"), panel.weight(panel.scorers[0].stored_name)
        (2.0, 0.0)
    """

    scorers: Sequence[Scorer | Taste]
    people: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    external: Sequence[str] = ()
    judges: Sequence[GuardedJudge | PictureJudge | str] = ()
    floor: AdherenceFloor | None = None

    def __post_init__(self) -> None:
        names_of_people = {"people": self.people, "external scores": self.external}
        for what, several in (
            ("profiles", self.scorers),
            *((f"names of {who}", names) for who, names in names_of_people.items()),
            ("judges", self.judges),
        ):
            expect(f"a list of {what}", several, list, tuple)
        expect("weights by the names of judges", self.weights, Mapping)
        for scorer in self.scorers:
            if isinstance(scorer, str):
                raise SoartError(f"Expected profiles such as soart.TechnicalScorer.load(), got the name {scorer!r}.")
        if self.floor is not None:
            expect("the floor as an AdherenceFloor", self.floor, AdherenceFloor)
        for who, given in names_of_people.items():
            for name in given:
                expect(f"the names of {who} as text", name, str)
        for weight in self.weights.values():
            expect("weights as numbers", weight, int, float)
        names = [*(scorer.stored_name for scorer in self.profiles), *self._first]
        if not self.scorers or len(set(names)) < len(names):
            raise SoartError(f"Expected at least one profile, and judges of different names, got {names}.")
        if unknown := set(self.weights) - set(names):
            raise SoartError(f"{sorted(unknown)[0]!r} has a weight but is not one of the judges ({', '.join(names)}).")
        weights = [self.weight(name) for name in names]
        if not (all(map(is_weight, weights)) and max(weights) > 0):
            raise SoartError(
                f"Expected weights from 0 to {HEAVIEST:,.0f}, one of them above 0, got "
                f"{dict(zip(names, weights, strict=True))}."
            )

    @cached_property
    def profiles(self) -> tuple[Scorer, ...]:
        """The scorers, those of tastes included."""
        return tuple(scorer_for(scorer) for scorer in self.scorers)

    @cached_property
    def guarded_judges(self) -> tuple[GuardedJudge, ...]:
        """The judges by others, guarded."""
        return tuple(map(guarded, self.judges))

    @property
    def judge_names(self) -> list[str]:
        """Names under which the values of ``judges`` are stored."""
        return [judge.stored_name for judge in self.guarded_judges]

    @property
    def _first(self) -> list[str]:
        """Names of the judges that count before the profiles."""
        return [*self.people, *self.external, *self.judge_names]

    @property
    def counting(self) -> tuple[str, ...]:
        """Names of the judges that count in the goal, sorted."""
        names = [*(scorer.stored_name for scorer in self.profiles), *self._first]
        return tuple(sorted(name for name in names if self.weight(name) > 0))

    def weight(self, name: str) -> float:
        """The weight of a judge in the goal."""
        return self.weights.get(name, 1.0 if name in self._first or not self._first else 0.0)


@dataclass(frozen=True, slots=True)
class Judgements:
    """The judged pictures of a study, and the values that the judges gave them.

    Attributes:
        trials: (n,) choices whose pictures are sound and readable.
        rows: (n,) their pictures.
        items: (n, p) of the first profile.
        values: (n,) by judge, profiles first: scores, or stars 1–5; NaN for a picture that the judge has not judged. A
            picture that a person only compared has the stars that the choices suggest.
        goal: weights by judge, of those with a judgement; empty if no judge of the goal has one.
        people: names of the judges that are people.
        problems: a sentence for each failure of a judge.
        compared: by person, (p, 2) numbers of trials, the preferred one first.
        suggested: by person, (n,) bool, True where a value follows from choices.
        adherence: (n,) to the prompts, if the panel has a floor of it; NaN where it cannot be told. The values of the
            goal's judges are those after the floor.
    """

    trials: list[Trial]
    rows: list[ImageRow]
    items: np.ndarray
    values: dict[str, np.ndarray]
    goal: dict[str, float]
    people: frozenset[str]
    problems: tuple[str, ...] = ()
    adherence: np.ndarray | None = None
    compared: Mapping[str, np.ndarray] = field(default_factory=dict)
    suggested: Mapping[str, np.ndarray] = field(default_factory=dict)

    def scale(self, name: str) -> Scale:
        """The scale of a judge: ``STARS`` for people, mean and deviation for profiles (unit 1 if all are equal)."""
        if name in self.people:
            return STARS
        values = self.values[name][np.isfinite(self.values[name])]
        middle, deviation = (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
        return Scale(middle, deviation if deviation > 1e-9 * (1 + abs(middle)) else 1.0)

    def standard(self, name: str) -> np.ndarray:
        """(n,) values of a judge as distances from its middle, in its unit."""
        middle, unit = self.scale(name)
        standard: np.ndarray = (self.values[name] - middle) / unit
        return standard

    @property
    def goal_scale(self) -> Scale:
        """The scale of the goal: that of its only judge, else middle 0 and unit 1."""
        names = [name for name, weight in self.goal.items() if weight > 0]
        return self.scale(names[0]) if len(names) == 1 else Scale(0.0, 1.0)

    @property
    def goal_range(self) -> tuple[float, float]:
        """Lowest and highest value that the goal can have; infinite where it is not known."""
        names = [name for name, weight in self.goal.items() if weight > 0]
        if len(names) != 1 or self.adherence is not None:
            return -np.inf, np.inf
        if names[0] in self.people:
            return float(LOWEST), float(HIGHEST)
        return (0.0, 100.0) if has_points(names[0]) else (-np.inf, np.inf)

    @property
    def goal_limits(self) -> tuple[float, float]:
        """The range of the goal as distances from the middle of its scale, in its unit: the scale of steering."""
        middle, unit = self.goal_scale
        lowest, highest = self.goal_range
        return (lowest - middle) / unit, (highest - middle) / unit

    def goal_values(self) -> np.ndarray:
        """(n,) the goal of every picture; NaN if a judge of the goal has not judged it."""
        weights = {name: weight for name, weight in self.goal.items() if weight > 0}
        if not weights:
            return np.full(len(self.trials), np.nan)
        middle, unit = self.goal_scale
        standard = np.sum([weight * self.standard(name) for name, weight in weights.items()], axis=0)
        values: np.ndarray = middle + unit * (standard / sum(weights.values()))
        return values


def collect_judgements(panel: Panel, collection: Collection, drawn: Sequence[Trial]) -> Judgements:
    """Collect every judge's scores and ratings for the drawn pictures; unreadable pictures are left out.

    Raises:
        ItemsError: a score is not a number.
    """
    pictures = [trial.row for trial in drawn if trial.row is not None]
    measured = [measure(collection, pictures, scorer)[0] for scorer in panel.profiles]
    readable = set.intersection(*(set(items) for items in measured))
    trials = [trial for trial in drawn if trial.row is not None and trial.row.id in readable]
    rows = [trial.row for trial in trials if trial.row is not None]
    matrices = [
        np.array([items[row.id] for row in rows], dtype=np.float64).reshape(len(rows), len(scorer.extractor.names))
        for scorer, items in zip(panel.profiles, measured, strict=True)
    ]
    values: dict[str, np.ndarray] = {}
    for scorer, matrix in zip(panel.profiles, matrices, strict=True):
        values[scorer.stored_name] = scorer.score(matrix) if rows else np.zeros(0)
        if not np.isfinite(values[scorer.stored_name]).all():
            raise ItemsError(f"The score {scorer.stored_name!r} is not a number for some pictures: learn it anew.")
    ids = [row.id for row in rows]
    opinions = {person: Opinion.of(collection, person, ids) for person in panel.people}
    by_picture = {person: opinion.stars for person, opinion in opinions.items()}
    by_picture |= {name: collection.scores(name) for name in panel.external}
    problems: list[str] = []
    for judge in panel.guarded_judges:
        by_picture[judge.stored_name], sentences = judge_pictures(collection, rows, judge)
        problems += sentences
    for name, stored in by_picture.items():
        values[name] = np.array([stored.get(row.id, np.nan) for row in rows])
    active = [name for name, column in values.items() if np.isfinite(column).any()]
    goal = {name: panel.weight(name) for name in active if panel.weight(name) > 0}
    # Until people have rated, profiles stand in for them.
    goal = goal or {scorer.stored_name: 1.0 for scorer in panel.profiles if scorer.stored_name in active}
    adherence = None
    if panel.floor is not None:
        stored, sentences = judge_pictures(collection, rows, panel.floor.judge)
        problems += sentences
        adherence = np.array([stored.get(row.id, np.nan) for row in rows])
        values |= {name: panel.floor.apply(values[name], adherence) for name in goal}
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
        rows,
        matrices[0],
        values,
        goal,
        frozenset(panel.people),
        tuple(problems),
        adherence,
        compared,
        suggested,
    )


def weighted_panel(
    profiles: Sequence[tuple[Scorer, float]],
    people: Sequence[tuple[str, float]],
    judges: Sequence[tuple[GuardedJudge, float]] = (),
    floor: AdherenceFloor | None = None,
) -> Panel:
    """A panel in whose goal every listed judge counts, profiles beside people too.

    Args:
        profiles: with their weights; empty for the technical score, which counts only without people and judges.
        people: rater names with their weights.
        judges: judges by others with their weights.
        floor: least adherence to the prompt.

    Raises:
        SoartError: as for ``Panel``.
    """
    weights = {scorer.stored_name: weight for scorer, weight in profiles}
    scorers = [scorer for scorer, _ in profiles] or [TechnicalScorer.load()]
    weights |= {**dict(people), **{judge.stored_name: weight for judge, weight in judges}}
    return Panel(scorers, [name for name, _ in people], weights, judges=[judge for judge, _ in judges], floor=floor)
