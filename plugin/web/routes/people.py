"""Who is there: the password, the rater's name, and the list of collections."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.counts import count_collection
from ..answers import body_of, page, posted
from ..security import same
from ..state import site_of

#: Seconds that a wrong password costs.
PENALTY = 0.5


def home(request: Request) -> Response:
    """The gallery of the only collection, or the list of them."""
    return RedirectResponse("/c/0/gallery" if len(site_of(request).places) == 1 else "/collections", 303)


def collections(request: Request) -> Response:
    """All collections of this server."""
    places = site_of(request).places
    found = [(place, count_collection(place.collection)) for place in places]
    only = places[0] if len(places) == 1 else None
    return page(request, "collections.html", only, found=found, view="collections")


def login_page(request: Request) -> Response:
    """Where the password is asked for."""
    return page(request, "login.html", view="login")


async def login(request: Request) -> Response:
    """Check the password."""
    given = (await body_of(request)).get("password")
    if not same(str(given), site_of(request).settings.password):
        await asyncio.sleep(PENALTY)
        raise SoartError("That is not the password.")
    request.session["inside"] = "yes"
    return JSONResponse({})


def logout(request: Request, body: dict[str, Any]) -> Response:
    """Forget who is there."""
    request.session.clear()
    return JSONResponse({})


def name_rater(request: Request, body: dict[str, Any]) -> Response:
    """Say who is rating."""
    name = " ".join(str(body.get("rater", "")).split())
    # A rater's taste bears the rater's name, so the rules of tastes' names hold.
    site_of(request).places[0].shelf.own.place(name)
    request.session["rater"] = name
    return JSONResponse({"rater": name})


routes = [
    Route("/", home),
    Route("/collections", collections),
    Route("/login", login_page),
    Route("/login", login, methods=["POST"]),
    Route("/logout", posted(logout), methods=["POST"]),
    Route("/rater", posted(name_rater), methods=["POST"]),
]
