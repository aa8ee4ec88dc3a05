"""Where and in which precision a pipeline runs.

Rule for the device: the first of CUDA, XPU and MPS that is there, else the CPU. Rule for the dtype: bfloat16 on devices
that compute in it, float16 on other accelerators, float32 on the CPU. Rule for offloading (``"auto"``): whole components
are moved to an accelerator one at a time when the weights fill more than 70 % of its free memory.
"""

from __future__ import annotations

from typing import Any

import torch

from ...errors import ModelError

OFFLOADS = ("auto", "none", "model", "sequential")
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def choose_device(wanted: str | None = None) -> str:
    """The device to run on, by the rule above or as wanted.

    Raises:
        ModelError: the wanted device is not there.
    """
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.xpu.is_available():
        there.insert(0, "xpu")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    if wanted is None:
        return there[0]
    if wanted.split(":")[0] not in there:
        raise ModelError(f"Device {wanted!r} is not available here: choose one of {', '.join(there)}.")
    return wanted


def choose_dtype(device: str, wanted: str | None = None) -> torch.dtype:
    """The floating-point type to compute in, by the rule above or as wanted."""
    if wanted is not None:
        if wanted not in _DTYPES:
            raise ModelError(f"Unknown dtype {wanted!r}: choose one of {', '.join(_DTYPES)}.")
        return _DTYPES[wanted]
    if device == "cpu":
        return torch.float32
    if device.startswith("xpu") or (
        device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        return torch.bfloat16
    return torch.float16


def place(pipeline: Any, device: str, offload: str) -> str:  # noqa: ANN401
    """Bring ``pipeline`` to ``device`` by the rule above or as wanted; returns the offloading chosen."""
    if offload not in OFFLOADS:
        raise ModelError(f"Unknown offload {offload!r}: choose one of {', '.join(OFFLOADS)}.")
    if device == "cpu":
        pipeline.to(device)
        return "none"
    if offload == "auto":
        offload = "none"
        if device.startswith("cuda"):
            parts = [c for c in pipeline.components.values() if isinstance(c, torch.nn.Module)]
            size = sum(w.numel() * w.element_size() for c in parts for w in c.parameters())
            if size > 0.7 * torch.cuda.mem_get_info(device)[0]:
                offload = "model"
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
    return offload
