"""Values of judges by others beside an evaluation: those that were named, and those that the collection keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...metrics.damage.titles import JUDGE, stored_title
from ...metrics.tastes.agreement import Agreement, compare_tastes
from ..collection.counts import count_collection
from .folders import EvaluatedCollection


@dataclass(frozen=True)
class JudgeValues:
    """Values of one judge for the pictures of an evaluation, in its order.

    Attributes:
        name: stored name of the judge.
        values: (n,), higher is better; NaN for pictures without a value.
        sign: −1 for a judge of which less is better. It is 1 for a judge whose values are only kept, because nothing tells
            its sign.
    """

    name: str
    values: np.ndarray
    sign: float = 1.0

    @property
    def own(self) -> np.ndarray:
        """(n,) values in the judge's own sign."""
        own: np.ndarray = self.sign * self.values
        return own

    @property
    def pictures(self) -> int:
        """Number of pictures with a value."""
        return int(np.isfinite(self.values).sum())

    @property
    def mean(self) -> float | None:
        """Mean in the judge's own sign; None without values."""
        own = self._sorted()
        return sum(own) / len(own) if own else None

    @property
    def quartiles(self) -> list[float]:
        """The three quartiles in the judge's own sign, ascending; none without values."""
        own = self._sorted()
        return [own[len(own) // 4], own[len(own) // 2], own[3 * len(own) // 4]] if own else []

    @property
    def order(self) -> np.ndarray:
        """Rows of the pictures with a value, the best first."""
        order = np.argsort(-self.values, kind="stable")
        judged: np.ndarray = order[np.isfinite(self.values[order])]
        return judged

    def _sorted(self) -> list[float]:
        own: list[float] = np.sort(self.own[np.isfinite(self.values)]).tolist()
        return own


def named_judges(evaluated: EvaluatedCollection) -> list[JudgeValues]:
    """The judges that were named for an evaluation, in their order."""
    judged = evaluated.judged
    return [JudgeValues(name, values, judged.signs.get(name, 1.0)) for name, values in judged.values.items()]


def all_judges(evaluated: EvaluatedCollection) -> list[JudgeValues]:
    """The judges that were named, and after them those of which the collection keeps values of these pictures.

    Of several versions of a judge it is the named one, or the last.
    """
    named, ids = named_judges(evaluated), evaluated.evaluation.ids.tolist()
    titles = {stored_title(judge.name): judge for judge in named}
    kept: dict[str, JudgeValues] = {}
    for name in sorted(count_collection(evaluated.collection).profiles):
        if name.startswith(JUDGE) and (title := stored_title(name)) not in titles:
            scores = evaluated.collection.scores(name)
            judge = JudgeValues(name, np.array([scores.get(image, np.nan) for image in ids]))
            kept |= {title: judge} if judge.pictures else {}
    return [*named, *kept.values()]


def agreement_with(evaluated: EvaluatedCollection, judges: list[JudgeValues]) -> tuple[Agreement | None, int]:
    """Compare the main score and judges on the pictures that have all of these values.

    Judges of less than half of the pictures are left out, because the others would lose most of theirs.

    Returns:
        the agreement, None if there are fewer than two to compare or two pictures in common; and the number of pictures.
    """
    e = evaluated.evaluation
    columns = {stored_title(e.main): e.standing} | {
        stored_title(judge.name): judge.values for judge in judges if 2 * judge.pictures >= len(e.ids)
    }
    values = np.stack(list(columns.values()))
    common = np.isfinite(values).all(axis=0)
    if len(columns) < 2 or common.sum() < 2:
        return None, int(common.sum())
    return compare_tastes(list(columns), values[:, common]), int(common.sum())
