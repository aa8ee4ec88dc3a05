"""Steers loops that keep their own history, such as optimisers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...errors import PromptError
from ..rating_model.similarity import Similarities
from ..space.conditions import Condition
from .batches import balanced_batch
from .search import Domain, Key, keys
from .steering import Steering

#: Values beyond ±this count as infinite, because their squares would be.
INFINITE_FROM = 1e100
#: Fewest values whose quartiles are meaningful.
_FEWEST_FOR_QUARTILES = 8


def feasible_first(values: Mapping[int, float], violations: Mapping[int, float]) -> dict[int, float]:
    """The values of trials, with those of infeasible ones below all others, the lower the more they violate.

    Violations are sums of the positive parts of constraints; 0, or missing, for a feasible trial. This is the order of
    Deb (2000, An efficient constraint handling method for genetic algorithms). The distance is one to two deviations of
    the feasible values, so that a model of the values learns the border and little else from it.
    """
    broken = {number: violations.get(number, 0.0) for number in values if violations.get(number, 0.0) > 0}
    feasible = [value for number, value in values.items() if number not in broken and abs(value) < INFINITE_FROM]
    low = min(feasible, default=0.0)
    spread = float(np.std(feasible)) if len(feasible) > 1 else 0.0
    spread = spread or 1.0
    finite = [size for size in broken.values() if size < math.inf]
    usual = float(np.median(finite)) if finite else 1.0
    return {
        number: low - spread * (2.0 if math.isinf(size) else 1.0 + size / (size + usual))
        if (size := broken.get(number, 0.0))
        else value
        for number, value in values.items()
    }


class SteeringFromHistory:
    """Chooses the next trial from the history of all; learns only from what was added, unless earlier ones changed.

    Args:
        levels: options of each slot, (S,).
        startup: number of trials of a balanced design at the start; trials in the history count.
        similarities: which options of each slot are alike; see ``RatingModel``.
        conditions: slots that are in use only with some options of another slot, and else at their last option, "off".
    """

    def __init__(
        self,
        levels: Sequence[int],
        *,
        startup: int = 8,
        similarities: Similarities = (),
        conditions: tuple[Condition, ...] = (),
    ) -> None:
        if startup < 0:
            raise PromptError(f"Expected a startup of at least 0, got {startup}.")

        def allows(choice: np.ndarray) -> bool:
            return all((choice[c.slot] < levels[c.slot] - 1) == (choice[c.parent] in c.options) for c in conditions)

        self.domain = Domain.of(
            levels, allows=allows if conditions else None, similarities=similarities, conditions=conditions
        )
        self.startup = startup
        self._steering: Steering | None = None
        self._learnt: dict[int, tuple[Key, float]] = {}
        self._floor, self._floor_from = -math.inf, 0

    def next(
        self,
        trials: Mapping[int, tuple[Key, float]],
        rng: np.random.Generator,
        *,
        others: Iterable[Key] = (),
        pinned: Mapping[int, int] | None = None,
    ) -> Key:
        """(S,) the choice to try next: a new one as long as there is one, then one of the best again.

        ``trials`` hold choice and value by number, larger is better; NaN and +∞ are ignored. From eight values on, a
        value more than three interquartile ranges below the lower quartile is raised to that border, −∞ too: otherwise
        penalties would drown the differences that matter. ``others`` were tried without a value, or are being tried,
        and are not repeated either; ``pinned`` holds the option that a slot must take.
        """
        waiting = list(others)
        steering = self._updated(trials, rng, len(waiting))
        if waiting:
            steering.reserve(waiting)
        steering.domain = self._narrowed(pinned or {})
        choices = steering.ask(1, rng)
        if not len(choices):
            choices = steering.ask_again(1, rng)
        if not len(choices):
            choices = steering.domain.random(rng, 1)
        return keys(choices)[0]

    def recommend(self, trials: Mapping[int, tuple[Key, float]], rng: np.random.Generator) -> Key:
        """(S,) the choice of highest posterior mean, tried or not; trials as for ``next``."""
        steering = self._updated(trials, rng, 0)
        steering.domain = self.domain
        return keys(steering.recommend(rng).choice[None])[0]

    def _updated(self, trials: Mapping[int, tuple[Key, float]], rng: np.random.Generator, waiting: int) -> Steering:
        """The steering model after all of ``trials``; begun anew if trials it has learnt from were changed."""
        history = self._clipped(trials)
        if self._steering is None or any(history.get(number) != trial for number, trial in self._learnt.items()):
            missing = self.startup - len(history) - waiting
            first = balanced_batch(self.domain, missing, rng) if missing > 0 else None
            self._steering, self._learnt = Steering(self.domain, first=first), {}
        fresh = {number: trial for number, trial in history.items() if number not in self._learnt}
        if fresh:
            self._steering.tell([choice for choice, _ in fresh.values()], [value for _, value in fresh.values()])
            self._learnt |= fresh
        return self._steering

    def _narrowed(self, pinned: Mapping[int, int]) -> Domain:
        """The domain with only the pinned options in pinned slots."""
        if not pinned:
            return self.domain
        masks = [
            np.arange(level) == pinned[slot] if slot in pinned else np.ones(level, dtype=bool)
            for slot, level in enumerate(self.domain.levels)
        ]
        return replace(self.domain, options=np.concatenate(masks))

    def _clipped(self, trials: Mapping[int, tuple[Key, float]]) -> dict[int, tuple[Key, float]]:
        """The trials to learn from, their values raised to the floor."""
        usable = {number: trial for number, trial in trials.items() if trial[1] < INFINITE_FROM}
        # The floor moves only when the history has grown by half, because the model may then have to start anew.
        if len(usable) >= 1.5 * self._floor_from or len(usable) < len(self._learnt):
            finite = [value for _, value in usable.values() if value > -INFINITE_FROM]
            low, high = np.quantile(finite, [0.25, 0.75]) if len(finite) >= _FEWEST_FOR_QUARTILES else (0.0, 0.0)
            self._floor = float(low - 3 * (high - low)) if high > low else float(min(finite, default=0.0))
            self._floor_from = len(usable) if high > low else 0
        return {number: (choice, max(value, self._floor)) for number, (choice, value) in usable.items()}
