"""Colour items: how light, how colourful and of which hues a picture is.

SOART items see how a picture varies from pixel to pixel and hardly what it varies about; these few items see the rest. Of luma and of two
opponent channels (as in ``soart``): mean, standard deviation and quantiles; of chroma (largest less smallest of R, G, B): the same;
and how chroma is spread over twelve hues. All lie in 0…1.

Source: the hexcone model of hue and chroma, A. R. Smith, "Color gamut transform pairs", SIGGRAPH (1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..image import check_pixels
from .soart import CHANNELS

VERSION = "colour-1"
QUANTILES = (5, 25, 50, 75, 95)
#: Centres of the hue items, each 30° apart from 0°.
HUES = ("red", "orange", "yellow", "lime", "green", "mint", "cyan", "azure", "blue", "violet", "magenta", "rose")
_STATISTICS = ("mean", "deviation", *(f"q{q:02d}" for q in QUANTILES))


def _statistics(values: np.ndarray) -> np.ndarray:
    """(c, pixels) to (c, 7): mean, standard deviation, quantiles."""
    spread = np.percentile(values, QUANTILES, axis=1).T
    return np.column_stack([values.mean(axis=1), values.std(axis=1), spread])


def hue_shares(rgb: np.ndarray) -> np.ndarray:
    """How much chroma the (3, pixels) colours in 0…1 have near each of twelve hues, as (12,) means over all pixels.

    A hue between two centres is shared out between both, so that the items change smoothly with it. Their sum is the mean chroma.
    """
    largest = np.maximum(np.maximum(rgb[0], rgb[1]), rgb[2])
    chroma = largest - np.minimum(np.minimum(rgb[0], rgb[1]), rgb[2])
    seen = chroma > 0
    r, g, b = rgb[:, seen]
    c, top = chroma[seen], largest[seen]
    sector = np.where(top == r, (g - b) / c, np.where(top == g, (b - r) / c + 2, (r - g) / c + 4))
    sector[sector < 0] += 6
    place = sector * len(HUES) / 6
    below = place.astype(int)
    share = place - below
    # Room for one more on both sides: a place may round up to the end of the circle.
    total = np.bincount(below, c * (1 - share), len(HUES) + 2) + np.bincount(below + 1, c * share, len(HUES) + 2)
    total[:2] += total[len(HUES) :]
    shares: np.ndarray = total[: len(HUES)] / max(rgb.shape[1], 1)
    return shares


def colour_items(picture: np.ndarray) -> np.ndarray:
    """Colour items of one (h, w, 3) float32 picture in 0…1; (40,) float64 in the order of ``ColourExtractor``."""
    import torch

    from .planes import to_channels

    rows = np.ascontiguousarray(picture.reshape(-1, 3).T)
    planes = to_channels(torch.from_numpy(rows)[None, :, None])[0, :, 0].numpy().astype(np.float64)
    rgb = rows.astype(np.float64)
    chroma = np.maximum(np.maximum(rgb[0], rgb[1]), rgb[2]) - np.minimum(np.minimum(rgb[0], rgb[1]), rgb[2])
    return np.concatenate([_statistics(planes).ravel(), _statistics(chroma[None]).ravel(), hue_shares(rgb)])


@dataclass(frozen=True)
class ColourExtractor:
    """Measures colour items of pictures."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items in order, such as ``colour/luma/mean`` and ``colour/hue/cyan``."""
        named = [f"colour/{plane}/{what}" for plane in (*CHANNELS, "chroma") for what in _STATISTICS]
        return (*named, *(f"colour/hue/{hue}" for hue in HUES))

    @property
    def version(self) -> str:
        """Identifies the extractor."""
        return VERSION

    def extract(self, images: np.ndarray) -> np.ndarray:
        """Measure pictures.

        Args:
            images: (h, w, 3) or (n, h, w, 3), uint8 or floating 0…1.

        Returns:
            (n, 40) float64; one row for a single picture. Always finite.

        Raises:
            ImageError: wrong shape, dtype or range, or values that are not finite.
        """
        pixels = check_pixels(np.asarray(images))
        rows = [colour_items(one) for one in (pixels if pixels.ndim == 4 else pixels[None])]
        return np.stack(rows) if rows else np.zeros((0, len(self.names)))
