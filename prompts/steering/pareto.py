"""Choices for several raters: the Pareto front, and weighted goals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import PromptError
from ..rating_model.choice_functions import Tables
from .search import Domain, best_of

#: Weighted goals that ``pareto_choices`` searches beside each rater's own.
_GOALS = 40


def nondominated(values: np.ndarray) -> np.ndarray:
    """(n,) bool: True if no other row of (n, g) ``values`` is at least as good everywhere and better somewhere."""
    front = np.ones(len(values), dtype=bool)
    for i, row in enumerate(values):
        as_good = (values >= row).all(axis=1)
        front[i] = not (as_good & (values > row).any(axis=1)).any()
    return front


def weighted(tables: Sequence[Tables], weights: Sequence[float] | np.ndarray) -> Tables:
    """Σ_g weights[g] f_g, draw by draw; weights are 0 or more, not all 0."""
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(tables),) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
        raise PromptError(f"Expected {len(tables)} weights of at least 0, one of them positive, got {list(weights)}.")
    total = tables[0].times(float(shares[0]))
    for table, share in zip(tables[1:], shares[1:], strict=True):
        total = total.plus(table.times(float(share)))
    return total


def pareto_choices(
    means: Sequence[Tables],
    domain: Domain,
    rng: np.random.Generator,
    *,
    starts: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(n, S) choices on the Pareto front of g raters' means, ordered by the first rater, and (n, g) their values.

    They are found by weighted goals. The search also starts from the permitted (k, S) ``starts``.
    """
    goals = np.vstack([np.eye(len(means)), rng.dirichlet(np.ones(len(means)), _GOALS)])
    best = [best_of(weighted(means, goal), domain, rng, starts=starts, count=4) for goal in goals]
    candidates = np.unique(np.concatenate(best), axis=0)
    values = np.stack([mean(candidates)[0] for mean in means], axis=1)
    front = np.flatnonzero(nondominated(values))
    order = front[np.argsort(-values[front, 0], kind="stable")]
    return candidates[order], values[order]
