"""The web application: addresses, what guards them, and its life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ...errors import SoartError
from .answers import HERE, on_failure, on_http, on_mistake
from .routes import attention, comparing, evaluating, gallery, people, rating, tastes, tuning
from .security import Guard
from .state import Settings, Site

#: Seconds that a session lasts: half a year.
SESSION = 15_552_000


def create_app(settings: Settings) -> Starlette:
    """The application for some collections.

    Raises:
        CollectionError: a collection that cannot be opened.
    """
    site = Site(settings)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        site.close()

    views: list[Route] = [
        route for view in (gallery, rating, comparing, tuning, tastes, attention, evaluating) for route in view.routes
    ]
    app = Starlette(
        routes=[
            *people.routes,
            Mount("/static", StaticFiles(directory=HERE / "static")),
            Mount("/c/{place:int}", routes=views),
        ],
        middleware=[
            Middleware(
                SessionMiddleware,
                secret_key=settings.secret,
                session_cookie="soart",
                max_age=SESSION,
                same_site="strict",
            ),
            Middleware(Guard, password=settings.password, names=settings.names),
        ],
        exception_handlers={SoartError: on_mistake, HTTPException: on_http, Exception: on_failure},
        lifespan=life,
    )
    app.state.site = site
    return app
