"""Channels, scales, local normalisation and sums of pictures, with torch.

Importing this module imports torch, which takes a second; ``soart`` and ``parts`` import it only to measure a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ...errors import ImageError
from ...threads import one_blas_thread
from ..image import check_pictures, check_pixels
from .parts import KERNELS, LAGS, MEAN_KERNEL, Statistics

#: Rows of a strip, small enough that the strip and its results stay in the processor's cache.
STRIP = 128


def to_luma(rgb: torch.Tensor) -> torch.Tensor:
    """(n, 1, h, w) luma in 0…1 of (n, 3, h, w) sRGB in 0…1."""
    r, g, b = rgb.unbind(1)
    return (0.299 * r + 0.587 * g + 0.114 * b).unsqueeze(1)


def to_opponents(rgb: torch.Tensor) -> torch.Tensor:
    """(n, 2, h, w) opponent channels, red–green and blue–yellow, in 0…1 of (n, 3, h, w) sRGB in 0…1."""
    r, g, b = rgb.unbind(1)
    return torch.stack([(r - g) / 2 + 0.5, (r + g) / 4 - b / 2 + 0.5], dim=1)


def to_channels(rgb: torch.Tensor) -> torch.Tensor:
    """Luma and two opponent channels in 0…1 of (n, 3, h, w) sRGB in 0…1; same shape."""
    return torch.cat([to_luma(rgb), to_opponents(rgb)], dim=1)


_TAPS = np.exp(-(np.arange(4) ** 2) / (2 * (7 / 6) ** 2))
_TAPS /= 2 * _TAPS.sum() - _TAPS[0]
_KERNEL = np.concatenate([_TAPS[:0:-1], _TAPS])


def smooth(x: torch.Tensor) -> torch.Tensor:
    """Smooth (n, c, h, w) planes with a 7×7 Gaussian of σ = 7/6, edges repeated; by OpenCV where it is installed."""
    cv2 = _opencv()
    if cv2 is None or x.device.type != "cpu":
        return smooth_by_shifts(x)
    smoothed = torch.empty_like(x, memory_format=torch.contiguous_format)
    for plane, result in zip(x.flatten(0, 1).numpy(), smoothed.flatten(0, 1).numpy(), strict=True):
        cv2.sepFilter2D(plane, -1, _KERNEL, _KERNEL, dst=result, borderType=cv2.BORDER_REPLICATE)
    return smoothed


@cache
def _opencv() -> ModuleType | None:
    """The module cv2; None where OpenCV is not installed."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2


def smooth_by_shifts(x: torch.Tensor) -> torch.Tensor:
    """As ``smooth``, by sums of shifted planes, which are faster than torch's convolution of each channel."""
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
    # In strips that stay in the cache. Each has a margin of six rows on both sides, three for μ and three for σ.
    for top in range(0, height, STRIP):
        above = max(0, top - 6)
        strip = x[:, :, above : top + STRIP + 6]
        # Deviations from the local mean, not E[x²] − E[x]²: no cancellation, so flat pictures give zero.
        strip = strip - smooth(strip)
        strip.div_(smooth(strip.square()).sqrt_().add_(1 / 255))
        strips.append(strip[:, :, top - above : top - above + STRIP])
    return strips[0] if len(strips) == 1 else torch.cat(strips, dim=2)


def halve(x: torch.Tensor) -> torch.Tensor:
    """2×2 means of (n, c, h, w) planes; an odd last row or column is a mean of fewer pixels, so no picture vanishes."""
    if x.shape[2] % 2 or x.shape[3] % 2:
        x = functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def pictures_of(images: np.ndarray | torch.Tensor) -> Iterator[torch.Tensor]:
    """Check pictures in any container, and yield each as a (1, 3, h, w) tensor, uint8 or float32 in 0…1.

    Raises:
        ImageError: shape, dtype or range do not fit, or values are not finite.
    """
    if isinstance(images, torch.Tensor):
        if images.ndim != 4 or images.shape[1] != 3:
            raise ImageError(f"Expected a tensor (n, 3, height, width), got {tuple(images.shape)}.")
        rgb = images.detach().float()
        check_pixels(rgb.cpu().permute(0, 2, 3, 1).numpy())
        return (picture[None] for picture in rgb)
    # A copy of each picture, because torch warns of arrays that cannot be written.
    return (torch.from_numpy(p.copy()).permute(2, 0, 1)[None] for p in check_pictures(np.asarray(images)))


