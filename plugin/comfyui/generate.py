"""The ComfyUI node Generate, which draws pictures."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...pipelines.support.file_stamps import model_stamp
from .base import CATEGORY, MOST_SEED, SoartNode, counting_failures, failures, generator_of, progress
from .pictures import drawn_images

DEVICES = ["auto", "cpu", "cuda", "mps", "xpu"]


class SoartGenerate(SoartNode):
    """Draws a batch of pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="SoartGenerate",
            display_name="SOART Generate",
            category=CATEGORY,
            description="Draws a batch with the embedded model, a diffusers folder, a single file or a hub id.",
            inputs=[
                io.String.Input("prompt", multiline=True, default="a {sharp|vivid|blurry} picture of a __subject__",
                                tooltip="A prompt, or a template: {a|b} varies, __style__ draws from a vocabulary."),
                io.String.Input("negative", multiline=True, default="", tooltip="What the pictures should not show."),
                io.String.Input("model", default="embedded",
                                tooltip="'embedded', a diffusers folder, a .safetensors file, or a hub id."),
                io.Int.Input("count", default=4, min=1, max=256, tooltip="Pictures in the batch."),
                io.Int.Input("seed", default=0, min=0, max=MOST_SEED, control_after_generate=True,
                             tooltip="Seed of the first picture; the next ones count up."),
                io.Int.Input("prompt_seed", default=0, min=0, max=MOST_SEED,
                             tooltip="Seed of the prompts that a template gives, separate from the image seed."),
                io.Int.Input("steps", default=0, min=0, max=1000, tooltip="0: the model's own."),
                io.Float.Input("guidance", default=-1.0, min=-1.0, max=100.0, step=0.5, tooltip="-1: the model's own."),
                io.Int.Input("width", default=0, min=0, max=8192, step=8, tooltip="0: the model's own."),
                io.Int.Input("height", default=0, min=0, max=8192, step=8, tooltip="0: the model's own."),
                io.Boolean.Input("literal", default=False, optional=True,
                                 tooltip="Take the prompt unchanged, braces included; switch it on for a prompt from SOART Prompt Choice."),
                io.Combo.Input("device", options=DEVICES, default="auto", optional=True, tooltip="auto: the best device available."),
                io.String.Input("scheduler", default="", optional=True,
                                tooltip="Class name of a diffusers scheduler, such as EulerDiscreteScheduler. "
                                "Empty: the model's own."),
            ],
            outputs=[
                io.Image.Output("images", display_name="images", tooltip="The batch."),
                io.String.Output("prompts", display_name="prompts", tooltip="Prompt and seed of each picture, one per line."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, model: str = "", **_others: Any) -> str:  # noqa: ANN401
        """Changes with the files of a local model, and when drawing failed."""
        return f"{model_stamp(model or '')} {failures(model or '')}"

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
    ) -> io.NodeOutput:
        """Draw the batch."""
        from ...pipelines import generate as generation

        generator = generator_of(model, device)
        requests = generation.plan(
            prompt, count, generator, seed=seed, prompt_seed=prompt_seed, literal=literal, negative=negative,
            steps=steps or None, guidance=None if guidance < 0 else guidance, width=width or None, height=height or None,
            scheduler=scheduler.strip() or None,
        )  # fmt: skip
        step, drawn = progress(count), []
        with counting_failures(model):
            for batch in generator.draw(requests):
                drawn += batch
                step(len(batch))
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
