"""ComfyUI nodes that score batches: Gate, and Score, Rank and Judge, which saved workflows hold."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ...errors import ImageError, SoartError
from .base import (
    IMAGES,
    NodeProgress,
    SoartNode,
    counting_failures,
    failures,
    folded,
    judge_inputs,
    judge_of,
    node_schema,
    output_folder,
    taste_stamp,
    title_of,
)
from .panels import score_cards, score_lines, score_table
from .pictures import BatchPictures, take, to_pictures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from ...metrics.protocols import ItemJudge
    from ...pipelines.judges.guarded import GuardedJudge
    from ...pipelines.judges.in_memory import ScoredPicture

#: Sentences that are given of a batch without a value.
_NAMED = 3
#: Decimal places of scores of judges with scales of their own.
DECIMALS = 4
#: Tooltips of inputs that nodes share.
TOP_K = "How many of the best to keep, few of one look; 0 keeps all."
PROMPT = "What the pictures should show: one prompt for all, or one line per picture."
_AMONG = (
    "What percentiles compare with: the pictures of this collection, a folder in ComfyUI's output folder. Empty: the pictures "
    "that a taste was learnt from, and for other judges this batch."
)


def prompts_of(text: str, count: int) -> dict[int, str]:
    """The prompt of each picture by number: its own line if there are as many lines as pictures, else the whole text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return dict(enumerate(lines)) if len(lines) == count else dict.fromkeys(range(count), text.strip())


def scoring_inputs(*more: io.Input) -> list[io.Input]:
    """Pictures, judge and taste, further inputs, and the collection of percentiles."""
    among = folded(io.String.Input("among", default="", optional=True, tooltip=_AMONG))
    return [io.Image.Input("images", tooltip=IMAGES), *judge_inputs(), *more, among]


def alike_input() -> io.Input:
    """Switches off that few of one look are kept."""
    return io.Boolean.Input("alike", default=False, optional=True, tooltip="Keep the best even where they look alike.")


def judged_batch(
    images: torch.Tensor,
    judge: GuardedJudge,
    among: str = "",
    prompts: Mapping[int, str] = MappingProxyType({}),
    *,
    least: int = 1,
) -> tuple[list[ScoredPicture], BatchPictures]:
    """The pictures that a judge gave a value, at least ``least`` of them, and all pictures with notes on the others.

    ``among`` names a collection for the percentiles; ``prompts`` are by number in the batch.
    """
    from ...pipelines.judges.finding import doubts_of
    from ...pipelines.judges.in_memory import score_batch, scores_among
    from ...pipelines.scoring.pictures import PicturesInMemory

    pictures, judges, reference = to_pictures(images), [(judge, 1.0)], None
    if among.strip():
        folder = output_folder(among)
        with counting_failures(among):
            reference = scores_among(folder, judges, NodeProgress)
    batch = PicturesInMemory(pictures.pixels, prompts)
    scored, problems = score_batch(batch, judges, reference, NodeProgress(len(pictures.pixels)))
    if len(scored) < least:
        raise ImageError(" ".join(problems[:_NAMED]) or f"The judge {judge.name!r} gave no picture a value.")
    pictures.notes[:0] = [*doubts_of(judges), *problems]
    pictures.judged = batch
    return scored, pictures


class ScoringNode(SoartNode):
    """Base of nodes that score a batch."""

    @classmethod
    def fingerprint_inputs(cls, by: str = "", among: str = "", **_others: Any) -> str:  # noqa: ANN401
        """Changes with the file of the taste and with the collection."""
        from ...pipelines.collection.address import collection_stamp

        if not (among or "").strip():
            return taste_stamp(by)
        try:
            folder = output_folder(among)
        except SoartError:
            return taste_stamp(by)
        return f"{taste_stamp(by)} {collection_stamp(folder)} {failures(among)}"

    @classmethod
    def show_scores(
        cls, pictures: BatchPictures, scored: Sequence[ScoredPicture], judge: GuardedJudge, title: str
    ) -> dict[str, Any]:
        """Show pictures with their scores, and the notes on the batch."""
        cards = score_cards(scored, pictures.pixels, judge.stored_name, cls)
        return cls.show(pictures.notes, score_table(scored, title), cards=cards)

    @classmethod
    def rank(
        cls,
        images: torch.Tensor,
        judge: GuardedJudge,
        title: str,
        top_k: int,
        decimals: int = 1,
        *,
        alike: bool = True,
        **options: Any,  # noqa: ANN401
    ) -> io.NodeOutput:
        """Sort a batch, best first; ``options`` are of ``judged_batch``."""
        scored, pictures = judged_batch(images, judge, **options)
        best = kept(scored, pictures, judge, top_k, alike=alike)
        shown = cls.show_scores(pictures, best, judge, f"{title}, best first")
        scores = [round(picture.score, DECIMALS) for picture in best]
        return io.NodeOutput(take(images, [one.number for one in best]), scores, score_lines(best, decimals), ui=shown)


def kept(
    scored: Sequence[ScoredPicture], pictures: BatchPictures, judge: GuardedJudge, top_k: int, *, alike: bool
) -> list[ScoredPicture]:
    """The best pictures, at most ``top_k`` (0 for all), and unless ``alike`` few of one look, with a note on the others."""
    from ...pipelines.judges.in_memory import best_first, best_varied

    best = best_first(scored)[: top_k or None]
    if len(best) < len(scored) and not alike and pictures.judged is not None:
        best, others = best_varied(pictures.judged, scored, judge, top_k)
        if any(others):
            pictures.notes.append(f"Left out, because they look like others that are kept: {sum(others)}.")
    return best


