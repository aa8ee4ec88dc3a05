"""Writes a Stable Diffusion 1 pipeline as the single file that the original (LDM) code base would have written."""

import re

from safetensors.torch import save_file

_RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
)
_ATTENTION = (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"))


def _unet_key(key, layers):
    for old, new in (("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
                     ("conv_in.", "input_blocks.0.0."), ("conv_norm_out", "out.0"), ("conv_out", "out.2")):  # fmt: skip
        if key.startswith(old):
            return new + key[len(old) :]
    if "resnets" in key:
        for old, new in _RESNET:
            key = key.replace(f".{old}.", f".{new}.")
    width = layers + 1

    def down(m):
        block, kind, index = int(m[1]), m[2], int(m[3])
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * width}.0.op"
        return f"input_blocks.{1 + block * width + index}.{int(kind == 'attentions')}"

    def up(m):
        block, kind, index = int(m[1]), m[2], int(m[3])
        if kind == "upsamplers":
            # After the attention where the block has one; the first block of these tiny models has.
            return f"output_blocks.{block * width + layers}.2.conv"
        return f"output_blocks.{block * width + index}.{int(kind == 'attentions')}"

    key = re.sub(r"down_blocks\.(\d+)\.(downsamplers)\.(\d+)\.conv", down, key)
    key = re.sub(r"down_blocks\.(\d+)\.(resnets|attentions)\.(\d+)", down, key)
    key = re.sub(r"up_blocks\.(\d+)\.(upsamplers)\.(\d+)\.conv", up, key)
    key = re.sub(r"up_blocks\.(\d+)\.(resnets|attentions)\.(\d+)", up, key)
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}", key)
    return key.replace("mid_block.attentions.0", "middle_block.1")


def _vae_key(key, levels):
    if "mid_block.attentions" in key:
        for old, new in _ATTENTION:
            key = key.replace(f".{old}.", f".{new}.")
    key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    key = key.replace("mid_block.attentions.0", "mid.attn_1")
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    key = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", key)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", key)


def save_single_file(pipeline, path):
    """Write the weights of ``pipeline`` under LDM's names."""
    tensors = {}
    for key, value in pipeline.unet.state_dict().items():
        tensors["model.diffusion_model." + _unet_key(key, pipeline.unet.config.layers_per_block)] = value
    for key, value in pipeline.vae.state_dict().items():
        # LDM's attention is made of 1×1 convolutions.
        is_projection = "mid_block.attentions" in key and "group_norm" not in key and key.endswith("weight")
        name = _vae_key(key, len(pipeline.vae.config.block_out_channels))
        tensors["first_stage_model." + name] = value[..., None, None] if is_projection else value
    for key, value in pipeline.text_encoder.state_dict().items():
        name = key if key.startswith("text_model.") else f"text_model.{key}"
        tensors["cond_stage_model.transformer." + name] = value
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, path)
