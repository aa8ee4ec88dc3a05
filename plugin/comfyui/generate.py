"""The ComfyUI node Generate, which draws pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ...errors import ModelError
from ...pipelines.support.file_stamps import model_stamp
from .base import (
    MOST_SEED,
    NO_CHECKPOINT,
    NodeProgress,
    SoartNode,
    checkpoint_choices,
    checkpoint_path,
    counting_failures,
    failures,
    folded,
    generator_of,
    node_schema,
)
from .pictures import drawn_images

if TYPE_CHECKING:
    from ...pipelines.models.generator import ImageGenerator

DEVICES = ["auto", "cpu", "cuda", "mps", "xpu"]


def named_model(model: str, checkpoint: str) -> str:
    """The model by name or path: the chosen checkpoint, if any."""
    return model.strip() if checkpoint == NO_CHECKPOINT else checkpoint_path(checkpoint)


def drawing_stamp(model: str, checkpoint: str) -> str:
    """Changes with the files of a local model, and when loading or drawing failed; empty if the checkpoint is gone."""
    try:
        named = named_model(model or "", checkpoint or NO_CHECKPOINT)
    except ModelError:
        return ""
    return f"{model_stamp(named)} {failures(named)}"


class SoartGenerate(SoartNode):
    """Draws a batch of pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartGenerate",
            display_name="SOART Generate",
            description="Draws a batch of pictures with a model of your choice: one that ComfyUI has loaded, a checkpoint, a diffusers model, or the small embedded one.",
            inputs=[
                io.String.Input("prompt", multiline=True, default="a picture of a __subject__ in __palette__, __style__",
                                tooltip="A prompt, or a template: {a|b} varies, __style__ draws from a vocabulary."),
                io.String.Input("negative", multiline=True, default="", tooltip="What the pictures should not show."),
                io.String.Input("model", default="embedded",
                                tooltip="'embedded' (small, draws at once), a diffusers folder, a .safetensors file, or the name of a model on Hugging Face."),
                io.Int.Input("count", default=4, min=1, max=256, tooltip="Pictures in the batch."),
                io.Int.Input("seed", default=0, min=0, max=MOST_SEED, control_after_generate=True,
                             tooltip="Seed of the first picture; the next ones count up."),
                folded(io.Int.Input("prompt_seed", default=0, min=0, max=MOST_SEED,
                                    tooltip="Which prompts a template gives: another number varies them, whatever the seed of the pictures.")),
                io.Int.Input("steps", default=0, min=0, max=1000, tooltip="Sampling steps. 0: as many as the model is made for."),
                io.Float.Input("guidance", default=-1.0, min=-1.0, max=100.0, step=0.5, tooltip="How closely the pictures follow the prompt (cfg). -1: as the model is made for."),
                io.Int.Input("width", default=0, min=0, max=8192, step=8, tooltip="In pixels. 0: the size that the model is made for."),
                io.Int.Input("height", default=0, min=0, max=8192, step=8, tooltip="In pixels. 0: the size that the model is made for."),
                folded(io.Boolean.Input("literal", default=False, optional=True,
                                        tooltip="Take the prompt unchanged, braces included; switch it on for a prompt from SOART Prompt Choice.")),
                folded(io.Combo.Input("device", options=DEVICES, default="auto", optional=True, tooltip="What the model runs on. auto: the graphics card, if there is one.")),
                folded(io.String.Input("scheduler", default="", optional=True,
                                       tooltip="Class name of a diffusers scheduler, such as EulerDiscreteScheduler. "
                                       "With a linked MODEL a sampler and a scheduler of ComfyUI, such as 'dpmpp_2m karras'. "
                                       "Empty: the one that the model comes with.")),
                io.Combo.Input("checkpoint", options=checkpoint_choices(), default=NO_CHECKPOINT, optional=True,
                               tooltip="A checkpoint of ComfyUI, drawn by diffusers; used instead of the model named above."),
                io.Model.Input("comfy_model", optional=True, tooltip="A MODEL of ComfyUI, drawn by its own sampler; "
                               "used instead of the model named above. Link CLIP and VAE too."),
                io.Clip.Input("clip", optional=True, tooltip="The CLIP of the linked MODEL."),
                io.Vae.Input("vae", optional=True, tooltip="The VAE of the linked MODEL."),
            ],
            outputs=[
                io.Image.Output("images", display_name="images", tooltip="The batch."),
                io.String.Output("prompts", display_name="prompts", tooltip="Prompt and seed of each picture, one per line."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, model: str = "", checkpoint: str = NO_CHECKPOINT, **_others: Any) -> str:  # noqa: ANN401
        """As ``drawing_stamp``."""
        return drawing_stamp(model, checkpoint)

    @classmethod
    def run(
        cls,
        prompt: str,
        negative: str,
        model: str,
        count: int,
        seed: int,
        prompt_seed: int,
        steps: int,
        guidance: float,
        width: int,
        height: int,
        literal: bool = False,
        device: str = "auto",
        scheduler: str = "",
        checkpoint: str = NO_CHECKPOINT,
        comfy_model: object = None,
        clip: object = None,
        vae: object = None,
    ) -> io.NodeOutput:
        """Draw the batch."""
        from ...pipelines import generate as generation

        model, drawn = named_model(model, checkpoint), []
        with counting_failures(model):
            if any(part is not None for part in (comfy_model, clip, vae)):
                from .host_model import HostGenerator

                generator: ImageGenerator = HostGenerator(comfy_model, clip, vae)
            else:
                generator = generator_of(model, device)
            requests = generation.plan(
                prompt, count, generator, seed=seed, prompt_seed=prompt_seed, literal=literal, negative=negative,
                steps=steps or None, guidance=None if guidance < 0 else guidance, width=width or None,
                height=height or None, scheduler=scheduler.strip() or None,
            )  # fmt: skip
            progress = NodeProgress(count)
            for batch in generator.draw(requests, progress.steps(count)):
                drawn += batch
                progress.show(len(drawn), count)
        sound = [picture for picture in drawn if not picture.problem]
        verb = "is left out" if sound else "failed"
        notes = [
            f"The picture of seed {picture.request.seed} {verb}: {picture.problem}."
            for picture in drawn
            if picture.problem
        ]
        # If none is sound, the failed ones go on, so that SOART Observe can record that their choice is done.
        passed = sound or drawn
        prompts = "\n".join(f"{picture.request.prompt} (seed {picture.request.seed})" for picture in passed)
        return io.NodeOutput(drawn_images(passed), prompts, ui=cls.show([*notes, prompts]))
