"""Convolutions of the networks that come with soart or a package: TensorFlow's padding, and ReLU6 in one pass."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn
from torch.nn import functional


class Convolution(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME does for even sizes: a stride of two pads less before than after."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, bias: bool = False
    ) -> None:
        before = (kernel - stride) // 2
        after = kernel - stride - before
        super().__init__(inputs, outputs, kernel, stride, before if before == after else 0, groups=groups, bias=bias)
        #: Pixels that are added before and after, in both directions.
        self.edges = before, after
        #: Side that a layer's pictures have about, in pixels, which the order of weights is chosen for.
        self.side = 224
        self._order: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution of (n, inputs, h, w)."""
        if self.kernel_size == (1, 1) and x.is_contiguous(memory_format=torch.channels_last):
            # The same product of matrices, without the copies that PyTorch makes for a convolution in one thread.
            return functional.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
        before, after = self.edges
        return super().forward(x if before == after else functional.pad(x, (before, after, before, after)))

    def bounded(self, x: torch.Tensor) -> torch.Tensor:
        """ReLU6 of the convolution, in one pass over memory where PyTorch can; the same values but for rounding."""
        usual = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
        if self.bias is not None and usual and _bounds_at_once():
            return self.bounded_at_once(x)
        return functional.relu6(self(x), inplace=True)

    def bounded_at_once(self, x: torch.Tensor) -> torch.Tensor:
        """The same by oneDNN's convolution that is followed by a ReLU6; needs a bias, float32 and no gradient."""
        before, after = self.edges
        # Equal edges of one step more before: that costs a row and a column, where unequal ones cost a copy of x.
        edge = before if before == after else before + self.stride[0]
        y: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._packed(edge), self.bias, (edge, edge), self.stride, (1, 1), self.groups, "hardtanh", (0.0, 6.0), ""
        )
        if before == after:
            return y
        height, width = (
            (n + before + after - k) // self.stride[0] + 1 for n, k in zip(x.shape[2:], self.kernel_size, strict=True)
        )
        return y[:, :, 1 : height + 1, 1 : width + 1].contiguous(memory_format=torch.channels_last)

    def _packed(self, edge: int) -> torch.Tensor:
        """The weights in the order in which oneDNN reads them, made once; right for pictures of any size."""
        if self._order is None:
            usual = (1, self.in_channels, self.side, self.side)
            self._order = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight.detach().contiguous(), (edge, edge), self.stride, (1, 1), self.groups, usual
            )
        return self._order

    def __getstate__(self) -> dict[str, object]:
        """Without the order of oneDNN, which cannot be pickled."""
        return {**self.__dict__, "_order": None}


@cache
def _bounds_at_once() -> bool:
    """True if this PyTorch has oneDNN's convolutions that are followed by a ReLU6, of every kind in the network."""
    x = torch.linspace(-2, 2, 4 * 9 * 11).reshape(1, 4, 9, 11)
    for kernel, stride, groups in ((1, 1, 1), (3, 2, 1), (3, 1, 4), (5, 2, 4)):
        with torch.random.fork_rng(devices=[]):
            convolution = Convolution(4, 4, kernel, stride, groups)
        convolution.bias = nn.Parameter(torch.linspace(-1, 1, 4))
        # PyTorch uses them itself, but they are not part of its public interface.
        try:
            y = convolution.bounded_at_once(x)
        except (AttributeError, RuntimeError, TypeError):
            return False
        if not torch.allclose(y, functional.relu6(convolution(x)), atol=1e-4):
            return False
    return True
