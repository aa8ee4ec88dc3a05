"""The web application: its addresses, its protection, and its lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

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
