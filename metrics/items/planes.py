"""Channels, scales, local normalisation and sums of pictures, with torch, which takes a second to import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from torch.nn import functional

from ...errors import ImageError
from ..image import check_pictures, check_pixels
from .parts import KERNELS, LAGS, MEAN_KERNEL, Statistics

#: Rows of a strip, small enough that the strip and its results stay in the processor's cache.
STRIP = 128


def to_luma(rgb: torch.Tensor) -> torch.Tensor:
    """(n, 1, h, w) luma in 0…1 of (n, 3, h, w) sRGB in 0…1."""
    r, g, b = rgb.unbind(1)
    return (0.299 * r + 0.587 * g + 0.114 * b).unsqueeze(1)


def luma_of_bytes(rgb: np.ndarray) -> np.ndarray:
    """(h, w) float32 luma in 0…1 of (3, h, w) uint8 sRGB."""
    luma: np.ndarray
    # Whichever is faster where the colours of a pixel lie side by side, and where each channel lies apart.
    if rgb.strides[0] == 1:
        luma = rgb.transpose(1, 2, 0) @ _LUMA
    else:
        luma = rgb[0] * _LUMA[0]
        for channel, share in zip(rgb[1:], _LUMA[1:], strict=True):
            luma += channel * share
    return luma


def to_opponents(rgb: torch.Tensor) -> torch.Tensor:
    """(n, 2, h, w) opponent channels, red–green and blue–yellow, in 0…1 of (n, 3, h, w) sRGB in 0…1."""
    r, g, b = rgb.unbind(1)
    return torch.stack([(r - g) / 2 + 0.5, (r + g) / 4 - b / 2 + 0.5], dim=1)


def to_channels(rgb: torch.Tensor) -> torch.Tensor:
    """Luma and two opponent channels in 0…1 of (n, 3, h, w) sRGB in 0…1; same shape."""
    return torch.cat([to_luma(rgb), to_opponents(rgb)], dim=1)


#: Shares of red, green and blue in luma in 0…1, of bytes.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255
_TAPS = np.exp(-(np.arange(4) ** 2) / (2 * (7 / 6) ** 2))
_TAPS /= 2 * _TAPS.sum() - _TAPS[0]
_KERNEL = np.concatenate([_TAPS[:0:-1], _TAPS])
_SECOND = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
#: Side of a block, and the matrix that smooths one with three pixels more on both sides.
_BLOCK = 16
_BAND = np.stack([np.pad(_KERNEL, (k, _BLOCK - 1 - k)) for k in range(_BLOCK)], axis=1).astype(np.float32)


def smooth(x: torch.Tensor) -> torch.Tensor:
    """Smooth (n, c, h, w) planes with a 7×7 Gaussian of σ = 7/6, edges repeated."""
    if x.device.type != "cpu":
        return smooth_by_shifts(x)
    cv2 = opencv()
    if cv2 is None:
        return smooth_by_products(x)
    smoothed = torch.empty_like(x, memory_format=torch.contiguous_format)
    for plane, result in zip(x.flatten(0, 1).numpy(), smoothed.flatten(0, 1).numpy(), strict=True):
        cv2.sepFilter2D(plane, -1, _KERNEL, _KERNEL, dst=result, borderType=cv2.BORDER_REPLICATE)
    return smoothed


@cache
def opencv() -> ModuleType | None:
    """The module cv2; None where OpenCV is not installed."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2


