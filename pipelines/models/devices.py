"""Chooses the device and precision of a pipeline, and moves it there.

Device: the first of CUDA, XPU and MPS that is available, else the CPU. Dtype: bfloat16 on devices that compute in it,
float16 on other accelerators, float32 on the CPU. Offloading (``"auto"``): whole components are moved to the
accelerator one at a time if the weights fill more than 70 % of its free memory.
"""

from __future__ import annotations

from typing import Any

import torch

from ...errors import ModelError, expect, first_line
from .limits import DTYPES, OFFLOADS


def choose_device(wanted: str | None = None) -> str:
    """The device to run on: ``wanted``, or by the rule above."""
    if wanted is not None:
        expect("the device as text", wanted, str, error=ModelError)
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.xpu.is_available():
        available.insert(0, "xpu")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if wanted is None:
        return available[0]
    if wanted.split(":")[0] not in available:
        raise ModelError(f"Device {wanted!r} is not available here: choose one of {', '.join(available)}.")
    try:
        torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(f"Device {wanted!r} cannot be used: {first_line(error)}.") from error
    return wanted


def choose_dtype(device: str, wanted: str | None = None) -> torch.dtype:
    """The floating-point type to compute in: ``wanted``, or by the rule above."""
    if wanted is not None:
        if wanted not in DTYPES:
            raise ModelError(f"Unknown dtype {wanted!r}: choose one of {', '.join(DTYPES)}.")
        dtype: torch.dtype = getattr(torch, wanted)
        return dtype
    if device == "cpu":
        return torch.float32
    if device.startswith("xpu") or (
        device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        return torch.bfloat16
    return torch.float16


def place(pipeline: Any, device: str, offload: str) -> str:  # noqa: ANN401
    """Move ``pipeline`` to ``device``, with the wanted offloading or by the rule above; returns that in effect."""
    if offload not in OFFLOADS:
        raise ModelError(f"Unknown offload {offload!r}: choose one of {', '.join(OFFLOADS)}.")
    if device == "cpu":
        pipeline.to(device)
        return "none"
    if offload == "auto":
        offload = "none"
        if device.startswith("cuda"):
            modules = [c for c in pipeline.components.values() if isinstance(c, torch.nn.Module)]
            size = sum(w.numel() * w.element_size() for c in modules for w in c.parameters())
            if size > 0.7 * torch.cuda.mem_get_info(device)[0]:
                offload = "model"
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
    return offload
