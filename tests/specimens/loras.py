"""Random LoRAs, written by diffusers itself."""

import copy

import peft
import torch
from peft.utils import get_peft_model_state_dict


def write_lora(pipeline, path, seed, *, text=False):
    """A random LoRA for the UNet of a pipeline, and for its text encoder if ``text``."""
    torch.manual_seed(seed)
    states = {}
    for part, targets in (("unet", ["to_q", "to_v"]), *([("text_encoder", ["q_proj", "v_proj"])] if text else [])):
        config = peft.LoraConfig(r=2, lora_alpha=16, target_modules=targets, init_lora_weights=False)
        module = peft.inject_adapter_in_model(config, copy.deepcopy(getattr(pipeline, part)))
        states[f"{part}_lora_layers"] = get_peft_model_state_dict(module)
    pipeline.save_lora_weights(path.parent, weight_name=path.name, **states)
