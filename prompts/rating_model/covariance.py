"""Posterior covariances between many choices, of which few are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Covariance:
    """(n,) variances of the goals of n choices, and a function for their (n, k) covariances with (k,) of them."""

    variances: np.ndarray
    columns: Callable[[np.ndarray], np.ndarray]

    def full(self) -> np.ndarray:
        """The (n, n) matrix."""
        return self.columns(np.arange(len(self.variances)))

    def times(self, factor: float) -> Covariance:
        """Covariances of goals whose squares are ``factor`` times as large."""
        return Covariance(factor * self.variances, lambda numbers: factor * self.columns(numbers))
