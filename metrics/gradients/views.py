"""Views of a picture that a derivative passes through; the twin of ``items/views``.

Every extractor measures the 8-bit picture that will be stored. Rounding has no useful derivative, so here it passes the
derivative through unchanged (Bengio, Léonard & Courville, "Estimating or propagating gradients through stochastic
neurons", 2013: the straight-through estimator).
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from ..items.planes import in_bytes, in_floats, reduced, smooth_by_shifts, to_luma, to_opponents
from ..items.views import Pyramid

#: Floor of a local variance, whose root has no derivative at 0: it moves a contrast by at most 10⁻⁷.
LEAST_VARIANCE = 1e-14


def as_if(value: torch.Tensor, derivative_of: torch.Tensor) -> torch.Tensor:
    """A value with the derivative of another tensor of the same shape."""
    return derivative_of + (value.to(derivative_of) - derivative_of).detach()


def normalise(x: torch.Tensor) -> torch.Tensor:
    """As ``planes.normalise``, with a derivative."""
    apart = x - smooth_by_shifts(x)
    return apart / (smooth_by_shifts(apart.square()).clamp_min(LEAST_VARIANCE).sqrt() + 1 / 255)


class SmoothViews:
    """As ``views.PictureViews`` of a (1, 3, h, w) floating picture, with a derivative.

    ``rounded`` gives the values of the 8-bit picture. Checks of derivatives alone go without, because these need a
    function that is as smooth as can be.
    """

    def __init__(self, picture: torch.Tensor, *, rounded: bool = True) -> None:
        self.rounded = rounded
        self.bytes = in_bytes(picture.detach().float().clamp(0, 1))
        self.picture = self._as_bytes(self.bytes, picture.clamp(0, 1))
        self.longest = max(picture.shape[2:])
        self._lumas: dict[int, Pyramid] = {}
        self._sizes: dict[int, torch.Tensor] = {}

    def _as_bytes(self, content: torch.Tensor, smooth: torch.Tensor) -> torch.Tensor:
        return as_if(in_floats(content), smooth) if self.rounded else smooth

    def at(self, side: int) -> torch.Tensor:
        """(1, 3, h, w) picture in 0…1, reduced to a longest side of ``side`` if it is larger."""
        side = min(side, self.longest)
        if side not in self._sizes:
            self._sizes[side] = self._as_bytes(reduced(self.bytes, side), reduced(self.picture, side))
        return self._sizes[side]

    def resized(self, width: int, height: int) -> torch.Tensor:
        """(1, 3, height, width) picture in 0…1, as Pillow's bicubic filter enlarges or reduces it."""
        smooth = functional.interpolate(self.picture, size=(height, width), mode="bicubic", antialias=True).clamp(0, 1)
        if not self.rounded:
            return smooth
        pixels = Image.fromarray(self.bytes[0].permute(1, 2, 0).contiguous().numpy())
        resized = np.array(pixels.resize((width, height), Image.Resampling.BICUBIC))
        return self._as_bytes(torch.from_numpy(resized).permute(2, 0, 1)[None], smooth)

    def luma(self, side: int) -> Pyramid:
        """Luma at a size."""
        side = min(side, self.longest)
        if side not in self._lumas:
            self._lumas[side] = Pyramid(to_luma(self.at(side)), normalise)
        return self._lumas[side]

    def opponents(self, side: int) -> Pyramid:
        """The two opponent channels at a size."""
        return Pyramid(to_opponents(self.at(side)), normalise)
