"""Tiny pipelines around U-Nets and around the transformers of Stable Diffusion 3 and Flux."""

import inspect
from types import FunctionType

import diffusers
import torch
import transformers
from PIL import Image

from .. import families

SIZE = {"width": 32, "height": 32}


def picture(size=32):
    """A picture with structure, for inputs."""
    return Image.linear_gradient("L").resize((size, size)).convert("RGB")


def mask(size=32):
    """Draw the left half anew."""
    return Image.linear_gradient("L").resize((size, size)).rotate(90).point(lambda value: 255 * (value > 127))


def _without_checker(parts, kind):
    """The parts that a class takes, in a pipeline of it."""
    names = inspect.signature(kind.__init__).parameters
    parts = {name: part for name, part in parts.items() if name in names}
    return kind(**parts, **({"requires_safety_checker": False} if "requires_safety_checker" in names else {}))


def sd(kind, **more):
    return lambda folder: _without_checker({**families.sd1(folder).components, **made(more)}, kind)


def sdxl(kind, **more):
    return lambda folder: _without_checker({**families.sdxl(folder).components, **made(more)}, kind)


def sd3(kind, **more):
    return lambda folder: _without_checker({**families.sd3(folder).components, **made(more)}, kind)


def sd3_wide(kind):
    """Stable Diffusion 3 with 16 latent channels, which some classes require."""
    core = lambda: diffusers.SD3Transformer2DModel(  # noqa: E731
        sample_size=16, patch_size=1, in_channels=16, num_layers=2, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=64, out_channels=16,
    )  # fmt: skip
    return sd3(kind, transformer=core, vae=lambda: families.vae(16))


def flux(kind, **more):
    """Weights that were distilled to follow guidance."""
    parts = {"transformer": lambda: flux_core(guidance_embeds=True), **more}
    return lambda folder: _without_checker({**families.flux(folder).components, **made(parts)}, kind)


def made(parts):
    """Parts that are functions are built only when their pipeline is."""
    return {name: part() if isinstance(part, FunctionType) else part for name, part in parts.items()}


def sd_controlnet(**more):
    settings = {
        "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "cross_attention_dim": 32,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "attention_head_dim": (2, 4),
        "conditioning_embedding_out_channels": (8, 8),
    }  # fmt: skip
    return diffusers.ControlNetModel(**{**settings, **more})


_XL = {
    "cross_attention_dim": 64, "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "use_linear_projection": True,
    "projection_class_embeddings_input_dim": 6 * 8 + 32, "transformer_layers_per_block": (1, 1),
}  # fmt: skip


def sdxl_controlnet():
    return sd_controlnet(**_XL)


def sdxl_union():
    return diffusers.ControlNetUnionModel(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=(2, 4),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), conditioning_embedding_out_channels=(8, 8),
        num_control_type=2, num_trans_channel=8, num_trans_head=2, num_trans_layer=1, num_proj_channel=8, **_XL,
    )  # fmt: skip


def inpainting_unet():
    return families.unet(in_channels=9)


def sd3_controlnet():
    return diffusers.SD3ControlNetModel(
        sample_size=16, patch_size=1, in_channels=8, num_layers=1, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=64, out_channels=8,
    )  # fmt: skip


def flux_core(channels=32, out=None, **more):
    return diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=channels, out_channels=out, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), **more,
    )  # fmt: skip


def flux_controlnet():
    return diffusers.FluxControlNetModel(
        guidance_embeds=True,
        patch_size=1, in_channels=32, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip


def lcm(folder):
    parts = {"unet": families.unet(time_cond_proj_dim=32), "scheduler": diffusers.LCMScheduler()}
    return sd(diffusers.LatentConsistencyModelPipeline, **parts)(folder)


def deepfloyd(folder):
    encoder, tokenizer = families.t5()
    core = diffusers.UNet2DConditionModel(
        sample_size=32, layers_per_block=1, block_out_channels=(32, 64), in_channels=3, out_channels=6,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), cross_attention_dim=32, encoder_hid_dim=32,
        attention_head_dim=8, addition_embed_type="text", addition_embed_type_num_heads=2,
        cross_attention_norm="group_norm", resnet_time_scale_shift="scale_shift", act_fn="gelu",
    )  # fmt: skip
    return diffusers.IFPipeline(
        tokenizer=tokenizer, text_encoder=encoder, unet=core, safety_checker=None, feature_extractor=None,
        scheduler=diffusers.DDPMScheduler(variance_type="learned_range", beta_schedule="squaredcos_cap_v2"),
        watermarker=None, requires_safety_checker=False,
    )  # fmt: skip


def movq():
    return diffusers.VQModel(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"), latent_channels=4,
        layers_per_block=1, norm_num_groups=8, norm_type="spatial", num_vq_embeddings=12, vq_embed_dim=4,
        up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
    )  # fmt: skip


