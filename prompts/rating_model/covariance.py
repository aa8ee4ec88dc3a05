"""Posterior covariances between many choices, of which few are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Covariance:
    """Covariance between the goals of n choices, computed where it is asked for.

    Attributes:
        variances: (n,) of each choice.
        columns: returns the (n, k) covariances of all choices with those of (k,) numbers.
    """

    variances: np.ndarray
    columns: Callable[[np.ndarray], np.ndarray]

    def full(self) -> np.ndarray:
        """The (n, n) matrix."""
        return self.columns(np.arange(len(self.variances)))

    def times(self, factor: float) -> Covariance:
        """Covariances of goals whose squares are ``factor`` times as large."""
        return Covariance(factor * self.variances, lambda numbers: factor * self.columns(numbers))
