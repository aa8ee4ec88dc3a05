"""Why a picture scored as it did: groups of items, what each added, and words for it; and a map of where.

A contribution is the change of liking against a baseline picture, the mean of the learning pictures. Where the method is linear
(``ridge``, ``T2``, ``prior``) contributions are exact and sum to the difference; for the others each group is masked, that is, put
back to the baseline, and what is lost is its contribution; the remainder is what groups do together.

Words compare the picture with the learning pictures: what speaks for it, with the disliked ones; what speaks against it, with the liked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import ImageError
from ..checks import check_items
from ..image import check_pixels
from ..items.phrases import Phrase, phrases_of
from ..protocols import Extractor, Reason
from .gaussian_process import Preference
from .methods import Linear
from .profile import TasteProfile

#: Patches of fewer pixels a side say nothing.
SMALLEST_PATCH = 8


@dataclass(frozen=True)
class Explanation:
    """Why one picture scored as it did.

    Attributes:
        reasons: groups of items, the largest contribution first.
        liking: of the picture.
        baseline: liking of the mean learning picture.
        remainder: what the contributions do not add up to; 0 where they are exact.
        exact: whether the method is linear.
        mode: the named kind of picture it looks most like, and its probability; None where none were named.
    """

    reasons: tuple[Reason, ...]
    liking: float
    baseline: float
    remainder: float
    exact: bool
    mode: tuple[str, float] | None = None


def linear_weights(profile: TasteProfile) -> np.ndarray | None:
    """(p + k,) weights of deviations and prior scores in the liking; None where the method is not linear."""
    model = profile.fitted.model
    if isinstance(model, Linear):
        return model.model.weights_
    if isinstance(model, Preference) and model.kernels.linear_only:
        factors = model.kernels.frame.weights**2
        dual = model.duals[0] @ model.kernels.z
        return np.concatenate([dual * factors / model.kernels.power, model.coefficients])
    return None


def _groups(profile: TasteProfile) -> dict[Phrase, np.ndarray]:
    """Columns of items and prior scores by phrase."""
    found: dict[Phrase, list[int]] = {}
    for column, phrase in enumerate(phrases_of(profile.names, profile.prior_names)):
        found.setdefault(phrase, []).append(column)
    return {phrase: np.array(columns) for phrase, columns in found.items()}


def explain(profile: TasteProfile, items: object, priors: np.ndarray | None = None, top: int = 4) -> list[Explanation]:
    """Explain the liking of (n, p) items.

    Args:
        profile: a learnt taste.
        items: of the version the profile was learnt on.
        priors: (n, k) prior scores; by default what can be computed.
        top: reasons given, at most.
    """
    rows = check_items(items, len(profile.names), rows=0)
    given = profile.prior_scores(rows, priors)
    scaling, examples = profile.fitted.scaling, profile.examples
    p = len(profile.names)
    seen = np.hstack([scaling.frame.deviations(rows), scaling.priors(given)])
    learnt = np.hstack([scaling.frame.deviations(examples.items), scaling.priors(examples.priors)])
    base = learnt.mean(axis=0)
    middle = (examples.liking.min() + examples.liking.max()) / 2
    liked, disliked = learnt[examples.liking > middle].mean(axis=0), learnt[examples.liking < middle].mean(axis=0)

    def predict(x: np.ndarray) -> np.ndarray:
        return profile.fitted.model.predict(x[:, :p], x[:, p:])

    weights, groups = linear_weights(profile), _groups(profile)
    liking, baseline = predict(seen), float(predict(base[None])[0])
    parts: dict[Phrase, np.ndarray] = {}
    for phrase, columns in groups.items():
        if weights is not None:
            parts[phrase] = (seen[:, columns] - base[columns]) @ weights[columns]
        else:
            masked = seen.copy()
            masked[:, columns] = base[columns]
            parts[phrase] = liking - predict(masked)
    kinds = None if profile.modes is None else profile.modes.probabilities(seen[:, :p])
    found = []
    for i in range(len(rows)):
        order = sorted(parts, key=lambda phrase: -abs(parts[phrase][i]))[:top]
        reasons = []
        for phrase in order:
            added, columns = float(parts[phrase][i]), groups[phrase]
            against, whom = (disliked, "your bad pictures") if added > 0 else (liked, "your good ones")
            towards = phrase.direction(seen[i, columns] - against[columns], columns, profile.names)
            reasons.append(Reason(f"{towards} than {whom}", added))
        rest = float(liking[i] - baseline - sum(part[i] for part in parts.values()))
        mode = None
        if kinds is not None and profile.modes is not None:
            mode = str(profile.modes.model.classes_[kinds[i].argmax()]), float(kinds[i].max())
        found.append(Explanation(tuple(reasons), float(liking[i]), baseline, rest, weights is not None, mode))
    return found


class Likes(Protocol):
    """What heat maps can be drawn of."""

    def liking(self, items: object, /) -> np.ndarray:
        """(n,) liking of (n, p) items."""


def heat_map(profile: Likes, extractor: Extractor, picture: np.ndarray, grid: int = 4) -> np.ndarray:
    """Which parts of a picture are more to a learnt taste than others; see ``patch_map``."""
    return patch_map(profile.liking, extractor, picture, grid)


def patch_map(
    value: Callable[[np.ndarray], np.ndarray], extractor: Extractor, picture: np.ndarray, grid: int = 4
) -> np.ndarray:
    """Which parts of a picture are better than others.

    Every patch of a grid is measured like a picture of its own, and its value less that of the mean patch is reported. Patches are smaller
    than pictures, so only differences between them mean anything.

    Args:
        value: (n,) values of (n, p) items, higher is better: a liking, or a score.
        extractor: measures those items.
        picture: (h, w, 3), uint8 or floating 0…1.
        grid: patches a side; fewer where they would be under 8 pixels.

    Returns:
        (g, g) values less their mean; positive where the picture is better than its own mean.

    Raises:
        ImageError: no picture, or a grid under one.
    """
    if grid < 1:
        raise ImageError(f"Expected a grid of at least one patch a side, got {grid}.")
    pixels = check_pixels(np.asarray(picture))
    if pixels.ndim != 3:
        raise ImageError(f"Expected one picture (height, width, 3), got {pixels.shape}.")
    size = max(1, min(grid, *(side // SMALLEST_PATCH for side in pixels.shape[:2])))
    edges = [np.linspace(0, side, size + 1).round().astype(int) for side in pixels.shape[:2]]
    rows = [
        extractor.extract(pixels[top:bottom, left:right])[0]
        for top, bottom in zip(edges[0][:-1], edges[0][1:], strict=True)
        for left, right in zip(edges[1][:-1], edges[1][1:], strict=True)
    ]
    values = value(np.stack(rows)).reshape(size, size)
    centred: np.ndarray = values - values.mean()
    return centred


def overlay(picture: np.ndarray, heat: np.ndarray, strength: float = 0.45) -> np.ndarray:
    """The picture under its heat map: green where it is to the taste, red where it is not.

    Args:
        picture: (h, w, 3), uint8 or floating 0…1.
        heat: (g, g) from ``heat_map``.
        strength: of the colour at the largest value, 0…1.

    Returns:
        (h, w, 3) uint8.
    """
    from PIL import Image

    pixels = check_pixels(np.asarray(picture))
    peak = float(np.abs(heat).max())
    scaled = Image.fromarray((heat / peak if peak > 0 else heat).astype(np.float32))
    smooth = np.asarray(scaled.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BICUBIC)).clip(-1, 1)
    tint = np.where(smooth[..., None] > 0, np.array([0.1, 0.75, 0.3]), np.array([0.9, 0.15, 0.1]))
    alpha = strength * np.abs(smooth)[..., None]
    mixed: np.ndarray = ((pixels * (1 - alpha) + tint * alpha) * 255 + 0.5).astype(np.uint8)
    return mixed
