"""Goals: the values of several judges as one, each counted in a unit of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np


class Unit(NamedTuple):
    """The middle and the step in which a judge's values count."""

    middle: float
    step: float


#: The unit of values that count as they are.
AS_GIVEN = Unit(0.0, 1.0)


@dataclass(frozen=True)
class Goal:
    """Weights of judges by name, and the units in which their values count together.

    A judge alone counts by its own values. Of several the total is the weighted mean of their values in units. A
    missing unit is fitted to the values, see ``fitted``. Tensors may stand for arrays where every unit is given.
    """

    weights: Mapping[str, float]
    units: Mapping[str, Unit] = field(default_factory=dict)

    @property
    def counting(self) -> dict[str, float]:
        """The weights above 0."""
        return {name: weight for name, weight in self.weights.items() if weight > 0}

    def fitted(self, columns: Mapping[str, np.ndarray]) -> Goal:
        """The same goal with every unit: missing ones are mean and deviation over the rows that have all values."""
        if self.units.keys() >= self.counting.keys():
            return self
        whole = self.whole(columns)
        units = {name: self.units.get(name) or unit_of(columns[name][whole]) for name in self.counting}
        return replace(self, units=units)

    def whole(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) bool: True for rows that have the values of all judges that count."""
        return np.asarray(np.isfinite([columns[name] for name in self.counting]).all(axis=0))

    def shares(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """(n,) what each judge that counts adds to the weighted mean, in units."""
        total, units = sum(self.counting.values()), self.fitted(columns).units
        return {
            name: weight / total * (columns[name] - units[name].middle) / units[name].step
            for name, weight in self.counting.items()
        }

    def total(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) the value of the only judge, or the weighted mean of several in units; NaN where one is missing."""
        if len(self.counting) == 1:
            return columns[next(iter(self.counting))]
        total: np.ndarray = np.sum([*self.shares(columns).values()], axis=0)
        return total


def unit_of(values: np.ndarray) -> Unit:
    """Mean and standard deviation of (n,) finite values; a step of infinity, so that they count nothing, if all are equal."""
    if not len(values):
        return Unit(0.0, np.inf)
    middle, deviation = float(values.mean()), float(values.std())
    return Unit(middle, deviation if deviation > 1e-9 * (1 + abs(middle)) else np.inf)
