"""The balanced first batch, the leaders shown again, and what more pictures can gain."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from ..rating_model.choice_functions import Tables
from ..space.conditions import switch_off
from .search import Domain, Key, best_of, keys

#: Random designs, of which ``balanced_batch`` takes the one with the largest smallest distance.
_DESIGNS = 40
#: Best choices by posterior mean, among which ``leaders_batch`` chooses.
_LEADERS = 5


def balanced_batch(
    domain: Domain, count: int, rng: np.random.Generator, taken: Container[Key] = frozenset()
) -> np.ndarray:
    """(count, S) permitted choices that use the options of each slot equally often and differ in many slots.

    The design is the best of several Latin hypercubes of options. Rows that break constraints, or are ``taken``, are
    replaced by random permitted ones.
    """
    usable = domain.drawable()
    best, widest = np.zeros((0, len(usable)), dtype=np.int64), -1
    for _ in range(_DESIGNS):
        columns = [
            rng.permutation(_spread(options, count, rng) if ordered else np.resize(rng.permutation(options), count))
            for options, ordered in zip(usable, domain.numbers(), strict=True)
        ]
        design = switch_off(np.column_stack(columns).astype(np.int64), domain.conditions, domain.levels)
        distances = (design[:, None, :] != design[None, :, :]).sum(axis=2)
        closest = int(distances[np.triu_indices(count, 1)].min(initial=len(usable)))
        if closest > widest:
            best, widest = design, closest
    used: set[Key] = set()
    for row, choice in enumerate(best):
        for _ in range(100):
            key = keys(choice[None])[0]
            if domain.permits(choice) and key not in used and key not in taken:
                break
            choice = domain.random(rng, 1)[0]
        best[row] = choice
        used.add(keys(choice[None])[0])
    return best


def _spread(options: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) of the ordered ``options``, one from each of ``count`` equal stretches."""
    return options[((np.arange(count) + rng.random(count)) / count * len(options)).astype(np.int64)]


def leaders_batch(draws: Tables, shown: np.ndarray, mean: Tables, count: int) -> np.ndarray:
    """(count, S) choices of (k, S) ``shown`` that deserve another seed, by Thompson sampling among the best means."""
    best = shown[np.argsort(-mean(shown)[0], kind="stable")[:_LEADERS]]
    again: np.ndarray = best[draws(best).argmax(axis=1)[np.arange(count) % len(draws)]]
    return again


def expected_gain(
    draws: Tables,
    recommended: np.ndarray,
    domain: Domain,
    rng: np.random.Generator,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Expected gain of perfect knowledge over the recommended (S,) choice, and its standard error.

    The mean of max f − f(recommended) over d posterior draws f bounds the gain of any further pictures (expected simple
    regret). ``limits`` are the lowest and the highest value there is, such as 100 points; draws know none.
    """
    regrets = []
    for number in range(len(draws)):
        peak = best_of(draws[number], domain, rng, starts=recommended[None], restarts=12)
        values = np.clip([draws[number](peak)[0, 0], draws[number](recommended[None])[0, 0]], *limits)
        regrets.append(float(values[0] - values[1]))
    return float(np.mean(regrets)), float(np.std(regrets) / np.sqrt(len(regrets)))


def larger_the_better(values: np.ndarray) -> float:
    """Taguchi's SN ratio −10 log₁₀(mean 1/y²) in dB; NaN without values, or if one is not positive (undefined)."""
    y = np.asarray(values, dtype=np.float64)
    return float(-10 * np.log10(np.mean(1.0 / y**2))) if len(y) and (y > 0).all() else float("nan")
