"""ComfyUI nodes that judge batches: Score, Rank, Gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ...errors import ImageError, ItemsError, SoartError
from .base import (
    CATEGORY,
    IMAGES,
    SoartNode,
    obstacles,
    output_folder,
    profile_inputs,
    profile_stamp,
    progress,
    retried,
    scorer_of,
    title_of,
    warnings_of,
)
from .pictures import Pictures, score_table, score_text, stamp, take, to_images, to_pictures

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import Scorer
    from ...pipelines.scoring.in_memory import ScoredPicture

_AMONG = (
    "Collection in ComfyUI's output folder whose pictures the percentiles are taken among. Empty: those that a taste was learnt "
    "among, or for other profiles this batch."
)


def _judging_inputs(*more: io.Input) -> list[io.Input]:
    among = io.String.Input("among", default="", optional=True, tooltip=_AMONG)
    return [io.Image.Input("images", tooltip=IMAGES), *profile_inputs(), *more, among]


def _judge(
    images: torch.Tensor, profile: str, taste: Scorer | None, among: str
) -> tuple[Scorer, list[ScoredPicture], Pictures]:
    """The profile, the pictures it could judge, and all that came, with sentences about what could not be judged."""
    from ...pipelines.scoring.in_memory import reference_scores, score_batch
    from ...pipelines.scoring.measuring import existing_collection

    pictures, scorer, reference = to_pictures(images), scorer_of(profile, taste), None
    if among.strip():
        with retried(among), existing_collection(output_folder(among)) as collection:
            reference = reference_scores(collection, scorer, progress(len(collection.ids())))
        if not len(reference):
            raise ItemsError(f"The collection {among!r} holds no picture yet to take percentiles among.")
    judged, problems = score_batch(pictures.pixels, scorer, reference, progress(len(pictures.pixels)))
    if not judged:
        raise ImageError(problems[0])
    pictures.notes[:0] = [*warnings_of(scorer), *problems]
    return scorer, judged, pictures


class _Judging(SoartNode):
    """Base of nodes that score a batch."""

    @classmethod
    def fingerprint_inputs(cls, profile: str = "", among: str = "", **_others: Any) -> str:  # noqa: ANN401
        """New scores when the taste was learnt anew, or the collection has changed."""
        if not (among or "").strip():
            return profile_stamp(profile)
        try:
            folder = output_folder(among)
        except SoartError:
            return profile_stamp(profile)
        return f"{profile_stamp(profile)} {stamp(folder / 'soart.db', folder / 'soart.db-wal')} {obstacles(among)}"


class SoartScore(_Judging):
    """Scores a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="SoartScore",
            display_name="SOART Score",
            category=CATEGORY,
            description="Scores pictures by the technical score, a detector of damage or a taste of yours, with reasons.",
            is_output_node=True,
            inputs=_judging_inputs(),
            outputs=[
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="A score for each picture, higher is better."),
                io.Float.Output("percentiles", display_name="percentiles", is_output_list=True, tooltip="0–100: share of pictures that it beats."),
                io.String.Output("text", display_name="text", tooltip="Scores and percentiles, a picture a line."),
            ],
        )  # fmt: skip

    @classmethod
    def run(cls, images: torch.Tensor, profile: str, taste: Scorer | None = None, among: str = "") -> io.NodeOutput:
        """Score."""
        scorer, judged, pictures = _judge(images, profile, taste, among)
        shown = cls.show(pictures.notes, score_table(judged, title_of(scorer)))
        return io.NodeOutput(
            [one.score for one in judged], [one.percentile for one in judged], score_text(judged), ui=shown
        )


class SoartRank(_Judging):
    """Sorts a batch, best first."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        top = io.Int.Input("top_k", default=0, min=0, max=4096, tooltip="How many of the best to keep; 0 keeps all.")
        return io.Schema(
            node_id="SoartRank",
            display_name="SOART Rank",
            category=CATEGORY,
            description="Sorts a batch, best first, and keeps the best of it.",
            is_output_node=True,
            inputs=_judging_inputs(top),
            outputs=[
                io.Image.Output("ranked", display_name="ranked", tooltip="The pictures that are kept, best first, one batch."),
                io.Float.Output("scores", display_name="scores", is_output_list=True, tooltip="Their scores, best first."),
                io.String.Output("text", display_name="text", tooltip="Their numbers in the batch, scores and percentiles."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, profile: str, top_k: int = 0, taste: Scorer | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Rank."""
        from ...pipelines.scoring.in_memory import best_first

        scorer, judged, pictures = _judge(images, profile, taste, among)
        kept = best_first(judged)[: top_k or None]
        ranked = take(images, [one.number for one in kept])
        seen = to_images(pictures.pixels[one.number] for one in kept)
        shown = cls.show(pictures.notes, score_table(kept, f"{title_of(scorer)}, best first"), seen)
        return io.NodeOutput(ranked, [one.score for one in kept], score_text(kept), ui=shown)


class SoartGate(_Judging):
    """Lets good pictures pass."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        least = io.Float.Input(
            "percentile", default=50.0, min=0.0, max=100.0, step=1.0, tooltip="Pictures below it do not pass."
        )
        return io.Schema(
            node_id="SoartGate",
            display_name="SOART Gate",
            category=CATEGORY,
            description="Passes only pictures of at least a percentile on; where none passes, what hangs on it does not run.",
            is_output_node=True,
            inputs=_judging_inputs(least),
            outputs=[
                io.Image.Output("passed", display_name="passed", tooltip="The pictures that pass, in their order."),
                io.Int.Output("count", display_name="count", tooltip="How many pass."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls, images: torch.Tensor, profile: str, percentile: float = 50.0, taste: Scorer | None = None, among: str = ""
    ) -> io.NodeOutput:
        """Pass on what is good enough."""
        scorer, judged, pictures = _judge(images, profile, taste, among)
        passed = [one for one in judged if one.percentile >= percentile]
        told = f"{len(passed)} of {len(judged)} pictures pass."
        shown = cls.show([told, *pictures.notes], score_table(judged, title_of(scorer)))
        if not passed:
            # Nothing is wrong, so nothing is said to whoever waits for pictures.
            return io.NodeOutput(ExecutionBlocker(None), 0, ui=shown)
        return io.NodeOutput(take(images, [one.number for one in passed]), len(passed), ui=shown)
