"""Tiny pipelines of diffusion transformers whose text encoder is a language model."""

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from .transformers_t5 import EIGHTH, vae

_SPECIAL = (
    "<pad>", "<bos>", "<eos>", "<unk>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
)


def chat_tokenizer(kind=transformers.PreTrainedTokenizerFast):
    """One token for each byte, and a template of chats."""
    words = {word: number for number, word in enumerate([*_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    inner = Tokenizer(models.BPE(words, []))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    tokenizer = kind(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>",
        additional_special_tokens=list(_SPECIAL[4:]), model_max_length=1024,
    )  # fmt: skip
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


WORDS = 300
_SHAPE = {
    "vocab_size": WORDS, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": 0,
}  # fmt: skip
_EYES = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}


def flow(**more):
    return diffusers.FlowMatchEulerDiscreteScheduler(**more)


def qwen25():
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default", "rope_theta": 1e6}
    config = transformers.Qwen2_5_VLConfig(
        text_config={**_SHAPE, "rope_scaling": rope, "rope_parameters": rope}, vision_config=_EYES, image_token_id=8,
        video_token_id=9, vision_start_token_id=6, vision_end_token_id=7, vision_token_id=8,
    )  # fmt: skip
    return transformers.Qwen2_5_VLForConditionalGeneration(config).eval()


def qwen3vl(kind, layers=2):
    rope = {"mrope_section": [2, 1, 1], "rope_type": "default", "rope_theta": 1e6}
    config = transformers.Qwen3VLConfig(
        text_config={**_SHAPE, "num_hidden_layers": layers, "rope_scaling": rope, "rope_parameters": rope},
        vision_config={**_EYES, "deepstack_visual_indexes": [0]}, image_token_id=8, video_token_id=9,
        vision_start_token_id=6, vision_end_token_id=7,
    )  # fmt: skip
    return kind(config).eval()


def qwen3(kind=transformers.Qwen3Model, **more):
    return kind(transformers.Qwen3Config(**{**_SHAPE, **more})).eval()


def gemma2(kind=transformers.Gemma2Model):
    return kind(transformers.Gemma2Config(**_SHAPE)).eval()


def qwen_vae():
    return diffusers.AutoencoderKLQwenImage(
        base_dim=24, z_dim=4, dim_mult=[1, 2, 4], num_res_blocks=1, temperal_downsample=[False, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip


_QWEN = {
    "patch_size": 2, "in_channels": 16, "out_channels": 4, "num_layers": 2, "attention_head_dim": 16,
    "num_attention_heads": 3, "joint_attention_dim": 16, "axes_dims_rope": (8, 4, 4),
}  # fmt: skip


def qwen(kind=diffusers.QwenImagePipeline, controlnet=False):
    def build(folder):
        parts = {"controlnet": diffusers.QwenImageControlNetModel(**_QWEN)} if controlnet else {}
        return kind(
            scheduler=flow(), vae=qwen_vae(), text_encoder=qwen25(), tokenizer=chat_tokenizer(),
            transformer=diffusers.QwenImageTransformer2DModel(**_QWEN), **parts,
        )  # fmt: skip

    return build


def krea(folder):
    core = diffusers.Krea2Transformer2DModel(
        in_channels=16, num_layers=2, attention_head_dim=8, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=32, timestep_embed_dim=8, text_hidden_dim=16, num_text_layers=3, text_num_attention_heads=2,
        text_num_key_value_heads=1, text_intermediate_size=16, num_layerwise_text_blocks=1, num_refiner_text_blocks=1,
        axes_dims_rope=(4, 2, 2), rope_theta=1000.0,
    )  # fmt: skip
    return diffusers.Krea2Pipeline(
        scheduler=flow(use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15), vae=qwen_vae(),
        text_encoder=qwen3vl(transformers.Qwen3VLModel), tokenizer=chat_tokenizer(), transformer=core,
        text_encoder_select_layers=(0, 1, 2),
    )  # fmt: skip


def _z_image():
    core = diffusers.ZImageTransformer2DModel(
        all_patch_size=(2,), all_f_patch_size=(1,), in_channels=8, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2,
        n_kv_heads=2, cap_feat_dim=16, axes_dims=[8, 4, 4], axes_lens=[512, 32, 32],
    )  # fmt: skip
    with torch.no_grad():
        core.x_pad_token.fill_(1.0)
        core.cap_pad_token.fill_(1.0)
    return core


def z_image(kind=diffusers.ZImagePipeline, **more):
    def build(folder):
        return kind(
            scheduler=flow(), vae=vae(8), text_encoder=qwen3(), tokenizer=chat_tokenizer(), transformer=_z_image(),
            **{name: part() for name, part in more.items()},
        )  # fmt: skip

    return build


def z_control(channels=8):
    return diffusers.ZImageControlNetModel(
        control_layers_places=[0], control_refiner_layers_places=[0], control_in_dim=channels, all_patch_size=(2,),
        all_f_patch_size=(1,), dim=32, n_refiner_layers=1, n_heads=2, n_kv_heads=2,
    )  # fmt: skip


def ovis(folder):
    core = diffusers.OvisImageTransformer2DModel(
        patch_size=1, in_channels=32, out_channels=32, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    return diffusers.OvisImagePipeline(
        scheduler=flow(), vae=vae(8), text_encoder=qwen3(), tokenizer=chat_tokenizer(), transformer=core
    )


def _flux2_vae():
    return diffusers.AutoencoderKLFlux2(
        sample_size=32, down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",),
        block_out_channels=(4,), layers_per_block=1, latent_channels=1, norm_num_groups=1, use_quant_conv=False,
        use_post_quant_conv=False,
    )  # fmt: skip


def _flux2_core(**more):
    return diffusers.Flux2Transformer2DModel(
        patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=48, timestep_guidance_channels=256, axes_dims_rope=(4, 4, 4, 4), **more,
    )  # fmt: skip


def flux2_klein(distilled):
    def build(folder):
        return diffusers.Flux2KleinPipeline(
            scheduler=flow(), vae=_flux2_vae(), text_encoder=qwen3(transformers.Qwen3ForCausalLM, num_hidden_layers=28),
            tokenizer=chat_tokenizer(), transformer=_flux2_core(guidance_embeds=False), is_distilled=distilled,
        )  # fmt: skip

    return build


def sana(kind=diffusers.SanaPipeline, **more):
    def build(folder):
        core = diffusers.SanaTransformer2DModel(
            patch_size=1, in_channels=4, out_channels=4, num_layers=2, num_attention_heads=2, attention_head_dim=4,
            num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=16,
            sample_size=32,
        )  # fmt: skip
        decoder = diffusers.AutoencoderDC(
            in_channels=3, latent_channels=4, attention_head_dim=2, encoder_block_types=("ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "EfficientViTBlock"), encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8), encoder_qkv_multiscales=((), (5,)), decoder_qkv_multiscales=((), (5,)),
            encoder_layers_per_block=(1, 1), decoder_layers_per_block=(1, 1), downsample_block_type="conv",
            upsample_block_type="interpolate", decoder_norm_types="rms_norm", decoder_act_fns="silu", scaling_factor=0.4,
        )  # fmt: skip
        return kind(
            tokenizer=chat_tokenizer(), text_encoder=gemma2(), vae=decoder, transformer=core, scheduler=flow(shift=7.0),
            **more,
        )  # fmt: skip

    return build


def lumina2(folder):
    core = diffusers.Lumina2Transformer2DModel(
        sample_size=4, patch_size=2, in_channels=4, hidden_size=8, num_layers=2, num_attention_heads=1, num_kv_heads=1,
        multiple_of=16, norm_eps=1e-5, scaling_factor=1.0, axes_dim_rope=(4, 2, 2), cap_feat_dim=16,
    )  # fmt: skip
    return diffusers.Lumina2Pipeline(
        transformer=core, scheduler=flow(), vae=vae(4, EIGHTH), text_encoder=gemma2(), tokenizer=chat_tokenizer()
    )


def cogview4(kind=diffusers.CogView4Pipeline, channels=4):
    def build(folder):
        core = diffusers.CogView4Transformer2DModel(
            patch_size=2, in_channels=channels, num_layers=2, attention_head_dim=4, num_attention_heads=4, out_channels=4,
            text_embed_dim=16, time_embed_dim=8, condition_dim=4,
        )  # fmt: skip
        encoder = transformers.GlmModel(transformers.GlmConfig(**_SHAPE)).eval()
        return kind(
            tokenizer=chat_tokenizer(), text_encoder=encoder, vae=vae(4), transformer=core,
            scheduler=flow(base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True, time_shift_type="linear"),
        )  # fmt: skip

    return build


def hunyuan_image(folder):
    core = diffusers.HunyuanImageTransformer2DModel(
        in_channels=4, out_channels=4, num_attention_heads=4, attention_head_dim=8, num_layers=1, num_single_layers=1,
        num_refiner_layers=1, patch_size=(1, 1), guidance_embeds=False, text_embed_dim=16, text_embed_2_dim=32,
        rope_axes_dim=(4, 4),
    )  # fmt: skip
    decoder = diffusers.AutoencoderKLHunyuanImage(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 64, 64, 64), layers_per_block=1,
        scaling_factor=0.476986, spatial_compression_ratio=8, sample_size=128,
    )  # fmt: skip
    glyphs = transformers.T5EncoderModel(
        transformers.T5Config(d_model=32, d_kv=4, d_ff=16, num_layers=2, num_heads=2, vocab_size=384)
    )
    guiders = [diffusers.AdaptiveProjectedMixGuidance(adaptive_projected_guidance_start_step=2) for _ in range(2)]
    return diffusers.HunyuanImagePipeline(
        scheduler=flow(shift=7.0), vae=decoder, text_encoder=qwen25(), tokenizer=chat_tokenizer(),
        text_encoder_2=glyphs.eval(), tokenizer_2=transformers.ByT5Tokenizer(), transformer=core, guider=guiders[0],
        ocr_guider=guiders[1],
    )  # fmt: skip


def flux2(folder):
    shape = {**_SHAPE, "model_type": "mistral", "num_hidden_layers": 31, "sliding_window": None}
    eyes = {
        "model_type": "pixtral", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4,
        "intermediate_size": 37, "image_size": 30, "patch_size": 6,
    }  # fmt: skip
    config = transformers.Mistral3Config(text_config=shape, vision_config=eyes, image_token_index=8)
    return diffusers.Flux2Pipeline(
        scheduler=flow(), vae=_flux2_vae(), text_encoder=transformers.Mistral3ForConditionalGeneration(config).eval(),
        tokenizer=chat_tokenizer(), transformer=_flux2_core(),
    )  # fmt: skip


def _qwen3vl_processor():
    return transformers.Qwen3VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(), tokenizer=chat_tokenizer(transformers.Qwen2TokenizerFast),
        video_processor=transformers.Qwen3VLVideoProcessor(), chat_template=_TEMPLATE,
    )  # fmt: skip


def nucleus(folder):
    core = diffusers.NucleusMoEImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=4,
        joint_attention_dim=16, axes_dims_rope=(8, 4, 4), moe_enabled=False, capacity_factors=[8.0, 8.0],
    )  # fmt: skip
    return diffusers.NucleusMoEImagePipeline(
        transformer=core, scheduler=flow(), vae=qwen_vae(), processor=_qwen3vl_processor(),
        text_encoder=qwen3vl(transformers.Qwen3VLForConditionalGeneration, 8),
    )  # fmt: skip


def qwen21(folder):
    core = diffusers.QwenImage21Transformer2DModel(
        in_channels=4, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2, context_in_dim=16,
        axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    decoder = diffusers.AutoencoderKLQwenImage21(
        base_dim=8, decoder_base_dim=8, z_dim=4, num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4
    )
    return diffusers.QwenImage21Pipeline(
        scheduler=flow(), vae=decoder, processor=_qwen3vl_processor(), transformer=core,
        text_encoder=qwen3vl(transformers.Qwen3VLForConditionalGeneration),
    )  # fmt: skip


def z_omni(folder):
    eyes = transformers.Siglip2VisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, patch_size=8, num_patches=16
    )
    return diffusers.ZImageOmniPipeline(
        scheduler=flow(), vae=vae(8), text_encoder=qwen3(), tokenizer=chat_tokenizer(), transformer=_z_image(),
        siglip=transformers.Siglip2VisionModel(eyes).eval(), siglip_processor=transformers.Siglip2ImageProcessorFast(),
    )  # fmt: skip


def ideogram(folder):
    settings = {
        "in_channels": 4, "num_layers": 1, "attention_head_dim": 16, "num_attention_heads": 2, "intermediate_size": 32,
        "adaln_dim": 16, "llm_features_dim": 16 * 13, "mrope_section": (4, 2, 2),
    }  # fmt: skip
    parts = {
        name: diffusers.Ideogram4Transformer2DModel(**settings) for name in ("transformer", "unconditional_transformer")
    }
    return diffusers.Ideogram4Pipeline(
        scheduler=flow(), vae=_flux2_vae(), text_encoder=qwen3vl(transformers.Qwen3VLModel, 36),
        tokenizer=chat_tokenizer(), **parts,
    )  # fmt: skip
