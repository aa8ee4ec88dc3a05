"""ComfyUI nodes for tastes: Explain gives reasons, Taste learns what you like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from comfy_api.latest import io

from ...errors import ItemsError
from ...pipelines.support.file_stamps import MISSING
from .base import (
    IMAGES,
    Progress,
    SoartNode,
    TasteType,
    always,
    counting_failures,
    failures,
    judge_inputs,
    judge_of,
    node_schema,
    taste_stamp,
    title_of,
)
from .pictures import to_images, to_pictures
from .score import judged_batch

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import ItemJudge


class SoartExplain(SoartNode):
    """Explains scores, and shows where they come from."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartExplain",
            display_name="SOART Explain",
            description="Explains the scores of pictures: reasons, and a heat map over each, green where it is better than its own mean.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip=IMAGES),
                *judge_inputs(),
                io.Int.Input("grid", default=4, min=1, max=16, tooltip="Patches per side of the heat map; fewer for small pictures."),
            ],
            outputs=[
                io.Image.Output("heat", display_name="heat map", tooltip="The pictures under their heat maps."),
                io.String.Output("reasons", display_name="reasons", tooltip="What lifted or lowered each score most, against the batch; for one picture, against the usual picture."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, by: str = "", **_others: Any) -> str:  # noqa: ANN401
        """Changes with the file of the taste."""
        return taste_stamp(by)

    @classmethod
    def run(cls, images: torch.Tensor, by: str, grid: int = 4, taste: ItemJudge | None = None) -> io.NodeOutput:
        """Explain the scores."""
        from ...pipelines.reports.score_words import reason_words
        from ...pipelines.scoring.explaining import explain_batch

        judge = judge_of(by, taste)
        scored, pictures = judged_batch(images, judge)
        chosen = {picture.number: pictures.pixels[picture.number] for picture in scored}
        explained = explain_batch(cast("ItemJudge", judge.inner), chosen, grid, Progress(len(scored)))
        maps = [one.overlay for one in explained.values()]
        rows = [[number + 1, text] for number, one in explained.items() for text in reason_words(one.reasons)]
        heat = to_images(maps)
        table = {"title": title_of(judge), "columns": ["picture", "reason and contribution"], "rows": rows}
        text = "\n".join(f"picture {number}: {reason}" for number, reason in rows)
        return io.NodeOutput(heat, text, ui=cls.show(pictures.notes, table, images=heat))


class SoartTaste(SoartNode):
    """Learns a taste if pictures are linked; else looks it up by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartTaste",
            display_name="SOART Taste",
            description="A taste by name. With pictures you like and pictures you do not like, it is learnt and stored under that name, replacing an earlier one.",
            is_output_node=True,
            inputs=[
                io.String.Input("name", default="mine",
                                tooltip="Name of the taste to look up or learn. Learning replaces an earlier taste of that name."),
                io.Image.Input("good", optional=True, tooltip="Pictures you like; eight or more are a start."),
                io.Image.Input("bad", optional=True, tooltip="Pictures you do not like."),
                io.Combo.Input("network", options=["none", "efficientnet-lite0"], default="efficientnet-lite0", optional=True,
                               tooltip="Adds items of a network, so that the taste also learns what pictures show."),
                io.Int.Input("fold_seed", default=0, min=0, max=2**31 - 1, optional=True, tooltip="Seed of the cross-validation."),
            ],
            outputs=[
                TasteType.Output("taste", display_name="taste", tooltip="For the input 'taste' of the other nodes."),
                io.String.Output("report", display_name="report", tooltip="How reliable the taste is."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, name: str = "", **others: Any) -> str:  # noqa: ANN401
        """Changes if the taste's file has changed, is to be written again, or could not be written."""
        file = taste_stamp(name)
        learns = "good" in others or "bad" in others
        # A linked name is not known yet; a missing file is to be written, however often it was written before.
        return str(always()) if name is None or (learns and file == MISSING) else f"{file} {failures(name)}"

    @classmethod
    def run(
        cls,
        name: str,
        good: torch.Tensor | None = None,
        bad: torch.Tensor | None = None,
        network: str = "efficientnet-lite0",
        fold_seed: int = 0,
    ) -> io.NodeOutput:
        """Look the taste up, or learn it."""
        from ...pipelines.scoring.taste_judge import TasteJudge
        from ...pipelines.scoring.taste_store import TasteStore, save_if_changed
        from ...pipelines.tastes.learning import learn_from_pictures

        store, notes = TasteStore(), []
        if good is None and bad is None:
            taste = store.load(name)
        else:
            # Before the work of learning.
            store.place(name)
            if good is None or bad is None:
                missing = "good" if good is None else "bad"
                raise ItemsError(
                    "Expected good and bad pictures, because a taste is learnt from the difference between the two; "
                    f"link a {missing} batch too."
                )
            liked, others = to_pictures(good), to_pictures(bad)
            pictures = list(liked.pixels.values()), list(others.pixels.values())
            taste = learn_from_pictures(
                name, *pictures, network=None if network == "none" else network, seed=fold_seed,
                progress=Progress(sum(map(len, pictures))),
            )  # fmt: skip
            notes = [*liked.notes, *others.notes]
            # An unchanged file keeps its time: a new one would make the next run learn again.
            with counting_failures(name):
                replaced = save_if_changed(store, taste)
            notes += [replaced] if replaced else []
        report = f"{name}: {taste.trust.sentence}."
        return io.NodeOutput(TasteJudge.of(taste), report, ui=cls.show([report, *notes]))
