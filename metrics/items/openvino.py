"""The packaged networks by OpenVINO, which computes the same items in half the time on processors of Intel and AMD.

Source: OpenVINO, Intel's toolkit for inference (Apache-2.0); the extra ``openvino``.
"""

from __future__ import annotations

import multiprocessing
from functools import cached_property
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
import torch

from .efficientnet import EfficientNetLite0
from .mobilenet import SIDE, Nima
from .packaged import STAGES


def installed() -> bool:
    """True if OpenVINO is installed."""
    return find_spec("openvino") is not None


def worth_starting() -> bool:
    """True for a worker: starting OpenVINO takes half a second, as long as a dozen pictures by PyTorch."""
    return multiprocessing.parent_process() is not None and installed()


class _Compiled:
    """A network that OpenVINO compiles when it is first used; other processes compile it themselves."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network

    def __reduce__(self) -> tuple[type[_Compiled], tuple[torch.nn.Module]]:
        """Another process compiles the network itself."""
        return type(self), (self.network,)

    def __call__(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """The output of (n, 3, h, w) prepared pictures."""
        if pixel_values.device.type != "cpu":
            return self._by_torch(pixel_values)
        return torch.from_numpy(self._request.infer(pixel_values.contiguous().numpy())[0].copy())

    def _by_torch(self, pixel_values: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _model(self) -> Any:  # noqa: ANN401
        """OpenVINO's model of the network."""
        raise NotImplementedError

    @cached_property
    def _request(self) -> Any:  # noqa: ANN401
        import openvino

        settings = {
            # By default OpenVINO computes in bfloat16 where the processor can, and these would be other items.
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            # All workers would be pinned to the same core.
            "ENABLE_CPU_PINNING": False,
        }
        return openvino.Core().compile_model(self._model(), "CPU", settings).create_infer_request()


class CompiledStages(_Compiled):
    """The means over the picture of each stage's output, as ``EfficientNetLite0.stages`` gives them, within 1e-4."""

    network: EfficientNetLite0

    def _by_torch(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return torch.cat(self.network.stages(pixel_values), dim=1)

    def _model(self) -> Any:  # noqa: ANN401
        import openvino
        from openvino import opset13 as ops

        pictures = ops.parameter([-1, 3, -1, -1], openvino.Type.f32, name="pixel_values")
        x, means, number = _bounded(self.network.conv_stem, pictures), [], 0
        for blocks, *_ in STAGES:
            for block in cast("Any", list(self.network.blocks)[number : number + blocks]):
                y = _bounded(block.expand_conv, x) if block.expands else x
                y = _convolved(block.project_conv, _bounded(block.depthwise_conv, y))
                x = ops.add(x, y) if block.adds else y
            number += blocks
            means.append(ops.reduce_mean(x, [2, 3], keep_dims=False))
        return openvino.Model([ops.concat(means, axis=1)], [pictures], "EfficientNet-Lite0")


class CompiledMarks(_Compiled):
    """The mean marks as ``Nima`` gives them, within 1e-4."""

    network: Nima

    def _by_torch(self, pixel_values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.network(pixel_values)
        return found

    def _model(self) -> Any:  # noqa: ANN401
        import openvino
        from openvino import opset13 as ops

        pictures = ops.parameter([-1, 3, SIDE, SIDE], openvino.Type.f32, name="pixel_values")
        x = pictures
        for layer in self.network.layers:
            x = _bounded(layer, x)
        weight, bias = (values.detach().numpy() for values in (self.network.rating.weight, self.network.rating.bias))
        x = ops.add(ops.matmul(ops.reduce_mean(x, [2, 3], keep_dims=False), weight, False, True), bias)
        shares = ops.softmax(x, 1)
        marks = np.arange(1, len(bias) + 1, dtype=np.float32)
        return openvino.Model([ops.reduce_sum(ops.multiply(shares, marks), [1])], [pictures], "NIMA")


def _convolved(layer: torch.nn.Module, x: Any) -> Any:  # noqa: ANN401
    from openvino import opset13 as ops

    # Each layer knows its padding as TensorFlow's SAME, which may be one less before than after.
    convolution = cast("Any", layer)
    weight = convolution.weight.detach().contiguous().numpy()
    before, after = convolution.edges
    places = (convolution.stride, (before, before), (after, after), (1, 1))
    if convolution.groups > 1:
        y = ops.group_convolution(x, weight[:, None], *places)
    else:
        y = ops.convolution(x, weight, *places)
    return ops.add(y, convolution.bias.detach().numpy()[None, :, None, None])


def _bounded(layer: torch.nn.Module, x: Any) -> Any:  # noqa: ANN401
    from openvino import opset13 as ops

    return ops.clamp(_convolved(layer, x), 0.0, 6.0)
