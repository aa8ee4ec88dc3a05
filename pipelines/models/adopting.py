"""Describes a pipeline that the caller has loaded, for a generator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from ...errors import ModelError
from .calls import call_of, check_inputs
from .loading import EMBEDDED_FOLDER, LoadedModel, describe_model
from .loras import PREFIX, LoraFiles
from .request import EMBEDDED_GUIDANCE, EMBEDDED_STEPS

#: Attributes of the blocks of a UNet that FreeU sets.
_FREEU = ("b1", "b2", "s1", "s2")


def adopt(
    pipeline: Any,  # noqa: ANN401
    *,
    identity: str | None = None,
    batch_size: int | None = None,
    inputs: Mapping[str, Any] | None = None,
    loras: LoraFiles | None = None,
) -> LoadedModel:
    """Describe a loaded pipeline as it is: nothing is moved, converted or switched off.

    Defaults: an ``identity`` by ``weights_identity``; a ``batch_size`` of 1 on a CPU and with fixed ``inputs``, else 4.
    """
    call_of(pipeline)
    check_inputs(type(pipeline), inputs or {})
    device = str(getattr(pipeline, "_execution_device", None) or getattr(pipeline, "device", "cpu"))
    kind = str(getattr(pipeline, "dtype", "float32"))
    identity = identity or weights_identity(pipeline)
    # The pipeline's own defaults are those of all Stable Diffusion.
    embedded = _folder(pipeline) == str(EMBEDDED_FOLDER)
    steps, guidance = (EMBEDDED_STEPS, EMBEDDED_GUIDANCE) if embedded else (None, None)
    described = describe_model(pipeline, identity, (device, kind, "none"), batch_size, steps, guidance, inputs)
    return replace(described, loras=loras or LoraFiles())


def _folder(pipeline: Any) -> str:  # noqa: ANN401
    """Hub id or folder that a pipeline was loaded from."""
    return str(getattr(pipeline, "config", {}).get("_name_or_path"))


def weights_identity(pipeline: Any) -> str:  # noqa: ANN401
    """The class of a pipeline and a digest of its present weights; LoRAs that soart loaded for prompts do not count."""
    return f"{type(pipeline).__name__}@{_weights_digest(pipeline)}"


def _weights_digest(pipeline: Any) -> str:  # noqa: ANN401
    """Hash of the names, shapes and some values of every weight, and of LoRAs, FreeU and IP-Adapters; 12 hex digits.

    Some values, because reading all would take minutes. The hash does not depend on where the weights lie, so that a
    study continues when a pipeline is offloaded.
    """
    digest = hashlib.sha256()
    components = pipeline.components.items()
    for name, part in sorted((n, c) for n, c in components if isinstance(c, torch.nn.Module)):
        # What torch.compile returns holds the module and renames its weights.
        module = getattr(part, "_orig_mod", part)
        grouped = _grouped_on_disk(module)
        digest.update((_adapters(module) + _switches(module)).encode())
        wrapped = _wrapped_by_soart(module)
        for key, weight in module.state_dict().items():
            if any(part.startswith(PREFIX) for part in key.split(".")):
                continue
            layer, mark, rest = key.rpartition(".base_layer.")
            own = f"{layer}.{rest}" if mark and layer in wrapped else key
            digest.update(f"{name}.{own} {tuple(weight.shape)}".encode())
            values = None if grouped else _offloaded(module, key) if weight.device.type == "meta" else weight
            if values is None:
                raise ModelError(
                    f"The weights of this {type(pipeline).__name__} cannot be identified because the values of "
                    f"{name}.{key} are not in memory: name them with identity=."
                )
            flat = values.detach().reshape(-1)
            sample = flat[:: max(1, flat.numel() // 64)].to("cpu", torch.float32)
            digest.update(sample.numpy().tobytes())
    return digest.hexdigest()[:12]


def _adapters(module: torch.nn.Module) -> str:
    """The active LoRAs and their strengths as text; PEFT stores them beside the weights."""
    names, texts = ("active_adapters", "disable_adapters"), []
    for name, layer in module.named_modules():
        if (scaling := _strengths(layer)) is None:
            continue
        strengths = [pair for pair in sorted(scaling.items()) if not pair[0].startswith(PREFIX)]
        if strengths or not scaling:
            texts.append(f"{name} {strengths} {[getattr(layer, attribute, None) for attribute in names]}")
    return "".join(texts)


def _switches(module: torch.nn.Module) -> str:
    """The settings of FreeU and the scales of IP-Adapters as text; diffusers keeps them beside the weights."""
    texts = []
    for name, layer in module.named_modules():
        freeu = [getattr(layer, key, None) for key in _FREEU]
        if all(isinstance(value, int | float) for value in freeu):
            texts.append(f"{name} freeu {freeu}")
        scale = getattr(getattr(layer, "processor", None), "scale", None)
        if isinstance(scale, int | float | list | tuple):
            texts.append(f"{name} scale {scale}")
    return "".join(texts)


def _wrapped_by_soart(module: torch.nn.Module) -> set[str]:
    """Names of the layers whose only adapters are soart's, so that without soart they would be plain layers."""
    strengths = {name: _strengths(layer) for name, layer in module.named_modules()}
    return {name for name, all_of in strengths.items() if all_of and all(key.startswith(PREFIX) for key in all_of)}


def _strengths(layer: torch.nn.Module) -> dict[str, float] | None:
    """The scale of each adapter of a layer, by its name; None for a layer without adapters."""
    scaling = getattr(layer, "scaling", None)
    return scaling if isinstance(scaling, dict) else None


def _grouped_on_disk(module: torch.nn.Module) -> bool:
    """True if diffusers has moved weights to disk in groups: the memory of their modules was never written."""
    registries = (getattr(layer, "_diffusers_hook", None) for layer in module.modules())
    hooks = (registry.get_hook("group_offloading") for registry in registries if registry is not None)
    return any(hook is not None and hook.group.offload_to_disk_path for hook in hooks)


def _offloaded(module: torch.nn.Module, key: str) -> torch.Tensor | None:
    """A weight that accelerate keeps outside its module, in memory or on disk; None if it does not."""
    names = key.split(".")
    # The hook is at the weight's own module, or at one around it.
    for depth in reversed(range(len(names))):
        outer = getattr(module.get_submodule(".".join(names[:depth])), "_hf_hook", None)
        for hook in getattr(outer, "hooks", [outer]):
            weights, name = getattr(hook, "weights_map", None), ".".join(names[depth:])
            if weights is not None and name in weights:
                weight: torch.Tensor = weights[name]
                return weight
    return None
