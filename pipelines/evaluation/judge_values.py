"""Values of judges beside an evaluation: of those named, and those stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...metrics.damage.titles import JudgeKey, Kind, stored_title
from ..collection.counts import count_collection
from ..judges.versions import latest_of, without_version
from .folders import EvaluatedCollection


@dataclass(frozen=True)
class JudgeColumn:
    """Values (n,) of one judge, by stored name, for the pictures of an evaluation, in its order; NaN for none."""

    name: str
    values: np.ndarray

    @property
    def pictures(self) -> int:
        """Number of pictures with a value."""
        return int(np.isfinite(self.values).sum())

    @property
    def mean(self) -> float | None:
        """Mean; None without values."""
        own = self._sorted()
        return sum(own) / len(own) if own else None

    @property
    def quartiles(self) -> list[float]:
        """The three quartiles, ascending; none without values."""
        own = self._sorted()
        return [own[len(own) // 4], own[len(own) // 2], own[3 * len(own) // 4]] if own else []

    def _sorted(self) -> list[float]:
        own: list[float] = np.sort(self.values[np.isfinite(self.values)]).tolist()
        return own


def named_judges(evaluated: EvaluatedCollection) -> list[JudgeColumn]:
    """The judges that were named for an evaluation beside the one that ranks, in their order."""
    return [JudgeColumn(name, values) for name, values in evaluated.judged.values.items()]


def all_judges(evaluated: EvaluatedCollection) -> list[JudgeColumn]:
    """The judges that were named, and after them those of which the collection keeps values of these pictures.

    Of several versions of a judge it is the named one, else the one that judged last or has most values here.
    """
    collection, ids, named = evaluated.collection, evaluated.evaluation.ids.tolist(), named_judges(evaluated)
    done = {without_version(name) for name in (evaluated.evaluation.main, *(judge.name for judge in named))}
    kept: dict[str, dict[str, JudgeColumn]] = {}
    for name in sorted(count_collection(collection).judges):
        if JudgeKey.of(name).kind is Kind.MODEL and (plain := without_version(name)) not in done:
            scores = collection.scores(name)
            judge = JudgeColumn(name, np.array([scores.get(image, np.nan) for image in ids]))
            if judge.pictures:
                kept.setdefault(plain, {})[name] = judge
    latest = (
        versions[latest_of(collection, plain, {name: judge.pictures for name, judge in versions.items()})]
        for plain, versions in kept.items()
    )
    return [*named, *latest]


def titles_of(judges: Sequence[JudgeColumn]) -> list[str]:
    """The title of each judge; judges of one title, such as models of one name, are told apart by their folders."""
    titles = [stored_title(judge.name) for judge in judges]
    return [
        f"judge: {JudgeKey.of(judge.name).name}" if titles.count(title) > 1 else title
        for judge, title in zip(judges, titles, strict=True)
    ]
