"""ComfyUI node that ranks a batch by judges of other packages: Judge."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ...errors import JudgeError
from .base import IMAGES, Progress, SoartNode, node_schema
from .panels import score_cards, score_lines, score_table
from .pictures import take, to_pictures

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import PictureJudge

#: Decimal places of scores: judges have scales of their own.
_DECIMALS = 4


@lru_cache(maxsize=4)
def _loaded(judge: str) -> PictureJudge:
    from ...pipelines.judges.finding import judge_named

    # Workflows come from others, and over the network.
    return judge_named(judge, known_only=True)


class SoartJudge(SoartNode):
    """Sorts a batch by a judge of another package or by adherence to the prompt, best first."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartJudge",
            display_name="SOART Judge",
            description="Sorts pictures by how well they show the prompt, or by a judge of another package, best first.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip=IMAGES),
                io.String.Input("judge", default="adherence", tooltip="adherence, clip:HUB_ID, pyiqa:METRIC or another "
                                "judge; soart doctor lists them. Some weights forbid commercial use."),
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
    def run(cls, images: torch.Tensor, judge: str, prompt: str = "", top_k: int = 0) -> io.NodeOutput:
        """Judge the batch."""
        from ...pipelines.judges.in_memory import judge_batch, judges_for
        from ...pipelines.scoring.in_memory import best_first

        pictures = to_pictures(images)
        judges = judges_for(_loaded(judge.strip()))
        judged, problems = judge_batch(pictures.pixels, _prompts(prompt, len(images)), judges)
        Progress(len(images))(len(images))
        if not judged:
            raise JudgeError(" ".join(problems) or f"The judge {judge!r} gave no picture a value.")
        best = best_first(judged)[: top_k or None]
        cards = score_cards(best, pictures.pixels, judges[0][0].stored_name, cls)
        table = score_table(best, f"judge: {judges[0][0].name}, best first")
        shown = cls.show([*pictures.notes, *problems], table, cards=cards)
        ranked = take(images, [picture.number for picture in best])
        return io.NodeOutput(ranked, [round(p.score, _DECIMALS) for p in best], score_lines(best, _DECIMALS), ui=shown)


def _prompts(text: str, count: int) -> dict[int, Any]:
    """The prompt of each picture by number: its own line if there are as many lines as pictures, else the whole text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return dict(enumerate(lines)) if len(lines) == count else dict.fromkeys(range(count), text.strip())
