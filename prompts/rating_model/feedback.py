"""Feedback as a likelihood of one latent taste, ratings and pairs.

The latent taste h = f/σ is measured in units of the rating noise σ, so that both may be mixed:

    rating y               y/σ ~ N(h, 1)                          numbers on a scale
    pair a ≻ b             Φ((h_a − h_b)/√2)                       the noisier rating wins (Thurstone 1927; Chu & Ghahramani 2005)

The formulas are in ``likelihoods``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...errors import PromptError


@dataclass(frozen=True)
class Feedback:
    """Judgements of rows (pictures shown to a rater, in the model's order); every field may be empty."""

    rated: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (a,) rows that were rated
    ratings: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (a,) their ratings, on the model's scale
    #: (p, 2) rows, the preferred one first
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))

    @classmethod
    def of_ratings(cls, ratings: object) -> Feedback:
        """Feedback in which row i has rating ``ratings[i]``."""
        try:
            values = np.asarray(ratings, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise PromptError(f"Expected a rating of each row as a number: {error}.") from error
        if values.ndim != 1:
            raise PromptError(f"Expected a rating of each row as a number, got shape {values.shape}.")
        return cls(rated=np.arange(len(values)), ratings=values)

    def after(self, earlier: Feedback, rows: int) -> Feedback:
        """``earlier`` feedback on the first ``rows`` rows, followed by this on the rows after them."""
        return Feedback(
            np.concatenate([earlier.rated, np.asarray(self.rated) + rows]),
            np.concatenate([earlier.ratings, self.ratings]),
            np.concatenate([np.reshape(earlier.pairs, (-1, 2)), np.reshape(self.pairs, (-1, 2)) + rows]),
        )

    def check(self, rows: int) -> None:
        """Refuse feedback that is inconsistent or refers to other than ``rows`` rows."""
        if len(self.rated) != len(self.ratings):
            raise PromptError(f"Expected one rating per rated row, got {len(self.ratings)} for {len(self.rated)}.")
        values = np.asarray(self.ratings, dtype=np.float64)
        if not np.isfinite(values).all():
            first = int(np.flatnonzero(~np.isfinite(values))[0])
            raise PromptError(f"Expected finite ratings, got {values[first]} at {first}; leave failed pictures out.")
        if len(self.pairs) and np.shape(self.pairs)[1:] != (2,):
            raise PromptError(f"Expected pairs of shape (p, 2), got {np.shape(self.pairs)}.")
        if len(self.pairs) and (np.asarray(self.pairs)[:, 0] == np.asarray(self.pairs)[:, 1]).any():
            raise PromptError("Expected pairs of different rows, got a row compared with itself.")
        for indices in map(np.asarray, (self.rated, self.pairs)):
            if indices.size and (indices.min() < 0 or indices.max() >= rows):
                raise PromptError(f"Expected feedback on rows 0…{rows - 1}, got rows {indices.min()}…{indices.max()}.")
