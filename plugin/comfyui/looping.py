"""Loops of ComfyUI's pages, and the addresses at which one of the open pages promises to queue the next run."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from server import PromptServer

from ...pipelines.support.looping import Loops
from .addresses import answer_get, answer_post
from .base import place_of

#: Message to the front end: a loop has changed.
CHANGED = "soart.loop"

#: Of all workflows, until the server ends.
_loops = Loops(lambda loop: PromptServer.instance.send_sync(CHANGED, loop))


def count_run(cls: type[io.ComfyNode], facts: dict[str, Any]) -> None:
    """Count a run that a node has finished, if a page has queued it.

    ``facts`` are the ``runs`` that are wanted, and why no further one is worth it (``enough``, a sentence or empty).
    """
    place = place_of(cls)
    if place["workflow"]:
        _loops.finished(**place, runs=facts["runs"], enough=facts["enough"])


def _promise(document: dict[str, Any]) -> dict[str, Any]:
    idle = PromptServer.instance.get_queue_info()["exec_info"]["queue_remaining"] == 0
    return {"promise": _loops.promise(str(document.get("workflow", "")), idle=idle)}


def _stop(document: dict[str, Any]) -> None:
    node = document.get("node")
    _loops.stop(str(document.get("workflow", "")), str(document.get("reason")), None if node is None else str(node))


answer_get("/soart/loops", _loops.states)
answer_post("/soart/loop/next", _promise)
answer_post("/soart/loop/queued", lambda document: _loops.queued(document.get("promise", 0)))
answer_post("/soart/loop/stop", _stop)
