"""Optuna's samplers and BoTorch's Gaussian processes as tuners."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from soart.benchmarks.search.tuners import Tuner
from soart.prompts.steering.batches import balanced_batch


class _Optuna(Tuner):
    """An Optuna study with categorical parameters."""

    def __init__(self, levels: Sequence[int], rng: np.random.Generator, plan: Sequence[int]) -> None:
        import optuna

        super().__init__(levels, rng, plan)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = {f"s{s:02}": optuna.distributions.CategoricalDistribution(range(n)) for s, n in enumerate(levels)}
        self.study = optuna.create_study(direction="maximize", sampler=self.sampler(int(rng.integers(2**31))))
        self._open: list[object] = []

    @abstractmethod
    def sampler(self, seed: int) -> object:
        """The sampler to use."""

    def ask(self, count: int) -> np.ndarray:
        self._open = [self.study.ask(self._space) for _ in range(count)]
        return np.array([[trial.params[name] for name in self._space] for trial in self._open])

    def tell(self, choices: np.ndarray, ratings: np.ndarray) -> None:
        super().tell(choices, ratings)
        for trial, rating in zip(self._open, ratings, strict=True):
            self.study.tell(trial, float(rating))


class Tpe(_Optuna):
    """Optuna's TPE with default settings, in batches with its constant liar."""

    def sampler(self, seed: int) -> object:  # noqa: D102
        import optuna

        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


class TpeOneByOne(Tpe):
    """Optuna's TPE with a rating after every picture: an advantage over the others."""

    batch = 1

    def sampler(self, seed: int) -> object:  # noqa: D102
        import optuna

        return optuna.samplers.TPESampler(seed=seed)


class OptunaGp(_Optuna):
    """Optuna's Gaussian process sampler, in batches, set to noisy ratings."""

    def sampler(self, seed: int) -> object:  # noqa: D102
        import optuna

        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)


class _BoTorch(Tuner):
    """A BoTorch model, steered by noisy expected improvement over batches with discrete local search.

    Fitting is BoTorch's own. The recommendation has the best posterior mean over the whole space, by the same search.
    """

    def __init__(self, levels: Sequence[int], rng: np.random.Generator, plan: Sequence[int]) -> None:
        import torch

        super().__init__(levels, rng, plan)
        torch.manual_seed(int(rng.integers(2**31)))
        torch.set_num_threads(1)

    @abstractmethod
    def model(self) -> object:
        """The model, fitted to the ratings."""

    def encode(self, choices: np.ndarray) -> object:
        """(n, S) float tensor."""
        import torch

        return torch.tensor(choices, dtype=torch.double)

    def ask(self, count: int) -> np.ndarray:
        """(count, S) choices."""
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement

        if not len(self.choices):
            return balanced_batch(self.domain, count, self.rng)
        seen = self.encode(self.choices)
        improvement = qLogNoisyExpectedImprovement(self.model(), seen, prune_baseline=True)
        return self._search(improvement, count, seen)

    def recommend(self) -> np.ndarray:
        """(S,) the best choice by posterior mean."""
        from botorch.acquisition import PosteriorMean

        return self._search(PosteriorMean(self.model()), 1, None)[0]

    def _search(self, acquisition: object, count: int, avoid: object) -> np.ndarray:
        import torch
        from botorch.optim import optimize_acqf_discrete_local_search

        options = [torch.arange(n, dtype=torch.double) for n in self.levels]
        found, _ = optimize_acqf_discrete_local_search(
            acquisition, discrete_choices=options, q=count, num_restarts=4, raw_samples=128, X_avoid=avoid
        )
        return found.numpy().round().astype(np.int64)


class BoTorchMixed(_BoTorch):
    """MixedSingleTaskGP: a Hamming-distance kernel with a lengthscale for each slot."""

    def model(self) -> object:  # noqa: D102
        import torch
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import MixedSingleTaskGP
        from botorch.models.transforms import Standardize
        from gpytorch.mlls import ExactMarginalLogLikelihood

        ratings = torch.tensor(self.ratings)[:, None]
        slots = list(range(len(self.levels)))
        model = MixedSingleTaskGP(self.encode(self.choices), ratings, cat_dims=slots, outcome_transform=Standardize(1))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model
