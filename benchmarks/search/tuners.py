"""Methods of searching a prompt space, for benchmarks/search/tuning.py.

A tuner asks for pictures in batches, receives their ratings, and recommends a choice; it never gets the truth. Public
optimisers recommend as they usually do (the best observed value), models by their mean over the whole space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from soart.prompts.rating_model.choice_functions import Tables
from soart.prompts.steering.batches import balanced_batch
from soart.prompts.steering.orthogonal_arrays import orthogonal_design
from soart.prompts.steering.search import Domain, best_of, keys
from soart.prompts.steering.steering import Steering


class Tuner(ABC):
    """The interface of all methods.

    Args:
        levels: options of each slot.
        rng: the method's own randomness.
        plan: numbers of pictures after which a recommendation is due; the last is the budget.
    """

    #: Pictures per batch, None for the benchmark's size; True if each planned size is a separate run.
    batch: int | None = None
    separate = False

    def __init__(self, levels: Sequence[int], rng: np.random.Generator, plan: Sequence[int]) -> None:
        self.levels, self.rng, self.plan = tuple(levels), rng, plan
        self.domain = Domain.of(levels)
        self.choices = np.zeros((0, len(levels)), dtype=np.int64)
        self.ratings = np.zeros(0)

    @abstractmethod
    def ask(self, count: int) -> np.ndarray:
        """(count, S) choices to show next."""

    def tell(self, choices: np.ndarray, ratings: np.ndarray) -> None:
        """Add the ratings of a batch."""
        self.choices, self.ratings = np.vstack([self.choices, choices]), np.concatenate([self.ratings, ratings])

    def recommend(self) -> np.ndarray:
        """(S,) the best choice; by default the one with the highest rating."""
        return self.choices[self.ratings.argmax()]


class Ours(Tuner):
    """soart: the rating model, steered by knowledge gradient as `soart tune` is."""

    def __init__(self, levels: Sequence[int], rng: np.random.Generator, plan: Sequence[int]) -> None:
        super().__init__(levels, rng, plan)
        self.steering = Steering(self.domain, repeats=True)

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        return self.steering.ask(count, self.rng)

    def tell(self, choices: np.ndarray, ratings: np.ndarray) -> None:  # noqa: D102
        self.steering.tell(choices, ratings)

    def recommend(self) -> np.ndarray:  # noqa: D102
        return self.steering.recommend(self.rng).choice


class OursOneByOne(Ours):
    """soart, with a rating after every picture."""

    batch = 1


class OursFewer(Ours):
    """soart, given only the first six options of each slot."""

    def __init__(self, levels: Sequence[int], rng: np.random.Generator, plan: Sequence[int]) -> None:
        super().__init__(levels, rng, plan)
        few = [np.arange(level) < 6 for level in levels]
        self.steering = Steering(Domain.of(levels, few), repeats=True)


class Random(Tuner):
    """Uniform choices."""

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        return self.domain.random(self.rng, count)


class OrthogonalArray(Tuner):
    """A designed experiment of each planned size, evaluated by its marginal means, as Taguchi does.

    Each size is a separate experiment with a known budget, so the benchmark runs it once for each.
    """

    separate = True

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        if not len(self.choices):
            self.design = orthogonal_design(self.levels, self.plan[-1], self.rng)[1]
            # The rest of the budget repeats the array with renamed options, as a second block.
            while len(self.design) < self.plan[-1]:
                self.design = np.vstack([self.design, orthogonal_design(self.levels, self.plan[-1], self.rng)[1]])
        return self.design[len(self.choices) : len(self.choices) + count]

    def recommend(self) -> np.ndarray:  # noqa: D102
        means = [
            [
                self.ratings[self.choices[:, s] == o].mean() if (self.choices[:, s] == o).any() else -np.inf
                for o in range(n)
            ]
            for s, n in enumerate(self.levels)
        ]
        return np.array([int(np.argmax(row)) for row in means])


class Bandit(Tuner):
    """A Gaussian Thompson-sampling bandit in every slot, blind to the other slots."""

    def _slots(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        spread = self.ratings.std() + 1e-9
        means, deviations = [], []
        for s, n in enumerate(self.levels):
            counts = np.bincount(self.choices[:, s], minlength=n)
            sums = np.bincount(self.choices[:, s], self.ratings - self.ratings.mean(), n)
            # A standard normal prior on effects, in units of the ratings' deviation, which is also a slot's noise.
            means.append(sums / (counts + 1))
            deviations.append(spread / np.sqrt(counts + 1))
        return means, deviations

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        if not len(self.choices):
            return balanced_batch(self.domain, count, self.rng)
        means, deviations = self._slots()
        drawn = [
            self.rng.normal(mean, deviation, (count, len(mean))).argmax(axis=1)
            for mean, deviation in zip(means, deviations, strict=True)
        ]
        return np.column_stack(drawn)

    def recommend(self) -> np.ndarray:  # noqa: D102
        return np.array([int(mean.argmax()) for mean in self._slots()[0]])


class GibbsMachine(Tuner):
    """A Bayesian factorisation machine of rank 4, Gibbs-sampled (Freudenthaler, Schmidt-Thieme & Rendle 2011).

    Each choice of a batch is the best of one draw of the chain; the recommendation is the best of the mean of the
    draws.
    """

    rank, burn, kept = 4, 20, 24

    def _chain(self) -> list[Tables]:
        start = np.concatenate([[0], np.cumsum(self.levels)[:-1]])
        columns = self.choices + start
        width, rng = sum(self.levels), self.rng
        centre, spread = self.ratings.mean(), self.ratings.std() + 1e-9
        y = (self.ratings - centre) / spread
        if not hasattr(self, "_w"):
            self._w, self._v = np.zeros(width), 0.1 * rng.standard_normal((width, self.rank))
            self._alpha, self._lw, self._lv = 1.0, 1.0, np.full(self.rank, 10.0)
        w, v = self._w, self._v
        members = [
            np.flatnonzero(self.choices[:, slot_of(start, c)] == c - start[slot_of(start, c)]) for c in range(width)
        ]
        slot = np.repeat(np.arange(len(self.levels)), self.levels)
        across = slot[:, None] != slot
        tables = []
        for sweep in range(self.burn + self.kept):
            sums = v[columns].sum(axis=1)
            error = y - w[columns].sum(axis=1) - 0.5 * (sums**2 - (v[columns] ** 2).sum(axis=1)).sum(axis=1)
            self._alpha = rng.gamma((1 + len(y)) / 2, 2 / (1 + (error**2).sum()))
            self._lw = rng.gamma((1 + width) / 2, 2 / (1 + (w**2).sum()))
            self._lv = rng.gamma((1 + width) / 2, 2 / (1 + (v**2).sum(axis=0)))
            for c in range(width):
                rows = members[c]
                precision = self._lw + self._alpha * len(rows)
                new = rng.normal(self._alpha * (error[rows] + w[c]).sum() / precision, precision**-0.5)
                error[rows] -= new - w[c]
                w[c] = new
            for f in range(self.rank):
                total = sums[:, f].copy()
                for c in range(width):
                    rows = members[c]
                    h = total[rows] - v[c, f]
                    precision = self._lv[f] + self._alpha * (h**2).sum()
                    new = rng.normal(self._alpha * (h * (error[rows] + v[c, f] * h)).sum() / precision, precision**-0.5)
                    error[rows] -= (new - v[c, f]) * h
                    total[rows] += new - v[c, f]
                    v[c, f] = new
            if sweep >= self.burn:
                pair = spread * (v @ v.T) * across
                tables.append(Tables(self.levels, np.full(1, centre), spread * w[None].copy(), pair[None]))
        return tables

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        if not len(self.choices):
            return balanced_batch(self.domain, count, self.rng)
        tables, taken = self._chain(), set(keys(self.choices))
        batch = []
        for table in tables[-1 :: -(len(tables) // count)][:count]:
            choice = best_of(table, self.domain, self.rng, taken=taken)[0]
            taken.add(keys(choice[None])[0])
            batch.append(choice)
        return np.array(batch)

    def recommend(self) -> np.ndarray:  # noqa: D102
        tables = self._chain()
        mean = Tables(
            self.levels,
            np.mean([t.constant for t in tables], axis=0),
            np.mean([t.main for t in tables], axis=0),
            np.mean([t.pair for t in tables], axis=0),
        )
        return best_of(mean, self.domain, self.rng)[0]


def slot_of(start: np.ndarray, column: int) -> int:
    """Slot of a one-hot column."""
    return int(np.searchsorted(start, column, side="right")) - 1
