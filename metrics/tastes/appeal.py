"""Appeal: how beautiful people in general find a picture, by what a network sees in it.

    appeal = offset + Σ_l weight_l · exp((C_l − 1)/T),   C_l the cosine between the picture and learning picture l

in the first principal components of the items of the last two stages of EfficientNet-Lite0: the kernel of attention in
``item_kernels``, and a Gaussian process over it. Cosines are bounded, so a picture unlike all others gets a value near
the mean. It is a prior score of tastes, which learn how far to trust it, and a judge.

It was learnt from opinions of several sources, none of generated pictures (``benchmarks/data/opinions.py`` names them):
mean ratings of photographs, of scenes, faces, buildings and works of art, and choices between pictures of one kind.
Ratings of different sources are not compared with each other, and choices only within a pair, so appeal also learns
what makes one picture of a kind better than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import ProfileError
from ..items.frame import CUT, LATE, Frame, blocks, columns_of, kinds_of

#: Name of the prior score and of the judge.
APPEAL = "appeal"
VERSION = "appeal-2"
#: Principal components, temperature T, variance of the noise (that of the process is 1), and the weight of opinions of
#: every source after the first; chosen by leaving out sources (``benchmarks/score/build_appeal.py``).
COMPONENTS, TEMPERATURE, NOISE, WEIGHT = 64, 0.5, 0.4, 0.4
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


@dataclass(frozen=True)
class Appeal:
    """A function of items.

    Attributes:
        names: (q,) names of the items.
        centre, scale: (q,) of the items; the scale of constant ones is infinite.
        axes: (q, d) principal components.
        pictures: (m, d) unit vectors of the learning pictures.
        weights: (m,) of the learning pictures.
        offset: value of a picture unlike all of them.
    """

    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    pictures: np.ndarray
    weights: np.ndarray
    offset: float

    def known_from(self, names: Sequence[str]) -> bool:
        """True if its items are among those of these names."""
        return set(self.names) <= set(names)

    def scores(self, items: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(n,) predicted mean ratings, 1 to 7 but unbounded, of (n, p) items with (p,) names.

        Raises:
            ProfileError: its items are not among them.
        """
        columns = columns_of("Appeal", self.names, names)
        scores = np.empty(len(items))
        for block in blocks(len(items)):
            z = np.clip((items[block, columns] - self.centre) / self.scale, -CUT, CUT)
            scores[block] = self.offset + _kernel(unit(z @ self.axes), self.pictures) @ self.weights
        return scores


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) vectors of length 1; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: np.ndarray = vectors / np.where(lengths > 0, lengths, 1.0)
    return directions


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(i, l) values between (i, d) and (l, d) unit vectors."""
    values: np.ndarray = np.exp((a @ b.T - 1) / TEMPERATURE)
    return values


def learn_appeal(opinions: Sequence[Opinions], names: tuple[str, ...]) -> Appeal:
    """Learn it from pictures with a network's items at several depths.

    Args:
        opinions: of several sources; the scale of appeal is that of the first, which must be ratings.
        names: (p,) names of the items.

    Raises:
        ProfileError: no opinions, or those of the first source are choices.
    """
    if not opinions or opinions[0].pairs is not None:
        raise ProfileError("Expected opinions whose first source is ratings, because they give appeal its scale.")
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
    covariance = contrasts @ _kernel(pictures, pictures) @ contrasts.T + np.diag(np.concatenate(noise))
    ratings = opinions[0].values
    weights = float(ratings.std()) * contrasts.T @ np.linalg.solve(covariance, target)
    first = _kernel(pictures[: len(ratings)], pictures) @ weights
    offset = float(ratings.mean() - first.mean())
    return Appeal(late_names, frame.centre, frame.scale, axes, pictures, weights, offset)


@lru_cache(maxsize=1)
def appeal_model() -> Appeal:
    """The one of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {
            name: file.get_tensor(name).astype(np.float64)
            for name in ("centre", "scale", "axes", "pictures", "weights")
        }
        facts = file.metadata()
    return Appeal(tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]))
