"""Appeal: how beautiful people in general find a picture, by what a network sees in it.

    appeal = offset + Σ_q weight_q · z_q,   z = (items − centre)/scale, cut at ±4

over the items of the last two stages of EfficientNet-Lite0, by ridge regression on the mean ratings of photographs:
900 of OASIS, rated for beauty from 1 to 7 by 757 people (``benchmarks/build_appeal.py``). It is a prior score of tastes,
which learn how far to trust it, and a judge.

Sources: Kurdi, Lozano & Banaji, "Introducing the Open Affective Standardized Image Set (OASIS)", *Behavior Research
Methods* 49 (2017); Brielmann & Pelli, "Intense beauty requires intense pleasure", *Frontiers in Psychology* 10 (2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import ProfileError
from .kernels import CUT, LATE, Frame, kinds_of

#: Name of the prior score and of the judge.
APPEAL = "appeal"
VERSION = "appeal-1"
#: Strength of the ridge regression, in mean eigenvalues of the pictures' products; chosen by leaving out themes.
STRENGTH = 1.0
#: Pictures scored together.
BLOCK = 4096


@dataclass(frozen=True)
class Appeal:
    """A linear function of items.

    Attributes:
        names: (q,) names of the items.
        centre, scale: (q,) of the items; the scale of constant ones is infinite.
        weights: (q,) of the deviations.
        offset: mean rating of the pictures that it was learnt from.
    """

    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
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
        numbers = {name: column for column, name in enumerate(names)}
        try:
            columns = [numbers[name] for name in self.names]
        except KeyError as error:
            raise ProfileError(
                f"Appeal needs the item {error}, which is missing: measure the default network's items."
            ) from error
        scores = np.empty(len(items))
        # In blocks, so that memory does not grow with the number of pictures.
        for start in range(0, len(items), BLOCK):
            block = slice(start, start + BLOCK)
            z = np.clip((items[block, columns] - self.centre) / self.scale, -CUT, CUT)
            scores[block] = self.offset + z @ self.weights
        return scores


def learn_appeal(items: np.ndarray, names: tuple[str, ...], means: np.ndarray, strength: float = STRENGTH) -> Appeal:
    """Learn it from pictures with a network's items at several depths.

    Args:
        items: (n, p) items.
        names: (p,) their names.
        means: (n,) mean ratings.
        strength: of the ridge, in mean eigenvalues of the pictures' products.
    """
    late = kinds_of(names)[LATE]
    late_names = tuple(names[i] for i in late)
    frame = Frame.of(items[:, late], late_names)
    z = frame.deviations(items[:, late])
    middle = z.mean(axis=0)
    products = (z - middle) @ (z - middle).T
    ridge = strength * np.trace(products) / len(z) * np.eye(len(z))
    weights = (z - middle).T @ np.linalg.solve(products + ridge, means - means.mean())
    return Appeal(late_names, frame.centre, frame.scale, weights, float(means.mean() - middle @ weights))


@lru_cache(maxsize=1)
def appeal_model() -> Appeal:
    """The one of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).astype(np.float64) for name in ("centre", "scale", "weights")}
        facts = file.metadata()
    return Appeal(tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]))