class SoartScore(ScoringNode):
    """Scores a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartScore",
            display_name="SOART Score",
            description="Scores pictures, with reasons: by the overall or technical score, one of your tastes, or a detector of one fault.",
            is_output_node=True,
            is_deprecated=True,
            inputs=scoring_inputs(),
            outputs=[
                io.Float.Output("scores", display_name="scores", is_output_list=True,
                                tooltip="One score per picture, higher is better."),
                io.Float.Output("percentiles", display_name="percentiles", is_output_list=True,
                                tooltip="0–100: how many percent of the pictures score lower; those with the same "
                                "score count half."),
                io.String.Output("text", display_name="text", tooltip="Scores and percentiles, one picture per line."),
            ],
        )  # fmt: skip

    @classmethod
    def run(cls, images: torch.Tensor, by: str, taste: ItemJudge | None = None, among: str = "") -> io.NodeOutput:
        """Score the batch."""
        judge = judge_of(by, taste)
        scored, pictures = judged_batch(images, judge, among)
        shown = cls.show_scores(pictures, scored, judge, title_of(judge))
        scores = [picture.score for picture in scored]
        percentiles = [picture.percentile for picture in scored]
        return io.NodeOutput(scores, percentiles, score_lines(scored), ui=shown)


class SoartRank(ScoringNode):
    """Sorts a batch, best first."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        top, alike = io.Int.Input("top_k", default=0, min=0, max=4096, tooltip=TOP_K), alike_input()
        return node_schema(
            node_id="SoartRank",
            display_name="SOART Rank",
            description="Sorts a batch, best first, and keeps the best of it.",
            is_output_node=True,
            is_deprecated=True,
            inputs=[*scoring_inputs(top), alike],
            outputs=[
                io.Image.Output("ranked", display_name="ranked", tooltip="The remaining pictures, best first, as one batch."),
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="Their scores, best first."),
                io.String.Output("text", display_name="text",
                                 tooltip="Their numbers in the incoming batch, scores and percentiles."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls,
        images: torch.Tensor,
        by: str,
        top_k: int = 0,
        taste: ItemJudge | None = None,
        among: str = "",
        alike: bool = False,
    ) -> io.NodeOutput:
        """Rank the batch."""
        judge = judge_of(by, taste)
        return cls.rank(images, judge, title_of(judge), top_k, alike=alike, among=among)


class SoartJudge(ScoringNode):
    """Sorts a batch by a judge of any kind, such as adherence to the prompt, best first."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartJudge",
            display_name="SOART Judge",
            description="Sorts pictures by how well they show the prompt, or by any other judge such as CLIP, best first.",
            is_output_node=True,
            is_deprecated=True,
            inputs=[
                io.Image.Input("images", tooltip=IMAGES),
                io.String.Input("by", default="adherence", tooltip="The judge: adherence, clip:HUB_ID, pyiqa:METRIC or another one; "
                                "the command 'soart list judges' lists them. Some of these models forbid commercial use."),
                io.String.Input("prompt", default="", multiline=True, optional=True, tooltip=PROMPT),
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
    def run(cls, images: torch.Tensor, by: str, prompt: str = "", top_k: int = 0) -> io.NodeOutput:
        """Judge the batch."""
        judge = judge_of(by, None)
        prompts = prompts_of(prompt, len(images))
        return cls.rank(images, judge, f"judge: {judge.name}", top_k, DECIMALS, prompts=prompts)


class SoartGate(ScoringNode):
    """Passes good pictures on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        least = io.Float.Input(
            "percentile",
            default=50.0,
            min=0.0,
            max=100.0,
            step=1.0,
            tooltip="Only pictures that reach this percentile pass: 75 passes about the best quarter.",
        )
        return node_schema(
            node_id="SoartGate",
            display_name="SOART Gate",
            description="Passes on only the better pictures, those that reach a percentile. If none does, the nodes after this one do not run.",
            is_output_node=True,
            inputs=scoring_inputs(least),
            outputs=[
                io.Image.Output("passed", display_name="passed", tooltip="The pictures that pass, in their order."),
                io.Int.Output("count", display_name="count", tooltip="Number of pictures that pass."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, by: str, percentile: float = 50.0, taste: ItemJudge | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Pass on the pictures that reach the percentile."""
        from ...pipelines.judges.in_memory import most_reachable

        judge = judge_of(by, taste)
        # A picture that cannot be judged, such as a black one, does not pass; it is no mistake of the graph.
        scored, pictures = judged_batch(images, judge, among, least=0)
        passed = [picture for picture in scored if picture.percentile >= percentile]
        summary = f"{len(passed)} of {len(pictures.pixels)} pictures pass."
        if scored and not among.strip() and percentile > (most := most_reachable(len(scored), [(judge, 1.0)])):
            summary += f" Among {len(scored)} pictures none can exceed percentile {most:.4g}: lower the percentile, or name a collection."
        pictures.notes.insert(0, summary)
        shown = cls.show_scores(pictures, scored, judge, title_of(judge))
        if not passed:
            # Not an error, so the blocker has no message.
            return io.NodeOutput(ExecutionBlocker(None), 0, ui=shown)
        return io.NodeOutput(take(images, [picture.number for picture in passed]), len(passed), ui=shown)
