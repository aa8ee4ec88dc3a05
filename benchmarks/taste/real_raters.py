"""Tastes of persons among other raters who agree with them or not; printed by ``taste.py --part real-raters``.

All persons of a group have a share of their liking in common: agreement a makes it a·common + √(1 − a²)·own. The others
rate some of the views in stars, each with a bit of noise. Only views that somebody has rated are learnt from and tested.
A contrary person likes the opposite of what the others have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import compared
from soart.benchmarks.data.real_tastes import World
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.mixture import shown_trusts
from soart.metrics.tastes.shown_by_others import beliefs_shown_by_others
from soart.pipelines.collection.ratings import relative_means
from soart.pipelines.tastes.other_raters import ratings_with_others_means, ratings_with_scores

#: Numbers of other raters, each with the number of views that each of them rates.
GROUPS = ((2, 100), (5, 100), (20, 40))
AGREEMENTS = (0.0, 0.5, 0.7)
SIZES = (4, 8, 16)
#: Persons from whom likings are drawn.
POOL, POOL_SIZE = 30_000, 100
OTHERS = "others"


@dataclass(frozen=True)
class Group:
    """A person among other raters.

    Attributes:
        label: (n,) 1 for liked, −1 for disliked and 0 for other views.
        stars: ratings of the others by view.
        others: (n,) their means, NaN without any.
    """

    label: np.ndarray
    stars: list[dict[int, float]]
    others: np.ndarray


def group(
    likings: np.ndarray, raters: int, rated: int, agreement: float, rng: np.random.Generator, *, contrary: bool = False
) -> Group:
    """A person and others, with likings drawn from (m, n) likings without anything in common."""
    common, own, *rest = likings[rng.permutation(len(likings))[: raters + 2]]

    def with_common(liking: np.ndarray, sign: float = 1.0) -> np.ndarray:
        mixed: np.ndarray = sign * agreement * common + np.sqrt(1 - agreement**2) * liking
        return mixed / mixed.std()

    mine = with_common(own, -1.0 if contrary else 1.0)
    low, high = np.quantile(mine, (0.4, 0.6))
    stars = []
    for liking in rest:
        values = np.clip(np.round(3 + 1.1 * with_common(liking) + 0.4 * rng.normal(size=len(liking))), 1, 5)
        stars.append({int(view): float(values[view]) for view in rng.permutation(len(liking))[:rated]})
    means = relative_means(stars)
    others = np.array([means.get(view, np.nan) for view in range(len(mine))])
    label = np.where(mine >= high, 1, np.where(mine <= low, -1, 0))
    return Group(np.where(np.isfinite(others), label, 0), stars, others)


def aucs(place: World, one: Group, size: int, seed: int) -> Iterator[float]:
    """AUCs of the taste with what others show, with the usual beliefs, without others' means, and of these means alone."""
    learn, test = place.split(one.label, size, np.random.default_rng([size, seed]))
    truth = one.label[test] == 1
    known, all_names = np.column_stack([place.told, one.others]), (*place.told_names, OTHERS)
    parts = {"good": learn[:size], "bad": learn[size:]}
    examples = from_modes(
        {mode: place.both[r] for mode, r in parts.items()}, {mode: place.source[r] for mode, r in parts.items()}
    )
    pairs = [list(ratings_with_scores(one.stars, dict(enumerate(scores.tolist())))) for scores in place.told.T]
    pairs.append(list(ratings_with_others_means(one.stars)))
    shown = tuple(
        beliefs_shown_by_others(shown_trusts(name), rated, examples.liking.std())
        for name, rated in zip(all_names, pairs, strict=True)
    )
    for names, beliefs in ((all_names, shown), (all_names, ()), (place.told_names, ())):
        priors = known[:, : len(names)]
        scaling = Scaling.of(place.both, priors, place.names)
        known_examples = replace(examples, priors=priors[learn], prior_names=names, prior_beliefs=beliefs)
        taste = fit(known_examples, place.names, scaling)
        yield roc_auc_score(truth, taste(place.both[test], priors[test]))
    yield roc_auc_score(truth, one.others[test])


def other_raters(place: World, persons: int) -> None:
    """Print the AUCs, and what the agreement of the others adds, with intervals over persons."""
    likings = np.stack([place.person(POOL + number)[1] for number in range(POOL_SIZE)])
    settings = [(raters, rated, a, False) for raters, rated in GROUPS for a in AGREEMENTS]
    settings += [(5, 100, a, True) for a in AGREEMENTS if a]
    for raters, rated, agreement, contrary in settings:
        title = (
            f"{raters} other raters of {rated} views, agreement {agreement:g}{', contrary person' if contrary else ''}"
        )
        print(f"\n{title}; {persons} persons")
        for size in SIZES:
            rows = [
                list(aucs(place, group(
                    likings, raters, rated, agreement, np.random.default_rng([raters, number]), contrary=contrary
                ), size, number))
                for number in range(persons)
            ]  # fmt: skip
            told_of = compared(np.array(rows), ("usual beliefs", "without others", "others alone"))
            print(f"  {size}+{size}: with what others show {told_of}", flush=True)
