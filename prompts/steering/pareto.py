"""Several raters at once: the choices that no other choice beats for everyone, and one weighted goal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import PromptError
from ..rating_model.choice_functions import Tables
from .search import Domain, best_of


def nondominated(values: np.ndarray) -> np.ndarray:
    """(n,) whether no other row of (n, g) ``values`` is at least as good everywhere and better somewhere."""
    front = np.ones(len(values), dtype=bool)
    for i, row in enumerate(values):
        as_good = (values >= row).all(axis=1)
        front[i] = not (as_good & (values > row).any(axis=1)).any()
    return front


def weighted(tables: Sequence[Tables], weights: Sequence[float] | np.ndarray) -> Tables:
    """Σ_g weights[g] f_g, draw by draw.

    Raises:
        PromptError: weights that do not fit, are negative, or are all 0.
    """
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
    weights: int = 40,
    starts: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choices on the Pareto front of the raters' means, found by weighted goals.

    Args:
        means: one function for each of g raters.
        domain: what is permitted.
        rng: draws the goals' weights.
        weights: how many goals beside each rater's own.
        starts: (k, S) choices to start from, such as those seen.

    Returns:
        (n, S) choices and (n, g) their values, ordered by the first rater.
    """
    goals = np.vstack([np.eye(len(means)), rng.dirichlet(np.ones(len(means)), weights)])
    found = [best_of(weighted(means, goal), domain, rng, starts=starts, count=4) for goal in goals]
    candidates = np.unique(np.concatenate(found), axis=0)
    values = np.stack([mean(candidates)[0] for mean in means], axis=1)
    front = np.flatnonzero(nondominated(values))
    order = front[np.argsort(-values[front, 0], kind="stable")]
    return candidates[order], values[order]
