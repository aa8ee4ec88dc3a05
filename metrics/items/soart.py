"""SOART items: Recognition-Taguchi metrics *inside* a picture.

A picture is measured through small parts of nine pixels (``parts``). The DATUM part (all nine) gives the reference
response m, each LINE and BEND part gives a measured response x. An item compares x with m over all pixels:

    r     = Σ m²                 effective divisor
    β     = Σ m x / r            sensitivity              Y1 = β
    V_e   = (Σ x² − r β²)/(n−1)  error variance           Y2 = 10·log10(V_e + ε)   [dB]
    γ     = Σ m x / √(r Σ x²)    cosine                   Y3 = 10·log10(1 − γ² + ε) [dB]

with ε from ``EPSILON``; in three colour channels, at four scales, before and after local contrast normalisation. Pictures
are measured at a canonical size (``canonical``): luma at a longest side of at most 512 pixels and the two opponent
channels at half of that, because eyes see colours less sharply.

Source: the SOART quality-engineering series (2023); RT method after Taguchi (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, overload

import numpy as np

from ...errors import ItemsError, expect
from ...threads import one_blas_thread
from .parts import LAGS, PARTS, items_of, statistics_of

if TYPE_CHECKING:
    import torch

    from .views import PictureViews

#: Version of the items at the canonical size.
VERSION = "soart-2"
#: Longest side of luma at the canonical size, in pixels.
SIDE = 512
CHANNELS = ("luma", "redgreen", "blueyellow")
REPRESENTATIONS = ("raw", "normalised")
METRICS = ("Y1", "Y2", "Y3")


def heads_of(names: Sequence[str]) -> list[list[int]]:
    """Heads of ``AttentionD`` for items: by representation and channel, or by all but the last part of the name."""
    heads: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        parts = name.split("/")
        heads.setdefault("/".join(parts[: min(2, len(parts) - 1)]), []).append(number)
    return list(heads.values())


@dataclass(frozen=True)
class SoartExtractor:
    """Measures SOART items of pictures.

    Attributes:
        scales: number of scales: full size and ``scales − 1`` reductions by 2×2 means.
        representations: ``raw``, ``normalised`` or both.
        metrics: any of ``Y1`` (sensitivity), ``Y2`` (dB of error variance) and ``Y3`` (dB of 1 − γ²).
        side: longest side of luma in pixels; larger pictures are reduced to it, and the opponent channels to half of it.
            A side that no picture exceeds measures each at its own size.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import SoartExtractor
        >>> extractor = SoartExtractor(scales=2, metrics=("Y2",))
        >>> extractor.names[0], len(extractor.names)
        ('raw/luma/s0/line-h/Y2', 96)
        >>> stripes = np.zeros((32, 32, 3))
        >>> stripes[::2] = 1
        >>> items = dict(zip(extractor.names, extractor.extract(stripes)[0]))
        >>> bool(items["raw/luma/s0/line-h/Y2"] > items["raw/luma/s0/line-v/Y2"])
        True
    """

    scales: int = 4
    representations: tuple[str, ...] = REPRESENTATIONS
    metrics: tuple[str, ...] = METRICS
    side: int = SIDE

    def __post_init__(self) -> None:
        expect("the number of scales as a whole number", self.scales, int, error=ItemsError)
        if self.scales < 1:
            raise ItemsError(f"Expected at least one scale, got {self.scales}.")
        expect("the canonical side as a whole number", self.side, int, error=ItemsError)
        if self.side < 2:
            raise ItemsError(f"Expected a canonical side of at least 2 pixels, got {self.side}.")
        for got, known in ((self.representations, REPRESENTATIONS), (self.metrics, METRICS)):
            if not got or set(got) - set(known):
                raise ItemsError(f"Expected some of {', '.join(known)}, got {got!r}.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items in order, such as ``raw/luma/s0/line-h/Y2``."""
        axes = (self.representations, CHANNELS, [f"s{k}" for k in range(self.scales)], PARTS, self.metrics)
        return tuple("/".join(name) for name in product(*axes))

    @cached_property
    def version(self) -> str:
        """Identifier of extractor and settings; items of different versions do not fit together."""
        settings = f"{self.scales}:{'+'.join(self.representations)}:{'+'.join(self.metrics)}"
        return f"{VERSION}:{settings}" + ("" if self.side == SIDE else f":{self.side}")

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
            (n, len(names)) float64, one row for a single picture, always finite. For a tensor, a tensor on its device.

        Raises:
            ImageError: shape, dtype or range do not fit, or values are not finite.
        """
        import torch

        from .planes import pictures_of
        from .views import PictureViews

        # One picture at a time, so that sums do not depend on the batch.
        rows = [self.measure(PictureViews(picture)) for picture in pictures_of(images)]
        items = np.stack(rows) if rows else np.zeros((0, len(self.names)))
        return torch.from_numpy(items).to(images.device) if isinstance(images, torch.Tensor) else items

    def measure(self, views: PictureViews) -> np.ndarray:
        """(len(names),) items of one picture."""
        from .planes import sums_of

        sides = (self.side, self.side // 2)
        sums = []
        # Every machine adds in the same order.
        with one_blas_thread():
            for pyramid in (views.luma(sides[0]), views.opponents(sides[1])):
                planes = (
                    pyramid.raw(scale) if representation == "raw" else pyramid.normalised(scale)
                    for representation, scale in product(self.representations, range(self.scales))
                )
                shape = (len(self.representations), self.scales, -1)
                means, correlations, counts = sums_of(planes)
                sums.append((means.reshape(shape), correlations.reshape(*shape, len(LAGS)), counts.reshape(shape)))
        means, correlations, counts = (np.concatenate(parts, axis=2) for parts in zip(*sums, strict=True))
        # Channels before scales, as in the names.
        statistics = statistics_of(*(values.swapaxes(1, 2) for values in (means, correlations, counts)))
        return items_of(statistics)[..., [METRICS.index(m) for m in self.metrics]].ravel()
