"""What SOART items need of the pixels themselves: colour channels, scales, local normalisation and sums over planes, with torch.

Importing this module imports torch, which takes a second; ``soart`` and ``parts`` do without until a picture is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch.nn import functional

from ...errors import ImageError
from ..image import check_pixels
from .parts import KERNELS, LAGS, MEAN_KERNEL, Statistics, statistics_of

#: Rows of a strip: with what is computed from it, it stays in the cache.
STRIP = 128


@cache
def blas() -> ThreadpoolController:
    """The linear algebra libraries of this process. Threads cost short sums more than they give, on a busy machine a hundredfold."""
    return ThreadpoolController()


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


def planes_of(images: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Checked (n, 3, h, w) float32 of pictures in any container."""
    if isinstance(images, torch.Tensor):
        if images.ndim != 4 or images.shape[1] != 3:
            raise ImageError(f"Expected a tensor (n, 3, height, width), got {tuple(images.shape)}.")
        rgb = images.detach().float()
        check_pixels(rgb.cpu().permute(0, 2, 3, 1).numpy())
        return rgb
    pixels = check_pixels(np.asarray(images))
    return torch.from_numpy(pixels if pixels.ndim == 4 else pixels[None]).permute(0, 3, 1, 2).contiguous()


def autocorrelations(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean μ of (n, c, h, w) planes, (n, c), and Σ y(p) y(p + lag) over LAGS of y = x − μ framed by zeros, (n, c, 13); float64."""
    count, channels, height, width = x.shape
    mean = x.mean(dim=(2, 3), dtype=torch.float64)
    # Two zero columns between rows make each lag one offset in the flattened strip; its last three rows are for looking ahead.
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


def fast_statistics(x: torch.Tensor) -> Statistics:
    """Statistics of (n, c, h, w) planes from thirteen dot products each; arrays lead with (n, c)."""
    mean, correlations = (values.cpu().numpy() for values in autocorrelations(x))
    return statistics_of(mean, correlations, np.full(mean.shape, responses(x)))


def responses(x: torch.Tensor) -> int:
    """How many places a part takes on one plane, its frame included."""
    return (x.shape[-2] + 2) * (x.shape[-1] + 2)


def direct_statistics(x: torch.Tensor) -> Statistics:
    """The same by plain float64 convolution; slow, kept as the oracle of the fast path."""
    mean = x.double().mean(dim=(2, 3), keepdim=True)
    planes = (x.double() - mean).flatten(0, 1).unsqueeze(1)
    kernels = torch.as_tensor(np.concatenate([MEAN_KERNEL[None], KERNELS])).unsqueeze(1).to(x.device)
    seen = functional.conv2d(functional.pad(planes, (2, 2, 2, 2)), kernels)
    seen = seen.view(*x.shape[:2], len(kernels), -1) + mean
    m, d = seen[:, :, :1], seen[:, :, 1:] - seen[:, :, :1]
    r, q, e = ((a * b).sum(dim=3).cpu().numpy() for a, b in ((m, m), (m, d), (d, d)))
    return Statistics(r, q, e, np.full((*x.shape[:2], 1), responses(x)))


@torch.inference_mode()
def sums_of(
    rgb: torch.Tensor, scales: int, representations: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sums behind the items of one (1, 3, h, w) picture in 0…1, for ``statistics_of``.

    Returns:
        Means (scales, representations, 3), autocorrelations (scales, representations, 3, 13) and numbers of responses
        (scales, representations, 1), float64.
    """
    plane, found = to_channels(rgb), []
    # One thread for its sums: the same sums in the same order whatever the machine.
    with blas().limit(limits=1, user_api="blas"):
        for scale in range(scales):
            plane = halve(plane) if scale else plane
            for name in representations:
                x = plane if name == "raw" else normalise(plane)
                found.append((*autocorrelations(x), responses(x)))
    shape = (scales, len(representations), -1)
    means, correlations = (torch.cat(values).cpu().numpy() for values in list(zip(*found, strict=True))[:2])
    return (
        means.reshape(shape),
        correlations.reshape(*shape, len(LAGS)),
        np.array([row[2] for row in found]).reshape(shape),
    )
