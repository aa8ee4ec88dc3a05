"""Ways to better pictures: more seeds, and the gradient of the best noise.

Each way proposes noises to draw from the best picture so far. It depends on that, on the number of the step and on how
often it failed in a row, and never on a clock: the same steps give the same pictures.

Noise stays Gaussian: independent standard normal numbers have a length near √n, by the χ distribution, and the same power
at all frequencies. Noise that is optimized without care leaves both, and the model then draws what it never saw.

Sources: Eyring et al., "ReNO" (2024), who keep the length by its likelihood; Tang et al., "Inference-time alignment of
diffusion models with direct noise optimization" (2024), who keep the spectrum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from ...errors import ModelError, SoartError
from ..judges.gradients import checked_gradient
from ..models.generator import ImageGenerator
from ..models.noise import DrawsNoise, NoiseSampler, fewest_steps, free_memory, refusal, refusal_of_gradient, sampler_of
from ..models.request import DrawnPicture, Request
from .examining import Examiner

#: Bands of frequency, from low to high, whose power is compared, and deviations that a band may have.
BANDS, MOST = 8, 2.5
#: Times that the spectrum is made flat and the length restored.
ROUNDS = 3
#: More seeds are what is left where there is no gradient.
WAYS = SEEDS, GRADIENT = "seeds", "gradient"
#: Ways of earlier versions, which found no more than other seeds.
_GONE = ("guidance", "search")
#: Pictures of a step of seeds, the angle between those near parents and the best noise, and what is left of it after a failure.
NEIGHBOURS, NEAR, CLOSER = 4, 0.45, 0.75
#: Turns of a step of the gradient, the angle of each, and what is left of it after a failure.
TURNS, ANGLE, SMALLER = 2, 0.3, 0.5
#: Steps of the sampler that a gradient passes through: a share of all, and the fewest.
FEW, FEWEST = 0.5, 2
#: Failures in a row after which a way is given up.
GIVEN_UP = 3


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


def check_known(ways: Sequence[object]) -> None:
    """Refuse ways of earlier versions."""
    if gone := [way for way in ways if way in _GONE]:
        raise SoartError(
            f"The way {gone[0]!r} is gone, because it found no more than other seeds: use {' or '.join(WAYS)}."
        )


def tensor_in(arrays: Mapping[str, np.ndarray], name: str) -> torch.Tensor | None:
    """The tensor of a noise among the arrays of a file; None without one, and ValueError for anything else."""
    if name not in arrays:
        return None
    if arrays[name].dtype != np.float32 or not np.isfinite(arrays[name]).all():
        raise ValueError(f"the {name} is not finite numbers of 32 bits")
    # A copy, because what was read cannot be written to.
    return torch.from_numpy(arrays[name].copy())


class Noise(NamedTuple):
    """The start of a picture: its noise, None for that of a seed that only the model knows, and the seed it began with."""

    noise: torch.Tensor | None
    seed: int


@dataclass
class Means:
    """The model and the judge that the ways draw and measure with, and the ``ways`` that can be gone."""

    generator: ImageGenerator
    request: Request
    examiner: Examiner
    sampler: DrawsNoise | None  # draws from noise; None for a model that takes seeds alone
    notes: list[str]
    ways: tuple[str, ...]
    more_seeds: bool = False  # True to begin with the best of more seeds
    parents: tuple[Noise, ...] = ()  # of pictures to begin with
    drawn_on: np.ndarray | None = None  # (h, w, 3) uint8, on which all are drawn, if there is one

    @classmethod
    def of(
        cls,
        generator: ImageGenerator,
        request: Request,
        examiner: Examiner,
        wanted: Sequence[str] | None = None,
        after_step: Callable[[], None] = lambda: None,
    ) -> Means:
        """The means of the wanted ways that can be gone, with a note if one cannot; refuse if none can.

        By default the gradient is gone, after more seeds; without one, seeds alone.
        """
        if why := refusal(generator):
            sampler, notes = None, [f"{why} Only other seeds are tried."]
        else:
            sampler = sampler_of(generator, request, after_step)
            why = _no_gradient(generator, sampler, examiner)
            notes = [f"{why} Other seeds are tried instead."] if why else []
        open_ways = [SEEDS] if notes else [GRADIENT, SEEDS]
        ways = [way for way in open_ways if way in wanted] if wanted else open_ways[:1]
        if wanted and not ways:
            raise ModelError(f"The way {wanted[0]!r} cannot be gone. {' '.join(notes)}".rstrip())
        more_seeds = GRADIENT in ways and (not wanted or SEEDS in wanted)
        return cls(generator, request, examiner, sampler, notes, tuple(ways), more_seeds)

    @property
    def few_steps(self) -> int:
        """Steps of the sampler that a gradient passes through."""
        least = fewest_steps(self.generator.model, FEWEST)
        return min(max(least, round(FEW * self.request.steps)), self.request.steps)

    def first(self, count: int) -> list[Noise]:
        """The noise of the first pictures: that of seeds, or that of parents and of their children."""
        if not self.parents:
            return [self._of_seed(self.request.seed + number) for number in range(count)]
        own = [self._of_seed(one.seed) if one.noise is None else one for one in self.parents]
        return [*own, *(self._child(own, number, count - len(own)) for number in range(count - len(own)))][:count]

    def _child(self, parents: Sequence[Noise], number: int, children: int) -> Noise:
        """One of some children: a neighbour of a single parent, a mixture of several."""
        noises = [one.noise for one in parents if one.noise is not None]
        if not noises:
            return self._of_seed(self.request.seed + number)
        if len(noises) == 1:
            away = normal(noises[0].shape, 1_000_003 * self.request.seed + number)
            return parents[0]._replace(noise=on_sphere(rotated(noises[0], away, NEAR)))
        # Of two parents each child is nearer to another one; of three all are in the middle.
        share = (number + 1) / (children + 1)
        shares = [1 - share, share] if len(noises) == 2 else [1.0] * len(noises)
        return parents[0]._replace(noise=mixed(noises, shares))

    def _of_seed(self, seed: int) -> Noise:
        return Noise(None if self.sampler is None else self.sampler.noise_of(seed), seed)

    def propose(self, way: str, best: Noise, number: int, failures: int) -> list[Noise]:
        """The noises that a way draws in step ``number`` (from 0) near the best; none where a gradient is not finite."""
        seed = self.request.seed + NEIGHBOURS * (number + 1)
        if best.noise is None or (way == SEEDS and not self.parents):
            return [self._of_seed(seed + k) for k in range(NEIGHBOURS)]
        if way == SEEDS:
            fresh = [normal(best.noise.shape, 1_000_003 * self.request.seed + seed + k) for k in range(NEIGHBOURS)]
            angle = NEAR * CLOSER**failures
            return [best._replace(noise=on_sphere(rotated(best.noise, one, angle))) for one in fresh]
        noise = best.noise
        for _ in range(TURNS):
            direction = self._derivative(noise)
            if direction is None:
                return []
            noise = flattened(rotated(noise, direction, ANGLE * SMALLER**failures))
        return [best._replace(noise=noise)]

    def _derivative(self, noise: torch.Tensor) -> torch.Tensor | None:
        assert isinstance(self.sampler, NoiseSampler)
        value, direction = self.sampler.derivative(noise, self.few_steps, self._gradient)
        return direction if np.isfinite(value) and bool(torch.isfinite(direction).all()) else None

    def _gradient(self, pixels: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = self.examiner.gradient
        assert gradient is not None
        return checked_gradient(gradient, self.examiner.judge.name, pixels, self.examiner.prompt)

    def draw(self, noises: Sequence[Noise]) -> list[DrawnPicture]:
        """Draw pictures."""
        if self.sampler is None:
            requests = [replace(self.request, seed=one.seed) for one in noises]
            return [picture for batch in self.generator.draw(requests) for picture in batch]
        return self.sampler.draw([one.noise for one in noises if one.noise is not None])


def _no_gradient(generator: ImageGenerator, sampler: DrawsNoise, examiner: Examiner) -> str:
    """A sentence on why the judge, the model or the memory gives no gradient; empty if all do."""
    if examiner.gradient is None:
        return f"The judge {examiner.judge.name!r} has no gradient."
    why = refusal_of_gradient(generator)
    return _too_little_memory(sampler) if not why and isinstance(sampler, NoiseSampler) else why


def _too_little_memory(sampler: NoiseSampler) -> str:
    """A sentence if the gradient needs more memory than is free; empty else."""
    try:
        needed, free = sampler.memory_for_gradient(), free_memory(sampler.generator.model.device)
    except ModelError as error:
        return str(error)
    if free is None or needed <= free:
        return ""
    return (
        f"The gradient by the noise needs about {needed / 1e9:.1f} GB beside the model, and {free / 1e9:.1f} GB are "
        "free."
    )
