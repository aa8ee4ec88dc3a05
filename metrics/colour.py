"""Colour items: how light, how colourful and of which hues a picture is.

SOART items see how a picture varies from pixel to pixel and hardly what it varies about; these few items see the rest. Of luma and of two
opponent channels (as in :mod:`.soart`): mean, standard deviation and quantiles; of chroma (largest less smallest of R, G, B): the same;
and how chroma is spread over twelve hues. All lie in 0…1.

Source: the hexcone model of hue and chroma, A. R. Smith, "Color gamut transform pairs", SIGGRAPH (1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from .image import check_pixels
from .soart import CHANNELS, to_channels

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
    """How much chroma the (pixels, 3) colours in 0…1 have near each of twelve hues, as (12,) means over all pixels.

    A hue between two centres is shared out between both, so that the items change smoothly with it. Their sum is the mean chroma.
    """
    largest, smallest = rgb.max(axis=1), rgb.min(axis=1)
    chroma = largest - smallest
    seen = chroma > 0
    r, g, b = rgb[seen].T
    c, top = chroma[seen], largest[seen]
    sector = np.where(top == r, ((g - b) / c) % 6, np.where(top == g, (b - r) / c + 2, (r - g) / c + 4))
    place = sector * len(HUES) / 6
    below = np.floor(place).astype(int)
    share = place - below
    total = np.zeros(len(HUES))
    np.add.at(total, below % len(HUES), c * (1 - share))
    np.add.at(total, (below + 1) % len(HUES), c * share)
    return total / max(len(rgb), 1)


def colour_items(picture: np.ndarray) -> np.ndarray:
    """Colour items of one (h, w, 3) float32 picture in 0…1; (40,) float64 in the order of :class:`ColourExtractor`."""
    planes = to_channels(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].flatten(1).numpy().astype(np.float64)
    pixels = picture.reshape(-1, 3).astype(np.float64)
    chroma = (pixels.max(axis=1) - pixels.min(axis=1))[None]
    return np.concatenate([_statistics(planes).ravel(), _statistics(chroma).ravel(), hue_shares(pixels)])


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
