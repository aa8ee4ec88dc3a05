"""Takes over a pipeline that somebody else has loaded."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from ...errors import ModelError
from .loading import LoadedModel, describe_model


def adopt(pipeline: Any, *, identity: str | None = None, batch_size: int | None = None) -> LoadedModel:  # noqa: ANN401
    """A pipeline that somebody else has loaded, as it is: nothing is moved, converted or switched off.

    Args:
        pipeline: any text-to-image pipeline of diffusers.
        identity: names the weights in a collection; by default a digest of the weights as they are now, LoRAs included.
        batch_size: pictures drawn together; by default 1 on a CPU, else 4.

    Raises:
        ModelError: it does not draw pictures from text alone, or has weights that cannot be read and no ``identity``.
    """
    device = str(getattr(pipeline, "_execution_device", None) or getattr(pipeline, "device", "cpu"))
    kind = str(getattr(pipeline, "dtype", "float32"))
    name = type(pipeline).__name__
    identity = identity or f"{name}@{_weights_digest(pipeline)}"
    return describe_model(pipeline, name, identity, (device, kind, "none"), batch_size or (1 if device == "cpu" else 4))


def _weights_digest(pipeline: Any) -> str:  # noqa: ANN401
    """Hash of the names, shapes and some values of every weight, and of how strong LoRAs are, 12 hex digits: reading all values would take minutes.

    The same wherever the weights lie, so that a study goes on when a pipeline is offloaded.

    Raises:
        ModelError: weights that cannot be read.
    """
    digest = hashlib.sha256()
    parts = sorted((name, part) for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module))
    for name, part in parts:
        grouped = _grouped_on_disk(part)
        digest.update(_adapters(part).encode())
        for key, weight in part.state_dict().items():
            digest.update(f"{name}.{key} {tuple(weight.shape)}".encode())
            held = None if grouped else _offloaded(part, key) if weight.device.type == "meta" else weight
            if held is None:
                raise ModelError(
                    f"The weights of this {type(pipeline).__name__} cannot be told from others, for the values of {name}.{key} are not in memory: "
                    "name them with identity=."
                )
            flat = held.detach().reshape(-1)
            some = flat[:: max(1, flat.numel() // 64)].to("cpu", torch.float32)
            digest.update(some.numpy().tobytes())
    return digest.hexdigest()[:12]


def _adapters(part: torch.nn.Module) -> str:
    """Which LoRAs are switched on, and how strongly: PEFT keeps that beside the weights."""
    layers = ((name, module, getattr(module, "scaling", None)) for name, module in part.named_modules())
    told = ((name, sorted(scaling.items()), module) for name, module, scaling in layers if isinstance(scaling, dict))
    names = ("active_adapters", "disable_adapters")
    return "".join(
        f"{name} {scaling} {[getattr(module, one, None) for one in names]}" for name, scaling, module in told
    )


def _grouped_on_disk(part: torch.nn.Module) -> bool:
    """Whether diffusers has moved weights to disk in groups: their modules hold memory that was never written."""
    hooks = (getattr(module, "_diffusers_hook", None) for module in part.modules())
    groups = (one.get_hook("group_offloading") for one in hooks if one is not None)
    return any(one is not None and one.group.offload_to_disk_path for one in groups)


def _offloaded(part: torch.nn.Module, key: str) -> torch.Tensor | None:
    """A weight that accelerate keeps outside of its module, in memory or on disk; None where it does not."""
    names = key.split(".")
    # The hook is at the weight's own module, or at one around it.
    for depth in reversed(range(len(names))):
        hook = getattr(part.get_submodule(".".join(names[:depth])), "_hf_hook", None)
        for one in getattr(hook, "hooks", [hook]):
            kept, name = getattr(one, "weights_map", None), ".".join(names[depth:])
            if kept is not None and name in kept:
                held: torch.Tensor = kept[name]
                return held
    return None
