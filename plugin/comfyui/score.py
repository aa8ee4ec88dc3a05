"""ComfyUI nodes that score batches: Score, Rank, Gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ...errors import ImageError, SoartError
from .base import (
    IMAGES,
    Progress,
    SoartNode,
    counting_failures,
    failures,
    node_schema,
    output_folder,
    profile_inputs,
    profile_stamp,
    scorer_of,
    title_of,
)
from .panels import score_cards, score_lines, score_table
from .pictures import Pictures, take, to_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ...metrics.protocols import Scorer
    from ...pipelines.scoring.in_memory import ScoredPicture

_AMONG = (
    "Collection in ComfyUI's output folder; percentiles are computed among its pictures. Empty: among the pictures that "
    "a taste was learnt from, and for other profiles among this batch."
)


def _scoring_inputs(*more: io.Input) -> list[io.Input]:
    among = io.String.Input("among", default="", optional=True, tooltip=_AMONG)
    return [io.Image.Input("images", tooltip=IMAGES), *profile_inputs(), *more, among]


def _score(
    images: torch.Tensor, profile: str, taste: Scorer | None, among: str
) -> tuple[Scorer, list[ScoredPicture], Pictures]:
    """The profile, the scored pictures, and all pictures with notes on those that have no score.

    Raises:
        SoartError: an unknown profile or collection, or no picture that can be scored.
    """
    from ...pipelines.scoring.in_memory import score_batch, scores_among
    from ...pipelines.scoring.profile_store import warnings_of

    pictures, scorer, reference = to_pictures(images), scorer_of(profile, taste), None
    if among.strip():
        folder = output_folder(among)
        with counting_failures(among):
            reference = scores_among(folder, scorer, Progress)
    scored, problems = score_batch(pictures.pixels, scorer, reference, Progress(len(pictures.pixels)))
    if not scored:
        raise ImageError(problems[0])
    pictures.notes[:0] = [*warnings_of(scorer), *problems]
    return scorer, scored, pictures


class _ScoringNode(SoartNode):
    """Base of nodes that score a batch."""

    @classmethod
    def fingerprint_inputs(cls, profile: str = "", among: str = "", **_others: Any) -> str:  # noqa: ANN401
        """Changes with the file of the taste and with the collection."""
        from ...pipelines.collection.host_folder import collection_stamp

        if not (among or "").strip():
            return profile_stamp(profile)
        try:
            folder = output_folder(among)
        except SoartError:
            return profile_stamp(profile)
        return f"{profile_stamp(profile)} {collection_stamp(folder)} {failures(among)}"

    @classmethod
    def show_scores(
        cls, pictures: Pictures, scored: Sequence[ScoredPicture], scorer: Scorer, title: str
    ) -> dict[str, Any]:
        """Show pictures with their scores, and the notes on the batch."""
        cards = score_cards(scored, pictures.pixels, scorer.stored_name, cls)
        return cls.show(pictures.notes, score_table(scored, title), cards=cards)


class SoartScore(_ScoringNode):
    """Scores a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartScore",
            display_name="SOART Score",
            description="Scores pictures by the technical or overall score, a detector of damage or one of your tastes, with reasons.",
            is_output_node=True,
            inputs=_scoring_inputs(),
            outputs=[
                io.Float.Output("scores", display_name="scores", is_output_list=True,
                                tooltip="One score per picture, higher is better."),
                io.Float.Output("percentiles", display_name="percentiles", is_output_list=True,
                                tooltip="0–100: share of pictures with a lower score, and half of those with the same "
                                "score, itself included."),
                io.String.Output("text", display_name="text", tooltip="Scores and percentiles, one picture per line."),
            ],
        )  # fmt: skip

    @classmethod
    def run(cls, images: torch.Tensor, profile: str, taste: Scorer | None = None, among: str = "") -> io.NodeOutput:
        """Score the batch."""
        scorer, scored, pictures = _score(images, profile, taste, among)
        shown = cls.show_scores(pictures, scored, scorer, title_of(scorer))
        scores = [picture.score for picture in scored]
        percentiles = [picture.percentile for picture in scored]
        return io.NodeOutput(scores, percentiles, score_lines(scored), ui=shown)


class SoartRank(_ScoringNode):
    """Sorts a batch, best first."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        top = io.Int.Input("top_k", default=0, min=0, max=4096, tooltip="How many of the best to keep; 0 keeps all.")
        return node_schema(
            node_id="SoartRank",
            display_name="SOART Rank",
            description="Sorts a batch, best first, and keeps the best of it.",
            is_output_node=True,
            inputs=_scoring_inputs(top),
            outputs=[
                io.Image.Output("ranked", display_name="ranked", tooltip="The remaining pictures, best first, as one batch."),
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="Their scores, best first."),
                io.String.Output("text", display_name="text",
                                 tooltip="Their numbers in the incoming batch, scores and percentiles."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, profile: str, top_k: int = 0, taste: Scorer | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Rank the batch."""
        from ...pipelines.scoring.in_memory import best_first

        scorer, scored, pictures = _score(images, profile, taste, among)
        best = best_first(scored)[: top_k or None]
        ranked = take(images, [picture.number for picture in best])
        shown = cls.show_scores(pictures, best, scorer, f"{title_of(scorer)}, best first")
        return io.NodeOutput(ranked, [picture.score for picture in best], score_lines(best), ui=shown)


class SoartGate(_ScoringNode):
    """Passes good pictures on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        least = io.Float.Input(
            "percentile", default=50.0, min=0.0, max=100.0, step=1.0, tooltip="Pictures below it do not pass."
        )
        return node_schema(
            node_id="SoartGate",
            display_name="SOART Gate",
            description="Passes on only pictures that reach a percentile; if none does, nodes downstream do not run.",
            is_output_node=True,
            inputs=_scoring_inputs(least),
            outputs=[
                io.Image.Output("passed", display_name="passed", tooltip="The pictures that pass, in their order."),
                io.Int.Output("count", display_name="count", tooltip="Number of pictures that pass."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, profile: str, percentile: float = 50.0, taste: Scorer | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Pass on the pictures that reach the percentile."""
        from ...pipelines.scoring.in_memory import most_reachable, reaching

        scorer, scored, pictures = _score(images, profile, taste, among)
        passed = reaching(scored, percentile)
        summary = f"{len(passed)} of {len(scored)} pictures pass."
        most = most_reachable(len(scored), scorer)
        if percentile > most and not among.strip():
            summary += f" Among {len(scored)} pictures none can exceed percentile {most:.4g}: lower the percentile, or name a collection."
        pictures.notes.insert(0, summary)
        shown = cls.show_scores(pictures, scored, scorer, title_of(scorer))
        if not passed:
            # Not an error, so the blocker has no message.
            return io.NodeOutput(ExecutionBlocker(None), 0, ui=shown)
        return io.NodeOutput(take(images, [picture.number for picture in passed]), len(passed), ui=shown)