def smooth_by_products(x: torch.Tensor) -> torch.Tensor:
    """As ``smooth``, by products of blocks of columns, then of rows, with a band matrix; twice as fast as by shifts."""
    height, width = x.shape[2:]
    down, across = (-(-n // _BLOCK) for n in (height, width))
    smoothed = torch.empty_like(x, memory_format=torch.contiguous_format)
    # Each block has three pixels more on both sides; blocks overlap by these.
    wide = np.empty((height, across * _BLOCK + 6), np.float32)
    tall = np.empty((down * _BLOCK + 6, across * _BLOCK), np.float32)
    by_columns = as_strided(wide, (across, height, _BLOCK + 6), (_BLOCK * wide.itemsize, *wide.strides))
    by_rows = as_strided(tall, (down, _BLOCK + 6, tall.shape[1]), (_BLOCK * tall.strides[0], *tall.strides))
    for plane, result in zip(x.flatten(0, 1).numpy(), smoothed.flatten(0, 1).numpy(), strict=True):
        wide[:, 3 : width + 3] = plane
        wide[:, :3], wide[:, width + 3 :] = plane[:, :1], plane[:, -1:]
        np.matmul(by_columns, _BAND, out=tall[3 : height + 3].reshape(height, across, _BLOCK).transpose(1, 0, 2))
        tall[:3], tall[height + 3 :] = tall[3], tall[height + 2]
        result[:] = np.matmul(_BAND.T, by_rows).reshape(down * _BLOCK, -1)[:height, :width]
    return smoothed


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
    result = torch.empty_like(x, memory_format=torch.contiguous_format)
    # In strips that stay in the cache. Each has a margin of six rows on both sides, three for μ and three for σ.
    for top in range(0, x.shape[2], STRIP):
        above = max(0, top - 6)
        strip = x[:, :, above : top + STRIP + 6]
        # Deviations from the local mean, not E[x²] − E[x]²: no cancellation, so flat pictures give zero.
        strip = smooth(strip).neg_().add_(strip)
        inner = slice(top - above, top - above + STRIP)
        contrast = smooth(strip.square())[:, :, inner].sqrt_().add_(1 / 255)
        torch.div(strip[:, :, inner], contrast, out=result[:, :, top : top + STRIP])
    return result


def second_differences(plane: np.ndarray) -> np.ndarray:
    """(h − 2, w − 2) second differences, from row to row and from column to column, of a float32 plane (h, w)."""
    cv2 = opencv()
    if cv2 is not None:
        found: np.ndarray = cv2.filter2D(plane, -1, _SECOND)[1:-1, 1:-1]
        return found
    down = plane[2:] + plane[:-2]
    down -= plane[1:-1]
    down -= plane[1:-1]
    both: np.ndarray = down[:, 2:] + down[:, :-2]
    both -= down[:, 1:-1]
    both -= down[:, 1:-1]
    return both


def halve(x: torch.Tensor) -> torch.Tensor:
    """2×2 means of (n, c, h, w) planes; an odd last row or column is a mean of fewer pixels, so no picture vanishes."""
    if x.shape[2] % 2 or x.shape[3] % 2:
        x = functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def pictures_of(images: np.ndarray | torch.Tensor) -> Iterator[torch.Tensor]:
    """Check pictures in any container, and yield each as a (1, 3, h, w) tensor, uint8 or float32 in 0…1."""
    if isinstance(images, torch.Tensor):
        if images.ndim != 4 or images.shape[1] != 3:
            raise ImageError(f"Expected a tensor (n, 3, height, width), got {tuple(images.shape)}.")
        rgb = images.detach().float()
        check_pixels(rgb.cpu().permute(0, 2, 3, 1).numpy())
        return (picture[None] for picture in rgb)
    # A copy of each picture, because torch warns of arrays that cannot be written.
    return (torch.from_numpy(p.copy()).permute(2, 0, 1)[None] for p in check_pictures(np.asarray(images)))


def reduced(picture: torch.Tensor, longest: int) -> torch.Tensor:
    """A (1, 3, h, w) picture, uint8 or float32 in 0…1, reduced to a longest side of ``longest`` pixels, never enlarged.

    The filter is antialiased bicubic. On bytes its result is that of Pillow, five times as fast.
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
    """(n, c) means μ of (n, c, h, w) planes, and (n, c, 13) sums Σ y(p) y(p + lag) over ``LAGS``, float64.

    y = x − μ is framed by zeros.
    """
    count, channels, height, width = x.shape
    # Two zero columns between rows make each lag one offset in the flattened strip. The last three rows hold the rows
    # below the strip, which lags reach into.
    offsets = [dy * (width + 2) + dx for dy, dx in LAGS]
    framed = x.new_zeros((min(STRIP, height) + 3, width + 2), dtype=torch.float64)
    on_cpu = x.device.type == "cpu"
    # NumPy's sums and dot products are three times as fast as torch's.
    dot: Callable[..., Any] = np.dot if on_cpu else torch.dot
    frame: Any = framed.numpy() if on_cpu else framed
    planes: Any = x.flatten(0, 1).numpy() if on_cpu else x.flatten(0, 1)
    flat = frame.reshape(-1)
    means, sums = np.zeros(count * channels), np.zeros((count * channels, len(LAGS)))
    for number, plane in enumerate(planes):
        means[number] = float(plane.mean(dtype=np.float64 if on_cpu else torch.float64))
        for top in range(0, height, STRIP):
            rows = plane[top : top + STRIP + 2]
            inner = frame[: len(rows), :width]
            if on_cpu:
                np.subtract(rows, means[number], out=inner, dtype=np.float64)
            else:
                inner.copy_(rows).sub_(means[number])
            frame[len(rows) :] = 0
            length = min(len(rows), STRIP) * (width + 2)
            sums[number] += [float(dot(flat[:length], flat[k : k + length])) for k in offsets]
    return torch.from_numpy(means).view(count, channels), torch.from_numpy(sums).view(count, channels, -1)


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
    """Sums for ``statistics_of`` of (1, c, h, w) planes: (planes, c) means and counts, and 13 autocorrelations each."""
    sums = [(*autocorrelations(x), responses(x)) for x in planes]
    means, correlations = (torch.cat(values).numpy() for values in list(zip(*sums, strict=True))[:2])
    counts = np.array([[float(count)] for *_, count in sums])
    return means, correlations, np.broadcast_to(counts, means.shape)
