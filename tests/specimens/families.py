"""Tiny, randomly initialised, real pipelines of the families soart must run, saved to disk."""

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtAlphaPipeline,
    PixArtTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from soart.training.parts import build_tokenizer


def clip_text(tokenizer, kind=CLIPTextModel, layers=2):
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=layers, num_attention_heads=4,
            max_position_embeddings=77, projection_dim=32, bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    ).eval()  # fmt: skip


def t5():
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((c, -3.0) for c in "▁abcdefghijklmnopqrstuvwxyz,")]
    inner = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = T5TokenizerFast(tokenizer_object=inner, vocab=vocabulary, extra_ids=0, model_max_length=77)
    config = T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    return T5EncoderModel(config).eval(), tokenizer


def vae(channels=4):
    return AutoencoderKL(
        block_out_channels=(8, 16), norm_num_groups=4, latent_channels=channels, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        use_quant_conv=channels == 4, use_post_quant_conv=channels == 4, shift_factor=0.0, scaling_factor=0.5,
    )  # fmt: skip


def unet(**options):
    settings = {
        "sample_size": 16, "layers_per_block": 1, "block_out_channels": (8, 16), "norm_num_groups": 4, "cross_attention_dim": 32,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": (2, 4),
    }  # fmt: skip
    return UNet2DConditionModel(**{**settings, **options})


def clip_tokenizer(folder):
    tokenizer = build_tokenizer(folder / "clip")
    tokenizer.model_max_length = 77
    return tokenizer


def sd1(folder):
    tokenizer = clip_tokenizer(folder)
    return StableDiffusionPipeline(
        vae=vae(), unet=unet(), text_encoder=clip_text(tokenizer), tokenizer=tokenizer, scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def sdxl(folder):
    tokenizer = clip_tokenizer(folder)
    core = unet(
        cross_attention_dim=64, addition_embed_type="text_time", addition_time_embed_dim=8, use_linear_projection=True,
        projection_class_embeddings_input_dim=6 * 8 + 32, transformer_layers_per_block=(1, 1),
    )  # fmt: skip
    second = clip_text(tokenizer, CLIPTextModelWithProjection)
    return StableDiffusionXLPipeline(
        vae=vae(), unet=core, text_encoder=clip_text(tokenizer), text_encoder_2=second, tokenizer=tokenizer,
        tokenizer_2=tokenizer, scheduler=EulerDiscreteScheduler(steps_offset=1, timestep_spacing="leading"),
    )  # fmt: skip


def sd3(folder):
    tokenizer = clip_tokenizer(folder)
    encoder, t5_tokenizer = t5()
    core = SD3Transformer2DModel(
        sample_size=16, patch_size=1, in_channels=8, num_layers=2, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=64, out_channels=8,
    )  # fmt: skip
    first, second = (clip_text(tokenizer, CLIPTextModelWithProjection) for _ in range(2))
    return StableDiffusion3Pipeline(
        vae=vae(8), transformer=core, text_encoder=first, text_encoder_2=second, text_encoder_3=encoder,
        tokenizer=tokenizer, tokenizer_2=tokenizer, tokenizer_3=t5_tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def flux(folder):
    tokenizer = clip_tokenizer(folder)
    encoder, t5_tokenizer = t5()
    core = FluxTransformer2DModel(
        patch_size=1, in_channels=32, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    return FluxPipeline(
        vae=vae(8), transformer=core, text_encoder=clip_text(tokenizer), text_encoder_2=encoder, tokenizer=tokenizer,
        tokenizer_2=t5_tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def pixart(folder):
    encoder, t5_tokenizer = t5()
    core = PixArtTransformer2DModel(
        sample_size=32, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3, in_channels=4,
        caption_channels=32, cross_attention_dim=24, out_channels=8, use_additional_conditions=False,
    )  # fmt: skip
    return PixArtAlphaPipeline(
        vae=vae(),
        transformer=core,
        text_encoder=encoder,
        tokenizer=t5_tokenizer,
        scheduler=DPMSolverMultistepScheduler(),
    )


FAMILIES = {"sd1": sd1, "sdxl": sdxl, "sd3": sd3, "flux": flux, "pixart": pixart}


def save_family(name, folder):
    torch.manual_seed(0)
    pipeline = FAMILIES[name](folder)
    pipeline.save_pretrained(folder / name, safe_serialization=True)
    return folder / name
