"""Draws with what ComfyUI has loaded: a linked MODEL, CLIP and VAE, and its own sampler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import nodes
from comfy.samplers import KSampler

from ...errors import LoraError, ModelError
from ...pipelines.models.backends.comfy_workflow import split_sampler
from ...pipelines.models.external import ExternalGenerator
from ...pipelines.models.prompt_syntax import parse_prompt
from ...pipelines.models.request import DrawnPicture, Lora, Request
from .pictures import to_picture

if TYPE_CHECKING:
    from ...pipelines.models.steps import StepReport

#: Sampler and scheduler where a request names none.
DEFAULT_SAMPLER = "euler normal"


class HostGenerator(ExternalGenerator):
    """Draws requests as the nodes CLIP Text Encode, KSampler and VAE Decode do, one picture at a time.

    The ``scheduler`` of a request is a sampler and a scheduler of ComfyUI, such as ``"dpmpp_2m karras"``. Progress, previews
    and interrupts are those of KSampler.

    Args:
        model, clip, vae: as loaders of ComfyUI give them.

    Raises:
        ModelError: one of the three is missing.
    """

    def __init__(self, model: Any, clip: Any, vae: Any) -> None:  # noqa: ANN401
        linked = {"comfy_model": model, "clip": clip, "vae": vae}
        if missing := [name for name, value in linked.items() if value is None]:
            raise ModelError(f"Expected a linked MODEL, CLIP and VAE, but {missing[0]} is not linked.")
        # The latents of SD 1.5 are those of models for 512 pixels; nearly all others were trained at 1024.
        side = 512 if type(model.model.latent_format).__name__ == "SD15" else 1024
        super().__init__("the linked MODEL", size=(side, side))
        self._parts = model, clip, vae

    def _read(self, request: Request) -> tuple[tuple[Lora, ...], bool]:
        """Nothing: CLIP reads word weights, and LoRAs are nodes before the linked MODEL."""
        if loras := parse_prompt(request.prompt).loras or parse_prompt(request.negative).loras:
            raise LoraError(
                f"A linked MODEL does not read the LoRA {next(iter(loras))!r} in a prompt: link the MODEL of a node that loads "
                "it, such as Load LoRA."
            )
        return (), False

    def _scheduler(self, name: str | None) -> tuple[str, str]:
        """Sampler and scheduler by their names in one text.

        Raises:
            ModelError: ComfyUI has no such sampler or scheduler.
        """
        return split_sampler(
            name or DEFAULT_SAMPLER, KSampler.SAMPLERS, KSampler.SCHEDULERS, "ComfyUI with a linked MODEL"
        )

    def draw(self, requests: Iterable[Request], steps: StepReport | None = None) -> Iterator[list[DrawnPicture]]:
        """Draw ``requests`` one by one; KSampler itself reports its steps."""
        model, clip, vae = self._parts
        for request in requests:
            sampler, schedule = self._scheduler(request.scheduler)
            texts = (request.prompt, request.negative)
            [positive], [negative] = (nodes.CLIPTextEncode().encode(clip, text) for text in texts)
            [latent] = nodes.EmptyLatentImage().generate(request.width, request.height)
            [samples] = nodes.KSampler().sample(
                model, request.seed, request.steps, request.guidance, sampler, schedule, positive, negative, latent
            )
            [images] = nodes.VAEDecode().decode(vae, samples)
            pixels, problem = to_picture(images)
            yield [DrawnPicture(request, pixels, problem, 0.0)]
