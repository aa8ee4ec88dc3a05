"""ComfyUI nodes for tastes: Explain gives reasons, Taste learns what you like."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, cast

from comfy_api.latest import io

from ...errors import ItemsError, JudgeError, SoartError
from ...pipelines.support.file_stamps import MISSING
from .base import (
    IMAGES,
    NodeProgress,
    SoartNode,
    TasteType,
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
from .pictures import to_images, to_pictures
from .rating import ME, RATED
from .score import judged_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ...metrics.protocols import ItemJudge
    from ...metrics.tastes.blend import Taste
    from ...metrics.tastes.taste import LearntTaste
    from ...pipelines.judges.guarded import GuardedJudge
    from ...pipelines.judges.in_memory import ScoredPicture
    from .pictures import BatchPictures


class SoartExplain(SoartNode):
    """Explains scores, and shows where they come from."""

    shows_images = True

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartExplain",
            display_name="SOART Explain",
            description="Explains the scores of pictures: reasons, and a heat map over each, green where the picture is better than its average, red where it is worse.",
            is_output_node=True,
            is_deprecated=True,
            inputs=[
                io.Image.Input("images", tooltip=IMAGES),
                *judge_inputs(),
                io.Int.Input("grid", default=4, min=1, max=16, tooltip="The heat map has this many squares a side; take fewer for small pictures."),
            ],
            outputs=[
                io.Image.Output("heat", display_name="heat map", tooltip="The pictures under their heat maps."),
                io.String.Output("reasons", display_name="reasons", tooltip="What raised or lowered each score most, compared with the batch; for one picture, compared with the usual picture."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, by: str = "", **_others: Any) -> str:  # noqa: ANN401
        """Changes with the file of the taste."""
        return taste_stamp(by)

    @classmethod
    def run(cls, images: torch.Tensor, by: str, grid: int = 4, taste: ItemJudge | None = None) -> io.NodeOutput:
        """Explain the scores."""
        judge = judge_of(by, taste)
        check_explains(judge)
        scored, pictures = judged_batch(images, judge)
        heat, rows = explained(judge, scored, pictures, grid)
        table = {"title": title_of(judge), "columns": ["picture", "reason and contribution"], "rows": rows}
        text = "\n".join(f"picture {number}: {reason}" for number, reason in rows)
        return io.NodeOutput(heat, text, ui=cls.show(pictures.notes, table, images=heat))


def check_explains(judge: GuardedJudge) -> None:
    """Check that a judge can tell where its scores come from."""
    if not hasattr(judge.inner, "explain"):
        raise JudgeError(f"The judge {judge.name!r} gives no reasons: choose a score of soart or a taste.")


def explained(
    judge: GuardedJudge, scored: Sequence[ScoredPicture], pictures: BatchPictures, grid: int
) -> tuple[torch.Tensor, list[list[Any]]]:
    """Scored pictures under their heat maps, as an IMAGE, and rows of a picture's number from 1 and a reason in words."""
    from ...pipelines.reports.score_words import reason_words
    from ...pipelines.scoring.explaining import explain_batch

    chosen = {picture.number: pictures.pixels[picture.number] for picture in scored}
    found = explain_batch(cast("ItemJudge", judge.inner), chosen, grid, NodeProgress(len(scored)))
    rows = [[number + 1, text] for number, one in found.items() for text in reason_words(one.reasons)]
    return to_images([one.overlay for one in found.values()]), rows


class SoartTaste(SoartNode):
    """Learns a taste if pictures are linked; else looks it up by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartTaste",
            display_name="SOART Taste",
            description="Your taste, to score pictures by. Link pictures that you like and do not like, or name your rated ones, and it is learnt and stored under its name, replacing an earlier one. Otherwise it is looked up.",
            is_output_node=True,
            inputs=[
                io.String.Input("name", default="mine",
                                tooltip="Name of the taste to look up or learn. Learning replaces an earlier taste of that name."),
                io.Image.Input("good", optional=True, tooltip="Pictures you like; eight or more are a start."),
                io.Image.Input("bad", optional=True, tooltip="Pictures you do not like."),
                folded(io.Combo.Input("network", options=["none", "efficientnet-lite0"], default="efficientnet-lite0", optional=True,
                                      tooltip="efficientnet-lite0: the taste also learns what pictures show. none: only how they look, such as colours and sharpness.")),
                folded(io.Int.Input("fold_seed", default=0, min=0, max=2**31 - 1, optional=True, tooltip="Seed of the test that tells how far the taste can be trusted.")),
                io.String.Input("rated", default="", optional=True,
                                tooltip=f"Learn from your ratings by click: {RATED!r}, or another collection in ComfyUI's output folder."),
            ],
            outputs=[
                TasteType.Output("taste", display_name="taste", tooltip="For the input 'taste' of the other nodes."),
                io.String.Output("report", display_name="report", tooltip="How reliable the taste is."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, name: str = "", **others: Any) -> str:  # noqa: ANN401
        """Changes if the taste's file or its ratings have changed, it is to be written again, or could not be written."""
        from ...pipelines.collection.address import collection_stamp

        file = taste_stamp(name)
        learns = "good" in others or "bad" in others
        if isinstance(rated := others.get("rated"), str) and rated.strip():
            with contextlib.suppress(SoartError):
                file += f" {collection_stamp(output_folder(rated))}"
        # A linked name is not known yet; a missing file is to be written, however often it was written before.
        return str(time.time_ns()) if name is None or (learns and file == MISSING) else f"{file} {failures(name)}"

    @classmethod
    def run(
        cls,
        name: str,
        good: torch.Tensor | None = None,
        bad: torch.Tensor | None = None,
        network: str = "efficientnet-lite0",
        fold_seed: int = 0,
        rated: str | bool = "",
    ) -> io.NodeOutput:
        """Look the taste up, or learn it."""
        from ...pipelines.scoring.taste_judge import TasteJudge
        from ...pipelines.scoring.taste_store import TasteStore, save_if_changed
        from ...pipelines.tastes.learning import learn_from_pictures

        store, notes = TasteStore(), list[str]()
        taste: Taste
        # Workflows of earlier versions have another value at its place.
        if isinstance(rated, str) and rated.strip():
            if good is not None or bad is not None:
                raise ItemsError("A taste is learnt from linked pictures or from ratings: leave out one of them.")
            store.place(name)
            taste, notes = learnt_from_ratings(name, rated, network, fold_seed)
            with counting_failures(name):
                replaced = save_if_changed(store, taste)
            notes += [replaced] if replaced else []
        elif good is None and bad is None:
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
                progress=NodeProgress(sum(map(len, pictures))),
            )  # fmt: skip
            notes = [*liked.notes, *others.notes]
            # An unchanged file keeps its time: a new one would make the next run learn again.
            with counting_failures(name):
                replaced = save_if_changed(store, taste)
            notes += [replaced] if replaced else []
        report = f"{name}: {taste.trust.in_full}"
        return io.NodeOutput(TasteJudge.of(taste), report, ui=cls.show([report, *notes]))


def learnt_from_ratings(name: str, rated: str, network: str, seed: int) -> tuple[LearntTaste, list[str]]:
    """A taste learnt from the ratings by click in a collection, and notes."""
    from ...pipelines.ingest.roots import existing_collection
    from ...pipelines.tastes.learning import Sources, learn

    with existing_collection(output_folder(rated)) as collection:
        learnt = learn(
            name,
            collection,
            Sources(rater=ME),
            network=None if network == "none" else network,
            seed=seed,
            if_available=True,
        )
    return learnt.taste, [*learnt.problems, *learnt.notes]
