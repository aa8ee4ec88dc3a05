"""SOART items: Recognition-Taguchi metrics *inside* a picture.

A picture is seen through small parts of nine pixels (:mod:`.parts`). The DATUM part (all nine) gives the reference response m,
each LINE and BEND part gives a measured response x; an item says how x behaves against m over all pixels:

    r     = Σ m²                 effective divisor
    β     = Σ m x / r            sensitivity              Y1 = β
    V_e   = (Σ x² − r β²)/(n−1)  error variance           Y2 = 10·log10(V_e + ε)   [dB]
    γ     = Σ m x / √(r Σ x²)    cosine                   Y3 = 10·log10(1 − γ² + ε) [dB]

with ε from :data:`~soart.metrics.parts.EPSILON`; in three colour channels, at four scales, before and after local contrast
normalisation.

Source: the SOART quality-engineering series (2023); RT method after Taguchi (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise, product
from typing import overload

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch.nn import functional

from ..errors import ImageError
from .image import check_pixels
from .parts import PARTS, STRIP, autocorrelations, items_of, responses, statistics_of

VERSION = "soart-1"
CHANNELS = ("luma", "redgreen", "blueyellow")
REPRESENTATIONS = ("raw", "normalised")
METRICS = ("Y1", "Y2", "Y3")


def to_channels(rgb: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) sRGB in 0…1 to luma and two opponent channels in 0…1, same shape."""
    r, g, b = rgb.unbind(1)
    return torch.stack([0.299 * r + 0.587 * g + 0.114 * b, (r - g) / 2 + 0.5, (r + g) / 4 - b / 2 + 0.5], dim=1)


_TAPS = np.exp(-(np.arange(4) ** 2) / (2 * (7 / 6) ** 2))
_TAPS /= 2 * _TAPS.sum() - _TAPS[0]


def smooth(x: torch.Tensor) -> torch.Tensor:
    """7×7 Gaussian of σ = 7/6 over (n, c, h, w), edges repeated: shifted sums, faster than a convolution of one channel."""
    for dim, pad in ((2, (0, 0, 3, 3)), (3, (3, 3, 0, 0))):
        size, padded = x.shape[dim], functional.pad(x, pad, mode="replicate")
        x = padded.narrow(dim, 3, size) * _TAPS[0]
        for k in (1, 2, 3):
            x.add_(padded.narrow(dim, 3 - k, size), alpha=_TAPS[k]).add_(
                padded.narrow(dim, 3 + k, size), alpha=_TAPS[k]
            )
    return x


def normalise(x: torch.Tensor) -> torch.Tensor:
    """Divide out local mean and contrast, (x − μ)/(σ + C), under a 7×7 Gaussian of σ = 7/6 (Mittal et al. 2012)."""
    height, strips = x.shape[2], []
    # In strips that stay in the cache; each reaches six rows further than it is kept, three for μ and three for σ.
    for top in range(0, height, STRIP):
        above = max(0, top - 6)
        part = x[:, :, above : top + STRIP + 6]
        # Deviations from the local mean, not E[x²] − E[x]²: no cancellation, so flat pictures give zero.
        part = part - smooth(part)
        part.div_(smooth(part.square()).sqrt_().add_(1 / 255))
        strips.append(part[:, :, top - above : top - above + STRIP])
    return strips[0] if len(strips) == 1 else torch.cat(strips, dim=2)


