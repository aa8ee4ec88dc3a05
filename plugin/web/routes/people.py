"""Password, name of the rater, and the list of collections."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.counts import count_collection
from ..answers import json_body, json_endpoint, page
from ..security import same_secret
from ..state import server_of

#: Seconds of delay after a wrong password.
PENALTY = 0.5


def home(request: Request) -> Response:
    """The gallery of the only collection, or the list of collections."""
    single = len(server_of(request).collections) == 1
    return RedirectResponse("/c/0/gallery" if single else "/collections", 303)


def collections(request: Request) -> Response:
    """All collections of this server."""
    all_open = server_of(request).collections
    counted = [(current, count_collection(current.collection)) for current in all_open]
    single = all_open[0] if len(all_open) == 1 else None
    return page(request, "collections.html", single, collections=counted, view="collections")


def login_page(request: Request) -> Response:
    """The form for the password."""
    return page(request, "login.html", view="login")


async def login(request: Request) -> Response:
    """Check the password."""
    password = (await json_body(request)).get("password")
    if not same_secret(str(password), server_of(request).settings.password):
        await asyncio.sleep(PENALTY)
        raise SoartError("That is not the password.")
    request.session["inside"] = "yes"
    return JSONResponse({})


def logout(request: Request, body: dict[str, Any]) -> Response:
    """End the session."""
    request.session.clear()
    return JSONResponse({})


def name_rater(request: Request, body: dict[str, Any]) -> Response:
    """Set the name of the rater."""
    name = " ".join(str(body.get("rater", "")).split())
    # A rater's taste bears the rater's name, so the rules for names of tastes hold.
    server_of(request).collections[0].profiles.own.place(name)
    request.session["rater"] = name
    return JSONResponse({"rater": name})


routes = [
    Route("/", home),
    Route("/collections", collections),
    Route("/login", login_page),
    Route("/login", login, methods=["POST"]),
    Route("/logout", json_endpoint(logout), methods=["POST"]),
    Route("/rater", json_endpoint(name_rater), methods=["POST"]),
]
