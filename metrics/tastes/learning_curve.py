"""The learning curve, and how much more ratings or choices would help.

Held-out concordance is measured with shares of the learning pictures. Its distance from 1 is fitted by an inverse power
law 1 − C(m) = a + b·m^(−c) with a, b ≥ 0; the repetitions give the uncertainty. The law says how much the concordance
grows; it grows from the held-out figure of the trust report, so that report and forecast agree.

Source: Figueroa et al., "Predicting sample size required for classification performance", *BMC Medical Informatics and
Decision Making* 12 (2012).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .examples import Examples
from .folds import HeldOut, Units, fold_numbers, gather, learnable, splits
from .trust import (
    CHANCE,
    CHOOSE_FIVE,
    CHOOSE_MORE_PROMPTS,
    FEWEST_PER_SIDE,
    FOLDS,
    MORE_PROMPTS,
    RATE_FIVE,
    TOO_FEW,
    Learner,
    Trust,
    hundredths,
    independent,
    score_interval,
    shown_as_much,
)

#: Shares of the learning pictures, and exponents c that are tried.
SHARES = (0.4, 0.6, 0.8, 1.0)
EXPONENTS = (0.35, 0.5, 0.7, 1.0)
REPEATS = 4
#: Advice without a learning curve.
RATE_MORE = "Rate more pictures: there are too few for a learning curve."
CHOOSE_MORE = "Choose between more pictures: there are too few for a learning curve."
#: The least gain in concordance that is worth more ratings or choices.
WORTH = 0.01
#: Times as many ratings or choices as now that are looked ahead to for a taste that shows nothing yet.
AHEAD = (1.5, 2, 3, 4, 6, 8, 12)


def measure_curve(
    examples: Examples, learner: Learner, rng: np.random.Generator, repeats: int = REPEATS
) -> tuple[np.ndarray, np.ndarray]:
    """Measure held-out concordance after learning from ``SHARES`` of the learning pictures of each fold.

    Args:
        examples: the judged pictures.
        learner: learns from examples.
        rng: source of the folds and shares.
        repeats: repetitions with other folds.

    Returns:
        (s,) mean numbers of learning pictures, and (repeats, s) concordances, NaN where nothing could be compared.
    """
    sizes, values = np.zeros(len(SHARES)), np.full((repeats, len(SHARES)), np.nan)
    times, units = 0, Units.of(examples)
    for repeat in range(repeats):
        numbers = fold_numbers(examples.liking, units.unit, FOLDS, rng)
        tests: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in SHARES]
        for test, learning in splits(numbers):
            # Ten balanced subsets: a share of the learning pictures is the first few of them.
            tenth = fold_numbers(examples.liking[learning], units.unit[learning], 10, rng)
            for k, share in enumerate(SHARES):
                rows = learning[tenth < round(10 * share)]
                sizes[k] += len(rows)
                if len(rows) >= 2 and learnable(examples.liking[rows]):
                    predictor = learner(examples.take(rows), rng)
                    tests[k].append(
                        (test, predictor(examples.items[test], examples.priors[test], examples.makings[test]))
                    )
            times += 1
        values[repeat] = [gather(examples.liking, by_fold, units.level).concordance for by_fold in tests]
    return sizes / max(times, 1), values


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Learning curve 1 − C(m) = floor + factor·m^(−exponent)."""

    floor: float
    factor: float
    exponent: float

    def __call__(self, size: float) -> float:
        """Expected concordance after learning from ``size`` pictures."""
        return float(1 - self.floor - self.factor * size**-self.exponent)


def fit_power_law(sizes: np.ndarray, concordances: np.ndarray) -> PowerLaw:
    """Fit (s,) sizes and concordances by least squares, with floor and factor ≥ 0 and the best of ``EXPONENTS``."""
    from scipy.optimize import nnls

    best, least = PowerLaw(float(1 - concordances.mean()), 0.0, 1.0), np.inf
    for exponent in EXPONENTS:
        (floor, factor), residual = nnls(np.column_stack([np.ones(len(sizes)), sizes**-exponent]), 1 - concordances)
        if residual < least - 1e-12:
            best, least = PowerLaw(float(floor), float(factor), exponent), residual
    return best


