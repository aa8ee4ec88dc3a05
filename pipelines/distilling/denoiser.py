"""A denoiser as training sees it: pictures as latents, noisy latents, what should be said of them, and words.

The denoiser is a UNet of the families of Stable Diffusion 1, 2 and XL, or the transformer of Stable Diffusion 3, Flux or Sana.
UNets predict noise, velocity or the picture itself along one schedule of signal and noise (Ho, Jain & Abbeel, "Denoising
diffusion probabilistic models", 2020; Salimans & Ho, "Progressive distillation for fast sampling of diffusion models",
2022, for velocity). The transformers predict the velocity from the picture to the noise on a straight line (Liu, Gong & Liu,
"Flow straight and fast", 2022).

What else a denoiser is told is taken from a call of the pipeline itself, which ends before the first step. So no
family needs code of its own for its words, its sizes and the places of its latents.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from ..models.calls import PICTURES
from ..models.generator import ImageGenerator
from ..models.noise import core_of, refusal, replaced_forward

#: What a UNet may predict.
PREDICTIONS = ("epsilon", "v_prediction", "sample")
#: What the transformers predict.
FLOW = "flow_prediction"
#: Classes of the transformers that can be trained.
TRANSFORMERS = ("SD3Transformer2DModel", "FluxTransformer2DModel", "SanaTransformer2DModel")
#: Arguments of a denoiser that are the same for all pictures of a batch.
SHARED = ("img_ids", "txt_ids")
#: Pictures that are encoded together, and levels of noise of a flow.
TOGETHER, LEVELS = 8, 1000


class _Called(Exception):  # noqa: N818
    """Ends a call of a pipeline whose arguments for its denoiser are all that was sought."""


class _Row(NamedTuple):
    """What one picture of a batch is told: (1, …)."""

    values: torch.Tensor


@dataclass(frozen=True)
class Words:
    """A prompt as a denoiser reads it, for pictures of one size."""

    arguments: Mapping[str, Any]  # of its call, but for latents and time
    timestep: torch.Tensor  # that of the first step, (n,) or a single one
    scale: float  # of times; some pipelines divide those of their schedulers
    packed: bool  # True if latents are tokens
    #: noise of each step of a flow, falling, and its times; None for UNets
    levels: tuple[torch.Tensor, torch.Tensor] | None


def flows(scheduler: Any) -> bool:  # noqa: ANN401
    """True if pictures and noise are joined by straight lines."""
    straight = "FlowMatch" in type(scheduler).__name__ or bool(scheduler.config.get("use_flow_sigmas"))
    return straight and scheduler.config.get("prediction_type", FLOW) == FLOW


def refusal_of_training(generator: object) -> str:
    """A sentence on why no LoRA can be trained for a model; empty if one can."""
    if why := refusal(generator):
        return why
    assert isinstance(generator, ImageGenerator)
    model = generator.model
    pipeline, kind = model.pipeline, type(model.pipeline).__name__
    core, schedule = core_of(pipeline), getattr(pipeline, "scheduler", None)
    if not hasattr(pipeline, "load_lora_weights"):
        return f"diffusers has no loader of LoRAs for a {kind}."
    unet = getattr(pipeline, "unet", None) is not None
    if not (unet or type(core).__name__ in TRANSFORMERS):
        return (
            f"LoRAs are trained for Stable Diffusion 1, 2, XL and 3, Flux and Sana only, and a {kind} is none of them."
        )
    known = schedule is not None and schedule.config.get("prediction_type") in PREDICTIONS
    known = known and getattr(schedule, "alphas_cumprod", None) is not None and not flows(schedule)
    if not (known if unet else schedule is not None and flows(schedule)):
        return f"The scheduler {type(schedule).__name__} does not say what the model predicts: choose another."
    channels = getattr(pipeline.vae.config, "latent_channels", 4)
    drawn_on = any(model.inputs.get(name) is not None for name in PICTURES)
    # Flux packs four places into one.
    if drawn_on or getattr(core.config, "in_channels", channels) not in (channels, 4 * channels):
        return f"A {kind} draws on another picture: train with the model for text alone."
    if model.offload not in ("", "none"):
        return "A model that is offloaded cannot be trained: load it with offload='none'."
    return ""


class Denoiser:
    """The denoiser of a model with what it is trained on; ``core`` is the UNet or the transformer.

    Args:
        generator: one that ``refusal_of_training`` has nothing against.
        settings: of its pictures, of which size, steps and scheduler do not count.
    """

    def __init__(self, generator: ImageGenerator, settings: Mapping[str, Any] | None = None) -> None:
        self._generator, self.pipeline = generator, generator.model.pipeline
        self._settings = {name: value for name, value in (settings or {}).items() if name in ("guidance", "true_cfg")}
        self.core = core_of(self.pipeline)
        scheduler = self.pipeline.scheduler
        self.predicts: str = FLOW if flows(scheduler) else scheduler.config.prediction_type
        signal = getattr(scheduler, "alphas_cumprod", None)
        self._signal: torch.Tensor | None = None if signal is None else signal.detach().float().cpu()
        self.channels: int = getattr(self.pipeline.vae.config, "latent_channels", 4)
        self._words: dict[tuple[str, tuple[int, int]], Words] = {}

    @property
    def times(self) -> int:
        """Number of the levels of noise."""
        return LEVELS if self._signal is None or self.predicts == FLOW else len(self._signal)

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
            plain = next((name for name in ("latents", "latent") if hasattr(encoded, name)), None)
            one = encoded.latent_dist.mode() if plain is None else getattr(encoded, plain)
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
        return latents * getattr(config, "scaling_factor", 1.0)

    @torch.no_grad()
    def words(self, prompt: str, size: tuple[int, int]) -> Words:
        """A prompt as the denoiser reads it for latents of some height and width; encoded once."""
        if (prompt, size) not in self._words:
            self._words[prompt, size] = self._asked(prompt, size)
        return self._words[prompt, size]

    def _asked(self, prompt: str, size: tuple[int, int]) -> Words:
        factor, flow = self.pipeline.vae_scale_factor, self.predicts == FLOW
        sides = {"height": size[0] * factor, "width": size[1] * factor}
        request = self._generator.request(prompt, 0, **({"steps": LEVELS} if flow else {}), **sides, **self._settings)
        own, found = inspect.signature(self.core.forward), []

        def called(*inputs: Any, **options: Any) -> None:  # noqa: ANN401
            found.append(own.bind(*inputs, **options).arguments)
            raise _Called

        with self._generator.ready(request) as pipeline, replaced_forward(self.core, called):
            with suppress(_Called):
                pipeline(**self._generator.arguments([request]))
            when = pipeline.scheduler.timesteps.float().cpu()
            levels = (pipeline.scheduler.sigmas[: len(when)].float().cpu(), when) if flow else None
        [arguments] = found
        latents, timestep = arguments.pop(next(iter(own.parameters))), arguments.pop("timestep")
        return Words(
            {name: _one(value, len(latents)) if name not in SHARED else value for name, value in arguments.items()},
            timestep,
            float(timestep.reshape(-1)[0]) / float(when[0]) if float(when[0]) else 1.0,
            latents.ndim == 3,
            levels,
        )

    def _levels(self, size: tuple[int, int], times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n,) levels of noise of a flow at numbers of steps, and their times by the scheduler."""
        levels = self.words("", size).levels
        assert levels is not None
        rows = times * len(levels[0]) // self.times
        return levels[0][rows], levels[1][rows]

    def noised(
        self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Noisy latents (n, c, h, w) and what the denoiser should say of them, for standard normal noise at times (n,)."""
        if self.predicts == FLOW:
            level = self._levels(_size(latents), times)[0].view(-1, 1, 1, 1)
            return (1 - level) * latents + level * noise, noise - latents
        assert self._signal is not None
        signal = self._signal[times].view(-1, 1, 1, 1)
        kept, lost = signal.sqrt(), (1 - signal).sqrt()
        target = {"epsilon": noise, "sample": latents, "v_prediction": kept * noise - lost * latents}[self.predicts]
        return kept * latents + lost * noise, target

    def __call__(self, noisy: torch.Tensor, times: torch.Tensor, words: Sequence[Words]) -> torch.Tensor:
        """(n, c, h, w) float32 what the denoiser says of noisy latents of these words, on its device."""
        core, first, (height, width) = self.core, words[0], _size(noisy)
        device, own = core.device, core.dtype
        when = (self._levels((height, width), times)[1] if self.predicts == FLOW else times) * first.scale
        given = noisy.to(device, own)
        if first.packed:
            given = self.pipeline._pack_latents(given, len(given), self.channels, height, width)
        arguments = {name: _together([one.arguments[name] for one in words]) for name in first.arguments}
        with torch.autocast(torch.device(device).type, own, enabled=own in (torch.float16, torch.bfloat16)):
            said = core(given, timestep=when.to(device, first.timestep.dtype), **arguments)[0]
        if first.packed:
            factor = self.pipeline.vae_scale_factor
            said = self.pipeline._unpack_latents(said, height * factor, width * factor, factor)
        # Some say how sure they are, too.
        whole: torch.Tensor = said[:, : self.channels].float()
        return whole


def _size(latents: torch.Tensor) -> tuple[int, int]:
    return int(latents.shape[2]), int(latents.shape[3])


def _one(value: Any, batch: int) -> Any:  # noqa: ANN401
    """What the last picture of a batch is told: guidance puts pictures without words before it."""
    if isinstance(value, torch.Tensor):
        return _Row(value[-1:].clone()) if value.ndim and len(value) == batch else value
    return {name: _one(inner, batch) for name, inner in value.items()} if isinstance(value, Mapping) else value


def _together(values: Sequence[Any]) -> Any:  # noqa: ANN401
    """What several pictures are told."""
    first = values[0]
    if isinstance(first, _Row):
        return torch.cat([one.values for one in values])
    if isinstance(first, Mapping):
        return {name: _together([one[name] for one in values]) for name in first}
    return first
