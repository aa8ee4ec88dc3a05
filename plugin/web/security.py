"""Protection of the server: host names, origins, tokens, roles, and headers."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import math
import os
import re
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...files import read_regular, write_whole
from ...pipelines.services.importing import MOST_BYTES as MOST_PICTURE_BYTES
from .sessions import OWNER, Sessions, same_secret

#: Content security policy: everything from this server, nothing inline.
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
#: Most bytes of a request's body, but for pictures that the owner adds.
MOST_BYTES = 1_000_000
#: Addresses that take pictures.
_IMPORT = re.compile(r"/c/\d+/api/import")
#: ``Host`` header: a name or an IPv4 address, or an IPv6 address in brackets; and perhaps a port.
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)


def signing_key(folder: Path) -> str:
    """Secret of the user behind all servers' keys, kept if the folder can be written; see ``server_key``."""
    path = folder / "web-secret"
    secret = secrets.token_bytes(32)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.suppress(FileExistsError),
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream,
        ):
            stream.write(secret)
        stored = read_regular(path)
        if len(stored) == len(secret):
            secret = stored
        else:
            # Cut short, by a full disk for instance.
            write_whole(path, secret, private=True)
    return hashlib.sha256(b"sessions" + secret).hexdigest()


def allowed_host(header: str, names: frozenset[str]) -> bool:
    """True if the server answers to a ``Host`` header.

    It answers to an IP address, localhost, this machine's name and ``names``. Any other name may be an attacker's that was made to point here (DNS rebinding).
    """
    # Anything else, such as a slash, might be read as a part of the address by what comes after this.
    match = _HOST.fullmatch(header)
    if match is None:
        return False
    name = match[1].lower()
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name.strip("[]"))
        return True
    machine = socket.gethostname().lower()
    return name in {"localhost", machine, f"{machine}.local", *names}


def refusal(
    headers: Mapping[str, str],
    session: Mapping[str, str],
    names: frozenset[str],
    *,
    changing: bool,
    most_bytes: int = MOST_BYTES,
) -> str:
    """The message of a refused request, before it is answered; empty for an allowed one.

    ``changing`` if the request can change something; ``names`` are further host names that the server answers to.
    """
    host = headers.get("host", "")
    if not allowed_host(host, names):
        return (
            "This server does not answer under that name: open it by its address, or start soart web with --allow-host."
        )
    if not changing:
        return ""
    if not _from_host(headers.get("origin"), host) or headers.get("sec-fetch-site") == "cross-site":
        return "This request came from another site and was not carried out."
    if not same_secret(headers.get("x-csrf-token", ""), session.get("csrf", secrets.token_hex())):
        return "This page is out of date: reload it and try again."
    return "" if _length(headers) <= most_bytes else "The request is too large."


def _from_host(origin: str | None, host: str) -> bool:
    """True if an ``Origin`` header is of this host, or missing."""
    try:
        return origin is None or urlsplit(origin).netloc == host
    except ValueError:
        return False


def _length(headers: Mapping[str, str]) -> float:
    """Announced length of the body; infinite if none is announced, or if the body comes in pieces all the same."""
    if "transfer-encoding" in headers:
        return math.inf
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 12 else math.inf


class Guard:
    """Middleware that refuses forbidden requests, lets the bearer of the token in, and sets the headers."""

    def __init__(self, app: ASGIApp, sessions: Sessions, names: frozenset[str]) -> None:
        self.app, self.sessions, self.names = app, sessions, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                # The browser keeps scripts and styles, and checks each time that they are current.
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        response = self._response(scope)
        await (self.app if response is None else response)(scope, receive, send_with_headers)

    def _response(self, scope: Scope) -> Response | None:
        """The response to a request that must not reach the application; None for any other request."""
        # The path that is routed: that of the request's URL is put together from the Host header.
        request, path = Request(scope), scope["path"]
        sessions, session = self.sessions, request.session
        sessions.drop_ended(session)
        changing = request.method not in {"GET", "HEAD"}
        adding = _IMPORT.fullmatch(path) and sessions.role(session) == OWNER
        most = MOST_PICTURE_BYTES if adding else MOST_BYTES
        refused = refusal(Headers(scope=scope), session, self.names, changing=changing, most_bytes=most)
        if refused:
            return JSONResponse({"error": refused}, 403)
        if not changing and sessions.role_of_secret(request.query_params.get("token", "")) == OWNER:
            sessions.enter(session, OWNER)
            return RedirectResponse(_without_token(request), 303)
        if sessions.role(session) or path == "/login" or path.startswith("/static/"):
            return None
        if changing or "text/html" not in request.headers.get("accept", ""):
            text = "This server needs a token or a password: reload the page and enter it."
            return JSONResponse({"error": text}, 401)
        return RedirectResponse("/login", 303)


def _without_token(request: Request) -> str:
    """The address of a request without its token, on this server whatever the path looks like."""
    query = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "token"])
    return f"/{quote(request.scope['path'].lstrip('/'))}{'?' if query else ''}{query}"
