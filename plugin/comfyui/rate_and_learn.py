"""The ComfyUI node Rate & learn: stars for any pictures, a taste that learns from them, and the best first."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ...errors import SoartError
from .base import OVERALL, TasteType, folded, judge_of, node_schema, title_of
from .panels import score_cards, score_lines, score_table, unscored_cards
from .pictures import take
from .rating import RATED, liked_places, opinions
from .score import DECIMALS, PROMPT, TOP_K, ScoringNode, alike_input, judged_batch, kept, prompts_of, scoring_inputs
from .taste import check_explains, explained, learnt_from_ratings

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import ItemJudge
    from ...metrics.tastes.taste import LearntTaste

#: The name by which the taste of the clicks is shown.
YOURS = "your stars"


class SoartRate(ScoringNode):
    """Shows pictures to be rated, learns from the ratings, and sorts the batch by what was learnt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        images, _, taste, prompt, among = scoring_inputs(
            io.String.Input("prompt", default="", multiline=True, optional=True, tooltip=PROMPT)
        )
        return node_schema(
            node_id="SoartRate",
            display_name="SOART Rate & learn",
            description="Shows any pictures with stars, learns your taste from your clicks, and passes the pictures on, the best first.",
            is_output_node=True,
            inputs=[
                images,
                io.String.Input("by", default=OVERALL, tooltip="What sorts the pictures until your taste is known: overall, one of your tastes, "
                                "adherence (to the prompt), clip:HUB_ID or another judge; the command 'soart list judges' lists them. Some of "
                                "these models forbid commercial use."),
                io.Int.Input("top_k", default=0, min=0, max=4096, tooltip=TOP_K),
                io.Boolean.Input("learn", default=True,
                                 tooltip=f"On: your ratings in {RATED!r} sort the pictures once a taste learnt from them can be relied on. Off: 'by' does."),
                taste, folded(prompt), among,
                folded(io.Int.Input("grid", default=0, min=0, max=16, optional=True,
                                    tooltip="Squares a side of the heat maps; 0: none, and what is linked to them does not run.")),
                folded(alike_input()),
            ],
            outputs=[
                io.Image.Output("best", display_name="best first", tooltip="The remaining pictures, best first, as one batch; those without a score come last."),
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="Their scores, best first; higher is better."),
                io.Float.Output("percentiles", display_name="percentiles", is_output_list=True,
                                tooltip="0–100: how many percent of the pictures score lower; those with the same score count half."),
                io.String.Output("text", display_name="text", tooltip="Their numbers in the incoming batch, scores and percentiles."),
                TasteType.Output("sorted_by", display_name="taste", tooltip="What sorted them, for the input 'taste' of the other nodes."),
                io.Image.Output("heat", display_name="heat map", tooltip="Green where a picture is better than its average, red where it is worse."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, by: str = "", among: str = "", learn: bool = True, **others: Any) -> str:  # noqa: ANN401
        """Changes with the ratings, too."""
        stamp = super().fingerprint_inputs(by, among, **others)
        try:
            return f"{stamp} {opinions()}" if learn else stamp
        except SoartError as error:
            return f"{stamp} {error}"

    @classmethod
    def run(
        cls,
        images: torch.Tensor,
        by: str,
        top_k: int = 0,
        learn: bool = True,
        prompt: str = "",
        taste: ItemJudge | None = None,
        among: str = "",
        grid: int = 0,
        alike: bool = False,
    ) -> io.NodeOutput:
        """Sort the batch; none waits for a click, because flows without a browser go on."""
        from ...metrics.protocols import POINTS
        from ...pipelines.judges.in_memory import best_first

        learnt, notes = _of_your_stars() if learn and taste is None else (None, [])
        judge = judge_of(by, taste or learnt)
        scored, pictures = judged_batch(images, judge, among, prompts_of(prompt, len(images)), least=0)
        best = best_first(scored)
        judged = {picture.number for picture in scored}
        others = {number: pixels for number, pixels in pictures.pixels.items() if number not in judged}
        # All can be rated, also those that are not kept.
        cards = score_cards(best, pictures.pixels, judge.stored_name, cls) + unscored_cards(others, cls)
        table = score_table(best, f"{title_of(judge)}, best first")
        best = kept(scored, pictures, judge, top_k, alike=alike)
        shown = cls.show([*notes, *pictures.notes], table, cards=cards, liked=liked_places())
        heat = ExecutionBlocker(None)
        if grid and best:
            check_explains(judge)
            heat, _ = explained(judge, best, pictures, grid)
        passed = [*(picture.number for picture in best), *others][: top_k or None]
        scores = [round(picture.score, DECIMALS) for picture in best]
        text = score_lines(best, 1 if judge.scale == POINTS else DECIMALS)
        percentiles = [picture.percentile for picture in best]
        return io.NodeOutput(take(images, passed), scores, percentiles, text, judge.inner, heat, ui=shown)


def _of_your_stars() -> tuple[ItemJudge | None, list[str]]:
    """The taste learnt from the ratings by click, or None and a note."""
    from ...pipelines.scoring.taste_judge import TasteJudge

    try:
        if not (given := opinions()):
            return None, ["Rate pictures that you like and some that you do not: your taste will sort them here."]
        learnt, notes = _learnt(given)
    except SoartError as error:
        return None, [f"Your taste does not sort the pictures yet: {error}"]
    if learnt.trust.useless:
        return None, [f"Your taste does not sort the pictures yet: {learnt.trust.in_full}"]
    return TasteJudge.of(learnt), [f"{YOURS}: {learnt.trust.in_full}", *notes]


@lru_cache(maxsize=1)
def _learnt(_opinions: int) -> tuple[LearntTaste, list[str]]:
    """The taste and notes; several nodes of a graph learn it once."""
    return learnt_from_ratings(YOURS, RATED, "efficientnet-lite0", 0)
