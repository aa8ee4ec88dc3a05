"""Every kind of feedback, as a likelihood of one latent taste.

The latent taste h = f/σ is measured in units of the rating noise σ:

    rating y               y/σ ~ N(h, 1)                          numbers on a scale
    like, dislike          Φ(±h)                                  a noisy rating above or below the middle of the scale
    pair a ≻ b             Φ((h_a − h_b)/√2)                       the noisier rating wins (Thurstone 1927; Chu & Ghahramani 2005)
    best a of K            exp(h_a/β) / Σ_k exp(h_k/β)             Gumbel noise of deviation 1: β = √6/π (Luce 1959; McFadden 1974)
    all bad                Π_k Φ(−h_k)                             every one disliked

All kinds share one scale, so they may be mixed. The formulas are in ``likelihoods``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import PromptError

_EMPTY = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Feedback:
    """Judgements of rows (pictures shown to a rater, in the model's order); every field may be empty.

    Attributes:
        rated: (a,) rows that were rated.
        ratings: (a,) their ratings, on the model's scale.
        judged: (l,) rows that were liked or disliked.
        liked: (l,) bool, True for liked rows.
        pairs: (p, 2) rows, the preferred one first.
        best: sets of ≥ 2 rows, the best one first; if several were chosen, one set for each, without the other chosen
            ones.
        all_bad: sets of rows of which none was good enough.
    """

    rated: np.ndarray = field(default_factory=lambda: _EMPTY)
    ratings: np.ndarray = field(default_factory=lambda: np.zeros(0))
    judged: np.ndarray = field(default_factory=lambda: _EMPTY)
    liked: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    best: Sequence[Sequence[int]] = ()
    all_bad: Sequence[Sequence[int]] = ()

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

        def joined(name: str, shift: int) -> np.ndarray:
            return np.concatenate([np.asarray(getattr(earlier, name)), np.asarray(getattr(self, name)) + shift])

        return Feedback(
            joined("rated", rows),
            joined("ratings", 0),
            joined("judged", rows),
            np.concatenate([np.asarray(earlier.liked, dtype=bool), np.asarray(self.liked, dtype=bool)]),
            np.concatenate([np.reshape(earlier.pairs, (-1, 2)), np.reshape(self.pairs, (-1, 2)) + rows]),
            [*earlier.best, *([int(row) + rows for row in members] for members in self.best)],
            [*earlier.all_bad, *([int(row) + rows for row in members] for members in self.all_bad)],
        )

    def check(self, rows: int) -> None:
        """Refuse feedback that is inconsistent or refers to other than ``rows`` rows."""
        if len(self.rated) != len(self.ratings) or len(self.judged) != len(self.liked):
            raise PromptError(
                f"Expected one rating per rated row and one verdict per judged row, got {len(self.ratings)} for "
                f"{len(self.rated)} and {len(self.liked)} for {len(self.judged)}."
            )
        values = np.asarray(self.ratings, dtype=np.float64)
        if not np.isfinite(values).all():
            first = int(np.flatnonzero(~np.isfinite(values))[0])
            raise PromptError(f"Expected finite ratings, got {values[first]} at {first}; leave failed pictures out.")
        if len(self.pairs) and np.shape(self.pairs)[1:] != (2,):
            raise PromptError(f"Expected pairs of shape (p, 2), got {np.shape(self.pairs)}.")
        for members in self.best:
            if len(members) < 2 or len(set(members)) < len(members):
                raise PromptError(f"Expected a best one among at least two different rows, got {list(members)}.")
        if len(self.pairs) and (np.asarray(self.pairs)[:, 0] == np.asarray(self.pairs)[:, 1]).any():
            raise PromptError("Expected pairs of different rows, got a row compared with itself.")
        for indices in map(np.asarray, (self.rated, self.judged, self.pairs, *self.best, *self.all_bad)):
            if indices.size and (indices.min() < 0 or indices.max() >= rows):
                raise PromptError(f"Expected feedback on rows 0…{rows - 1}, got rows {indices.min()}…{indices.max()}.")
