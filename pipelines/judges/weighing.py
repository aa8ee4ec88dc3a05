"""Weighs several judges together, as the ranker does: in the units of a stored goal, or of the first pictures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from ...metrics.damage.titles import Kind
from ...metrics.goals import AS_GIVEN, Goal, Unit
from ...metrics.protocols import POINTS, Pictures, Scale, Values
from ...metrics.tastes.blend import StoredGoal
from ...metrics.tastes.taste_files import content_hash
from ..scoring.pictures import StoredPictures
from ..scoring.taste_judge import TasteJudge
from ..support.judge_names import BUILT_IN
from .gradients import Gradient, checked_gradient, gradient_of
from .guarded import GuardedJudge, View
from .storing import judge_pictures

#: Sentence on judges that are no tastes.
GENERAL = "A general score does not know what you like: a taste of yours, from soart start FOLDER, serves better."


def are_general(judges: Sequence[GuardedJudge]) -> bool:
    """True if all judges, at least one, are general scores that come with soart."""
    return bool(judges) and all(one.name in BUILT_IN and BUILT_IN[one.name].kind is Kind.SCORE for one in judges)


def judges_in(judge: GuardedJudge) -> list[GuardedJudge]:
    """The judges that count in one."""
    return [one for one, _ in judge.inner.judges] if isinstance(judge.inner, WeightedJudges) else [judge]


class WeightedJudges:
    """Several judges as one, whose value is the weighted mean of theirs in standard deviations, or as a stored goal says.

    Of at least two, those with weights above 0 count. ``goal`` has no units before the first pictures are known.
    """

    scale = Scale(-np.inf, np.inf, "deviations")
    needs: Sequence[str] = ()
    extractor = None

    def __init__(self, judges: Sequence[tuple[GuardedJudge, float]], stored: StoredGoal | None = None) -> None:
        self.judges = [(judge, weight) for judge, weight in judges if weight > 0]
        self.goal = Goal({judge.stored_name: weight for judge, weight in self.judges})
        self.name = " + ".join(
            judge.name if weight == 1 else f"{weight:g} × {judge.name}" for judge, weight in self.judges
        )
        self.version = " + ".join(f"{judge.stored_name} {judge.version}" for judge, _ in self.judges)
        self._stored = stored is not None
        if stored is not None:
            self.name, self.version, self.units = stored.name, content_hash(stored), stored.units
            self.scale = POINTS if {*stored.units} == {AS_GIVEN} else self.scale
            needs = frozenset[str]().union(*(judge.needs for judge, _ in self.judges))
            # Judges read the pixels of pictures that they have not judged yet.
            self.needs = ("items",) if needs == {"items"} else tuple(needs & {"prompt"})
            self.extractor = next((judge.extractor for judge, _ in self.judges if judge.extractor), None)
            self.kinds = tuple(kind for judge, _ in self.judges for kind in getattr(judge.inner, "kinds", ()))

    def doubt(self) -> str | None:
        """The first sentence to show beside the values of one of them."""
        return next((judge.doubt for judge, _ in self.judges if judge.doubt), None)

    @property
    def taste(self) -> GuardedJudge | None:
        """The only taste among them; None for none or several."""
        tastes = [judge for judge, _ in self.judges if isinstance(judge.inner, TasteJudge)]
        return tastes[0] if len(tastes) == 1 else None

    def _columns(self, pictures: View) -> dict[str, np.ndarray]:
        if isinstance(pictures, StoredPictures):
            known = {judge.stored_name: judge_pictures(pictures, judge)[0] for judge, _ in self.judges}
            return {name: np.array([of.get(image, np.nan) for image in pictures.ids]) for name, of in known.items()}
        # One by one, so that no value depends on the pictures beside it.
        rows = [[float(judge.values(pictures.part({one}))[0]) for judge, _ in self.judges] for one in pictures.ids]
        columns = np.array(rows, dtype=np.float64).reshape(len(pictures.ids), len(self.judges)).T
        return {judge.stored_name: column for (judge, _), column in zip(self.judges, columns, strict=True)}

    def calibrate(self, pictures: View) -> None:
        """Take means and standard deviations from the first pictures; those of a stored goal stay."""
        if self._stored:
            return
        self.goal = replace(self.goal, units={}).fitted(self._columns(pictures))

    @property
    def units(self) -> list[Unit]:
        """Middle and step of each judge in order; none before they are known."""
        return [*self.goal.units.values()]

    @units.setter
    def units(self, units: Sequence[tuple[float, float]]) -> None:
        of_judges = {judge.stored_name: Unit(*map(float, unit)) for (judge, _), unit in zip(self.judges, units)}  # noqa: B905
        self.goal = replace(self.goal, units=of_judges)

    def values(self, pictures: Pictures, /) -> Values:
        """Values in units; none for pictures that one of the judges gives none."""
        seen = cast("View", pictures)
        if not self.goal.units:
            self.calibrate(seen)
        total = self.goal.total(self._columns(seen))
        return Values(total, [next(filter(None, (judge.why.get(n) for judge, _ in self.judges)), "") for n in seen.ids])

    @property
    def gradient(self) -> Gradient | None:
        """The weighted sum of all gradients; None unless each judge has one."""
        found = [(gradient_of(judge.inner), judge.name) for judge, _ in self.judges]
        gradients = [(gradient, name) for gradient, name in found if gradient is not None]
        if len(gradients) < len(found):
            return None

        total = sum(self.goal.weights.values())

        def together(pixels: np.ndarray, prompt: str, /) -> tuple[float, np.ndarray]:
            value, derivative = 0.0, np.zeros(pixels.shape, dtype=np.float32)
            for (gradient, name), (judge, _) in zip(gradients, self.judges, strict=True):
                own, slope = checked_gradient(gradient, name, pixels, prompt)
                unit = self.goal.units[judge.stored_name]
                share = self.goal.weights[judge.stored_name] / total / unit.step
                value += share * (own - unit.middle)
                derivative += np.float32(share) * slope
            return value, derivative

        return together