def _kandinsky_prior(folder):
    prior = diffusers.PriorTransformer(num_attention_heads=2, attention_head_dim=12, embedding_dim=32, num_layers=1)
    prior.clip_std = torch.nn.Parameter(torch.ones(prior.clip_std.shape))
    tokenizer = families.clip_tokenizer(folder)
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, image_size=32, projection_dim=32, intermediate_size=37, num_attention_heads=4,
        num_hidden_layers=2, patch_size=8,
    )  # fmt: skip
    return {
        "prior_prior": prior,
        "prior_image_encoder": transformers.CLIPVisionModelWithProjection(vision).eval(),
        "prior_text_encoder": families.clip_text(tokenizer, transformers.CLIPTextModelWithProjection),
        "prior_tokenizer": tokenizer,
        "prior_scheduler": diffusers.UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=10.0
        ),
        "prior_image_processor": transformers.CLIPImageProcessor(crop_size=32, size=32),
    }


def kandinsky22(folder):
    core = diffusers.UNet2DConditionModel(
        in_channels=4, out_channels=8, addition_embed_type="image", encoder_hid_dim=32, encoder_hid_dim_type="image_proj",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), layers_per_block=1,
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), block_out_channels=(32, 64),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn", cross_attention_dim=32, attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
    )  # fmt: skip
    return diffusers.KandinskyV22CombinedPipeline(
        unet=core, scheduler=diffusers.DDIMScheduler(clip_sample=False), movq=movq(), **_kandinsky_prior(folder)
    )


def cascade(folder):
    from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel

    tokenizer = families.clip_tokenizer(folder)
    encoder = families.clip_text(tokenizer, transformers.CLIPTextModelWithProjection)
    residual = ("SDCascadeResBlock", "SDCascadeTimestepBlock")
    core = diffusers.StableCascadeUNet(
        in_channels=4, out_channels=4, conditioning_dim=128, block_out_channels=(16, 32, 64, 128),
        num_attention_heads=(-1, -1, 1, 2), down_num_layers_per_block=(1,) * 4, up_num_layers_per_block=(1,) * 4,
        down_blocks_repeat_mappers=(1,) * 4, up_blocks_repeat_mappers=(3, 3, 2, 2), switch_level=None,
        block_types_per_layer=(residual, residual, (*residual, "SDCascadeAttnBlock"), (*residual, "SDCascadeAttnBlock")),
        clip_text_pooled_in_channels=32, dropout=(0.1,) * 4, effnet_in_channels=16,
    )  # fmt: skip
    prior = diffusers.StableCascadeUNet(
        conditioning_dim=128, block_out_channels=(128, 128), num_attention_heads=(2, 2), down_num_layers_per_block=(1, 1),
        up_num_layers_per_block=(1, 1), clip_image_in_channels=768, switch_level=(False,), clip_text_in_channels=32,
        clip_text_pooled_in_channels=32,
    )  # fmt: skip
    return diffusers.StableCascadeCombinedPipeline(
        tokenizer=tokenizer, text_encoder=encoder, decoder=core.eval(), scheduler=diffusers.DDPMWuerstchenScheduler(),
        vqgan=PaellaVQModel(bottleneck_blocks=1, num_vq_embeddings=2).eval(), prior_prior=prior.eval(),
        prior_text_encoder=encoder, prior_tokenizer=tokenizer, prior_scheduler=diffusers.DDPMWuerstchenScheduler(),
    )  # fmt: skip


def ip_adapter(folder):
    """Stable Diffusion with an IP-Adapter: keys and values of every cross-attention for four words of a picture."""
    pipeline = families.sd1(folder)
    adapter, number = {}, 1
    for name in pipeline.unet.attn_processors:
        if name.endswith("attn2.processor"):
            attention = pipeline.unet.get_submodule(name.removesuffix(".processor"))
            for kind in ("k", "v"):
                adapter[f"{number}.to_{kind}_ip.weight"] = torch.randn_like(getattr(attention, f"to_{kind}").weight)
            number += 2
    projection = {
        "proj.weight": torch.randn(4 * 32, 32), "proj.bias": torch.zeros(4 * 32), "norm.weight": torch.ones(32),
        "norm.bias": torch.zeros(32),
    }  # fmt: skip
    pipeline.unet._load_ip_adapter_weights([{"image_proj": projection, "ip_adapter": adapter}])
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, image_size=32, projection_dim=32, intermediate_size=37, num_attention_heads=4,
        num_hidden_layers=2, patch_size=8,
    )  # fmt: skip
    pipeline.register_modules(
        image_encoder=transformers.CLIPVisionModelWithProjection(vision).eval(),
        feature_extractor=transformers.CLIPImageProcessor(crop_size=32, size=32),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
