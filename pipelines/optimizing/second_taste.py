"""A second taste: what parts of the ratings that share no picture agree on.

The ratings are cut into two halves of whole groups, with likings balanced. A taste is fitted to each. Errors of one half are
not those of the other. The second taste is the lower liking of both: a picture is better by it only if each half alone
says so. Where the first taste still rises and the second falls, the first is being pushed into its own errors (Gao,
Schulman & Hilton, "Scaling laws for reward model overoptimization", 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...errors import SoartError
from ...metrics.tastes.blend import Blend
from ...metrics.tastes.examples import Examples
from ...metrics.tastes.fitting import Fitted, fit
from ...metrics.tastes.folds import fold_numbers
from ...metrics.tastes.taste import LearntTaste

#: Fewest pictures of a half.
FEWEST = 3


@dataclass(frozen=True)
class SecondTaste:
    """Fits to each half of the ratings behind a taste."""

    taste: LearntTaste
    halves: tuple[Fitted, ...]

    def liking(self, items: np.ndarray) -> np.ndarray:
        """(n,) the lower liking of both halves, of (n, p) items."""
        priors = self.taste.prior_scores(items)
        lowest: np.ndarray = np.min([half(items, priors) for half in self.halves], axis=0)
        return lowest


# Every prompt of a trust card asks for it.
@lru_cache(maxsize=2)
def second_taste(taste: LearntTaste | Blend) -> SecondTaste | None:
    """The second taste of one; None for a blend, and where a half has too few pictures, or only liked or disliked ones."""
    if isinstance(taste, Blend):
        return None
    # Of pictures in memory nothing else is known.
    while taste.alone is not None:
        taste = taste.alone
    examples = taste.examples
    numbers = fold_numbers(examples.liking, examples.groups, 2, np.random.default_rng(0))
    halves = []
    for rows in (numbers == 0, numbers == 1):
        half = examples.take(np.flatnonzero(rows))
        if not _learnable(half):
            return None
        try:
            halves.append(fit(half, taste.names, taste.fitted.scaling))
        except (SoartError, ValueError, np.linalg.LinAlgError):
            return None
    return SecondTaste(taste, tuple(halves))


def _learnable(examples: Examples) -> bool:
    likings: Sequence[float] = examples.liking.tolist()
    return len(likings) >= FEWEST and min(likings) < max(likings)
