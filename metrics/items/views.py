"""One picture at the sizes and in the channels that extractors measure, each computed once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch

from .planes import halve, in_floats, luma_of_bytes, normalise, reduced, to_luma, to_opponents


class Pyramid:
    """(1, c, h, w) planes in 0…1, full size and reduced by 2×2 means, before and after local contrast normalisation."""

    def __init__(self, planes: torch.Tensor, normalise: Callable[[torch.Tensor], torch.Tensor] = normalise) -> None:
        self._raw, self._normalised, self._normalise = [planes], dict[int, torch.Tensor](), normalise

    def raw(self, scale: int) -> torch.Tensor:
        """(1, c, h, w) planes, halved ``scale`` times."""
        while len(self._raw) <= scale:
            self._raw.append(halve(self._raw[-1]))
        return self._raw[scale]

    def normalised(self, scale: int) -> torch.Tensor:
        """(1, c, h, w) planes, halved ``scale`` times and normalised."""
        if scale not in self._normalised:
            self._normalised[scale] = self._normalise(self.raw(scale))
        return self._normalised[scale]


class PictureViews:
    """Views of one picture (1, 3, h, w), uint8 or float32 in 0…1."""

    def __init__(self, picture: torch.Tensor) -> None:
        self.picture = picture
        self._sizes: dict[int, torch.Tensor] = {}
        self._lumas: dict[int, Pyramid] = {}

    @cached_property
    def longest(self) -> int:
        """The longest side in pixels."""
        return max(self.picture.shape[2:])

    def at(self, side: int) -> torch.Tensor:
        """(1, 3, h, w) picture of its own type, reduced to a longest side of ``side`` if it is larger."""
        side = min(side, self.longest)
        if side not in self._sizes:
            self._sizes[side] = reduced(self.picture, side)
        return self._sizes[side]

    def luma(self, side: int) -> Pyramid:
        """Luma at a size."""
        side = min(side, self.longest)
        if side not in self._lumas:
            picture = self.at(side)
            if picture.dtype == torch.uint8 and picture.device.type == "cpu":
                luma = torch.from_numpy(luma_of_bytes(picture[0].numpy()))[None, None]
            else:
                luma = to_luma(in_floats(picture))
            self._lumas[side] = Pyramid(luma)
        return self._lumas[side]

    def opponents(self, side: int) -> Pyramid:
        """The two opponent channels at a size."""
        return Pyramid(to_opponents(in_floats(self.at(side))))
