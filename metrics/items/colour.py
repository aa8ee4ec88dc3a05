"""Colour items: the lightness, colourfulness and hues of a picture.

SOART items describe how a picture varies from pixel to pixel, and hardly the level about which it varies; these items
describe the level. They are mean, standard deviation and quantiles of luma, of two opponent channels (as in ``soart``)
and of chroma (largest less smallest of R, G, B), and the shares of twelve hues in the chroma. All lie in 0…1. Pictures are
measured at a longest side of at most 128 pixels, which shows their colours as well as millions of pixels do.

Source: the hexcone model of hue and chroma, A. R. Smith, "Color gamut transform pairs", SIGGRAPH (1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .soart import CHANNELS

if TYPE_CHECKING:
    from .views import PictureViews

#: Version of the items at the canonical size.
VERSION = "colour-2"
#: Longest side at the canonical size, in pixels.
SIDE = 128
QUANTILES = (5, 25, 50, 75, 95)
#: Centres of the hue items, each 30° apart from 0°.
HUES = ("red", "orange", "yellow", "lime", "green", "mint", "cyan", "azure", "blue", "violet", "magenta", "rose")
_STATISTICS = ("mean", "deviation", *(f"q{q:02d}" for q in QUANTILES))


def _statistics(values: np.ndarray) -> np.ndarray:
    """(c, 7) mean, standard deviation and quantiles of (c, pixels) values."""
    # Sorting is several times as fast as np.percentile, which partitions for one quantile after another.
    ordered, places = np.sort(values, axis=1), np.array(QUANTILES) / 100 * (values.shape[1] - 1)
    below = places.astype(int)
    low, high = (ordered[:, k].astype(np.float64) for k in (below, np.minimum(below + 1, values.shape[1] - 1)))
    means = values.mean(axis=1, dtype=np.float64)
    return np.column_stack([means, values.std(axis=1, dtype=np.float64), low + (high - low) * (places - below)])


def _chroma(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chroma and largest channel, (pixels,) each, of (3, pixels) colours."""
    largest = np.maximum(np.maximum(rgb[0], rgb[1]), rgb[2])
    return largest - np.minimum(np.minimum(rgb[0], rgb[1]), rgb[2]), largest


def hue_shares(rgb: np.ndarray) -> np.ndarray:
    """(12,) mean chroma near each of twelve hues of (3, pixels) colours in 0…1; they sum to the mean chroma.

    The chroma of a hue between two centres is divided between both, so that the items change smoothly with the hue.
    """
    chroma, largest = _chroma(rgb)
    coloured = chroma > 0
    r, g, b = rgb[:, coloured]
    c, top = chroma[coloured], largest[coloured]
    sector = np.where(top == r, (g - b) / c, np.where(top == g, (b - r) / c + 2, (r - g) / c + 4))
    sector[sector < 0] += 6
    place = sector * len(HUES) / 6
    below = place.astype(int)
    share = place - below
    # Two bins more than hues, because a place may round up to the end of the circle.
    total = np.bincount(below, c * (1 - share), len(HUES) + 2) + np.bincount(below + 1, c * share, len(HUES) + 2)
    total[:2] += total[len(HUES) :]
    shares: np.ndarray = total[: len(HUES)] / max(rgb.shape[1], 1)
    return shares


def colour_items(picture: np.ndarray) -> np.ndarray:
    """Colour items of one (h, w, 3) float32 picture in 0…1; (40,) float64 in the order of ``ColourExtractor``."""
    import torch

    from .planes import to_channels

    rows = np.ascontiguousarray(picture.reshape(-1, 3).T)
    planes = to_channels(torch.from_numpy(rows)[None, :, None])[0, :, 0].numpy()
    values = np.concatenate([planes, _chroma(rows)[0][None]])
    return np.concatenate([_statistics(values).ravel(), hue_shares(rows.astype(np.float64))])


@dataclass(frozen=True)
class ColourExtractor:
    """Measures colour items of pictures, reduced to a longest side of ``side`` pixels."""

    side: int = SIDE

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items in order, such as ``colour/luma/mean`` and ``colour/hue/cyan``."""
        levels = [f"colour/{plane}/{statistic}" for plane in (*CHANNELS, "chroma") for statistic in _STATISTICS]
        return (*levels, *(f"colour/hue/{hue}" for hue in HUES))

    @property
    def version(self) -> str:
        """Identifier of the extractor; items of different versions do not fit together."""
        return VERSION + ("" if self.side == SIDE else f":{self.side}")

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, 40) float64 items, always finite, of (h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1."""
        from .planes import pictures_of
        from .views import PictureViews

        rows = [self.measure(PictureViews(picture)) for picture in pictures_of(images)]
        return np.stack(rows) if rows else np.zeros((0, len(self.names)))

    def measure(self, views: PictureViews) -> np.ndarray:
        """(40,) items of one picture."""
        from .planes import in_floats

        return colour_items(in_floats(views.at(self.side))[0].permute(1, 2, 0).cpu().numpy())
