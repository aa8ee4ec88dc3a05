"""Serves the application, and closes connections whose requests do not arrive."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds within which a request must have arrived, headers and body.
ARRIVAL_SECONDS = 20.0
#: Bytes of a body for which there is a second more, so that large pictures may arrive by slow lines.
BYTES_A_SECOND = 50_000
#: Seconds from Ctrl-C until the process ends at the latest.
END_SECONDS = 1.5


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