def reduced(picture: torch.Tensor, longest: int) -> torch.Tensor:
    """A picture at its canonical size: reduced to a longest side of ``longest`` pixels, never enlarged.

    The filter is antialiased bicubic. On bytes its result is that of Pillow, five times as fast.

    Args:
        picture: (1, 3, h, w), uint8 or float32 in 0…1.
        longest: pixels of the longest side of the result, at least 1.

    Returns:
        (1, 3, h', w') of the same type.
    """
    height, width = picture.shape[2:]
    if max(height, width) <= longest:
        return picture
    size = [max(1, round(n * longest / max(height, width))) for n in (height, width)]
    small: torch.Tensor = functional.interpolate(picture, size=size, mode="bicubic", antialias=True)
    # The kernel overshoots beside edges; on bytes torch has cut that already.
    return small if small.dtype == torch.uint8 else small.clamp_(0, 1)


def in_floats(picture: torch.Tensor) -> torch.Tensor:
    """A uint8 or float32 picture as float32 in 0…1."""
    return picture.float().div_(255) if picture.dtype == torch.uint8 else picture


def in_bytes(picture: torch.Tensor) -> torch.Tensor:
    """A uint8 or float32 picture as uint8 on the CPU."""
    return picture if picture.dtype == torch.uint8 else (picture * 255 + 0.5).to(torch.uint8).cpu()


def autocorrelations(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and autocorrelations of (n, c, h, w) planes.

    Returns:
        (n, c) means μ, and (n, c, 13) sums Σ y(p) y(p + lag) over LAGS of y = x − μ framed by zeros; float64.
    """
    count, channels, height, width = x.shape
    mean = x.mean(dim=(2, 3), dtype=torch.float64)
    # Two zero columns between rows make each lag one offset in the flattened strip. The last three rows hold the rows
    # below the strip, which lags reach into.
    offsets = [dy * (width + 2) + dx for dy, dx in LAGS]
    framed = x.new_zeros((min(STRIP, height) + 3, width + 2), dtype=torch.float64)
    flat = framed.flatten()
    # NumPy's dot product is three times as fast as torch's.
    dot: Callable[..., Any] = np.dot if x.device.type == "cpu" else torch.dot
    y = flat.numpy() if x.device.type == "cpu" else flat
    sums = torch.zeros((count * channels, len(LAGS)), dtype=torch.float64)
    for plane, centre, row in zip(x.flatten(0, 1), mean.flatten(), sums, strict=True):
        for top in range(0, height, STRIP):
            rows = plane[top : top + STRIP + 2]
            framed[: len(rows), :width].copy_(rows).sub_(centre)
            framed[len(rows) :].zero_()
            length = min(len(rows), STRIP) * (width + 2)
            row += torch.tensor([dot(y[:length], y[k : k + length]) for k in offsets])
    return mean, sums.view(count, channels, len(LAGS))


def responses(x: torch.Tensor) -> int:
    """Number of places of a part on one of (…, h, w) planes, its frame included."""
    return (x.shape[-2] + 2) * (x.shape[-1] + 2)


def direct_statistics(x: torch.Tensor) -> Statistics:
    """Statistics of (n, c, h, w) planes by plain float64 convolution; slow, the oracle of ``autocorrelations``."""
    mean = x.double().mean(dim=(2, 3), keepdim=True)
    planes = (x.double() - mean).flatten(0, 1).unsqueeze(1)
    kernels = torch.as_tensor(np.concatenate([MEAN_KERNEL[None], KERNELS])).unsqueeze(1).to(x.device)
    answers = functional.conv2d(functional.pad(planes, (2, 2, 2, 2)), kernels)
    answers = answers.view(*x.shape[:2], len(kernels), -1) + mean
    m, d = answers[:, :, :1], answers[:, :, 1:] - answers[:, :, :1]
    r, q, e = ((a * b).sum(dim=3).cpu().numpy() for a, b in ((m, m), (m, d), (d, d)))
    return Statistics(r, q, e, np.full((*x.shape[:2], 1), responses(x)))


@torch.inference_mode()
def sums_of(planes: Iterable[torch.Tensor]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums for ``statistics_of`` of (1, c, h, w) planes, such as those of each scale and representation.

    Returns:
        Means and numbers of responses (planes, c), and autocorrelations (planes, c, 13), float64.
    """
    # Every machine adds in the same order.
    with one_blas_thread():
        sums = [(*autocorrelations(x), responses(x)) for x in planes]
    means, correlations = (torch.cat(values).cpu().numpy() for values in list(zip(*sums, strict=True))[:2])
    counts = np.array([[float(count)] for *_, count in sums])
    return means, correlations, np.broadcast_to(counts, means.shape)
