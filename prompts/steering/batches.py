"""What to show next: a balanced first batch, then Thompson sampling over the whole space; what to recommend, and when to stop.

Thompson sampling (1933) shows the best choice of a function drawn from the posterior: what may be best is shown as often as it may be best, and
a batch is as many draws (Kandasamy et al. 2018). ``boldness`` scales the draw's deviation from the mean: below 1 it leans to what is known to be
good, which pays for budgets of tens of pictures (0.3 did best on quiet development worlds of benchmarks/tuning.py, 0.45 on noisy ones).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import PromptError
from ..rating_model.choice_functions import Tables
from .search import Domain, Key, best_of, keys


def balanced_batch(domain: Domain, count: int, rng: np.random.Generator, tries: int = 40) -> np.ndarray:
    """(count, S) permitted choices in which each slot shows its usable options equally often and choices differ in many slots.

    Of ``tries`` random balanced designs (Latin hypercubes of options) the one with the largest smallest distance; rows that constraints forbid
    are replaced by random permitted ones.
    """
    usable = [np.flatnonzero(part) for part in np.split(domain.options, np.cumsum(domain.levels)[:-1])]
    best, widest = np.zeros((0, len(usable)), dtype=np.int64), -1
    for _ in range(tries):
        columns = [rng.permutation(np.resize(rng.permutation(options), count)) for options in usable]
        design = np.column_stack(columns).astype(np.int64)
        apart = (design[:, None, :] != design[None, :, :]).sum(axis=2)
        closest = int(apart[np.triu_indices(count, 1)].min(initial=len(usable)))
        if closest > widest:
            best, widest = design, closest
    seen: set[Key] = set()
    for row, choice in enumerate(best):
        for _ in range(100):
            if domain.permits(choice) and keys(choice[None])[0] not in seen:
                break
            choice = domain.random(rng, 1)[0]
        best[row] = choice
        seen.add(keys(choice[None])[0])
    return best


def thompson_batch(
    draws: Tables,
    mean: Tables,
    domain: Domain,
    rng: np.random.Generator,
    *,
    boldness: float,
    starts: np.ndarray,
    taken: Collection[Key],
    apart: int = 1,
) -> np.ndarray:
    """(≤ d, S) the best choice of each of d draws, none in ``taken``, any two at least ``apart`` slots different.

    Args:
        draws: d posterior functions.
        mean: the posterior mean.
        domain: what is permitted.
        rng: for the search.
        boldness: factor on the draws' deviations from the mean, > 0.
        starts: (k, S) permitted choices to start the search from.
        taken: choices not to repeat.
        apart: smallest number of slots in which two choices of the batch differ, where the space has such choices.
    """
    batch = np.zeros((0, len(domain.levels)), dtype=np.int64)
    avoided = set(taken)
    for number in range(len(draws)):
        function = mean.times(1 - boldness).plus(draws[number].times(boldness))
        found = _apart_from(batch, apart, function, domain, rng, starts, avoided)
        if not len(found):
            found = best_of(function, domain, rng, starts=starts, taken=avoided)
        if not len(found):
            break
        batch = np.vstack([batch, found])
        avoided.add(keys(found)[0])
    return batch


def _apart_from(
    batch: np.ndarray,
    apart: int,
    function: Tables,
    domain: Domain,
    rng: np.random.Generator,
    starts: np.ndarray,
    taken: Collection[Key],
) -> np.ndarray:
    """The best choice that differs from all of ``batch`` in ``apart`` slots, (0, S) where none is found or none is asked for."""
    if apart <= 1 or not len(batch):
        return np.zeros((0, len(domain.levels)), dtype=np.int64)

    def allows(choice: np.ndarray) -> bool:
        far = (batch != choice).sum(axis=1).min() >= apart
        return bool(far) and (domain.allows is None or bool(domain.allows(choice)))

    narrower = Domain(domain.levels, domain.options, allows)
    try:
        return best_of(
            function, narrower, rng, starts=starts[[allows(choice) for choice in starts]], restarts=8, taken=taken
        )
    except PromptError:
        return np.zeros((0, len(domain.levels)), dtype=np.int64)


def leaders_batch(draws: Tables, shown: np.ndarray, mean: Tables, count: int, top: int = 5) -> np.ndarray:
    """(count, S) choices already shown that deserve another seed: Thompson sampling among the ``top`` by posterior mean."""
    best = shown[np.argsort(-mean(shown)[0], kind="stable")[:top]]
    again: np.ndarray = best[draws(best).argmax(axis=1)[np.arange(count) % len(draws)]]
    return again


def expected_gain(
    draws: Tables, recommended: np.ndarray, domain: Domain, rng: np.random.Generator
) -> tuple[float, float]:
    """What perfect knowledge would add to the recommended choice: mean and standard error over d posterior draws of max f − f(recommended).

    It bounds what any further pictures can gain (expected simple regret), in the units of the draws.
    """
    lost = []
    for number in range(len(draws)):
        peak = best_of(draws[number], domain, rng, starts=recommended[None], restarts=12)
        lost.append(float(draws[number](peak)[0, 0] - draws[number](recommended[None])[0, 0]))
    return float(np.mean(lost)), float(np.std(lost) / np.sqrt(len(lost)))


def larger_the_better(values: np.ndarray) -> float:
    """Taguchi's SN ratio −10 log₁₀(mean 1/y²) in dB; NaN where a value is not positive, for then it says nothing."""
    y = np.asarray(values, dtype=np.float64)
    return float(-10 * np.log10(np.mean(1.0 / y**2))) if len(y) and (y > 0).all() else float("nan")


@dataclass(frozen=True, slots=True)
class Robustness:
    """How a choice fared over its seeds: number of ratings, their mean and deviation, and the larger-the-better SN ratio in dB."""

    choice: Key
    count: int
    mean: float
    deviation: float
    signal_to_noise: float


def over_seeds(choices: np.ndarray, ratings: Sequence[float] | np.ndarray) -> list[Robustness]:
    """Each distinct choice of (n, S) ``choices`` over its (n,) ratings, by SN ratio where it exists, then by mean; best first."""
    values = np.asarray(ratings, dtype=np.float64)
    if not len(values):
        return []
    distinct, place = np.unique(choices, axis=0, return_inverse=True)
    table = []
    for number, key in enumerate(keys(distinct)):
        own = values[place.reshape(-1) == number]
        spread = float(own.std(ddof=1)) if len(own) > 1 else float("nan")
        table.append(Robustness(key, len(own), float(own.mean()), spread, larger_the_better(own)))
    return sorted(table, key=lambda row: (-np.nan_to_num(row.signal_to_noise, nan=-np.inf), -row.mean))
