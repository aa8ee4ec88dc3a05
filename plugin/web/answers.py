"""How answers are made: pages from templates, JSON, and mistakes as sentences."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ...errors import ImageError, SoartError
from ...metrics.damage.titles import CAUTION
from ...pipelines.collection.database import is_outage
from ...pipelines.reports.page import FILTERS
from ...version import __version__
from .security import token_of
from .state import MissingError, Place, rater_of, site_of

HERE = Path(__file__).parent
#: Views of a collection: address and name.
VIEWS = (
    ("gallery", "Gallery"),
    ("rate", "Rate"),
    ("compare", "Compare"),
    ("tune", "Tune"),
    ("taste", "Taste"),
    ("attention", "Attention"),
    ("evaluate", "Evaluate"),
)
_pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_pages.filters.update(FILTERS)
_pages.globals.update(caution=CAUTION, finite=math.isfinite, version=__version__, views=VIEWS)


def page(request: Request, template: str, place: Place | None = None, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """A page, or a part of one."""
    site = site_of(request)
    text = _pages.get_template(template).render(
        place=place,
        base=place.base if place else "",
        many=len(site.places) > 1,
        rater=rater_of(request),
        csrf=token_of(request.session),
        local=site.settings.local,
        locked=bool(site.settings.password),
        **values,
    )
    return HTMLResponse(text, status)


def finite(value: float | None) -> float | None:
    """The number, or None where it is none."""
    return value if value is not None and math.isfinite(value) else None


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in a request.

    Raises:
        SoartError: something else.
    """
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise SoartError("Expected a JSON object in the request.")
    return body


def posted(work: Callable[[Request, dict[str, Any]], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for a JSON object, whose work runs in a thread."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(work, request, await body_of(request))

    return endpoint


def whole(value: object, name: str) -> int:
    """A whole number out of a request.

    Raises:
        SoartError: it is none.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError
        return int(value)
    except ValueError:
        raise SoartError(f"Expected a whole number as {name}, got {str(value)[:40]!r}.") from None


def wholes(text: str, name: str) -> list[int]:
    """Whole numbers between commas.

    Raises:
        SoartError: something else.
    """
    return [whole(part, name) for part in text.split(",") if part]


def status_of(error: SoartError) -> int:
    """HTTP status of a mistake: 404 not there, 503 to be tried again, 400 otherwise."""
    if isinstance(error, (MissingError, ImageError)):
        return 404
    return 503 if is_outage(error) else 400


def said(request: Request, status: int, text: str) -> Response:
    """A mistake as a page for people, as JSON for scripts."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return page(request, "error.html", status=status, text=text)
    return JSONResponse({"error": text}, status)


async def on_mistake(request: Request, error: Exception) -> Response:
    """Answer an expected mistake."""
    assert isinstance(error, SoartError)
    return said(request, status_of(error), str(error))


async def on_http(request: Request, error: Exception) -> Response:
    """Answer what the router refuses."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    texts = {404: "There is nothing at this address.", 405: "This address cannot be asked so."}
    return said(request, status, texts.get(status, "This request cannot be answered."))


async def on_failure(request: Request, error: Exception) -> Response:
    """Answer a failure that nobody expected; the details are in the server's log."""
    return JSONResponse({"error": f"The server failed unexpectedly ({type(error).__name__}): see its log."}, 500)
