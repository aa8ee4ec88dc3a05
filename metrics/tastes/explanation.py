"""Explains the liking of a picture, by groups of items in words and by a map.

A contribution is the change of liking against a baseline picture, the mean of the learning pictures. Each group of items
is set to the baseline, and the loss is its contribution; the remainder is the joint effect of groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import ImageError
from ..checks import check_items
from ..damage.titles import stored_title
from ..image import check_pixels
from ..items.phrases import Phrase, phrases_of
from ..protocols import Extractor, Reason
from .fitting import CHUNK
from .making_kernels import Made
from .mixture import Makings, makings_at
from .taste import LearntTaste

#: The fewest pixels per side of a patch; smaller ones have no meaningful items.
SMALLEST_PATCH = 8
#: Opacity of the colour of ``overlay`` at the largest value.
OPACITY = 0.45


@dataclass(frozen=True)
class Explanation:
    """Reasons for the liking of one picture.

    Attributes:
        reasons: groups of items, the largest contribution first.
        liking, baseline: of the picture, and of the mean learning picture.
        remainder: difference to the baseline that contributions of all groups leave.
        mode: the most similar named kind of picture and its probability; None if no kinds were named.
    """

    reasons: tuple[Reason, ...]
    liking: float
    baseline: float
    remainder: float
    mode: tuple[str, float] | None = None


def _groups(taste: LearntTaste) -> dict[Phrase, np.ndarray]:
    """Columns of items and prior scores by phrase."""
    groups: dict[Phrase, list[int]] = {}
    for column, phrase in enumerate(phrases_of(taste.names, [stored_title(name) for name in taste.prior_names])):
        groups.setdefault(phrase, []).append(column)
    return {phrase: np.array(columns) for phrase, columns in groups.items()}


def _standard(taste: LearntTaste, items: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """(n, p + k) deviations of items beside standardised prior scores."""
    scaling = taste.fitted.scaling
    return np.hstack([scaling.frame.deviations(items), scaling.priors(priors)])


def _contributions(
    predict: Callable[[np.ndarray], np.ndarray],
    standard: np.ndarray,
    baseline: np.ndarray,
    groups: dict[Phrase, np.ndarray],
) -> dict[Phrase, np.ndarray]:
    """(n,) contributions of each group, by setting it to the baseline."""
    liking, contributions = predict(standard), {}
    for phrase, columns in groups.items():
        masked = standard.copy()
        masked[:, columns] = baseline[columns]
        contributions[phrase] = liking - predict(masked)
    return contributions


def explain(
    taste: LearntTaste, items: object, priors: np.ndarray | None = None, top: int = 4, makings: Makings = None
) -> list[Explanation]:
    """Explain the liking of (n, p) items, each by at most ``top`` reasons.

    Words compare the picture with the learning pictures: for positive contributions with the disliked ones, for
    negative ones with the liked ones. Pictures that lack one of the (n, k) prior scores are explained by the taste
    learnt without it, as they are scored by it.
    """
    rows = check_items(items, len(taste.names), rows=0)
    scores = taste.prior_scores(rows, priors)
    lacking, found = taste.lacking(scores), dict[int, Explanation]()
    if taste.alone is not None and lacking.any():
        some = makings_at(makings, np.flatnonzero(lacking))
        others = explain(taste.alone, rows[lacking], taste.for_alone(scores[lacking]), top, some)
        found |= dict(zip(np.flatnonzero(lacking).tolist(), others, strict=True))
    numbers = np.flatnonzero(~lacking)
    for block in (numbers[i : i + CHUNK] for i in range(0, len(numbers), CHUNK)):
        made = makings_at(makings, block) or [None] * len(block)
        found |= dict(zip(block.tolist(), _explain(taste, rows[block], scores[block], top, made), strict=True))
    return [found[number] for number in range(len(rows))]


def _explain(taste: LearntTaste, rows: np.ndarray, priors: np.ndarray, top: int, makings: Made) -> list[Explanation]:
    """Explanations of (n, p) items with (n, k) prior scores, and how pictures were made, by this taste."""
    examples, p = taste.examples, len(taste.names)
    measured = _standard(taste, rows, priors)
    learning = _standard(taste, examples.items, examples.priors)
    mean_picture = learning.mean(axis=0)
    liked = learning[examples.liking > examples.middle].mean(axis=0)
    disliked = learning[examples.liking < examples.middle].mean(axis=0)

    def predict(x: np.ndarray) -> np.ndarray:
        return taste.fitted.model.predict(x[:, :p], x[:, p:])

    groups = _groups(taste)
    made = taste.fitted.model.liking_of_making(makings)
    liking, baseline = predict(measured), float(predict(mean_picture[None])[0])
    contributions = _contributions(predict, measured, mean_picture, groups)
    probabilities = None if taste.modes is None else taste.modes.probabilities(measured[:, :p])
    explanations = []
    for i in range(len(rows)):
        order = sorted(contributions, key=lambda phrase: -abs(contributions[phrase][i]))[:top]
        reasons = (
            [Reason(f"made like your {'good' if made[i] > 0 else 'bad'} pictures", float(made[i]))] if made[i] else []
        )
        for phrase in order:
            added, columns = float(contributions[phrase][i]), groups[phrase]
            reference, name = (disliked, "your bad pictures") if added > 0 else (liked, "your good ones")
            direction = phrase.direction(measured[i, columns] - reference[columns], columns, taste.names)
            if phrase.liked:
                direction = phrase.more if added > 0 else phrase.less
            reasons.append(Reason(f"{direction} than {name}", added))
        remainder = float(liking[i] - baseline - sum(values[i] for values in contributions.values()))
        mode = None
        if probabilities is not None and taste.modes is not None:
            mode = str(taste.modes.model.classes_[probabilities[i].argmax()]), float(probabilities[i].max())
        reasons = sorted(reasons, key=lambda reason: -abs(reason.contribution))[:top]
        explanations.append(Explanation(tuple(reasons), float(liking[i] + made[i]), baseline, remainder, mode))
    return explanations


class Likes(Protocol):
    """A taste or a blend, of which heat maps can be made."""

    def liking(self, items: object, /) -> np.ndarray:
        """(n,) liking of (n, p) items."""


def heat_map(taste: Likes, extractor: Extractor, picture: np.ndarray, grid: int = 4) -> np.ndarray:
    """(g, g) map of the liking of a picture's patches; see ``patch_map``."""
    return patch_map(taste.liking, extractor, picture, grid)


def patch_map(
    value: Callable[[np.ndarray], np.ndarray], extractor: Extractor, picture: np.ndarray, grid: int = 4
) -> np.ndarray:
    """(g, g) map of the parts of a picture that are better or worse than its mean, by (n,) values of (n, p) items.

    Every patch of a grid is measured like a picture. Patches are smaller than pictures, so only differences between
    them are meaningful. There are fewer than ``grid`` a side if a patch would have fewer than 8 pixels a side.
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


def overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 picture under a (g, g) map: green where it is better than its mean, red where it is worse."""
    from PIL import Image

    pixels = check_pixels(np.asarray(picture))
    peak = float(np.abs(heat).max())
    scaled = Image.fromarray((heat / peak if peak > 0 else heat).astype(np.float32))
    smooth = np.asarray(scaled.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BICUBIC)).clip(-1, 1)
    tint = np.where(smooth[..., None] > 0, np.array([0.1, 0.75, 0.3]), np.array([0.9, 0.15, 0.1]))
    alpha = OPACITY * np.abs(smooth)[..., None]
    mixed: np.ndarray = ((pixels * (1 - alpha) + tint * alpha) * 255 + 0.5).astype(np.uint8)
    return mixed
