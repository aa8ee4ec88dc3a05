"""Planted rating matrices with their truth, for benchmarks/search/collaborative.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soart.prompts.rating_model.choice_functions import prior_draws
from soart.prompts.rating_model.hyperparameters import Layout
from soart.prompts.steering.search import Domain

NOISE = 0.5


@dataclass(frozen=True)
class Ratings:
    """Cells with raters, prompt numbers, choices, noisy ratings and the truth; ``train`` marks those to learn from."""

    levels: tuple[int, ...]
    raters: np.ndarray
    prompts: np.ndarray
    choices: np.ndarray
    ratings: np.ndarray
    truth: np.ndarray
    train: np.ndarray


def structured(rng: np.random.Generator, kind: str, raters: int = 40, prompts: int = 300) -> Ratings:
    """Prompts that are choices of a space."""
    levels = (5,) * 6
    theta = Layout(6, ()).unpack(np.log([1.0, 1.0, 0.5, *[1 / 6] * 6]))
    catalogue = Domain.of(levels).random(rng, prompts)
    shared = prior_draws(rng, 1, levels, theta, 0.2)(catalogue)
    own = prior_draws(rng, raters, levels, theta, 0.3)(catalogue)
    truth = 0.75 * shared + 0.5 * own
    place = np.concatenate([rng.permutation(prompts)[:50] for _ in range(raters)])
    who = np.repeat(np.arange(raters), 50)
    value = truth[who, place]
    train = np.tile(np.arange(50) < 30, raters)
    if kind == "new prompts":
        train = place < 200
    if kind == "new raters":
        train = (who >= 10) | np.tile(np.arange(50) < 3, raters)
    tested = ~train if kind != "new raters" else ~train & (who < 10)
    kept = train | tested
    noisy = value + NOISE * rng.standard_normal(len(value))
    return Ratings(levels, who[kept], place[kept], catalogue[place[kept]], noisy[kept], value[kept], train[kept])
