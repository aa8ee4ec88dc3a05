"""The web application: addresses, protection, lifespan, and how it is served."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import FrameType

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ...errors import SoartError
from ...pipelines.collection.database import wait_at_most
from .answers import HERE, on_error, on_failure, on_http_error
from .api import ApiGuard, create_api
from .routes import (
    comparing,
    evaluating,
    gallery,
    generating,
    importing,
    keepers,
    optimizing,
    people,
    rating,
    selection,
    start,
    tastes,
    tuning,
)
from .security import Guard
from .sessions import SESSION_SECONDS
from .state import Server, ServerSettings

#: Seconds within which a request must have arrived, headers and body.
ARRIVAL_SECONDS = 20.0
#: Bytes of a body for which there is a second more, so that large pictures may arrive by slow lines.
BYTES_A_SECOND = 50_000
#: Seconds from Ctrl-C until the process ends at the latest.
END_SECONDS = 1.5
#: Seconds that a request waits for a locked database.
LOCK_SECONDS = 2.0


class Briskness:
    """Middleware that lets requests wait only briefly for a locked database: pages say so and try again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        wait_at_most(LOCK_SECONDS)
        await self.app(scope, receive, send)


def create_app(settings: ServerSettings) -> Starlette:
    """Create the application for some collections."""
    server = Server(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        server.close()

    views: list[Route] = [
        route
        for view in (
            start, gallery, selection, importing, rating, comparing, keepers, generating, optimizing, tuning, tastes,
            evaluating,
        )
        for route in view.routes
    ]  # fmt: skip
    app = Starlette(
        routes=[
            *people.routes,
            Mount("/static", StaticFiles(directory=HERE / "static")),
            Mount("/c/{collection:number}", routes=views),
        ],
        middleware=[
            Middleware(ApiGuard, api=create_api(server) if settings.api_token else None, token=settings.api_token),
            Middleware(
                SessionMiddleware,
                secret_key=server.key,
                session_cookie=f"soart-{settings.port}",
                max_age=SESSION_SECONDS,
                same_site="strict",
            ),
            Middleware(Briskness),
            Middleware(Guard, sessions=server.sessions, names=settings.names),
        ],
        exception_handlers={SoartError: on_error, HTTPException: on_http_error, Exception: on_failure},
        lifespan=lifespan,
    )
    app.state.server = server
    return app


class PunctualProtocol(H11Protocol):
    """A connection that is closed if a request on it has not arrived in time.

    That is ``ARRIVAL_SECONDS``, and a second for every ``BYTES_A_SECOND`` of its body.

    Uvicorn closes connections without any request only between two requests.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self._deadline is None and self.conn.their_state is h11.IDLE:
            self._watch()
        elif self._deadline is not None and self.conn.their_state is h11.SEND_BODY:
            left = self._deadline.when() - self.loop.time()
            self._unwatch()
            self._watch(left + len(data) / BYTES_A_SECOND)
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._unwatch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self, seconds: float | None = None) -> None:
        self._deadline = self.loop.call_later(ARRIVAL_SECONDS if seconds is None else seconds, self.transport.abort)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class PromptServer(uvicorn.Server):
    """A server that Ctrl-C ends within seconds, whatever its threads wait for.

    Answers and background jobs have ``END_SECONDS`` to end in order. After that they are cut off, as if the process had been
    killed, which collections survive.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        super().handle_exit(sig, frame)
        timer = threading.Timer(END_SECONDS, os._exit, (0 if sig == signal.SIGINT else 128 + sig,))
        timer.daemon = True
        timer.start()


def make_server(app: Starlette, proxies: Sequence[str] = ()) -> uvicorn.Server:
    """The server of an application; ``proxies`` (addresses or networks) alone name visitors by ``X-Forwarded-For``."""
    config = uvicorn.Config(
        app, http=PunctualProtocol, log_level="warning", server_header=False, proxy_headers=bool(proxies),
        forwarded_allow_ips=[*proxies], timeout_graceful_shutdown=1,
    )  # fmt: skip
    return PromptServer(config)
