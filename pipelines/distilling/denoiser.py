"""A denoiser as training sees it: pictures as latents, noisy latents, what should be said of them, and words.

Only for UNets of the families of Stable Diffusion 1, 2 and XL, which predict noise, velocity or the picture itself along one
schedule of signal and noise (Ho, Jain & Abbeel, "Denoising diffusion probabilistic models", 2020; Salimans & Ho, "Progressive
distillation for fast sampling of diffusion models", 2022, for velocity).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from ..models.generator import ImageGenerator
from ..models.noise import refusal

#: What a UNet may predict.
PREDICTIONS = ("epsilon", "v_prediction", "sample")
#: Pictures that are encoded together.
TOGETHER = 8


class Words(NamedTuple):
    """A prompt as a UNet reads it.

    Attributes:
        tokens: (tokens, d) embeddings.
        pooled: (d,) embedding of the whole prompt, of SDXL; None for the others.
    """

    tokens: torch.Tensor
    pooled: torch.Tensor | None


def refusal_of_training(generator: object) -> str:
    """A sentence on why no LoRA can be trained for a model; empty if one can."""
    if why := refusal(generator):
        return why
    assert isinstance(generator, ImageGenerator)
    model = generator.model
    pipeline, kind = model.pipeline, type(model.pipeline).__name__
    unet, schedule = getattr(pipeline, "unet", None), getattr(pipeline, "scheduler", None)
    if unet is None or not hasattr(pipeline, "load_lora_weights") or not hasattr(pipeline, "encode_prompt"):
        return f"LoRAs are trained for Stable Diffusion 1, 2 and XL only, and a {kind} is none of them."
    known = schedule is not None and schedule.config.get("prediction_type") in PREDICTIONS
    if not known or getattr(schedule, "alphas_cumprod", None) is None or "FlowMatch" in type(schedule).__name__:
        return f"The scheduler {type(schedule).__name__} does not say what the model predicts: choose another."
    if getattr(unet.config, "in_channels", 4) != getattr(pipeline.vae.config, "latent_channels", 4):
        return f"A {kind} draws on another picture: train with the model for text alone."
    if model.offload not in ("", "none"):
        return "A model that is offloaded cannot be trained: load it with offload='none'."
    return ""


class Denoiser:
    """The UNet of a pipeline with what it is trained on.

    Args:
        pipeline: one that ``refusal_of_training`` has nothing against.
    """

    def __init__(self, pipeline: Any) -> None:  # noqa: ANN401
        self.pipeline, self.unet = pipeline, pipeline.unet
        self._signal: torch.Tensor = pipeline.scheduler.alphas_cumprod.detach().float().cpu()
        self.predicts: str = pipeline.scheduler.config.prediction_type
        self._words: dict[str, Words] = {}

    @property
    def times(self) -> int:
        """Number of the steps of the schedule."""
        return len(self._signal)

    @torch.no_grad()
    def latents(self, pixels: np.ndarray) -> torch.Tensor:
        """(n, c, h, w) float32 latents on the CPU of (n, height, width, 3) uint8 pictures, as ``decoded`` takes them."""
        vae = self.pipeline.vae
        config, own = vae.config, vae.dtype
        # The encoder of SDXL overflows in float16.
        upcast = own == torch.float16 and getattr(config, "force_upcast", False)
        if upcast:
            vae.to(dtype=torch.float32)
        found = []
        for start in range(0, len(pixels), TOGETHER):
            batch = torch.from_numpy(np.ascontiguousarray(pixels[start : start + TOGETHER])).permute(0, 3, 1, 2)
            encoded = vae.encode((batch.float() / 127.5 - 1).to(vae.device, vae.dtype))
            one = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
            found.append(one.float().cpu())
        if upcast:
            vae.to(dtype=own)
        latents = torch.cat(found)
        mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is not None and deviation is not None:
            shape = (1, -1, 1, 1)
            latents = (latents - torch.tensor(mean).view(shape)) / torch.tensor(deviation).view(shape)
        else:
            latents = latents - (getattr(config, "shift_factor", None) or 0.0)
        scaled: torch.Tensor = latents * getattr(config, "scaling_factor", 1.0)
        return scaled

    @torch.no_grad()
    def words(self, prompt: str) -> Words:
        """A prompt as the UNet reads it; encoded once."""
        if prompt not in self._words:
            found = self.pipeline.encode_prompt(
                prompt=prompt, device=self.unet.device, num_images_per_prompt=1, do_classifier_free_guidance=False
            )
            # SDXL: tokens, those of the negative prompt, and both pooled.
            pooled = found[2][0].clone() if len(found) == 4 else None
            self._words[prompt] = Words(found[0][0].clone(), pooled)
        return self._words[prompt]

    def noised(
        self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Noisy latents (n, c, h, w), and what the UNet should say of them.

        Args:
            latents: (n, c, h, w).
            noise: of the same shape, standard normal.
            times: (n,) numbers of steps of the schedule.
        """
        signal = self._signal[times].view(-1, 1, 1, 1)
        kept, lost = signal.sqrt(), (1 - signal).sqrt()
        target = {"epsilon": noise, "sample": latents, "v_prediction": kept * noise - lost * latents}[self.predicts]
        return kept * latents + lost * noise, target

    def __call__(self, noisy: torch.Tensor, times: torch.Tensor, words: Sequence[Words]) -> torch.Tensor:
        """(n, c, h, w) float32 what the UNet says of noisy latents of these words, on its device."""
        unet = self.unet
        device, own = unet.device, unet.dtype
        tokens = torch.stack([one.tokens for one in words]).to(device, own)
        options: dict[str, Any] = {}
        if words[0].pooled is not None:
            factor = self.pipeline.vae_scale_factor
            size = (noisy.shape[2] * factor, noisy.shape[3] * factor)
            # Size of the original, its upper left corner, and size of the picture (Podell et al., "SDXL", 2023).
            sizes = torch.tensor([[*size, 0, 0, *size]], dtype=own, device=device).expand(len(words), -1)
            pooled = torch.stack([one.pooled for one in words if one.pooled is not None]).to(device, own)
            options["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": sizes}
        with torch.autocast(torch.device(device).type, own, enabled=own in (torch.float16, torch.bfloat16)):
            said = unet(noisy.to(device, own), times.to(device), tokens, **options).sample
        whole: torch.Tensor = said.float()
        return whole
