"""Who judges the pictures of a study, what they said, and the goal made of it.

Every judge counts in units of its own: scores in their deviation over the study, ratings in stars. A goal of one judge is reported in that
judge's unit, a weighted goal of several in deviations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...errors import ItemsError, SoartError
from ...metrics.damage.scorer import TechnicalScorer
from ...metrics.protocols import Scorer
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ..collection import ratings
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.measuring import measure
from .study import Trial

#: Middle and unit of ratings.
STAR_UNIT = ((LOWEST + HIGHEST) / 2, 1.0)


class Judge(NamedTuple):
    """A rater of the rating model: a profile or a person, on pictures of one base subject."""

    name: str
    context: str


@dataclass(frozen=True)
class Panel:
    """The judges of a study.

    Attributes:
        scorers: profiles, at least one; the first one's items also tell how diverse pictures are.
        people: people, whose ratings in the collection count as they come.
        weights: in the goal, by name. Without a word every person has 1, and a profile 1 where there are no people, else 0: then it
            only helps to foretell what people will say.
        outside: names of scores that something else gave and the collection holds; in the goal they count as people do.

    Raises:
        SoartError: no scorers, a weight for nobody, a negative one, or none above 0.
    """

    scorers: Sequence[Scorer]
    people: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    outside: Sequence[str] = ()

    def __post_init__(self) -> None:
        names = [*(scorer.stored_name for scorer in self.scorers), *self.people, *self.outside]
        if not self.scorers or len(set(names)) < len(names):
            raise SoartError(f"Expected at least one profile, and judges of different names, got {names}.")
        if unknown := set(self.weights) - set(names):
            raise SoartError(
                f"There is a weight for {sorted(unknown)[0]!r}, who is no judge: the judges are {', '.join(names)}."
            )
        shares = [self.weight(name) for name in names]
        if not (np.isfinite(shares).all() and min(shares) >= 0 and max(shares) > 0):
            raise SoartError(
                f"Expected weights of at least 0, one of them above 0, got {dict(zip(names, shares, strict=True))}."
            )

    def weight(self, name: str) -> float:
        """The weight of a judge in the goal."""
        told = (*self.people, *self.outside)
        return self.weights.get(name, 1.0 if name in told or not told else 0.0)


@dataclass(frozen=True, slots=True)
class Judgements:
    """What is known of the pictures of a study.

    Attributes:
        asked: (n,) choices whose pictures are sound and readable.
        rows: (n,) their pictures.
        items: (n, p) of the first profile.
        said: (n,) by judge, profiles first: scores, or ratings 1–5; NaN where nothing was said.
        goal: weights by judge, of those who said something; empty where nobody of the goal did.
        people: which judges are people.
    """

    asked: list[Trial]
    rows: list[ImageRow]
    items: np.ndarray
    said: dict[str, np.ndarray]
    goal: dict[str, float]
    people: frozenset[str]

    def unit(self, name: str) -> tuple[float, float]:
        """Middle and unit of a judge: of people those of the scale, of profiles mean and deviation; 1 where all are equal."""
        if name in self.people:
            return STAR_UNIT
        values = self.said[name][np.isfinite(self.said[name])]
        middle, deviation = (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
        return middle, deviation if deviation > 1e-9 * (1 + abs(middle)) else 1.0

    def standard(self, name: str) -> np.ndarray:
        """(n,) what a judge said, from the middle in units."""
        middle, unit = self.unit(name)
        standard: np.ndarray = (self.said[name] - middle) / unit
        return standard

    @property
    def goal_unit(self) -> tuple[float, float]:
        """Middle and unit of the goal: those of its only judge, else 0 and 1."""
        named = [name for name, weight in self.goal.items() if weight > 0]
        return self.unit(named[0]) if len(named) == 1 else (0.0, 1.0)

    def goal_values(self) -> np.ndarray:
        """(n,) the goal of every picture; NaN where a judge of the goal said nothing."""
        named = [(name, weight) for name, weight in self.goal.items() if weight > 0]
        middle, unit = self.goal_unit
        total = sum(weight for _, weight in named)
        if not named:
            return np.full(len(self.asked), np.nan)
        standard = np.sum([weight * self.standard(name) for name, weight in named], axis=0) / total
        values: np.ndarray = middle + unit * standard
        return values


def collect_judgements(panel: Panel, collection: Collection, drawn: Sequence[Trial]) -> Judgements:
    """Let every judge speak of pictures that are drawn; those that cannot be read are left out.

    Raises:
        ItemsError: a score is not a number.
    """
    pictures = [asked.row for asked in drawn if asked.row is not None]
    found = [measure(collection, pictures, scorer)[0] for scorer in panel.scorers]
    known = set.intersection(*(set(items) for items in found))
    asked = [one for one in drawn if one.row is not None and one.row.id in known]
    rows = [one.row for one in asked if one.row is not None]
    matrices = [
        np.array([items[row.id] for row in rows], dtype=np.float64).reshape(len(rows), len(scorer.extractor.names))
        for scorer, items in zip(panel.scorers, found, strict=True)
    ]
    said: dict[str, np.ndarray] = {}
    for scorer, matrix in zip(panel.scorers, matrices, strict=True):
        said[scorer.stored_name] = scorer.score(matrix) if rows else np.zeros(0)
        if not np.isfinite(said[scorer.stored_name]).all():
            raise ItemsError(f"The score {scorer.stored_name!r} is not a number for some pictures: learn it anew.")
    for rater in panel.people:
        stars = ratings.ratings(collection, rater)
        said[rater] = np.array([stars.get(row.id, np.nan) for row in rows])
    for name in panel.outside:
        given = collection.scores(name)
        said[name] = np.array([given.get(row.id, np.nan) for row in rows])
    heard = [name for name, values in said.items() if np.isfinite(values).any()]
    goal = {name: panel.weight(name) for name in heard if panel.weight(name) > 0}
    # Before people have spoken, profiles stand in for them.
    goal = goal or {scorer.stored_name: 1.0 for scorer in panel.scorers if scorer.stored_name in heard}
    return Judgements(asked, rows, matrices[0], said, goal, frozenset(panel.people))


def weighted_panel(profiles: Sequence[tuple[Scorer, float]], people: Sequence[tuple[str, float]]) -> Panel:
    """A panel in whose goal every listed judge counts, profiles beside people too.

    Args:
        profiles: with their weights; empty for the technical score, which counts only without people.
        people: rater names with their weights.

    Raises:
        SoartError: as for ``Panel``.
    """
    weights = {scorer.stored_name: weight for scorer, weight in profiles}
    scorers = [scorer for scorer, _ in profiles] or [TechnicalScorer.load()]
    return Panel(scorers, [name for name, _ in people], {**weights, **dict(people)})
