"""Draws with what ComfyUI has loaded: a linked MODEL, CLIP and VAE, and its own sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import nodes
from comfy import sample
from comfy.samplers import KSampler

from ...errors import LoraError, ModelError
from ...pipelines.models.backends.comfy_workflow import split_sampler
from ...pipelines.models.external import ExternalGenerator
from ...pipelines.models.prompt_syntax import parse_prompt
from ...pipelines.models.request import DrawnPicture, Lora, Request
from .pictures import to_picture

if TYPE_CHECKING:
    import torch

    from ...pipelines.models.steps import StepReport

#: Sampler and scheduler where a request names none.
DEFAULT_SAMPLER = "euler normal"


class HostGenerator(ExternalGenerator):
    """Draws requests as the nodes CLIP Text Encode, KSampler and VAE Decode do, one picture at a time.

    The ``scheduler`` of a request is a sampler and a scheduler of ComfyUI, such as ``"dpmpp_2m karras"``. Progress,
    previews and interrupts are those of KSampler. Model, CLIP and VAE are as loaders of ComfyUI give them.
    """

    def __init__(self, model: Any, clip: Any, vae: Any) -> None:  # noqa: ANN401
        linked = {"comfy_model": model, "clip": clip, "vae": vae}
        if missing := [name for name, value in linked.items() if value is None]:
            raise ModelError(f"Expected a linked MODEL, CLIP and VAE, but {missing[0]} is not linked.")
        # The latents of SD 1.5 are those of models for 512 pixels; nearly all others were trained at 1024.
        side = 512 if type(model.model.latent_format).__name__ == "SD15" else 1024
        super().__init__("the linked MODEL", size=(side, side))
        self.parts = model, clip, vae

    def _read(self, request: Request) -> tuple[tuple[Lora, ...], bool]:
        """Nothing: CLIP reads word weights, and LoRAs are nodes before the linked MODEL."""
        if loras := parse_prompt(request.prompt).loras or parse_prompt(request.negative).loras:
            raise LoraError(
                f"A linked MODEL does not read the LoRA {next(iter(loras))!r} in a prompt: link the MODEL of a node that loads "
                "it, such as Load LoRA."
            )
        return (), False

    def _scheduler(self, name: str | None) -> tuple[str, str]:
        """Sampler and scheduler by their names in one text."""
        return split_sampler(
            name or DEFAULT_SAMPLER, KSampler.SAMPLERS, KSampler.SCHEDULERS, "ComfyUI with a linked MODEL"
        )

    def sampler_and_schedule(self, request: Request) -> tuple[str, str]:
        """Names of the sampler and the scheduler of a request."""
        return self._scheduler(request.scheduler)

    def draw(self, requests: Iterable[Request], steps: StepReport | None = None) -> Iterator[list[DrawnPicture]]:
        """Draw ``requests`` one by one; KSampler itself reports its steps."""
        model, clip, vae = self.parts
        for request in requests:
            sampler, schedule = self.sampler_and_schedule(request)
            texts = (request.prompt, request.negative)
            [positive], [negative] = (nodes.CLIPTextEncode().encode(clip, text) for text in texts)
            [latent] = nodes.EmptyLatentImage().generate(request.width, request.height)
            [samples] = nodes.KSampler().sample(
                model, request.seed, request.steps, request.guidance, sampler, schedule, positive, negative, latent
            )
            [images] = nodes.VAEDecode().decode(vae, samples)
            pixels, problem = to_picture(images)
            yield [DrawnPicture(request, pixels, problem, 0.0)]

    def noise_sampler(self, request: Request, after_step: Callable[[], None] = lambda: None) -> HostNoiseSampler:
        """The sampler that draws a request from given noise, in place of soart's own."""
        return HostNoiseSampler(self, request, after_step)


class HostNoiseSampler:
    """Draws one request from given noise with the sampler of ComfyUI, one picture at a time.

    The seed of the request decides the noise that samplers add on the way. ``after_step`` is called after every
    picture; whatever it raises ends the drawing.
    """

    def __init__(self, generator: HostGenerator, request: Request, after_step: Callable[[], None]) -> None:
        self.generator, self.request, self._after_step = generator, request, after_step

    @cached_property
    def _latent(self) -> torch.Tensor:
        """The empty latent of the MODEL, a batch of one."""
        [latent] = nodes.EmptyLatentImage().generate(self.request.width, self.request.height)
        fixed: torch.Tensor = sample.fix_empty_latent_channels(self.generator.parts[0], latent["samples"])
        return fixed

    @cached_property
    def _conditionings(self) -> tuple[Any, Any]:
        encode = nodes.CLIPTextEncode().encode
        [positive], [negative] = (
            encode(self.generator.parts[1], text) for text in (self.request.prompt, self.request.negative)
        )
        return positive, negative

    def noise_of(self, seed: int) -> torch.Tensor:
        """Noise of a seed as KSampler makes it, without the axis of a batch, float32 on the CPU."""
        noise: torch.Tensor = sample.prepare_noise(self._latent, seed)[0]
        return noise.float().cpu()

    def draw(self, noises: Sequence[torch.Tensor]) -> list[DrawnPicture]:
        """Draw a picture of each noise of ``noise_of``, with the progress, previews and interrupts of KSampler."""
        import latent_preview

        model, _, vae = self.generator.parts
        sampler, schedule = self.generator.sampler_and_schedule(self.request)
        drawn = []
        for noise in noises:
            samples = sample.sample(
                model, noise[None], self.request.steps, self.request.guidance, sampler, schedule, *self._conditionings,
                self._latent, callback=latent_preview.prepare_callback(model, self.request.steps), seed=self.request.seed,
            )  # fmt: skip
            [images] = nodes.VAEDecode().decode(vae, {"samples": samples})
            pixels, problem = to_picture(images)
            drawn.append(DrawnPicture(self.request, pixels, problem, 0.0))
            self._after_step()
        return drawn
