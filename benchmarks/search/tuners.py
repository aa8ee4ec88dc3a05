"""Methods of searching a prompt space: soart, random choices, and Optuna's samplers.

A tuner asks for pictures in batches, receives their ratings, and recommends a choice; it never gets the truth. Public
optimisers recommend as they usually do (the best observed value), models by their mean over the whole space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import optuna

from soart.prompts.steering.search import Domain
from soart.prompts.steering.steering import Steering


class Tuner(ABC):
    """The interface of all methods, for so many options of each slot, with the method's own randomness."""

    #: Pictures per batch, None for the benchmark's size.
    batch: int | None = None

    def __init__(self, levels: Sequence[int], rng: np.random.Generator) -> None:
        self.levels, self.rng = tuple(levels), rng
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

    def __init__(self, levels: Sequence[int], rng: np.random.Generator) -> None:
        super().__init__(levels, rng)
        self.steering = Steering(Domain.of(levels), repeats=True)

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        return self.steering.ask(count, self.rng)

    def tell(self, choices: np.ndarray, ratings: np.ndarray) -> None:  # noqa: D102
        self.steering.tell(choices, ratings)

    def recommend(self) -> np.ndarray:  # noqa: D102
        return self.steering.recommend(self.rng).choice


class Random(Tuner):
    """Uniform choices."""

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        return Domain.of(self.levels).random(self.rng, count)


class Tpe(Tuner):
    """Optuna's TPE with default settings on categorical parameters, in batches with its constant liar."""

    def __init__(self, levels: Sequence[int], rng: np.random.Generator) -> None:
        super().__init__(levels, rng)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = {f"s{s:02}": self.options(n) for s, n in enumerate(levels)}
        self.study = optuna.create_study(direction="maximize", sampler=self.sampler(int(rng.integers(2**31))))
        self._open: list[optuna.Trial] = []

    def options(self, count: int) -> optuna.distributions.BaseDistribution:
        """The options of a slot."""
        return optuna.distributions.CategoricalDistribution(range(count))

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """The sampler to use."""
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        self._open = [self.study.ask(self._space) for _ in range(count)]
        return np.array([[trial.params[name] for name in self._space] for trial in self._open])

    def tell(self, choices: np.ndarray, ratings: np.ndarray) -> None:  # noqa: D102
        super().tell(choices, ratings)
        for trial, rating in zip(self._open, ratings, strict=True):
            self.study.tell(trial, float(rating))


class TpeOneByOne(Tpe):
    """Optuna's TPE with a rating after every picture: an advantage over the others."""

    batch = 1

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:  # noqa: D102
        return optuna.samplers.TPESampler(seed=seed)


class OptunaGp(Tpe):
    """Optuna's Gaussian process sampler, in batches, set to noisy ratings."""

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:  # noqa: D102
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)
