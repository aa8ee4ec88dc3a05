"""Tiny pipelines, with random weights, of the classes that diffusers lists as text to image, and of some that need pictures."""

import diffusers as d
import torch

from .. import families
from . import language_models as lm
from . import stable_diffusion as s
from . import transformers_t5 as t

_INIT = {"image": s.picture, "strength": 0.7}
_FILL = {**_INIT, "mask_image": s.mask}
_CONTROL = {"control_image": s.picture}

#: Name of a class → a function of a folder that builds a tiny pipeline, and its fixed inputs.
BUILDERS = {
    "StableDiffusionPipeline": (families.sd1, {}),
    "StableDiffusionXLPipeline": (families.sdxl, {}),
    "StableDiffusion3Pipeline": (families.sd3, {}),
    "StableDiffusion3PAGPipeline": (s.sd3(d.StableDiffusion3PAGPipeline, pag_applied_layers=["blocks.1"]), {}),
    "IFPipeline": (s.deepfloyd, {}),
    "HunyuanDiTPipeline": (t.hunyuan, {"use_resolution_binning": False}),
    "HunyuanDiTPAGPipeline": (t.hunyuan_pag, {"use_resolution_binning": False}),
    "KandinskyV22CombinedPipeline": (s.kandinsky22, {"prior_num_inference_steps": 2}),
    "StableDiffusionControlNetPipeline": (s.sd(d.StableDiffusionControlNetPipeline, controlnet=s.sd_controlnet), {"image": s.picture}),
    "StableDiffusionXLControlNetPipeline": (s.sdxl(d.StableDiffusionXLControlNetPipeline, controlnet=s.sdxl_controlnet), {"image": s.picture}),
    "StableDiffusionXLControlNetUnionPipeline": (
        s.sdxl(d.StableDiffusionXLControlNetUnionPipeline, controlnet=s.sdxl_union), {**_CONTROL, "control_mode": 0}),
    "StableDiffusion3ControlNetPipeline": (s.sd3(d.StableDiffusion3ControlNetPipeline, controlnet=s.sd3_controlnet), _CONTROL),
    "StableCascadeCombinedPipeline": (s.cascade, {"prior_num_inference_steps": 2}),
    "LatentConsistencyModelPipeline": (s.lcm, {}),
    "PixArtAlphaPipeline": (families.pixart, {"use_resolution_binning": False}),
    "PixArtSigmaPipeline": (t.pixart_sigma, {"use_resolution_binning": False}),
    "PixArtSigmaPAGPipeline": (t.pixart_sigma_pag, {"use_resolution_binning": False}),
    "SanaPipeline": (lm.sana(), {"use_resolution_binning": False}),
    "SanaPAGPipeline": (lm.sana(d.SanaPAGPipeline, pag_applied_layers=["blocks.1"]), {"use_resolution_binning": False}),
    "StableDiffusionPAGPipeline": (s.sd(d.StableDiffusionPAGPipeline), {}),
    "StableDiffusionControlNetPAGPipeline": (
        s.sd(d.StableDiffusionControlNetPAGPipeline, controlnet=s.sd_controlnet), {"image": s.picture}),
    "StableDiffusionXLPAGPipeline": (s.sdxl(d.StableDiffusionXLPAGPipeline), {}),
    "StableDiffusionXLControlNetPAGPipeline": (
        s.sdxl(d.StableDiffusionXLControlNetPAGPipeline, controlnet=s.sdxl_controlnet), {"image": s.picture}),
    "AuraFlowPipeline": (t.aura, {}),
    "FluxPipeline": (s.flux(d.FluxPipeline), {}),
    "FluxControlPipeline": (s.flux(d.FluxControlPipeline, transformer=lambda: s.flux_core(64, 32, guidance_embeds=True)), _CONTROL),
    "FluxControlNetPipeline": (s.flux(d.FluxControlNetPipeline, controlnet=s.flux_controlnet), _CONTROL),
    "FluxKontextPipeline": (s.flux(d.FluxKontextPipeline), {"max_area": 1024, "_auto_resize": False}),
    "Flux2KleinPipeline": (lm.flux2_klein(False), {}),
    "Flux2Pipeline": (lm.flux2, {}),
    "Ideogram4Pipeline": (lm.ideogram, {}),
    "Krea2Pipeline": (lm.krea, {}),
    "Lumina2Pipeline": (lm.lumina2, {}),
    "ChromaPipeline": (t.chroma, {}),
    "CogView4Pipeline": (lm.cogview4(), {}),
    "CogView4ControlPipeline": (lm.cogview4(d.CogView4ControlPipeline, 8), _CONTROL),
    "QwenImagePipeline": (lm.qwen(), {}),
    "QwenImage21Pipeline": (lm.qwen21, {}),
    "NucleusMoEImagePipeline": (lm.nucleus, {}),
    "QwenImageControlNetPipeline": (lm.qwen(d.QwenImageControlNetPipeline, controlnet=True), _CONTROL),
    "ZImagePipeline": (lm.z_image(), {}),
    "ZImageControlNetPipeline": (lm.z_image(d.ZImageControlNetPipeline, controlnet=lm.z_control), _CONTROL),
    "ZImageControlNetInpaintPipeline": (
        lm.z_image(d.ZImageControlNetInpaintPipeline, controlnet=lambda: lm.z_control(17)),
        {**_CONTROL, "image": s.picture, "mask_image": s.mask}),
    "ZImageOmniPipeline": (lm.z_omni, {}),
    "OvisImagePipeline": (lm.ovis, {}),
    # Not in the list: guidance of a component.
    "HunyuanImagePipeline": (lm.hunyuan_image, {}),
    # With fixed pictures.
    "StableDiffusionImg2ImgPipeline": (s.sd(d.StableDiffusionImg2ImgPipeline), _INIT),
    "StableDiffusionInpaintPipeline": (s.sd(d.StableDiffusionInpaintPipeline, unet=s.inpainting_unet), _FILL),
    "StableDiffusionControlNetImg2ImgPipeline": (
        s.sd(d.StableDiffusionControlNetImg2ImgPipeline, controlnet=s.sd_controlnet), {**_INIT, **_CONTROL}),
    "StableDiffusionControlNetInpaintPipeline": (
        s.sd(d.StableDiffusionControlNetInpaintPipeline, controlnet=s.sd_controlnet), {**_FILL, **_CONTROL}),
    "StableDiffusionXLImg2ImgPipeline": (s.sdxl(d.StableDiffusionXLImg2ImgPipeline), _INIT),
    "StableDiffusionXLInpaintPipeline": (s.sdxl(d.StableDiffusionXLInpaintPipeline), _FILL),
    "StableDiffusion3Img2ImgPipeline": (s.sd3(d.StableDiffusion3Img2ImgPipeline), _INIT),
    "StableDiffusion3InpaintPipeline": (s.sd3_wide(d.StableDiffusion3InpaintPipeline), _FILL),
    "FluxImg2ImgPipeline": (s.flux(d.FluxImg2ImgPipeline), _INIT),
    "FluxInpaintPipeline": (s.flux(d.FluxInpaintPipeline), _FILL),
    "QwenImageImg2ImgPipeline": (lm.qwen(d.QwenImageImg2ImgPipeline), _INIT),
    "ZImageImg2ImgPipeline": (lm.z_image(d.ZImageImg2ImgPipeline), _INIT),
    "ChromaImg2ImgPipeline": (lambda folder: t.chroma(folder, d.ChromaImg2ImgPipeline), _INIT),
}  # fmt: skip


def build(name, folder):
    """A tiny pipeline of this class, weights that start at zero drawn too, and its fixed inputs."""
    torch.manual_seed(0)
    pipeline = BUILDERS[name][0](folder)
    for part in (part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)):
        for weight in part.eval().parameters():
            if weight.ndim > 1 and not weight.any():
                torch.nn.init.normal_(weight, std=0.2)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, inputs_of(name)


def inputs_of(name):
    """The fixed inputs of a class, its pictures drawn."""
    return {key: value() if callable(value) else value for key, value in BUILDERS[name][1].items()}