def halve(x: torch.Tensor) -> torch.Tensor:
    """2×2 means; an odd last row or column is averaged over what is there, so no picture vanishes."""
    if x.shape[2] % 2 or x.shape[3] % 2:
        x = functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def _planes(images: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Checked (n, 3, h, w) float32 of pictures in any container."""
    if isinstance(images, torch.Tensor):
        if images.ndim != 4 or images.shape[1] != 3:
            raise ImageError(f"Expected a tensor (n, 3, height, width), got {tuple(images.shape)}.")
        rgb = images.detach().float()
        check_pixels(rgb.cpu().permute(0, 2, 3, 1).numpy())
        return rgb
    pixels = check_pixels(np.asarray(images))
    return torch.from_numpy(pixels if pixels.ndim == 4 else pixels[None]).permute(0, 3, 1, 2).contiguous()


@cache
def blas() -> ThreadpoolController:
    """The linear algebra libraries of this process. Threads cost short sums more than they give, on a busy machine a hundredfold."""
    return ThreadpoolController()


def heads_of(names: Sequence[str]) -> list[list[int]]:
    """Item numbers by representation and channel: the heads of :class:`~soart.metrics.calibrated.AttentionD` for SOART items.

    Names of other kinds are grouped by all but their last part: ``deep/000`` … is one head.
    """
    heads: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        parts = name.split("/")
        heads.setdefault("/".join(parts[: min(2, len(parts) - 1)]), []).append(number)
    return list(heads.values())


@dataclass(frozen=True)
class SoartExtractor:
    """Measures SOART items of pictures.

    Attributes:
        scales: full size and ``scales − 1`` reductions by 2×2 means.
        representations: ``raw``, ``normalised`` or both.
        metrics: any of ``Y1`` (sensitivity), ``Y2`` (dB of error variance), ``Y3`` (dB of 1 − γ²).
    """

    scales: int = 4
    representations: tuple[str, ...] = REPRESENTATIONS
    metrics: tuple[str, ...] = METRICS

    def __post_init__(self) -> None:
        if self.scales < 1:
            raise ValueError(f"Expected at least one scale, got {self.scales}.")
        for got, known in ((self.representations, REPRESENTATIONS), (self.metrics, METRICS)):
            if not got or set(got) - set(known):
                raise ValueError(f"Expected some of {', '.join(known)}, got {got!r}.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items in order, such as ``raw/luma/s0/line-h/Y2``."""
        axes = (self.representations, CHANNELS, [f"s{k}" for k in range(self.scales)], PARTS, self.metrics)
        return tuple("/".join(name) for name in product(*axes))

    @cached_property
    def version(self) -> str:
        """Identifies extractor and settings; items of different versions must not be mixed."""
        return f"{VERSION}:{self.scales}:{'+'.join(self.representations)}:{'+'.join(self.metrics)}"

    @overload
    def extract(self, images: np.ndarray) -> np.ndarray: ...
    @overload
    def extract(self, images: torch.Tensor) -> torch.Tensor: ...
    def extract(self, images: np.ndarray | torch.Tensor) -> np.ndarray | torch.Tensor:
        """Measure pictures.

        Args:
            images: NumPy (h, w, 3) or (n, h, w, 3), uint8 or floating 0…1; or a torch tensor (n, 3, h, w) in 0…1 on any
                device.

        Returns:
            (n, len(names)) float64, one row for a single picture, always finite; a tensor on the same device for a tensor.

        Raises:
            ImageError: wrong shape, dtype or range, or values that are not finite.
        """
        planes = _planes(images)
        # One picture at a time, one thread for its sums: the same sums in the same order whatever the batch and the machine.
        with blas().limit(limits=1, user_api="blas"):
            rows = [self._measure(one.unsqueeze(0)) for one in planes]
        items = np.stack(rows) if rows else np.zeros((0, len(self.names)))
        return torch.from_numpy(items).to(images.device) if isinstance(images, torch.Tensor) else items

    def extract_grid(self, image: np.ndarray, grid: int) -> np.ndarray:
        """Items of the blobs of one picture: ``grid`` × ``grid`` patches, each measured as a picture of its own.

        Args:
            image: NumPy (h, w, 3), uint8 or floating 0…1, of at least ``grid`` pixels a side.
            grid: blobs a side; sizes differ by one pixel at most.

        Returns:
            (grid, grid, len(names)) float64.

        Raises:
            ImageError: as :meth:`extract`, or a picture of fewer pixels than blobs.
        """
        if grid < 1 or image.ndim != 3 or min(image.shape[:2]) < grid:
            raise ImageError(f"Expected a picture (h, w, 3) of at least {grid} × {grid} pixels, got {image.shape}.")
        edges = [np.arange(grid + 1) * size // grid for size in image.shape[:2]]
        blobs = [
            self.extract(image[top:bottom, left:right])[0]
            for (top, bottom), (left, right) in product(pairwise(edges[0]), pairwise(edges[1]))
        ]
        return np.stack(blobs).reshape(grid, grid, -1)

    @torch.inference_mode()
    def _measure(self, rgb: torch.Tensor) -> np.ndarray:
        plane = to_channels(rgb)
        found = []
        for scale in range(self.scales):
            plane = halve(plane) if scale else plane
            for name in self.representations:
                x = plane if name == "raw" else normalise(plane)
                found.append((*autocorrelations(x), responses(x)))
        # One row a scale and representation, turned into (representation, channel, scale).
        means, correlations = (
            torch.cat(values).cpu().numpy().reshape(self.scales, len(self.representations), len(CHANNELS), -1)
            for values in zip(*(row[:2] for row in found), strict=True)
        )
        counts = np.array([row[2] for row in found]).reshape(self.scales, -1, 1, 1)
        order = (1, 2, 0, 3)
        mean, correlation, count = (
            v.transpose(order) for v in (means, correlations, np.broadcast_to(counts, means.shape))
        )
        items = items_of(statistics_of(mean[..., 0], correlation, count[..., 0]))
        return items[..., [METRICS.index(m) for m in self.metrics]].ravel()
