"""Numbers the latent cells of the rating model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from ...errors import PromptError
from .kernels import Rows

DEFAULT_RATER = "you"
Names = Sequence[Hashable] | np.ndarray


class Cells:
    """The distinct cells of n rows, which name rater, choice and picture as people do.

    Rows with the same rater, choice and picture share a cell. Without ``pictures``, each row is a picture of its own.
    """

    def __init__(self, choices: np.ndarray, raters: Names | None, pictures: Names | None) -> None:
        n = len(choices)
        for name, column in (("raters", raters), ("pictures", pictures)):
            if column is not None and len(column) != n:
                raise PromptError(f"Expected {name} for each of {n} rows, got {len(column)}.")
        rater_names = [DEFAULT_RATER] * n if raters is None else list(raters)
        self.raters: list[Hashable] = list(dict.fromkeys(rater_names))
        self._index = {rater: number for number, rater in enumerate(self.raters)}
        rater = np.array([self._index[name] for name in rater_names], dtype=np.int64)
        picture_names = () if pictures is None else pictures
        numbers = {name: number for number, name in enumerate(dict.fromkeys(picture_names))}
        picture = np.array([numbers[name] for name in picture_names], dtype=np.int64) if numbers else np.full(n, -1)
        key = np.column_stack([rater, picture, choices])
        _, first, cell = np.unique(key, axis=0, return_index=True, return_inverse=True)
        self.rows = Rows(choices[first], rater[first], picture[first])
        self.cell: np.ndarray = cell.reshape(-1)

    def index(self, raters: Names | None) -> list[int]:
        """Indices of raters, −1 for unknown ones; by default the only rater, or an unknown one if there are several."""
        if raters is None:
            return [0 if len(self.raters) == 1 else -1]
        return [self._index.get(rater, -1) for rater in raters]

    def new(self, choices: np.ndarray, raters: Names | None) -> Rows:
        """Cells of new pictures."""
        indices = self.index(None) * len(choices) if raters is None else self.index(raters)
        if len(indices) != len(choices):
            raise PromptError(f"Expected a rater for each of {len(choices)} choices, got {len(indices)}.")
        return Rows(choices, np.array(indices, dtype=np.int64), np.full(len(choices), -1))
