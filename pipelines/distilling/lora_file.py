"""Writes the file of a LoRA so that diffusers and other programs read it.

For UNets, diffusers, ComfyUI and AUTOMATIC1111's web UI read the names of kohya's scripts: ``lora_unet_`` and the layer's name in
diffusers with ``_`` for ``.``, then ``lora_down.weight``, ``lora_up.weight`` and ``alpha``. For transformers the names are those of
diffusers: ``transformer.``, the layer's name, then ``lora_A.weight`` and ``lora_B.weight``. ComfyUI reads these for Stable
Diffusion 3 and Flux. The trust card is in the metadata, beside what such files usually say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ...errors import LoraError
from ...files import write_whole

#: Entry of the metadata that holds the trust card.
CARD = "soart_trust_card"


def kohya_name(layer: str) -> str:
    """The name of a layer of a UNet in such a file."""
    return f"lora_unet_{layer.replace('.', '_')}"


def kohya_weights(layers: Mapping[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The float16 tensors of a file for a UNet, from down (r, …) and up (…, r) weights by the name of the layer."""
    found = {}
    for layer, (down, up) in layers.items():
        name = kohya_name(layer)
        found[f"{name}.lora_down.weight"] = down.half().contiguous()
        found[f"{name}.lora_up.weight"] = up.half().contiguous()
        # The product is multiplied by alpha / rank.
        found[f"{name}.alpha"] = torch.tensor(float(len(down)))
    return found


def diffusers_weights(layers: Mapping[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The tensors of a file for a transformer, float16; arguments as for ``kohya_weights``."""
    return {
        f"transformer.{layer}.lora_{side}.weight": weights.half().contiguous()
        for layer, pair in layers.items()
        for side, weights in zip("AB", pair, strict=True)
    }


def is_unet(core: Any) -> bool:  # noqa: ANN401
    """True for UNets, whose files have the names of kohya's scripts."""
    return "UNet" in type(core).__name__


def described(core: Any, prediction: str, name: str, rank: int) -> dict[str, str]:  # noqa: ANN401
    """The usual metadata of such files: the network, and the model that it is for, as far as its family is known."""
    if not is_unet(core):
        return {"modelspec.sai_model_spec": "1.0.0", "modelspec.title": name, "modelspec.implementation": "diffusers"}
    config = core.config
    wide = config.cross_attention_dim
    facts = {
        "ss_output_name": name, "ss_network_module": "networks.lora", "ss_network_dim": str(rank), "ss_network_alpha": str(rank),
        "modelspec.sai_model_spec": "1.0.0", "modelspec.title": name,
        "modelspec.prediction_type": "v" if prediction == "v_prediction" else "epsilon",
    }  # fmt: skip
    families = {768: ("sd_v1", "stable-diffusion-v1"), 1024: ("sd_v2", "stable-diffusion-v2")}
    if config.addition_embed_type == "text_time":
        version, architecture = "sdxl_base_v1-0", "stable-diffusion-xl-v1-base"
    elif wide in families:
        version, architecture = families[wide]
    else:
        return facts
    return facts | {"ss_base_model_version": version, "modelspec.architecture": f"{architecture}/lora"}


def write_lora(
    path: Path,
    weights: Mapping[str, torch.Tensor],
    facts: Mapping[str, str],
    card: Mapping[str, Any] | None = None,
) -> None:
    """Write the file of a LoRA, with facts as of ``described``, and the trust card as plain JSON values."""
    metadata = {"format": "pt", **facts}
    if card is not None:
        metadata[CARD] = json.dumps(card, sort_keys=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(dict(weights), metadata))
    except OSError as error:
        raise LoraError(f"The LoRA {str(path)!r} cannot be written: {error.strerror or error}.") from error
