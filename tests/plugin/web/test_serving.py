"""Connections whose requests do not arrive."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from soart.plugin.web import serving


@pytest.fixture
def listener(app, monkeypatch):
    """The address of a server as the command starts it, with little patience."""
    monkeypatch.setattr(serving, "ARRIVAL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = serving.make_server(app)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


def drip(stream, text, pause=0.1):
    """Send a text byte by byte; return the seconds until the server closed the connection."""
    start = time.monotonic()
    stream.settimeout(pause)
    for number in range(200):
        try:
            stream.sendall(text[number % len(text)].encode())
            if not stream.recv(1000):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


@pytest.mark.parametrize(
    "beginning", ["", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n"],
    ids=["nothing", "headers", "body"],
)  # fmt: skip
def test_a_request_that_arrives_drop_by_drop_is_cut_off(listener, beginning):
    with socket.create_connection(listener) as stream:
        stream.sendall(beginning.encode())
        assert drip(stream, "x") < 5


def test_silence_is_cut_off(listener):
    with socket.create_connection(listener) as stream:
        stream.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert stream.recv(100) == b""


def test_requests_that_arrive_are_answered_one_after_another(listener):
    request = b"GET /collections HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n"
    with socket.create_connection(listener) as stream:
        stream.settimeout(10)
        for _ in range(3):
            stream.sendall(request[:20])
            time.sleep(0.2)
            stream.sendall(request[20:])
            assert stream.recv(10_000).startswith(b"HTTP/1.1 303")
            time.sleep(0.4)