def add_curve(
    trust: Trust,
    examples: Examples,
    learner: Learner,
    rng: np.random.Generator,
    *,
    held_out: HeldOut | None = None,
    content: bool = False,
) -> Trust:
    """The trust report with a learning curve, and advice on how much as many ratings or choices again would help.

    Args:
        trust: the report.
        examples: the judged pictures.
        learner: learns from some of them.
        rng: source of folds.
        held_out: the comparisons behind the report; None if nothing could be held out.
        content: True if a network's items are among the items.
    """
    few, more_prompts = (CHOOSE_FIVE, CHOOSE_MORE_PROMPTS) if trust.only_choices else (RATE_FIVE, MORE_PROMPTS)
    better, worse = (examples.liking > examples.middle).sum(), (examples.liking < examples.middle).sum()
    if trust.word == TOO_FEW and min(better, worse) >= FEWEST_PER_SIDE:
        return replace(trust, advice=more_prompts)
    if held_out is None or not np.isfinite(trust.concordance):
        return replace(trust, advice=f"{few}.")
    sizes, values = measure_curve(examples, learner, rng)
    usable = np.isfinite(values).all(axis=0)
    sizes, values = sizes[usable], values[:, usable]
    if len(sizes) < 2:
        return replace(trust, advice=CHOOSE_MORE if trust.only_choices else RATE_MORE)
    laws = [fit_power_law(sizes, values[rng.integers(0, len(values), len(values))].mean(axis=0)) for _ in range(100)]
    law = fit_power_law(sizes, values.mean(axis=0))
    more = trust.choices if trust.only_choices else len(examples)
    reached = float(sizes[-1])

    def forecast(times: float, by: PowerLaw = law) -> float:
        """Held-out concordance expected with so many times the ratings or choices."""
        return float(np.clip(trust.concordance + by(times * reached) - by(reached), 0, 1))

    now, then = trust.concordance, forecast(2)
    low, high = (float(v) for v in np.quantile([forecast(2, resampled) for resampled in laws], (0.05, 0.95)))
    spread = values.std(axis=0, ddof=1) / np.sqrt(len(values)) * 2
    curve = tuple(
        (round(size * more / len(examples)), float(v), float(max(v - s, 0)), float(min(v + s, 1)))
        for size, v, s in zip(sizes, values.mean(axis=0), spread, strict=True)
    )
    advice = _advice(trust, more, (now, then), (low, high))
    if trust.word == CHANCE:
        units = Units.of(examples)
        half = (units.level < 0).sum() / 2 + units.choices
        side = shown_as_much(held_out, units, half, half)[0]
        helps = [ratings_to_show(trust, more, forecast, side), _missing_side(trust), _other_items(content=content)]
        advice = " ".join([advice, *(sentence for sentence in helps if sentence)])
    return replace(trust, curve=curve, advice=advice, more=more, expected=float(then))


def _advice(trust: Trust, more: int, concordances: tuple[float, float], limits: tuple[float, float]) -> str:
    """Advice in a sentence or two.

    Args:
        trust: the trust report.
        more: number of further ratings, or choices.
        concordances: concordance now, and the one expected after these ratings.
        limits: 90 % interval of the expected concordance.
    """
    statistic = "rank correlation" if trust.graded else "AUC"
    values = (2 * c - 1 if trust.graded else c for c in (*concordances, *limits))
    now, then, low, high = map(hundredths, values)
    if trust.word == TOO_FEW:
        few = CHOOSE_FIVE if trust.only_choices else RATE_FIVE
        if concordances[1] <= 0.5:
            return f"{few}."
        more_of_them = f"{more} more choices" if trust.only_choices else f"{more} more"
        return f"{few}; after {more_of_them} the {statistic} may be near {then}."
    if concordances[1] - concordances[0] >= WORTH:
        return (
            f"{more} more {trust.judgements} are expected to raise the {statistic} from {now} to {then} "
            f"(90 % of fits: {low}…{high})."
        )
    if now == then:
        return (
            f"More {trust.judgements} of this kind would hardly help: with {more} more the {statistic} is expected to stay "
            f"at {now}."
        )
    return (
        f"More {trust.judgements} of this kind would hardly help: with {more} more the {statistic} is expected to change "
        f"from {now} to {then}."
    )


def ratings_to_show(trust: Trust, count: int, forecast: Callable[[float], float], side_now: float | None = None) -> str:
    """Tell in a sentence how many more ratings or choices would show that a taste is better than chance.

    Args:
        trust: the trust report.
        count: number of ratings, or choices, now.
        forecast: the concordance expected with so many times as many.
        side_now: number of pictures a side that they show as much as, see ``trust.comparisons``; by default half of them.
    """
    side_now = count / 2 if side_now is None else side_now
    statistic = "rank correlation" if trust.graded else "AUC"
    for times in AHEAD:
        expected, side = forecast(times), independent(times * side_now)
        if score_interval(expected, side, side)[0] > 0.5:
            value = hundredths(2 * expected - 1 if trust.graded else expected)
            more = round((times - 1) * count)
            needed = f"{more} more choices" if trust.only_choices else f"{more} more, half of them liked,"
            return f"If the {statistic} is then {value}, some {needed} would show that it is better than chance."
    return (
        f"Even {round((AHEAD[-1] - 1) * count)} more {trust.judgements} of this kind would not show that it is better than "
        "chance."
    )


def _missing_side(trust: Trust) -> str:
    """Name in a sentence the side that has too few pictures; empty if neither has, and for choices, which have none."""
    few, many = sorted([(trust.liked, "liked"), (trust.disliked, "disliked")])
    if trust.only_choices or few[0] * 2 > many[0]:
        return ""
    return f"Only {few[0]} are {few[1]} beside {many[0]} {many[1]}: rate more {few[1]} ones."


def _other_items(*, content: bool) -> str:
    """Name in a sentence other items that might show the taste."""
    if content:
        return (
            "A larger network may see what this one does not: try soart taste learn --network with the hub id of a CLIP or "
            "SigLIP model."
        )
    return (
        "These items only measure how pictures look: soart taste learn --network efficientnet-lite0 adds items of what "
        "they show."
    )
