"""Fixed arguments of a pipeline's call, such as a control picture: their identity, and how they are batched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...errors import ModelError


def inputs_digest(inputs: Mapping[str, Any]) -> str:
    """Hash of the names and values of fixed inputs, 12 hex digits; empty without any.

    Pictures, arrays and tensors count by their values, so that the same picture read twice is the same input.
    """
    if not inputs:
        return ""
    digest = hashlib.sha256()
    for name in sorted(inputs):
        for part in (name.encode(), *_parts(inputs[name], name)):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:12]


def alike_in_a_batch(inputs: Mapping[str, Any]) -> bool:
    """True if the same values serve a batch of any size: only numbers, texts, None and mappings of these."""
    return all(
        alike_in_a_batch(value) if isinstance(value, Mapping) else isinstance(value, str | int | float | None)
        for value in inputs.values()
    )


def check_drawable(pipeline: Any, inputs: Mapping[str, Any], steps: int) -> None:  # noqa: ANN401
    """Refuse fixed inputs with which the pipelines of diffusers fail without a reason that can be understood."""
    strength = inputs.get("strength")
    if isinstance(strength, int | float) and not strength * steps >= 1:
        raise ModelError(
            f"A strength of {strength:g} leaves none of the {steps} steps to draw: give a strength of at least "
            f"{1 / steps:.2g}, or more steps."
        )
    unet = getattr(pipeline, "unet", None)
    core = getattr(pipeline, "transformer", None) if unet is None else unet
    adapted = getattr(getattr(core, "encoder_hid_proj", None), "image_projection_layers", None) is not None
    if adapted and all(inputs.get(name) is None for name in ("ip_adapter_image", "ip_adapter_image_embeds")):
        raise ModelError(
            "This pipeline has an IP-Adapter, which draws after a picture: give it as ip_adapter_image=…, or unload the "
            "adapter with unload_ip_adapter()."
        )


def _parts(value: Any, name: str) -> Iterator[bytes]:  # noqa: ANN401
    """The type and content of a value as bytes; each container begins with its length."""
    if isinstance(value, Image.Image):
        # The colours of a palette are not in its bytes.
        colours = value.convert("RGBA") if value.mode in ("P", "PA") else value
        yield f"picture {value.mode} {value.size}".encode()
        yield colours.tobytes()
    elif isinstance(value, torch.Tensor):
        yield f"tensor {value.dtype} {tuple(value.shape)}".encode()
        yield value.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"array {value.dtype} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key in sorted(value, key=str):
            yield str(key).encode()
            yield from _parts(value[key], name)
    elif isinstance(value, list | tuple):
        yield f"sequence {len(value)}".encode()
        for element in value:
            yield from _parts(element, name)
    elif isinstance(value, str | int | float | None):
        yield repr(value).encode()
    else:
        raise ModelError(
            f"The fixed input {name!r} cannot be identified because it holds a {type(value).__name__}: "
            "give pictures, arrays, tensors, numbers or texts."
        )
