"""The ComfyUI node Choose, which pauses the run until somebody picks, and the addresses that answer it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker
from server import PromptServer

from ...errors import CollectionError
from ...pipelines.support.picking import Picking
from .addresses import answer_get, answer_post
from .base import (
    IMAGES,
    NodeProgress,
    UncachedNode,
    judge_inputs,
    judge_of,
    node_schema,
    output_folder,
    place_of,
    title_of,
)
from .panels import score_cards, score_table, unscored_cards
from .pictures import take
from .rating import ME, PROGRAM, RATED
from .score import judged_batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import torch

    from ...metrics.protocols import ItemJudge

#: Messages to the front end: a choice waits, and a choice waits no longer.
ASKED, CLOSED = "soart.asked", "soart.closed"
#: Choices that wait, of all runs.
_picking = Picking()


class SoartChoose(UncachedNode):
    """Pauses the run until pictures are picked."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return node_schema(
            node_id="SoartChoose",
            display_name="SOART Choose",
            description="Pauses the run until you pick one or several pictures. If nobody picks in time, those that the judge finds best pass.",
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                io.Image.Input("images", tooltip=IMAGES),
                *judge_inputs(),
                io.Int.Input("seconds", default=600, min=1, max=86400, tooltip="How long the run waits for your pick."),
                io.Int.Input("fallback", default=1, min=0, max=4096,
                             tooltip="How many pass if nobody picks in time, the judge's best first. 0: none, and the nodes after this one do not run."),
                io.Boolean.Input("learn", default=False, optional=True,
                                 tooltip=f"Store your picks as choices in the collection {RATED!r}, so that SOART Taste learns from them."),
            ],
            outputs=[
                io.Image.Output("picked", display_name="picked", tooltip="The picked pictures in the order of your clicks, as one batch."),
                io.String.Output("text", display_name="text", tooltip="Their numbers in the incoming batch, and who picked."),
            ],
        )  # fmt: skip

    @classmethod
    def run(
        cls,
        images: torch.Tensor,
        by: str,
        seconds: int = 600,
        fallback: int = 1,
        learn: bool = False,
        taste: ItemJudge | None = None,
    ) -> io.NodeOutput:
        """Wait for the pick."""
        from ...pipelines.judges.in_memory import best_first

        judge = judge_of(by, taste)
        scored, pictures = judged_batch(images, judge, least=0)
        best = best_first(scored)
        judged = {picture.number for picture in best}
        others = {number: pixels for number, pixels in pictures.pixels.items() if number not in judged}
        cards = [*score_cards(best, pictures.pixels, judge.stored_name, cls), *unscored_cards(others, cls)]
        numbers = [int(card["title"]) for card in cards]
        found = _pick(cls, numbers, seconds, {"judge": title_of(judge), "fallback": fallback, "cards": cards})
        picked = [number - 1 for number in found or ()]
        if picked:
            said = f"You picked {_listed(picked)}."
            if learn:
                pictures.notes.append(_learn(pictures.pixels, picked))
        else:
            picked = [picture.number for picture in best[:fallback]]
            left = f"Nobody picked within {seconds} seconds" if found is None else "You left it to the judge"
            said = f"{left}, so {f'the best by the judge pass: {_listed(picked)}' if picked else 'none passes'}."
        shown = cls.show([said, *pictures.notes], score_table(best, title_of(judge)), cards=_passing(cards, picked))
        if not picked:
            return io.NodeOutput(ExecutionBlocker(None), said, ui=shown)
        return io.NodeOutput(take(images, picked), said, ui=shown)


def _pick(
    cls: type[io.ComfyNode], numbers: Sequence[int], seconds: int, facts: dict[str, Any]
) -> tuple[int, ...] | None:
    """Ask on all pages and over the API, and wait; ComfyUI's own interrupt ends the wait."""
    question = _picking.ask(numbers, seconds, place_of(cls) | facts)
    send, bar = PromptServer.instance.send_sync, NodeProgress(seconds)
    send(ASKED, question)
    try:
        return _picking.wait(question["id"], lambda left: bar.show(math.floor(seconds - left), seconds))
    finally:
        send(CLOSED, {"id": question["id"]})


def _learn(pixels: Mapping[int, np.ndarray], picked: Sequence[int]) -> str:
    """Store a pick; a failure must not lose it, because the run goes on."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.services.outside import store_picks

    try:
        with Collection(output_folder(RATED)) as collection:
            pairs = store_picks(collection, ME, pixels, picked, PROGRAM)
    except CollectionError as error:
        return f"The pick is not stored: {error}"
    return f"Stored for SOART Taste: {pairs} pairs of a better and a worse picture in {RATED!r}."


def _listed(numbers: Sequence[int]) -> str:
    return ("picture " if len(numbers) == 1 else "pictures ") + ", ".join(str(number + 1) for number in numbers)


def _passing(cards: Sequence[dict[str, Any]], picked: Sequence[int]) -> list[dict[str, Any]]:
    """The cards of the pictures that pass, alone."""
    by_number = {int(card["title"]) - 1: card for card in cards}
    return [by_number[number] for number in picked]


answer_get("/soart/waiting", _picking.waiting)
answer_post("/soart/pick", lambda document: _picking.answer(document.get("id"), document.get("picked")))
