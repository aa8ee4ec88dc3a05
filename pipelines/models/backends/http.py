"""Talks to running backends over HTTP; every failure is one sentence."""

from __future__ import annotations

import base64
import http.client
import io
import json
import logging
import socket
import time
from contextlib import ExitStack
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from ....errors import ModelError, install_command
from .address import BackendAddress

#: Seconds to open and to close a connection, and bytes of a message.
_OPEN_SECONDS, _CLOSE_SECONDS, _MOST_MESSAGE = 3.0, 1.0, 100_000_000
log = logging.getLogger(__name__)

#: Seconds that a backend may take to tell about itself, to send a picture that is drawn, and to draw one picture, its
#: loading of a model included.
ANSWER_SECONDS, SEND_SECONDS, DRAW_SECONDS = 20.0, 300.0, 1800.0
#: Most bytes of an answer; a picture of the largest size that can be asked for takes less.
_MOST_BYTES = 400_000_000
#: Most bytes of the answer of a failure, and most characters of its message.
_MOST_ERROR, _SHOWN = 100_000, 240


class Events:
    """JSON objects that a server pushes by WebSocket; ``open`` is False once the connection has ended."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
        except ImportError as error:
            raise OSError(f"Steps while ComfyUI draws need websockets: {install_command('models')}.") from error

        self._opened = ExitStack()
        try:
            # A proxy of the environment could not reach this machine's own programs.
            connection = connect(
                f"ws{url.removeprefix('http')}",
                additional_headers=headers,
                open_timeout=_OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                max_size=_MOST_MESSAGE,
                proxy=None,
            )
            self._connection = self._opened.enter_context(connection)
        except (WebSocketException, EOFError, ValueError) as error:
            raise OSError(f"The server does not speak WebSocket at this address ({error}).") from error
        self.open = True

    def read(self, seconds: float) -> dict[str, Any] | None:
        """The object that comes next; None if none comes within some seconds (> 0), or the connection ends."""
        from websockets.exceptions import ConnectionClosed

        until = time.monotonic() + seconds
        while self.open and (left := until - time.monotonic()) > 0:
            try:
                document = json.loads(self._connection.recv(left))
            except TimeoutError:
                break
            except ConnectionClosed:
                self.open = False
            except (ValueError, RecursionError):
                continue
            else:
                if isinstance(document, dict):
                    return document
        return None

    def close(self) -> None:
        """End the connection."""
        self.open = False
        self._opened.close()


class RefusedError(ModelError):
    """A request that a backend answered with an error.

    ``document`` is the JSON of the answer, or None; ``reason`` is the sentence without subject and full stop.
    """

    def __init__(self, title: str, reason: str, status: int, document: Any) -> None:  # noqa: ANN401
        super().__init__(f"{title} {reason}.")
        self.status, self.document, self.reason = status, document, reason


class _NoRedirects(HTTPRedirectHandler):
    """Refuses redirections: only the owner names addresses."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401
        return None


class _Arriving(io.RawIOBase):
    """The bytes that a connection receives until a deadline, however slowly they come.

    The connection's time limit, which would hold anew for every byte, is that of all bytes from now on.
    """

    def __init__(self, connection: socket.socket, received: io.RawIOBase) -> None:
        self._connection, self._received = connection, received
        seconds = connection.gettimeout()
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._connection.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose time limit holds for the whole of it."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Arriving(sock, self.fp.detach()))


class _Connection(http.client.HTTPConnection):
    response_class = _Answer


class _SecureConnection(http.client.HTTPSConnection):
    response_class = _Answer


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(HTTPSHandler):
    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


