"""Takes over a pipeline that somebody else has loaded."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from .loading import LoadedModel, describe_model


def adopt(pipeline: Any, *, identity: str | None = None, batch_size: int | None = None) -> LoadedModel:  # noqa: ANN401
    """A pipeline that somebody else has loaded, as it is: nothing is moved, converted or switched off.

    Args:
        pipeline: any text-to-image pipeline of diffusers.
        identity: names the weights in a collection; by default a digest of the weights as they are now, LoRAs included.
        batch_size: pictures drawn together; by default 1 on a CPU, else 4.

    Raises:
        ModelError: it does not draw pictures from text alone.
    """
    device = str(getattr(pipeline, "_execution_device", None) or getattr(pipeline, "device", "cpu"))
    kind = str(getattr(pipeline, "dtype", "float32"))
    name = type(pipeline).__name__
    identity = identity or f"{name}@{_weights_digest(pipeline)}"
    return describe_model(pipeline, name, identity, (device, kind, "none"), batch_size or (1 if device == "cpu" else 4))


def _weights_digest(pipeline: Any) -> str:  # noqa: ANN401
    """Hash of the names, shapes and some values of every weight, 12 hex digits: reading all values would take minutes."""
    digest = hashlib.sha256()
    parts = sorted((name, part) for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module))
    for name, part in parts:
        for key, weight in part.state_dict().items():
            digest.update(f"{name}.{key} {tuple(weight.shape)}".encode())
            if weight.device.type != "meta":
                flat = weight.detach().reshape(-1)
                some = flat[:: max(1, flat.numel() // 64)].to("cpu", torch.float32)
                digest.update(some.numpy().tobytes())
    return digest.hexdigest()[:12]
