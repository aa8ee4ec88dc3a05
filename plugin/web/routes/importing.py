"""Pictures that the owner drops on the gallery."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import ImageError, SoartError
from ....pipelines.services.importing import import_picture
from ..answers import json_endpoint
from ..state import check_owner, current_collection, server_of


async def add(request: Request) -> Response:
    """Copy one picture, the body of the request, into the collection's folder."""
    check_owner(request)
    name = request.query_params.get("name", "")
    try:
        content = await request.body()
    except ClientDisconnect:
        raise SoartError(f"{name[:80]!r} did not arrive.") from None
    try:
        async with server_of(request).reading:
            path = await run_in_threadpool(import_picture, current_collection(request).collection, name, content)
    except ImageError as error:
        raise SoartError(str(error)) from error
    return JSONResponse({"name": path.name})


def scan(request: Request, body: dict[str, Any]) -> Response:
    """Evaluate the collection again, which finds the pictures that were added."""
    evaluation = current_collection(request).evaluation
    return JSONResponse({"job": evaluation.evaluate(evaluation.settings.by).number})


routes = [
    Route("/api/import", add, methods=["POST"]),
    Route("/api/import/scan", json_endpoint(scan, owner=True), methods=["POST"]),
]
