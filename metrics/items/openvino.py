"""EfficientNet-Lite0 by OpenVINO, which computes the same items in half the time on processors of Intel and AMD.

Source: OpenVINO, Intel's toolkit for inference (Apache-2.0); the extra ``openvino``.
"""

from __future__ import annotations

import multiprocessing
from functools import cached_property
from importlib.util import find_spec
from typing import Any, cast

import torch

from .efficientnet import EfficientNetLite0
from .packaged import STAGES


def installed() -> bool:
    """True if OpenVINO is installed."""
    return find_spec("openvino") is not None


def worth_starting() -> bool:
    """True for a worker: starting OpenVINO takes half a second, as long as a dozen pictures by PyTorch."""
    return multiprocessing.parent_process() is not None and installed()


class CompiledStages:
    """The means over the picture of each stage's output, as ``EfficientNetLite0.stages`` gives them, within 1e-4.

    The network is in float32 on the CPU, its normalisation folded into the convolutions (``fused``).
    """

    def __init__(self, network: EfficientNetLite0) -> None:
        self.network = network

    def __reduce__(self) -> tuple[type[CompiledStages], tuple[EfficientNetLite0]]:
        """Another process compiles the network itself."""
        return CompiledStages, (self.network,)

    def __call__(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(n, channels of all stages) float32 means of (n, 3, h, w) prepared pictures."""
        if pixel_values.device.type != "cpu":
            return torch.cat(self.network.stages(pixel_values), dim=1)
        return torch.from_numpy(self._request.infer(pixel_values.contiguous().numpy())[0].copy())

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
        return openvino.Core().compile_model(_model(self.network), "CPU", settings).create_infer_request()


def _model(network: EfficientNetLite0) -> Any:  # noqa: ANN401
    """OpenVINO's model of the stages, for pictures of any size."""
    import openvino
    from openvino import opset13 as ops

    def convolved(x: Any, layer: torch.nn.Module) -> Any:  # noqa: ANN401
        # Each layer knows its padding as TensorFlow's SAME, which may be one less before than after.
        convolution = cast("Any", layer)
        weight = convolution.weight.detach().numpy()
        before, after = convolution.edges
        places = (convolution.stride, (before, before), (after, after), (1, 1))
        if convolution.groups > 1:
            y = ops.group_convolution(x, weight[:, None], *places)
        else:
            y = ops.convolution(x, weight, *places)
        return ops.add(y, convolution.bias.detach().numpy()[None, :, None, None])

    def bounded(x: Any) -> Any:  # noqa: ANN401
        return ops.clamp(x, 0.0, 6.0)

    pictures = ops.parameter([-1, 3, -1, -1], openvino.Type.f32, name="pixel_values")
    x, means, number = bounded(convolved(pictures, network.conv_stem)), [], 0
    for blocks, *_ in STAGES:
        for block in cast("Any", list(network.blocks)[number : number + blocks]):
            y = bounded(convolved(x, block.expand_conv)) if block.expands else x
            y = convolved(bounded(convolved(y, block.depthwise_conv)), block.project_conv)
            x = ops.add(x, y) if block.adds else y
        number += blocks
        means.append(ops.reduce_mean(x, [2, 3], keep_dims=False))
    return openvino.Model([ops.concat(means, axis=1)], [pictures], "EfficientNet-Lite0")
