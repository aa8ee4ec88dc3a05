"""BlazeFace: the networks that find faces, and what they see of a picture; see ``faces``.

Source: Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs" (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from ...errors import ModelError, first_line
from ..formats.tensors import read_tensors
from .faces import Face

#: Weight and bias of a convolution.
Layer = tuple[torch.Tensor, torch.Tensor]
#: Width and height of what the networks see: the first finds faces that fill much of it, the second smaller ones, too.
SIDES = {"short": 128, "full": 192}
#: Number of convolutions of each network.
_DEPTHS = {"short": 37, "full": 91}


def _convolved(x: torch.Tensor, layer: Layer, stride: int = 1, *, even: bool = True) -> torch.Tensor:
    """The convolution by a layer; ``even`` pads before and after alike, else as TensorFlow's SAME."""
    weight, bias = layer
    kernel = weight.shape[-1]
    groups = len(weight) if weight.shape[1] == 1 else 1
    edge = kernel // 2
    if not even and stride > 1:
        before = (kernel - stride) // 2
        after = kernel - stride - before
        x, edge = functional.pad(x, (before, after, before, after)), 0
    return functional.conv2d(x, weight, bias, stride, edge, groups=groups)


def short_range(x: torch.Tensor, layers: Iterator[Layer]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-odds (n, 896) and places (n, 896, 16) of faces in pictures (n, 3, 128, 128) in −1 … 1."""
    x = _convolved(x, next(layers), 2, even=False).relu()
    for number in range(16):
        stride = 2 if number in (2, 5, 11) else 1
        if number == 11:
            fine = x
        y = _convolved(_convolved(x, next(layers), stride, even=False), next(layers))
        short = functional.max_pool2d(x, 2) if stride == 2 else x
        x = (functional.pad(short, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1])) + y).relu()
    outputs = [_convolved(seen, next(layers)).permute(0, 2, 3, 1) for seen in (fine, x, fine, x)]
    odds, places = ([part.reshape(len(x), -1, size) for part in outputs[k : k + 2]] for k, size in ((0, 1), (2, 16)))
    return torch.cat(odds, 1)[..., 0], torch.cat(places, 1)


def full_range(x: torch.Tensor, layers: Iterator[Layer]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-odds (n, 2304) and places (n, 2304, 16) of faces in pictures (n, 3, 192, 192) in −1 … 1."""

    def block(x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        y = _convolved(_convolved(x, next(layers), stride), next(layers)).relu()
        y = _convolved(_convolved(y, next(layers)), next(layers))
        return (y + x if y.shape == x.shape else y).relu()

    def spread(x: torch.Tensor) -> torch.Tensor:
        x = _convolved(_convolved(x, next(layers)), next(layers), 2)
        count, channels, height, width = x.shape
        x = x.reshape(count, 2, 2, channels // 4, height, width).permute(0, 4, 1, 5, 2, 3)
        return x.reshape(count, 4 * height * width, channels // 4)

    x = block(block(_convolved(x, next(layers), 2).relu()))
    beside = []
    for blocks in (3, 3, 3, 4):
        for number in range(blocks):
            x = block(x, 1 if number else 2)
        # The last one is what the others are added to.
        beside.append(_convolved(x, next(layers)).relu())
    x = beside.pop()
    for blocks in (2, 2, 1):
        x = functional.interpolate(x, scale_factor=2, mode="bilinear") + beside.pop()
        for _ in range(blocks):
            x = block(x)
        if beside:
            x = _convolved(x, next(layers)).relu()
    odds, places = spread(x), spread(x)
    return odds[..., 0], places


@cache
def anchors(network: str) -> torch.Tensor:
    """(n, 2) middles, in shares of the square, that places of faces are relative to."""
    grids = ((16, 2), (8, 6)) if network == "short" else ((48, 1),)
    middles = []
    for cells, each in grids:
        line = (torch.arange(cells) + 0.5) / cells
        grid = torch.stack([line.repeat(cells), line.repeat_interleave(cells)], 1)
        middles.append(grid.repeat_interleave(each, 0))
    return torch.cat(middles)


@cache
def networks(path: Path = Path(__file__).with_name("faces.safetensors")) -> Mapping[str, Sequence[Layer]]:
    """The layers of both networks, from a file.

    Raises:
        ModelError: the weights are missing, damaged, or of another network.
    """
    try:
        tensors = {name: torch.from_numpy(array).float() for name, array in read_tensors(path)[1].items()}
        return {
            name: [(tensors[f"{name}.{k}.weight"], tensors[f"{name}.{k}.bias"]) for k in range(depth)]
            for name, depth in _DEPTHS.items()
        }
    # A damaged file raises errors of nearly any kind.
    except Exception as error:
        raise ModelError(
            f"The weights {str(path)!r} cannot be read as BlazeFace ({first_line(error)}): reinstall soart."
        ) from error
