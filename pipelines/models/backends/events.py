"""Reads what a server pushes over a WebSocket: JSON objects, in text messages.

It is a reader alone, of the few parts of RFC 6455 that this needs: a handshake, whole and fragmented messages, and answers
to pings. Everything but JSON objects is passed over, such as pictures of previews.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

#: Appended to a key to prove that the server speaks this protocol (RFC 6455 §1.3).
_PROOF = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Seconds for the handshake, bytes of its answer, and bytes of a message.
_SECONDS, _MOST_HEAD, _MOST_MESSAGE = 3.0, 65_536, 100_000_000
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80


class Events:
    """JSON objects that a server pushes.

    Args:
        url: ``http`` or ``https``, with path and query.
        headers: of the handshake.

    Attributes:
        open: False once the connection has ended.

    Raises:
        OSError: the server cannot be reached, or does not speak the protocol at this address.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        connection = socket.create_connection((host, parts.port or (443 if secure else 80)), _SECONDS)
        self.open = True
        #: Bytes that have come, and the parts of the message that they go on with.
        self._bytes, self._message, self._kind = bytearray(), bytearray(), 0
        try:
            if secure:
                connection = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
            self._connection = connection
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            self._shake_hands(parts.netloc.rpartition("@")[2], path, headers or {})
        except BaseException:
            connection.close()
            raise

    def read(self, seconds: float) -> list[dict[str, Any]]:
        """The objects that come next; none if none comes within some seconds, or the connection ends.

        Args:
            seconds: at most, > 0.
        """
        until = time.monotonic() + seconds
        while self.open:
            if found := self._objects():
                return found
            left = until - time.monotonic()
            if left <= 0:
                break
            self._connection.settimeout(left)
            try:
                received = self._connection.recv(65_536)
            except TimeoutError:
                break
            except OSError:
                received = b""
            self._bytes += received
            if not received:
                self.close()
        return []

    def close(self) -> None:
        """End the connection."""
        self.open = False
        self._connection.close()

    def _shake_hands(self, host: str, path: str, headers: dict[str, str]) -> None:
        key = base64.b64encode(os.urandom(16))
        asked = {
            "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key.decode(), **headers,
        }  # fmt: skip
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", ""]
        self._connection.sendall("\r\n".join(lines).encode())
        until = time.monotonic() + _SECONDS
        while b"\r\n\r\n" not in self._bytes:
            received = self._connection.recv(65_536)
            self._bytes += received
            if not received or len(self._bytes) > _MOST_HEAD or time.monotonic() > until:
                raise OSError("The server does not answer the handshake.")
        head, _, rest = bytes(self._bytes).partition(b"\r\n\r\n")
        proof = base64.b64encode(hashlib.sha1(key + _PROOF, usedforsecurity=False).digest())
        status, *fields = head.split(b"\r\n")
        proofs = [value.strip() for name, _, value in (field.partition(b":") for field in fields) if name.strip().lower() == b"sec-websocket-accept"]  # fmt: skip
        if status.split(b" ")[1:2] != [b"101"] or proofs != [proof]:
            raise OSError("The server does not speak WebSocket at this address.")
        self._bytes = bytearray(rest)

    def _objects(self) -> list[dict[str, Any]]:
        """The objects of the messages that have come whole."""
        found = []
        while self.open and (frame := self._frame()) is not None:
            head, content = frame
            kind = head & 0x0F
            if kind == _CLOSE:
                self.close()
            elif kind == _PING:
                self._answer_ping(content)
            elif kind < _CLOSE:
                self._kind = kind or self._kind
                self._message += content
                if len(self._message) > _MOST_MESSAGE:
                    self.close()
                elif head & _FINAL:
                    found += self._object()
                    self._message.clear()
        return found

    def _object(self) -> list[dict[str, Any]]:
        if self._kind != _TEXT:
            return []
        try:
            document = json.loads(self._message)
        except (ValueError, RecursionError):
            return []
        return [document] if isinstance(document, dict) else []

    def _frame(self) -> tuple[int, bytes] | None:
        """First byte and content of the next frame; None until it is there."""
        received = self._bytes
        if len(received) < 2:
            return None
        short = received[1] & ~_MASKED
        more = {126: 2, 127: 8}.get(short, 0)
        start = 2 + more
        if len(received) < start:
            return None
        size = int.from_bytes(received[2:start], "big") if more else short
        # Servers do not mask (RFC 6455 §5.1).
        if received[1] & _MASKED or size > _MOST_MESSAGE:
            self.close()
            return None
        if len(received) < start + size:
            return None
        frame = received[0], bytes(received[start : start + size])
        del received[: start + size]
        return frame

    def _answer_ping(self, content: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[number % 4] for number, byte in enumerate(content))
        with contextlib.suppress(OSError):
            self._connection.sendall(bytes([_FINAL | _PONG, _MASKED | len(content)]) + mask + masked)
