"""Who may ask what: host names, sites, tokens, password, and the headers of every answer."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Nothing from outside, nothing inline.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
#: Bytes of a request's body, at most.
LARGEST = 1_000_000
_OPEN = ("/login", "/static/")


def signing_key(password: str, folder: Path | None = None) -> str:
    """Key of the session cookies: kept from start to start, and another one for another password.

    Args:
        password: of the server.
        folder: where the secret behind it is kept; by default the user's state folder. Where that cannot be written, sessions end with the server.
    """
    path = (platformdirs.user_state_path("soart") if folder is None else folder) / "web-secret"
    secret = secrets.token_bytes(32)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.suppress(FileExistsError),
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream,
        ):
            stream.write(secret)
        kept = path.read_bytes()
        secret = kept if len(kept) == 32 else secret
    return hmac.new(secret, password.encode(), hashlib.sha256).hexdigest()


def same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on them."""
    digests = (hashlib.sha256(text.encode()).digest() for text in (given, expected))
    return hmac.compare_digest(*digests)


def allowed_host(header: str, names: frozenset[str]) -> bool:
    """Whether a request may be addressed so: by a number, as localhost, by this machine's name or one of ``names``.

    Any other name may be a stranger's that was made to point here (DNS rebinding).
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    own = socket.gethostname().lower()
    return name in {"localhost", own, f"{own}.local", *names}


def token_of(session: dict[str, str]) -> str:
    """The token that requests of this session must carry when they change something."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return session["csrf"]


def worker_error(
    headers: Mapping[str, str], session: Mapping[str, str], names: frozenset[str], *, changing: bool
) -> str:
    """Why a request is refused, in a sentence; empty for one that is not."""
    host = headers.get("host", "")
    if not allowed_host(host, names):
        return "This server does not answer under that name: open it by its address, or start it with --allow-host."
    if not changing:
        return ""
    origin = headers.get("origin")
    if (origin is not None and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site") == "cross-site":
        return "This request came from another site and was not carried out."
    if not same(headers.get("x-csrf-token", ""), session.get("csrf", secrets.token_hex())):
        return "This page is out of date: reload it and try again."
    return "The request is too large." if _length(headers) > LARGEST else ""


def _length(headers: Mapping[str, str]) -> int:
    """Announced length of the body; too large where none is announced."""
    given = headers.get("content-length", "")
    return int(given) if given.isdecimal() and len(given) < 12 else LARGEST + 1


class Guard:
    """Refuses what may not be asked, asks for the password, and sets the headers.

    Args:
        app: what is guarded.
        password: empty for none.
        names: host names allowed beside the usual ones.
    """

    def __init__(self, app: ASGIApp, password: str, names: frozenset[str]) -> None:
        self.app, self.password, self.names = app, password, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                # Scripts and styles are kept by the browser, and asked after each time.
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        answer = self._answer(scope)
        await (self.app if answer is None else answer)(scope, receive, guarded)

    def _answer(self, scope: Scope) -> Response | None:
        request = Request(scope)
        changing = request.method not in {"GET", "HEAD"}
        why = worker_error(Headers(scope=scope), request.session, self.names, changing=changing)
        if why:
            return JSONResponse({"error": why}, 403)
        inside = not self.password or request.session.get("inside") == "yes"
        if inside or request.url.path.startswith(_OPEN):
            return None
        if changing or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": "Say the password first: reload the page."}, 401)
        return RedirectResponse("/login", 303)
