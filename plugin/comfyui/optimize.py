"""The ComfyUI node Optimize: more of what you like, from one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ...pipelines.models.limits import STRENGTHS
from .base import (
    MOST_SEED,
    NO_CHECKPOINT,
    NodeProgress,
    SoartNode,
    checkpoint_choices,
    counting_failures,
    generator_of,
    judge_inputs,
    judge_of,
    node_schema,
    taste_stamp,
    title_of,
)
from .generate import drawing_stamp, named_model
from .pictures import to_images, to_picture

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import ItemJudge
    from ...pipelines.models.generator import ImageGenerator
    from ...pipelines.optimizing.optimize import OptimizeProgress


class SoartOptimize(SoartNode):
    """Draws one prompt again and again, each time more of what a judge likes, within bounds."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartOptimize",
            display_name="SOART Optimize",
            description="More of what you like: goes on from the best of four seeds to pictures that a judge, such as your taste, likes more.",
            is_output_node=True,
            inputs=[
                io.String.Input("prompt", multiline=True, default="a picture of a boat", tooltip="The prompt; braces have no special meaning here."),
                io.String.Input("negative", multiline=True, default="", tooltip="What the picture should not show."),
                *judge_inputs(),
                io.Float.Input("seconds", default=60.0, min=1.0, max=86400.0, step=1.0, tooltip="The run ends after this many seconds."),
                io.Int.Input("pictures", default=0, min=0, max=100000, tooltip="Most pictures to draw; 0: as many as the time allows."),
                io.Int.Input("seed", default=0, min=0, max=MOST_SEED, control_after_generate=True, tooltip="Seed of the first picture."),
                io.String.Input("model", default="embedded",
                                tooltip="'embedded' (small, draws at once), a diffusers folder, a .safetensors file, or the name of a model on Hugging Face."),
                io.Int.Input("steps", default=0, min=0, max=1000, tooltip="Sampling steps. 0: as many as the model is made for."),
                io.Float.Input("guidance", default=-1.0, min=-1.0, max=100.0, step=0.5, tooltip="How closely the pictures follow the prompt (cfg). -1: as the model is made for."),
                io.Int.Input("width", default=0, min=0, max=8192, step=8, tooltip="In pixels. 0: the size that the model is made for."),
                io.Int.Input("height", default=0, min=0, max=8192, step=8, tooltip="In pixels. 0: the size that the model is made for."),
                io.String.Input("scheduler", default="", optional=True,
                                tooltip="As in SOART Generate; empty: the one that the model comes with."),
                io.Combo.Input("checkpoint", options=checkpoint_choices(), default=NO_CHECKPOINT, optional=True,
                               tooltip="A checkpoint of ComfyUI, drawn by diffusers; used instead of the model named above."),
                io.Model.Input("comfy_model", optional=True, tooltip="A MODEL of ComfyUI, drawn by its own sampler: the "
                               "best of other seeds, without gradients. Link CLIP and VAE too."),
                io.Clip.Input("clip", optional=True, tooltip="The CLIP of the linked MODEL."),
                io.Vae.Input("vae", optional=True, tooltip="The VAE of the linked MODEL."),
                io.Boolean.Input("anyway", default=False, optional=True, tooltip="Go on even if the taste has learnt from too few pictures to be relied on."),
                io.Image.Input("like", optional=True, tooltip="A picture to draw on (image-to-image), the first of a batch."),
                io.Float.Input("strength", default=0.5, min=STRENGTHS[0], max=STRENGTHS[1], step=0.05, optional=True,
                               tooltip="With which the picture is drawn on: little changes at 0.2, and nothing is kept at 1."),
            ],
            outputs=[
                io.Image.Output("image", display_name="image", tooltip="The optimized picture."),
                io.Image.Output("start", display_name="start", tooltip="The best picture of the first four seeds, or the picture that is drawn on."),
                io.String.Output("text", display_name="text", tooltip="The scores of both, what ended the run, and how far to trust the gain."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(
        cls,
        by: str = "",
        model: str = "",
        checkpoint: str = NO_CHECKPOINT,
        **_others: Any,  # noqa: ANN401
    ) -> str:
        """As ``drawing_stamp``; changes with the file of a taste, too."""
        stamp = drawing_stamp(model, checkpoint)
        return stamp and f"{stamp} {taste_stamp(by)}"

    @classmethod
    def run(
        cls,
        prompt: str,
        negative: str,
        by: str,
        seconds: float,
        pictures: int,
        seed: int,
        model: str,
        steps: int,
        guidance: float,
        width: int,
        height: int,
        scheduler: str = "",
        checkpoint: str = NO_CHECKPOINT,
        comfy_model: object = None,
        clip: object = None,
        vae: object = None,
        anyway: bool = False,
        like: torch.Tensor | None = None,
        strength: float = 0.5,
        taste: ItemJudge | None = None,
    ) -> io.NodeOutput:
        """Optimize the picture."""
        import torch

        from ...pipelines.optimizing import optimize as optimizing
        from ...pipelines.optimizing.parents import drawn_on

        parents = []
        if like is not None:
            size = (width, height) if width and height else None
            parents, width, height = [drawn_on(to_picture(like[:1])[0], strength, size=size)], 0, 0
        judge, progress, model = judge_of(by, taste), NodeProgress(round(seconds)), named_model(model, checkpoint)

        def show(found: OptimizeProgress) -> None:
            progress.show(min(round(found.seconds), round(seconds)), round(seconds))

        # ComfyUI runs nodes in inference mode, in which there are no gradients.
        with counting_failures(model), torch.inference_mode(mode=False):
            if any(part is not None for part in (comfy_model, clip, vae)):
                from .host_model import HostGenerator

                generator: ImageGenerator = HostGenerator(comfy_model, clip, vae)
            else:
                generator = generator_of(model, "auto")
            found = optimizing.optimize(
                generator, prompt, by=optimizing.judge_for(judge, anyway=anyway), seconds=seconds, pictures=pictures or None,
                seed=seed, anyway=anyway, negative=negative or None, steps=steps or None,
                guidance=None if guidance < 0 else guidance, width=width or None, height=height or None,
                scheduler=scheduler.strip() or None, parents=parents, progress=show,
            )  # fmt: skip
        text = "\n".join([*found.lines(title_of(judge)), *found.sentences])
        image, start = to_images([found.pixels]), to_images([found.start])
        return io.NodeOutput(image, start, text, ui=cls.show([text], images=torch.cat([start, image])))
