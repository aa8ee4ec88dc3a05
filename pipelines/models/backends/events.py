"""Reads JSON objects that a server pushes over a WebSocket; all else, such as pictures of previews, is passed over."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import Any

from ....errors import install_command

#: Seconds to open and to close a connection, and bytes of a message.
_OPEN_SECONDS, _CLOSE_SECONDS, _MOST_MESSAGE = 3.0, 1.0, 100_000_000


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
