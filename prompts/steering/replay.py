"""Steering for loops whose settings are numbers as well as options, and whose history is kept by somebody else.

``Range`` cuts a numeric setting into the options of a slot; ``ReplayedSteering`` keeps a ``Steering`` in step with a history
that it is shown anew at every step, as optimizers with an ask-and-tell face do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...errors import PromptError
from .batches import balanced_batch
from .search import Domain, Key, keys
from .steering import Steering

#: Values beyond it count as infinite: their squares would be.
HUGE = 1e100
#: Quartiles of fewer values say nothing.
FEW = 8


class ReplayedSteering:
    """What to try next, given all that was tried.

    Args:
        levels: options of each slot, (S,).
        startup: so many choices of a balanced design come first; what the history holds counts.
        boldness: see ``batches``.
    """

    def __init__(self, levels: Sequence[int], *, startup: int = 8, boldness: float = 0.4) -> None:
        if startup < 0:
            raise PromptError(f"Expected a startup of at least 0, got {startup}.")
        self.domain, self.startup, self.boldness = Domain.of(levels), startup, boldness
        self._steering: Steering | None = None
        self._told: dict[int, tuple[Key, float]] = {}
        self._floor, self._floor_from = -math.inf, 0

    def next(
        self,
        judged: Mapping[int, tuple[Key, float]],
        rng: np.random.Generator,
        *,
        others: Iterable[Key] = (),
        pinned: Mapping[int, int] | None = None,
    ) -> Key:
        """(S,) the choice to try next: a new one as long as there is one, then one of the best again.

        Args:
            judged: number of a trial → choice and value, larger the better. NaN and +∞ are passed over. From eight values on, those more
                than three interquartile ranges below the lower quartile, −∞ too, count as lying there: penalties must not drown the
                differences that matter.
            rng: draws.
            others: choices tried without a value, or being tried now; not to be repeated either.
            pinned: slot → option that must be taken.

        Raises:
            PromptError: a choice outside the levels.
        """
        waiting = list(others)
        steering = self._learnt(judged, rng, len(waiting))
        if waiting:
            steering.reserve(waiting)
        steering.domain = self._pinned(pinned or {})
        for leaders in (0, 1):
            found = steering.ask(1, rng, leaders=leaders)
            if len(found):
                return keys(found)[0]
        return keys(steering.domain.random(rng, 1))[0]

    def recommend(self, judged: Mapping[int, tuple[Key, float]], rng: np.random.Generator) -> Key:
        """(S,) the choice of highest posterior mean, tried or not: what is best once the noise is seen through."""
        steering = self._learnt(judged, rng, 0)
        steering.domain = self.domain
        return keys(steering.recommend(rng).choice[None])[0]

    def _learnt(self, judged: Mapping[int, tuple[Key, float]], rng: np.random.Generator, waiting: int) -> Steering:
        history = self._clipped(judged)
        if self._steering is None or any(history.get(name) != seen for name, seen in self._told.items()):
            missing = self.startup - len(history) - waiting
            first = balanced_batch(self.domain, missing, rng) if missing > 0 else None
            self._steering, self._told = Steering(self.domain, first=first, boldness=self.boldness), {}
        fresh = {name: seen for name, seen in history.items() if name not in self._told}
        if fresh:
            self._steering.tell([choice for choice, _ in fresh.values()], [value for _, value in fresh.values()])
            self._told |= fresh
        return self._steering

    def _pinned(self, pinned: Mapping[int, int]) -> Domain:
        if not pinned:
            return self.domain
        masks = [
            np.arange(level) == pinned[slot] if slot in pinned else np.ones(level, dtype=bool)
            for slot, level in enumerate(self.domain.levels)
        ]
        return replace(self.domain, options=np.concatenate(masks))

    def _clipped(self, judged: Mapping[int, tuple[Key, float]]) -> dict[int, tuple[Key, float]]:
        kept = {name: seen for name, seen in judged.items() if seen[1] < HUGE}
        # With many values the border moves now and then only, for with it the model may have to start anew.
        if len(kept) >= 1.5 * self._floor_from or len(kept) < len(self._told):
            finite = [value for _, value in kept.values() if value > -HUGE]
            low, high = np.quantile(finite, [0.25, 0.75]) if len(finite) >= FEW else (0.0, 0.0)
            self._floor = float(low - 3 * (high - low)) if high > low else float(min(finite, default=0.0))
            self._floor_from = len(kept) if high > low else 0
        return {name: (choice, max(value, self._floor)) for name, (choice, value) in kept.items()}