class BackendClient:
    """Sends requests to one backend, directly and never to another address."""

    def __init__(self, address: BackendAddress) -> None:
        self.address = address
        # A proxy of the environment could not reach this machine's own programs.
        self._opener = build_opener(ProxyHandler({}), _NoRedirects(), _Http(), _Https())

    def json(self, path: str, document: object = None, seconds: float = ANSWER_SECONDS) -> Any:  # noqa: ANN401
        """The JSON at a path (or the answer to a posted document) that comes whole within ``seconds``.

        A backend that answers with an error raises RefusedError; every other failure is a ModelError.
        """
        content = self.content(path, document, seconds)
        try:
            return json.loads(content) if content.strip() else None
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"{self.address.title} answers {path} with something else than JSON: is this the right address?"
            ) from error

    def content(self, path: str, document: object = None, seconds: float = ANSWER_SECONDS) -> bytes:
        """As ``json``, but the bytes of the answer."""
        request = Request(self.address.url + path)
        if document is not None:
            request.data = json.dumps(document).encode()
            request.add_header("Content-Type", "application/json")
        for name, value in self._login().items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                content: bytes = answer.read(_MOST_BYTES + 1)
                if len(content) <= _MOST_BYTES and answer.length:
                    # A bounded read says nothing of an answer that is cut short.
                    raise http.client.IncompleteRead(content, answer.length)
        except HTTPError as error:
            raise self._refused(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error, seconds) from error
        if len(content) > _MOST_BYTES:
            raise ModelError(
                f"{self.address.title} answers with more than {_MOST_BYTES >> 20} MiB: choose a smaller size."
            )
        return content

    def events(self, path: str) -> Events | None:
        """Events that the backend pushes at a path; None if it cannot be listened to."""
        try:
            return Events(self.address.url + path, self._login())
        except OSError as error:
            log.debug("%s tells no steps: %s", self.address.title, error)
            return None

    def _login(self) -> dict[str, str]:
        """Headers with user and password, for backends that ask for them."""
        if not (self.address.user or self.address.password):
            return {}
        pair = f"{self.address.user}:{self.address.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _refused(self, error: HTTPError) -> RefusedError:
        document, text = None, ""
        try:
            with error:
                text = error.read(_MOST_ERROR).decode("utf-8", "replace")
            document = json.loads(text)
        except (OSError, ValueError, RecursionError, http.client.HTTPException):
            pass
        if error.code in (401, 403):
            reason = (
                "asks for a user and a password, or does not let this machine in: "
                f"name them as {self.address.kind}:http://USER:PASSWORD@HOST:PORT"
            )
        elif 300 <= error.code < 400:
            reason = "redirects to another address: name that one, if you trust it"
        else:
            given = shortened(reason_of(document) or error.reason or "no reason given")
            reason = f"refuses a request ({error.code}): {given}"
        return RefusedError(self.address.title, reason, error.code, document)

    def _broken(self, error: Exception, seconds: float) -> ModelError:
        title = self.address.title
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            return ModelError(f"{title} did not answer within {seconds:.0f} seconds: look at its console.")
        if isinstance(error, URLError):
            text = getattr(reason, "strerror", None) or str(reason)
            return ModelError(f"{title} does not answer ({shortened(text)}): start it, or correct the address.")
        text = getattr(error, "strerror", None) or shortened(str(error)) or type(error).__name__
        if isinstance(error, http.client.IncompleteRead):
            text = "it was cut short"
        return ModelError(f"{title} stopped in the middle of an answer ({text}): see its console.")


def shortened(text: str) -> str:
    """The first line of a backend's message, of at most some hundred characters, without a full stop at its end."""
    line = next((line.strip() for line in str(text).splitlines() if line.strip()), "")
    return (line if len(line) <= _SHOWN else line[:_SHOWN].rstrip() + " …").rstrip(".: ")


def reason_of(document: Any) -> str:  # noqa: ANN401
    """The message in the JSON of a failure, by the names that web frameworks give it; empty if there is none."""
    if isinstance(document, list):
        return next(filter(None, map(reason_of, document)), "")
    if not isinstance(document, dict):
        return document if isinstance(document, str) else ""
    keys = ("errors", "detail", "msg", "message", "error")
    return next(filter(None, (reason_of(document.get(key)) for key in keys)), "")


def is_out_of_memory(text: str) -> bool:
    """True if a backend's message says that it ran out of memory."""
    return any(sign in text.lower() for sign in ("out of memory", "outofmemory", "allocation on device"))
