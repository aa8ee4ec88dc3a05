"""The interface for other programs on this machine: scores and ratings.

It is apart from the pages: it knows no sessions and no cookies, answers this machine alone, wants a token with every request,
and refuses whatever a browser sends for a page.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import SoartError
from ...metrics.damage.names import OVERALL
from ...pipelines.collection.ratings import ratings as stars_of
from ...pipelines.services.outside import check_sent, rate_sent, score_sent
from .answers import json_body
from .sessions import Throttle, same_secret

if TYPE_CHECKING:
    from .state import Server

log = logging.getLogger(__name__)

#: Start of its addresses.
START = "/api/v1"
#: Most bytes of a request: some dozens of pictures in base64.
MOST_BYTES = 200_000_000
#: Requests with pictures that are answered at the same time.
ANSWERED = 4
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)


class ApiGuard:
    """Middleware that answers requests to the interface, which must bear the token, and hands all others on to the pages."""

    def __init__(self, app: ASGIApp, api: ASGIApp | None, token: str) -> None:
        self.app, self.api, self.token, self.throttle = app, api, token, Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope.get("path", "")
        if self.api is None or scope["type"] != "http" or not (path == START or path.startswith(f"{START}/")):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["cache-control"], headers["x-content-type-options"] = "no-store", "nosniff"
            await send(message)

        refusal = self._refusal(scope)
        try:
            # A copy: the interface is an application of its own.
            await (self.api if refusal is None else refusal)(dict(scope), receive, send_with_headers)
        except Exception:
            # It was answered already, and is no failure of a page.
            log.exception("A request to the interface for other programs failed.")

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that must not reach the interface; None for any other request."""
        headers, address = Headers(scope=scope), (scope.get("client") or ("",))[0]
        if not is_this_machine(address) or _HOST.fullmatch(headers.get("host", "")) is None:
            return _refused("The interface answers this machine alone, as 127.0.0.1 or localhost.", 403)
        if {"origin", "sec-fetch-site", "x-forwarded-for", "forwarded"} & set(headers.keys()):
            return _refused("The interface answers programs alone, not pages in a browser or proxies.", 403)
        if (wait := self.throttle.wait(address)) > 0:
            return _refused(
                "There were too many wrong tokens: try again later.", 429, {"retry-after": str(math.ceil(wait))}
            )
        kind, _, token = headers.get("authorization", "").partition(" ")
        if not self.token or kind.lower() != "bearer" or not same_secret(token.strip(), self.token):
            # A request without a token is a mistake, and no guess.
            if token:
                self.throttle.wrong(address)
            return _refused("Send the token of 'soart web --api' as 'Authorization: Bearer TOKEN'.", 401)
        self.throttle.right(address)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal() or len(length) > 12 or int(length) > MOST_BYTES:
            return _refused(f"Send at most {MOST_BYTES // 1_000_000} MB, with their length.", 413)
        return None


def is_this_machine(address: str) -> bool:
    """True for an address of the loopback network.

    >>> from soart.plugin.web.api import is_this_machine
    >>> [is_this_machine(address) for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.2", "")]
    [True, True, True, False, False]
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _refused(message: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def create_api(server: Server) -> Starlette:
    """The interface of a server; ratings go into its first collection, under the owner's name."""
    current = server.collections[0]
    # The others wait without a thread, so that pages have theirs.
    answering = asyncio.Semaphore(ANSWERED)

    def names(request: Request) -> Response:
        judges = current.tastes.judges()
        return JSONResponse({
            "tastes": current.tastes.names(), "judges": judges, "doubtful": current.tastes.doubtful(),
            "rater": server.settings.rater, "collection": current.name,
        })  # fmt: skip

    def scores(body: dict[str, Any]) -> Response:
        by = body.get("by")
        by = OVERALL if by in (None, "") else by
        if not isinstance(by, str):
            raise SoartError("Expected the name of a judge or a taste as 'by'.")
        if by not in current.tastes.judges():
            raise SoartError(f"The interface has no judge {by[:40]!r}: GET {START}/names tells those that it has.")
        documents = check_sent(body.get("pictures"))
        return JSONResponse(score_sent(documents, current.collection.decode, by, current.tastes))

    def ratings(body: dict[str, Any]) -> Response:
        documents = check_sent(body.get("pictures"))
        stars = [_stars(document.get("stars")) for document in documents]
        service = current.rating(server.settings.rater)
        stored = rate_sent(current.collection, service, documents, stars)
        rated = len(stars_of(current.collection, server.settings.rater))
        return JSONResponse({"pictures": stored, "rater": server.settings.rater, "rated": rated})

    def taking(work: Callable[[dict[str, Any]], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            async with answering:
                return await run_in_threadpool(work, await json_body(request))

        return endpoint

    def on_error(request: Request, error: Exception) -> Response:
        return _refused(str(error), 400)

    def on_http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return _refused("There is no such address here, or it takes another method.", status)

    def on_failure(request: Request, error: Exception) -> Response:
        return _refused("soart failed: its console says why.", 500)

    return Starlette(
        routes=[
            Route(f"{START}/names", names),
            Route(f"{START}/scores", taking(scores), methods=["POST"]),
            Route(f"{START}/ratings", taking(ratings), methods=["POST"]),
        ],
        exception_handlers={SoartError: on_error, HTTPException: on_http_error, Exception: on_failure},
    )


def _stars(value: object) -> float | None:
    """A rating of a request: 1 to 5 in half stars, 0 for a skip, None for none."""
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (value == 0 or 1 <= value <= 5) or not float(2 * value).is_integer():  # type: ignore[operator]
        raise SoartError(f"Expected stars from 1 to 5, 0 for a skip, or none, got {str(value)[:40]!r}.")
    return float(value)  # type: ignore[arg-type]
