"""The learning curve: what more ratings would bring.

Held-out concordance is measured on parts of the learning pictures, and its distance from 1 is fitted by an inverse power law
1 − C(m) = a + b·m^(−c) with a, b ≥ 0; the repetitions give the uncertainty.

Source: Figueroa et al., "Predicting sample size required for classification performance", *BMC Medical Informatics and Decision Making* 12 (2012).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from .examples import Examples
from .folds import fold_numbers, gather, learnable
from .trust import CHANCE, FOLDS, TOO_FEW, Learner, Trust

SHARES = (0.4, 0.6, 0.8, 1.0)
EXPONENTS = (0.35, 0.5, 0.7, 1.0)
REPEATS = 4
#: A gain below this is not worth rating for.
WORTH = 0.01


def measure_curve(
    examples: Examples, learner: Learner, rng: np.random.Generator, repeats: int = REPEATS
) -> tuple[np.ndarray, np.ndarray]:
    """Held-out concordance after learning from parts of the learning sides.

    Returns:
        (s,) mean numbers of pictures learnt from and (repeats, s) concordances; NaN where nothing could be compared.
    """
    sizes, values = np.zeros(len(SHARES)), np.full((repeats, len(SHARES)), np.nan)
    times = 0
    for repeat in range(repeats):
        numbers = fold_numbers(examples.liking, examples.groups, FOLDS, rng)
        tests: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in SHARES]
        for fold in np.unique(numbers):
            test, learning = np.flatnonzero(numbers == fold), np.flatnonzero(numbers != fold)
            # Ten parts of like composition: a share of the learning side is the first few of them.
            tenth = fold_numbers(examples.liking[learning], examples.groups[learning], 10, rng)
            for k, share in enumerate(SHARES):
                part = learning[tenth < round(10 * share)]
                sizes[k] += len(part)
                if len(part) >= 2 and learnable(examples.liking[part]):
                    predictor = learner(examples.take(part), rng)
                    tests[k].append((test, predictor(examples.items[test], examples.priors[test])))
            times += 1
        values[repeat] = [gather(examples.liking, found).concordance for found in tests]
    return sizes / max(times, 1), values


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """1 − C(m) = floor + factor·m^(−exponent)."""

    floor: float
    factor: float
    exponent: float

    def __call__(self, size: float) -> float:
        """Expected concordance after learning from ``size`` pictures."""
        return float(1 - self.floor - self.factor * size**-self.exponent)


def fit_power_law(sizes: np.ndarray, concordances: np.ndarray) -> PowerLaw:
    """Least squares over (s,) sizes and concordances, non-negative floor and factor, the best of a few exponents."""
    best, least = PowerLaw(float(1 - concordances.mean()), 0.0, 1.0), np.inf
    for exponent in EXPONENTS:
        (floor, factor), residual = nnls(np.column_stack([np.ones(len(sizes)), sizes**-exponent]), 1 - concordances)
        if residual < least - 1e-12:
            best, least = PowerLaw(float(floor), float(factor), exponent), residual
    return best


def add_curve(trust: Trust, examples: Examples, learner: Learner, rng: np.random.Generator) -> Trust:
    """The trust report with a learning curve and advice on how many more ratings would help."""
    if not np.isfinite(trust.concordance):
        return replace(trust, advice="Rate at least five pictures you like and five you do not.")
    sizes, values = measure_curve(examples, learner, rng)
    seen = np.isfinite(values).all(axis=0)
    sizes, values = sizes[seen], values[:, seen]
    if len(sizes) < 2:
        return replace(trust, advice="Rate more pictures: there are too few for a learning curve.")
    laws = [fit_power_law(sizes, values[rng.integers(0, len(values), len(values))].mean(axis=0)) for _ in range(100)]
    law = fit_power_law(sizes, values.mean(axis=0))
    more = len(examples)
    now, then = law(len(examples)), law(2 * more)
    low, high = (float(v) for v in np.quantile([one(2 * more) for one in laws], (0.05, 0.95)))
    spread = values.std(axis=0, ddof=1) / np.sqrt(len(values)) * 2
    curve = tuple(
        (round(size), float(v), float(max(v - s, 0)), float(min(v + s, 1)))
        for size, v, s in zip(sizes, values.mean(axis=0), spread, strict=True)
    )
    what = "rank correlation" if trust.graded else "AUC"
    show = [2 * v - 1 if trust.graded else v for v in (now, then, low, high)]
    if trust.word == TOO_FEW:
        advice = f"Rate at least five pictures you like and five you do not; after {more} more the {what} may be near {show[1]:.2f}."
    elif then - now < WORTH:
        advice = (
            f"More ratings of this kind would hardly help: {more} more are expected to take the {what} from {show[0]:.2f} "
            f"to {show[1]:.2f}."
        )
        if trust.word == CHANCE:
            advice += " These items may not show what you like: add deep items, or rate pictures that differ more."
    else:
        advice = (
            f"{more} more ratings are expected to take the {what} from {show[0]:.2f} to {show[1]:.2f} "
            f"(90 % of fits: {show[2]:.2f}…{show[3]:.2f})."
        )
    return replace(trust, curve=curve, advice=advice, more=more, expected=float(then))
