"""Estimates from the other raters of a collection how far a person will trust its prior scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...metrics.items.nima import NIMA
from ...metrics.tastes.appeal import APPEAL
from ...metrics.tastes.beliefs import Beliefs
from ...metrics.tastes.mixture import shown_trusts
from ...metrics.tastes.shown_by_others import beliefs_shown_by_others
from ...metrics.tastes.taste import OTHERS, TECHNICAL
from ..collection.collection import Collection
from ..collection.ratings import stars_of_others

#: Prior scores of pictures that a rater has rated, and the ratings.
Pair = tuple[np.ndarray, np.ndarray]


def beliefs_in(
    collection: Collection, rater: str, prior_names: Sequence[str], priors: Mapping[int, np.ndarray], spread: float
) -> tuple[Beliefs, ...]:
    """Beliefs (k,) in the trusts in prior scores, by how well they predict the raters other than ``rater``.

    A belief is None for a prior score of which others show nothing; there is none at all if nobody else has rated.
    ``priors`` holds (k,) prior scores of all measured pictures, by id; ``spread`` is the standard deviation of the
    rater's likings.
    """
    stars = list(stars_of_others(collection, rater).values())
    if not stars:
        return ()
    found: list[Beliefs] = []
    for column, name in enumerate(prior_names):
        pairs: list[Pair] | None = None
        if name in (TECHNICAL, APPEAL, NIMA):
            known = {image: float(row[column]) for image, row in priors.items() if np.isfinite(row[column])}
            pairs = list(ratings_with_scores(stars, known))
        elif name == OTHERS:
            pairs = list(ratings_with_others_means(stars))
        found.append(None if pairs is None else beliefs_shown_by_others(shown_trusts(name), pairs, spread))
    return tuple(found)


def ratings_with_scores(stars: Sequence[Mapping[int, float]], scores: Mapping[int, float]) -> Iterator[Pair]:
    """Yield for each rater the standardised scores and the ratings of the pictures that have both."""
    everything = np.array(list(scores.values()))
    for own in stars:
        rated = [image for image in own if image in scores]
        yield (
            _standardised(np.array([scores[image] for image in rated]), everything),
            np.array([own[image] for image in rated]),
        )


def ratings_with_others_means(stars: Sequence[Mapping[int, float]]) -> Iterator[Pair]:
    """Yield for each rater the standardised means of all others, as ``relative_means`` has them, and the rater's own ratings."""
    place = {image: number for number, image in enumerate(sorted({image for own in stars for image in own}))}
    rows = [np.array([place[image] for image in own]) for own in stars]
    values = [np.array(list(own.values())) for own in stars]
    count, total = np.zeros(len(place)), np.zeros(len(place))
    for row, value in zip(rows, values, strict=True):
        count[row] += 1
        total[row] += value - value.mean()
    for row, value in zip(rows, values, strict=True):
        others, sums = count.copy(), total.copy()
        others[row] -= 1
        sums[row] -= value - value.mean()
        known = others > 0
        means = np.divide(sums, others, out=np.zeros(len(place)), where=known)
        rated = known[row]
        yield _standardised(means[row[rated]], means[known]), value[rated]


def _standardised(scores: np.ndarray, everything: np.ndarray) -> np.ndarray:
    """Scores in standard deviations of all pictures, cut at ±3, as a taste takes them; 0 if all have the same."""
    deviation = everything.std() if len(everything) else 0.0
    return np.clip((scores - everything.mean()) / deviation, -3, 3) if deviation > 1e-12 else np.zeros(len(scores))
