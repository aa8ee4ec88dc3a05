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
    """Count a run of a node that a page has queued; ``facts`` are the ``runs`` wanted, and why it is ``enough``."""
    place = place_of(cls)
    if place["workflow"]:
        page = PromptServer.instance.client_id or ""
        _loops.finished(**place, runs=facts["runs"], enough=facts["enough"], page=page)


def _idle() -> bool:
    return bool(PromptServer.instance.get_queue_info()["exec_info"]["queue_remaining"] == 0)


def _promise(document: dict[str, Any]) -> dict[str, Any]:
    place = str(document.get("workflow", "")), str(document.get("page", ""))
    return {"promise": _loops.promise(*place, idle=_idle(), pages=PromptServer.instance.sockets)}


def _queued(document: dict[str, Any]) -> None:
    # Some front ends (1.27, 1.35) answer false for runs that they have queued: then the queue tells.
    _loops.queued(document.get("promise", 0), failed=not document.get("certain", True) and _idle())


def _stop(document: dict[str, Any]) -> None:
    node, page = (None if (value := document.get(name)) is None else str(value) for name in ("node", "page"))
    _loops.stop(str(document.get("workflow", "")), str(document.get("reason")), node, page)


answer_get("/soart/loops", _loops.states)
answer_post("/soart/loop/next", _promise)
answer_post("/soart/loop/queued", _queued)
answer_post("/soart/loop/stop", _stop)
