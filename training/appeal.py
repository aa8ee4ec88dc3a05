"""Learns appeal from people's opinions of pictures; see ``metrics.tastes.appeal``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TasteError
from ..metrics.items.frame import LATE, Frame, kinds_of
from ..metrics.tastes.appeal import Appeal, kernel, unit

#: Principal components, variance of the noise (that of the process is 1), and the weight of opinions of every source
#: after the first; chosen by leaving out sources (``benchmarks/score/build_appeal.py``).
COMPONENTS, NOISE, WEIGHT = 64, 0.4, 0.4
#: Value of choices on which all people agree, in standard deviations of ratings.
AGREED = 1.5


@dataclass(frozen=True)
class Opinions:
    """People's opinions of pictures of one source: ratings of all, or choices between two of them.

    Attributes:
        items: (n, p) items of the pictures.
        values: (n,) mean ratings; or (c,) shares −1 … 1 of the people who chose the second of two pictures less those
            who chose the first.
        pairs: (c, 2) numbers of the two pictures; None for ratings.
    """

    items: np.ndarray
    values: np.ndarray
    pairs: np.ndarray | None = None

    def contrasts(self) -> tuple[np.ndarray, np.ndarray]:
        """(c, n) sums of pictures' likings that opinions tell, and their (c,) values in standard deviations of ratings."""
        if self.pairs is None:
            deviation = float(self.values.std()) or 1.0
            n = len(self.values)
            return np.eye(n) - 1 / n, (self.values - self.values.mean()) / deviation
        rows, choices = np.zeros((len(self.pairs), len(self.items))), np.arange(len(self.pairs))
        np.add.at(rows, (choices, self.pairs[:, 1]), 1.0)
        np.add.at(rows, (choices, self.pairs[:, 0]), -1.0)
        return rows, AGREED * self.values


def learn_appeal(opinions: Sequence[Opinions], names: tuple[str, ...]) -> Appeal:
    """Learn it from pictures with a network's items at several depths.

    Args:
        opinions: of several sources; the scale of appeal is that of the first, which must be ratings.
        names: (p,) names of the items.

    Raises:
        TasteError: no opinions, or those of the first source are choices.
    """
    if not opinions or opinions[0].pairs is not None:
        raise TasteError("Expected opinions whose first source is ratings, because they give appeal its scale.")
    late = kinds_of(names)[LATE]
    late_names = tuple(names[i] for i in late)
    items = np.concatenate([source.items[:, late] for source in opinions])
    frame = Frame.of(items, late_names)
    directions = unit(frame.deviations(items))
    axes = np.linalg.eigh(directions.T @ directions)[1][:, ::-1][:, :COMPONENTS]
    pictures = unit(directions @ axes)
    told, values, noise = [], [], []
    for number, source in enumerate(opinions):
        rows, own = source.contrasts()
        before = sum(len(earlier.items) for earlier in opinions[:number])
        told.append(np.pad(rows, ((0, 0), (before, len(items) - before - len(source.items)))))
        values.append(own)
        noise.append(np.full(len(own), NOISE / (WEIGHT if number else 1.0)))
    contrasts, target = np.concatenate(told), np.concatenate(values)
    covariance = contrasts @ kernel(pictures, pictures) @ contrasts.T + np.diag(np.concatenate(noise))
    ratings = opinions[0].values
    weights = float(ratings.std()) * contrasts.T @ np.linalg.solve(covariance, target)
    first = kernel(pictures[: len(ratings)], pictures) @ weights
    offset = float(ratings.mean() - first.mean())
    return Appeal(late_names, frame.centre, frame.scale, axes, pictures, weights, offset)
