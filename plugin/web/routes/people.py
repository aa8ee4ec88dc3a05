"""Password, name of the rater, and the list of collections."""

from __future__ import annotations

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.comparisons import choosers
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.ratings import check_new_rater, raters
from ....pipelines.ingest.roots import known_roots
from ....pipelines.support.wording import composed, counted
from ..answers import for_visitor, json_body, json_endpoint, page
from ..sessions import bear
from ..state import check_may_bear, rater_of, server_of


def home(request: Request) -> Response:
    """The gallery of the only collection, or the list of collections."""
    single = len(server_of(request).collections) == 1
    return RedirectResponse("/c/0/gallery" if single else "/collections", 303)


def collections(request: Request) -> Response:
    """All collections of this server."""
    all_open = server_of(request).collections
    counted = [(current, count_collection(current.collection), known_roots(current.collection)) for current in all_open]
    single = all_open[0] if len(all_open) == 1 else None
    return page(request, "collections.html", single, collections=counted, view="collections")


def login_page(request: Request) -> Response:
    """The form for the password or the token."""
    return page(request, "login.html", view="login", password=bool(server_of(request).settings.password))


async def login(request: Request) -> Response:
    """Check a token or password."""
    secret = str((await json_body(request)).get("password"))
    server, address = server_of(request), request.client.host if request.client else ""
    # Without a pause between the check of the wait and the count: requests at the same time count one by one.
    if (wait := server.throttle.wait(address)) > 0:
        seconds = math.ceil(wait)
        text = f"There were too many wrong passwords: try again in {counted(seconds, 'second')}."
        return JSONResponse({"error": for_visitor(request, text)}, 429, {"retry-after": str(seconds)})
    role = server.sessions.role_of_secret(secret)
    if not role:
        server.throttle.wrong(address)
        raise SoartError("That is not the password.")
    server.throttle.right(address)
    server.sessions.enter(request.session, role)
    return JSONResponse({})


def logout(request: Request, body: dict[str, Any]) -> Response:
    """End the session; the right to the names that this browser bore stays."""
    names = request.session.get("names")
    server_of(request).sessions.leave(request.session)
    if names:
        request.session["names"] = names
    return JSONResponse({})


def name_rater(request: Request, body: dict[str, Any]) -> Response:
    """Set the name of the rater."""
    name = composed(" ".join(str(body.get("rater", "")).split()))
    server = server_of(request)
    # A rater's taste bears the rater's name, so the rules for names of tastes hold.
    server.collections[0].tastes.own.place(name)
    known = {server.settings.rater}
    for current in server.collections:
        known |= {*raters(current.collection), *choosers(current.collection), *current.tastes.own.names()}

    def check(entered: frozenset[str]) -> None:
        if name == rater_of(request):
            return
        if name in {*map(composed, known), *entered}:
            check_may_bear(request, name)
        check_new_rater(name, known | (entered - {name}))

    server.names.take(name, check)
    bear(request.session, name)
    return JSONResponse({"rater": name})


routes = [
    Route("/", home),
    Route("/collections", collections),
    Route("/login", login_page),
    Route("/login", login, methods=["POST"]),
    Route("/logout", json_endpoint(logout), methods=["POST"]),
    Route("/rater", json_endpoint(name_rater), methods=["POST"]),
]
