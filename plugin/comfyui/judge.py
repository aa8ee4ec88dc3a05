"""ComfyUI node that ranks a batch by a judge of any kind: Judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .base import IMAGES, SoartNode, judge_of, node_schema, taste_stamp
from .panels import score_cards, score_lines, score_table
from .pictures import take
from .score import judged_batch

if TYPE_CHECKING:
    import torch

#: Decimal places of scores: judges have scales of their own.
_DECIMALS = 4


class SoartJudge(SoartNode):
    """Sorts a batch by a judge of any kind, such as adherence to the prompt, best first."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartJudge",
            display_name="SOART Judge",
            description="Sorts pictures by how well they show the prompt, or by any other judge such as CLIP, best first.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip=IMAGES),
                io.String.Input("by", default="adherence", tooltip="The judge: adherence, clip:HUB_ID, pyiqa:METRIC or another one; "
                                "the command 'soart list judges' lists them. Some of these models forbid commercial use."),
                io.String.Input("prompt", default="", multiline=True, optional=True,
                                tooltip="What the pictures should show: one prompt for all, or one line per picture."),
                io.Int.Input("top_k", default=0, min=0, max=4096, optional=True, tooltip="How many of the best to keep; 0 keeps all."),
            ],
            outputs=[
                io.Image.Output("ranked", display_name="ranked", tooltip="The remaining pictures, best first, as one batch."),
                io.Float.Output("scores", display_name="scores", is_output_list=True,
                                tooltip="Their values, best first; higher is better."),
                io.String.Output("text", display_name="text", tooltip="Their numbers in the incoming batch, values and percentiles."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, by: str = "", **_others: Any) -> str:  # noqa: ANN401
        """Changes with the file of a taste."""
        return taste_stamp(by)

    @classmethod
    def run(cls, images: torch.Tensor, by: str, prompt: str = "", top_k: int = 0) -> io.NodeOutput:
        """Judge the batch."""
        from ...pipelines.judges.in_memory import best_first

        judge = judge_of(by, None)
        judged, pictures = judged_batch(images, judge, prompts=_prompts(prompt, len(images)))
        best = best_first(judged)[: top_k or None]
        cards = score_cards(best, pictures.pixels, judge.stored_name, cls)
        shown = cls.show(pictures.notes, score_table(best, f"judge: {judge.name}, best first"), cards=cards)
        ranked = take(images, [picture.number for picture in best])
        return io.NodeOutput(ranked, [round(p.score, _DECIMALS) for p in best], score_lines(best, _DECIMALS), ui=shown)


def _prompts(text: str, count: int) -> dict[int, str]:
    """The prompt of each picture by number: its own line if there are as many lines as pictures, else the whole text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return dict(enumerate(lines)) if len(lines) == count else dict.fromkeys(range(count), text.strip())
