"""Files of LoRAs: read by diffusers' own loader, and named by the rules of ComfyUI and AUTOMATIC1111's web UI."""

import re

import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file
from specimens import families
from specimens.ldm import _unet_key

from soart.errors import LoraError
from soart.pipelines.distilling.lora_file import CARD, described, kohya_name, kohya_weights, write_lora
from soart.pipelines.distilling.training import ADAPTER, TARGETS, lora_layers, lora_on

#: The UNets of Stable Diffusion 1.5 and SDXL, as their authors describe them.
REAL = {
    "sd1": {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768, "sample_size": 64},
    "sdxl": {
        "block_out_channels": (320, 640, 1280), "cross_attention_dim": 2048, "sample_size": 128, "use_linear_projection": True,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), "attention_head_dim": (5, 10, 20),
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "transformer_layers_per_block": (1, 2, 10),
        "projection_class_embeddings_input_dim": 2816,
    },
}  # fmt: skip


@pytest.fixture(params=["sd1", "sdxl"])
def pipeline(request, tmp_path):
    torch.manual_seed(0)
    return families.FAMILIES[request.param](tmp_path)


def random_lora(unet):
    with lora_on(unet, 2, 0) as weights, torch.no_grad():
        source = torch.Generator().manual_seed(1)
        for one in weights:
            one.copy_(0.3 * torch.randn(one.shape, generator=source))
        return lora_layers(unet), said(unet), get_peft_model_state_dict(unet, adapter_name=ADAPTER)


def said(unet):
    source = torch.Generator().manual_seed(2)
    latents, tokens = torch.randn(1, 4, 16, 16, generator=source), torch.randn(1, 5, 64, generator=source)
    options = {}
    if unet.config.addition_embed_type == "text_time":
        options["added_cond_kwargs"] = {"text_embeds": torch.ones(1, 32), "time_ids": torch.ones(1, 6)}
    with torch.no_grad():
        return unet(latents, 300, tokens[..., : unet.config.cross_attention_dim], **options).sample


def test_diffusers_reads_the_file_as_its_own(pipeline, tmp_path):
    layers, expected, own = random_lora(pipeline.unet)
    base = said(pipeline.unet)
    assert (expected - base).abs().max() > 0.01
    write_lora(tmp_path / "mine.safetensors", kohya_weights(layers), described(pipeline.unet, "epsilon", "mine", 2))
    StableDiffusionPipeline.save_lora_weights(tmp_path, unet_lora_layers=own, weight_name="own.safetensors")
    for name in ("mine", "own"):
        pipeline.load_lora_weights(str(tmp_path), weight_name=f"{name}.safetensors", adapter_name=name)
        assert torch.allclose(said(pipeline.unet), expected, atol=2e-3)
        pipeline.unload_lora_weights()
    assert torch.equal(said(pipeline.unet), base)


def targets_of(unet):
    return [
        name
        for name, layer in unet.named_modules()
        if any(name == one or name.endswith(f".{one}") for one in TARGETS) and hasattr(layer, "weight")
    ]


def webui_name(key):
    """The layer of the original code that the web UI takes a key for, from its published rules."""
    parts = {"resnets": {"conv1": "in_layers_2", "conv2": "out_layers_3"}, "attentions": {}}
    if found := re.fullmatch(r"lora_unet_(down|up)_blocks_(\d+)_(attentions|resnets)_(\d+)_(.+)", key):
        side, block, kind, number, rest = found.groups()
        place = 3 * int(block) + int(number) + (side == "down")
        name = "input" if side == "down" else "output"
        return f"{name}_blocks_{place}_{int(kind == 'attentions')}_{parts[kind].get(rest, rest)}"
    found = re.fullmatch(r"lora_unet_mid_block_(attentions|resnets)_(\d+)_(.+)", key)
    kind, number, rest = found.groups()
    return f"middle_block_{1 if kind == 'attentions' else 2 * int(number)}_{parts[kind].get(rest, rest)}"


@pytest.mark.parametrize("family", REAL)
def test_every_name_is_that_of_a_layer_for_others_too(family):
    """By the formats alone: neither program runs here."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**REAL[family])
    layers = targets_of(unet)
    assert len(layers) > 100
    names = [kohya_name(layer) for layer in layers]
    assert len({*names}) == len(names)
    # ComfyUI makes a table of the keys of diffusers, dots for underscores; the web UI computes the original's layer.
    keys = {f"lora_unet_{key.removesuffix('.weight').replace('.', '_')}" for key in unet.state_dict()}
    assert {*names} <= keys
    for layer, name in zip(layers, names, strict=True):
        original = _unet_key(f"{layer}.weight", unet.config.layers_per_block).removesuffix(".weight")
        assert webui_name(name) == original.replace(".", "_")


def test_a_known_file_has_these_names(pipeline, tmp_path):
    weights = kohya_weights(random_lora(pipeline.unet)[0])
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    assert {f"{name}.lora_down.weight", f"{name}.lora_up.weight", f"{name}.alpha"} <= {*weights}
    assert weights[f"{name}.lora_down.weight"].shape == (2, 16)
    assert weights[f"{name}.alpha"] == 2
    assert "lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight" in weights


def test_the_file_holds_its_card(tmp_path, pipeline):
    layers, *_ = random_lora(pipeline.unet)
    file = tmp_path / "folder" / "mine.safetensors"
    write_lora(file, kohya_weights(layers), described(pipeline.unet, "v_prediction", "mine", 2))
    with safe_open(file, framework="pt") as opened:
        assert CARD not in opened.metadata()
    write_lora(file, kohya_weights(layers), described(pipeline.unet, "v_prediction", "mine", 2), {"wins": 0.75})
    with safe_open(file, framework="pt") as opened:
        facts = opened.metadata()
    assert facts[CARD] == '{"wins": 0.75}'
    assert facts["modelspec.prediction_type"] == "v"
    assert facts["ss_network_dim"] == "2"
    xl = pipeline.unet.config.addition_embed_type == "text_time"
    assert facts.get("ss_base_model_version") == ("sdxl_base_v1-0" if xl else None)
    assert CARD in facts
    assert {value.dtype for value in load_file(file).values()} == {torch.float16, torch.float32}
    with pytest.raises(LoraError, match="cannot be written"):
        write_lora(file / "under a file.safetensors", layers, {})
