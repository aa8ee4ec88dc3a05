"""Addresses that soart adds to ComfyUI's server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import folder_paths
from aiohttp import web
from server import PromptServer

from ...errors import SoartError


def answer_post(path: str, work: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Answer POST requests of a JSON object with what ``work`` returns, and a ``SoartError`` with 400 and its sentence."""

    async def answer(request: web.Request) -> web.Response:
        try:
            document = await request.json()
            if not isinstance(document, dict):
                return _refused("Expected a JSON object.")
            # A locked collection must not hold up the server.
            found = await asyncio.to_thread(work, document)
        # Nested too deeply, or something else than JSON.
        except (ValueError, RecursionError):
            return _refused("Expected a JSON object.")
        except SoartError as error:
            return _refused(str(error))
        return web.json_response(found or {})

    PromptServer.instance.routes.post(path)(answer)


def answer_get(path: str, work: Callable[[], Any]) -> None:
    """Answer GET requests with a JSON document."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(work))

    PromptServer.instance.routes.get(path)(answer)


def _refused(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)


def _words() -> dict[str, list[str]]:
    """Words that complete what is typed: wildcards, judges, tastes, and names of LoRAs without their endings."""
    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.scoring.taste_store import TasteStore
    from ...prompts.space.templates import wildcard_names

    store = TasteStore()
    judges = [judge.name for judge in Catalogue(store).entries()]
    loras = [name.rpartition(".")[0] for name in folder_paths.get_filename_list("loras")]
    return {"wildcards": wildcard_names(), "judges": judges, "tastes": store.names(), "loras": loras}


answer_get("/soart/words", _words)
