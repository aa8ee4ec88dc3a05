"""Noise that stays Gaussian: on the sphere where it lies, and with a flat spectrum.

Independent standard normal numbers have a length near √n, by the χ distribution, and the same power at all frequencies.
Noise that is optimized without care leaves both, and the model then draws what it never saw (Eyring et al., "ReNO",
2024, keep the length by its likelihood; Tang et al., "Inference-time alignment of diffusion models with direct noise
optimization", 2024, the spectrum).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

#: Bands of frequency, from low to high, whose power is compared, and deviations that a band may have.
BANDS, MOST = 8, 2.5
#: Times that the spectrum is made flat and the length restored.
ROUNDS = 3


def normal(shape: torch.Size, seed: int) -> torch.Tensor:
    """Independent standard normal numbers of a seed."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed % 2**63))


def on_sphere(noise: torch.Tensor) -> torch.Tensor:
    """The noise with length √n, the likeliest of n standard normal numbers but for a term that vanishes with n."""
    scaled: torch.Tensor = noise * (math.sqrt(noise.numel()) / noise.norm().clamp_min(1e-12))
    return scaled


def rotated(noise: torch.Tensor, direction: torch.Tensor, angle: float) -> torch.Tensor:
    """The noise turned by an angle towards a direction; itself where the direction has no finite part across it."""
    unit = noise / noise.norm()
    across = direction - (direction * unit).sum() * unit
    length = across.norm()
    if not bool(torch.isfinite(length)) or float(length) <= 1e-6 * max(1.0, float(direction.norm())):
        return noise
    turned: torch.Tensor = math.cos(angle) * noise + math.sin(angle) * noise.norm() * across / length
    return turned


def mixed(noises: Sequence[torch.Tensor], shares: Sequence[float]) -> torch.Tensor:
    """A noise between others along the great circles that join them (slerp), on its sphere."""
    found, sum_of_shares = noises[0], shares[0]
    for noise, share in zip(noises[1:], shares[1:], strict=True):
        sum_of_shares += share
        cosine = float((found * noise).sum() / (found.norm() * noise.norm()).clamp_min(1e-12))
        found = rotated(found, noise, share / sum_of_shares * math.acos(max(-1.0, min(1.0, cosine))))
    return on_sphere(found)


def flattened(noise: torch.Tensor) -> torch.Tensor:
    """The noise on its sphere, the power of bands of frequency brought back to what white noise may have by chance."""
    planes, packed = _planes(noise)
    band = _bands(planes)
    inside = [mask for number in range(BANDS) if (mask := band == number).any()]
    # Each change of one band moves all others a little, by the common length.
    for _ in range(ROUNDS):
        spectrum = torch.fft.fft2(planes)
        power = spectrum.abs().square() / planes[0].numel()
        for mask in inside:
            mean, chance = float(power[:, mask].mean()), MOST * _deviation(planes, mask)
            allowed = min(max(mean, 1 - chance, 0.05), 1 + chance)
            spectrum[:, mask] *= math.sqrt(allowed / max(mean, 1e-12))
        planes = on_sphere(torch.fft.ifft2(spectrum).real)
    return _packed(planes, noise) if packed else planes.reshape(noise.shape)


def departure(noise: torch.Tensor) -> float:
    """Departure of a noise from Gaussian, in standard deviations: the most of its length and of the power of its bands."""
    planes, _ = _planes(noise)
    power, band = torch.fft.fft2(planes).abs().square() / planes[0].numel(), _bands(planes)
    apart = [abs(float(noise.square().mean()) - 1) * math.sqrt(noise.numel() / 2)]
    for number in range(BANDS):
        inside = band == number
        if inside.any():
            apart.append(abs(float(power[:, inside].mean()) - 1) / _deviation(planes, inside))
    return max(apart)


def _deviation(planes: torch.Tensor, inside: torch.Tensor) -> float:
    """Standard deviation of the mean power of a band: two conjugate frequencies share one exponential."""
    return math.sqrt(2 / (len(planes) * int(inside.sum())))


def _planes(noise: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """(c, h, w) planes of noise (…, c, h, w) or of packed noise (tokens, c), and True if it is packed."""
    if noise.ndim != 2:
        return noise.reshape(-1, *noise.shape[-2:]), False
    side = math.isqrt(len(noise))
    rows = side if side * side == len(noise) else 1
    return noise.T.reshape(noise.shape[1], rows, -1), True


def _packed(planes: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    return planes.reshape(noise.shape[1], -1).T.contiguous()


def _bands(planes: torch.Tensor) -> torch.Tensor:
    """(h, w) number of the band of each frequency."""
    down, across = (torch.fft.fftfreq(n).abs() for n in planes.shape[-2:])
    radius = torch.sqrt(down[:, None] ** 2 + across[None] ** 2) / math.sqrt(0.5)
    return (radius * BANDS).long().clamp(max=BANDS - 1)
