"""Tiny pipelines of diffusion transformers with encoders of the T5 family."""

import diffusers
from transformers import BertConfig, BertModel, UMT5Config, UMT5EncoderModel

from .. import families


def vae(channels=4, levels=(8, 16)):
    """With shift and scale; it halves the size at each level but one."""
    return diffusers.AutoencoderKL(
        block_out_channels=levels, norm_num_groups=4, latent_channels=channels, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * len(levels), up_block_types=("UpDecoderBlock2D",) * len(levels),
        use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0, scaling_factor=0.5,
    )  # fmt: skip


#: For pipelines that take an eighth of the size for granted.
EIGHTH = (8, 8, 8, 16)


def _pixart(kind, core):
    def build(folder):
        encoder, tokenizer = families.t5()
        transformer = diffusers.PixArtTransformer2DModel(
            sample_size=32, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3, in_channels=4,
            caption_channels=32, cross_attention_dim=24, out_channels=8, use_additional_conditions=False,
        )  # fmt: skip
        return kind(
            tokenizer=tokenizer, text_encoder=encoder, vae=families.vae(), transformer=transformer,
            scheduler=diffusers.DPMSolverMultistepScheduler(), **core,
        )  # fmt: skip

    return build


pixart_sigma = _pixart(diffusers.PixArtSigmaPipeline, {})
pixart_sigma_pag = _pixart(diffusers.PixArtSigmaPAGPipeline, {"pag_applied_layers": ["blocks.1"]})


def aura(folder):
    _, tokenizer = families.t5()
    encoder = UMT5EncoderModel(UMT5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)).eval()
    core = diffusers.AuraFlowTransformer2DModel(
        sample_size=16, patch_size=2, in_channels=4, num_mmdit_layers=1, num_single_dit_layers=1, attention_head_dim=8,
        num_attention_heads=4, caption_projection_dim=32, joint_attention_dim=32, out_channels=4, pos_embed_max_size=256,
    )  # fmt: skip
    return diffusers.AuraFlowPipeline(
        tokenizer=tokenizer, text_encoder=encoder, vae=families.vae(), transformer=core,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def chroma(folder, kind=diffusers.ChromaPipeline):
    encoder, tokenizer = families.t5()
    core = diffusers.ChromaTransformer2DModel(
        patch_size=1, in_channels=32, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, axes_dims_rope=(4, 4, 8), approximator_hidden_dim=32, approximator_layers=1,
        approximator_num_channels=16,
    )  # fmt: skip
    return kind(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(), vae=families.vae(8), text_encoder=encoder,
        tokenizer=tokenizer, transformer=core,
    )  # fmt: skip


def _hunyuan(kind, **more):
    def build(folder):
        encoder, tokenizer = families.t5()
        bert = BertConfig(
            vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37
        )
        core = diffusers.HunyuanDiT2DModel(
            sample_size=16, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=3, in_channels=4,
            cross_attention_dim=32, cross_attention_dim_t5=32, pooled_projection_dim=16, hidden_size=24,
            activation_fn="gelu-approximate", text_len=77, text_len_t5=256,
        )  # fmt: skip
        return kind(
            vae=vae(4, EIGHTH), text_encoder=BertModel(bert).eval(), tokenizer=tokenizer, transformer=core.eval(),
            scheduler=diffusers.DDPMScheduler(), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False, text_encoder_2=encoder, tokenizer_2=tokenizer, **more,
        )  # fmt: skip

    return build


hunyuan = _hunyuan(diffusers.HunyuanDiTPipeline)
hunyuan_pag = _hunyuan(diffusers.HunyuanDiTPAGPipeline, pag_applied_layers=["blocks.1"])
