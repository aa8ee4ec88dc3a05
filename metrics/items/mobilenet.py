"""MobileNet with the weights of NIMA, and what it sees of a picture; see ``nima``.

Normalisations are folded into the convolutions. The network was trained on pictures that were squeezed to 224 × 224 pixels by
taking the nearest ones, and needs that. So a picture is brought to its canonical size (``efficientnet.whole_size``), and
pixels of that are taken, of the picture and of its mirror image.

Source: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications" (2017).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import nn

from ...errors import ModelError, first_line
from ..formats.tensors import read_tensors
from .convolutions import Convolution
from .efficientnet import LONG, whole_size

#: Width and height of what the network sees, the shorter side of the smallest pictures of which that tells something, and the
#: span of levels, 0 to 255, below which a picture is plain.
SIDE, SMALLEST, PLAIN = 224, 64, 3
#: Steps and output channels of the blocks, each a depthwise convolution and one of single pixels.
BLOCKS = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024))
_MARKS = 10


class Nima(nn.Module):
    """Network from (n, 3, 224, 224) pictures in −1 … 1 to (n,) mean marks, 1 to 10."""

    def __init__(self) -> None:
        super().__init__()
        layers, channels = [Convolution(3, 32, 3, 2, bias=True)], 32
        for step, outputs in BLOCKS:
            layers.append(Convolution(channels, channels, 3, step, groups=channels, bias=True))
            layers.append(Convolution(channels, outputs, bias=True))
            channels = outputs
        side = SIDE
        for layer in layers:
            # The last order, of weights for 7 × 7 pixels, is 20 times as fast there as the usual one.
            layer.side, side = side, side // layer.stride[0]
        self.layers = nn.ModuleList(layers)
        self.rating = nn.Linear(channels, _MARKS)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(n,) mean marks."""
        x = pixel_values.contiguous(memory_format=torch.channels_last)
        for layer in cast("Iterable[Convolution]", self.layers):
            x = layer.bounded(x)
        shares = self.rating(x.mean(dim=(2, 3))).softmax(dim=1)
        marks: torch.Tensor = shares @ torch.arange(1, _MARKS + 1, dtype=shares.dtype, device=shares.device)
        return marks


def places(length: int) -> np.ndarray:
    """(224,) numbers of the nearest of so many pixels, as Pillow takes them."""
    return ((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.int64)


def prepare_sides(picture: Image.Image) -> torch.Tensor:
    """Prepare an RGB picture of any size as (1, 2, 3, 224, 224) in −1 … 1: the picture and its mirror image."""
    canonical = np.asarray(picture.resize(whole_size(*picture.size), Image.Resampling.BICUBIC))
    rows, columns = (places(length) for length in canonical.shape[:2])
    sides = np.stack([side[rows[:, None], columns] for side in (canonical, canonical[:, ::-1])])
    values = torch.from_numpy(sides.astype(np.float32) / np.float32(127.5) - np.float32(1))
    return values.permute(0, 3, 1, 2)[None]


def untold(size: tuple[int, int], sides: torch.Tensor) -> int:
    """Number of the reason, in ``nima.UNTOLD``, against a picture that is prepared as ``sides``; 0 if there is none."""
    shorter, longer = sorted(size)
    if shorter < SMALLEST:
        return 1
    if longer > LONG * shorter:
        return 2
    low, high = np.quantile(sides[0, 0].flatten(1).numpy(), (0.01, 0.99), axis=1)
    return 3 if np.max(high - low) * 127.5 < PLAIN else 0


def load_weights(path: Path) -> Nima:
    """The network with weights of a file, in eval mode on the CPU."""
    # Without values, which would be random ones.
    with torch.device("meta"):
        network = Nima()
    try:
        tensors = {
            name: torch.from_numpy(array).contiguous(
                memory_format=torch.channels_last if array.ndim == 4 else torch.contiguous_format
            )
            for name, array in read_tensors(path)[1].items()
        }
        network.load_state_dict(tensors, assign=True)
    # A damaged file raises errors of nearly any kind.
    except Exception as error:
        raise ModelError(
            f"The weights {str(path)!r} cannot be read as NIMA ({first_line(error)}): reinstall soart."
        ) from error
    return network.eval().requires_grad_(False)
