"""Feedback as a likelihood of one latent taste, ratings and pairs.

The latent taste h = f/σ is measured in units of the rating noise σ, so that both may be mixed:

    rating y               y/σ ~ N(h, 1)                          numbers on a scale
    pair a ≻ b             Φ((h_a − h_b)/√2)                       the noisier rating wins (Thurstone 1927; Chu & Ghahramani 2005)

Newton's method needs the value of a likelihood, the gradient and a root R of the negative Hessian W = R Rᵀ. The evidence
needs a contraction of the third derivatives, by which its determinant moves with the mode (Rasmussen & Williams 2006, §3.4,
§5.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.special import log_ndtr

from ...errors import PromptError
from .kernels import Rows

#: Deviations from which on the tail of the normal distribution is computed by its asymptotic series.
_FAR = 1000.0
#: Judgements that ``thin`` takes of a rater before it goes on to the next.
JUDGEMENTS_AT_A_TIME = 100


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


@dataclass(frozen=True, slots=True)
class Terms:
    """Feedback on latent cells, in the form that the likelihoods use."""

    rated: np.ndarray  # (a,) cells that were rated
    ratings: np.ndarray  # (a,) their ratings, mapped to the model's scale
    pairs: np.ndarray  # (p, 2) cells, the preferred one first
    #: (n,) what is expected of each cell beforehand, on the model's scale. It is a part of every judgement, and none of
    #: the latent values.
    expected: np.ndarray

    @classmethod
    def of(cls, feedback: Feedback, cells: np.ndarray, mapped: np.ndarray, expected: np.ndarray | None = None) -> Terms:
        """Terms of ``feedback`` whose row i is cell ``cells[i]``; pairs of a cell with itself are dropped."""
        pairs = cells[np.asarray(feedback.pairs, dtype=np.int64).reshape(-1, 2)]
        return cls(
            cells[np.asarray(feedback.rated, dtype=np.int64)],
            mapped,
            pairs[pairs[:, 0] != pairs[:, 1]],
            np.zeros(int(cells.max(initial=-1)) + 1) if expected is None else expected,
        )

    def check_raters(self, rows: Rows) -> None:
        """Refuse pairs of more than one rater."""
        raters = rows.raters[self.pairs]
        if (raters != raters[:, :1]).any():
            raise PromptError("Expected every comparison to be of one rater, got one across raters.")

    def cells(self) -> np.ndarray:
        """Cell of every judgement, one after the other."""
        return np.concatenate([self.rated, self.pairs.ravel()])

    @property
    def gaussian(self) -> bool:
        """True if all feedback is ratings, so that the posterior is exact."""
        return not len(self.pairs)

    def __len__(self) -> int:
        return len(self.rated) + len(self.pairs)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """log p(feedback | h), its gradient (n,) and a sparse root R (n, m) of its negative Hessian."""

    value: float
    gradient: np.ndarray
    root: sparse.csr_array


def _probit(u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log Φ(u), its derivative, minus its second derivative, and the derivative of that."""
    value, near, away = log_ndtr(u), np.maximum(u, -_FAR), np.maximum(-u, _FAR)
    far = u < -_FAR
    ratio = np.exp(-0.5 * near**2 - np.where(far, log_ndtr(-_FAR), value)) / np.sqrt(2 * np.pi)
    curvature = np.maximum(ratio * (ratio + near), 0.0)
    third = ratio - curvature * (2 * ratio + near)
    # Far out the differences above would be those of large numbers.
    series = (away + 1 / away, 1 - 1 / away**2, -2 / away**3)
    ratio, curvature, third = (np.where(far, a, b) for a, b in zip(series, (ratio, curvature, third), strict=True))
    return value, ratio, curvature, third


def likelihood(terms: Terms, h: np.ndarray, noise: float) -> Likelihood:
    """Value, gradient and curvature of all feedback at latent values ``h`` (n,)."""
    n, h = len(h), h + terms.expected / noise
    residuals = terms.ratings / noise - h[terms.rated]
    value = float(-0.5 * (residuals**2).sum() - len(residuals) * (np.log(noise) + 0.5 * np.log(2 * np.pi)))
    # np.bincount of nothing gives integers.
    gradient = np.bincount(terms.rated, residuals, n).astype(np.float64)
    diagonal = np.bincount(terms.rated, minlength=n).astype(np.float64)
    if terms.gaussian:
        # The same matrix as below, without the cost of joining blocks.
        rows = np.arange(n + 1)
        return Likelihood(value, gradient, sparse.csr_array((np.sqrt(diagonal), rows[:-1], rows), shape=(n, n)))
    winners, losers = terms.pairs.T
    log_p, ratio, curvature, _ = _probit((h[winners] - h[losers]) / np.sqrt(2))
    value += float(log_p.sum())
    gradient += (np.bincount(winners, ratio, n) - np.bincount(losers, ratio, n)) / np.sqrt(2)
    root, count = np.sqrt(curvature / 2), np.arange(len(winners))
    places = (np.concatenate([winners, losers]), np.concatenate([count, count]))
    blocks = [
        sparse.diags_array(np.sqrt(diagonal)),
        sparse.coo_array((np.concatenate([root, -root]), places), shape=(n, len(count))),
    ]
    return Likelihood(value, gradient, sparse.csr_array(sparse.hstack(blocks)))


def determinant_slope(terms: Terms, h: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """(n,) −½ tr(Σ ∂W/∂h_i) for the (n, n) posterior covariance Σ, the slope of the evidence's determinant."""
    winners, losers = terms.pairs.T
    third = _probit((h[winners] - h[losers]) / np.sqrt(2))[3]
    spread = posterior[winners, winners] + posterior[losers, losers] - 2 * posterior[winners, losers]
    moved = third * spread / (4 * np.sqrt(2))
    return np.bincount(losers, moved, len(h)) - np.bincount(winners, moved, len(h))


def thin(rows: Rows, terms: Terms, limit: int, rng: np.random.Generator) -> tuple[Rows, Terms]:
    """Select about ``limit`` cells with the feedback on them.

    Raters take turns in random order, with ``JUDGEMENTS_AT_A_TIME`` judgements each: much of a few raters tells more
    than a little of everyone.
    """
    groups = [terms.rated.reshape(-1, 1), terms.pairs]
    kind = np.concatenate([np.full(len(group), number) for number, group in enumerate(groups)])
    place = np.concatenate([np.arange(len(group)) for group in groups])
    rater = rows.raters[np.concatenate([group[:, 0] for group in groups])]
    order = rng.permutation(len(kind))
    order = order[np.argsort(rater[order], kind="stable")]
    sorted_raters = rater[order]
    turn = np.arange(len(order)) - np.searchsorted(sorted_raters, sorted_raters)
    luck = rng.permutation(int(rater.max(initial=0)) + 1)[sorted_raters]
    chosen: set[int] = set()
    taken: list[list[int]] = [[] for _ in groups]
    for index in order[np.lexsort((turn, luck, turn // JUDGEMENTS_AT_A_TIME))]:
        cells = set(groups[kind[index]][place[index]].tolist()) - chosen
        if len(chosen) + len(cells) > limit:
            break
        chosen |= cells
        taken[kind[index]].append(int(place[index]))
    members = np.array(sorted(chosen), dtype=np.int64)
    new = np.full(len(rows), -1, dtype=np.int64)
    new[members] = np.arange(len(members))
    rated, pairs = (new[group[places]] for group, places in zip(groups, taken, strict=True))
    return rows.take(members), Terms(rated[:, 0], terms.ratings[taken[0]], pairs, terms.expected[members])
