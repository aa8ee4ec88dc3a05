"""Connections whose requests do not arrive."""

import asyncio
import builtins
import contextlib
import contextvars
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from specimens.waiting import until
from starlette.testclient import TestClient

from soart.errors import ImageError
from soart.metrics import image
from soart.pipelines.collection.collection import Collection
from soart.plugin.web import app as web_app
from soart.plugin.web import state
from soart.plugin.web.app import create_app

TOKEN = "t" * 43


class MovedTime(asyncio.SelectorEventLoop):
    """Runs a server whose time a test moves on; what has arrived there is counted."""

    ahead = 0.0
    connections = arrived = 0

    def time(self):
        return super().time() + self.ahead

    def move(self, seconds):
        self.ahead += seconds
        # What is due has been done when the loop has come to this.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self).result(240)

    def send(self, send, content):
        """Send something and wait until it has arrived."""
        before = self.arrived
        send(content)
        until(lambda: self.arrived >= before + len(content))


@contextlib.contextmanager
def served(app, proxies=(), loop_factory=None):
    """The address of a server as the command starts it."""

    def serve():
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(server.serve(sockets=[listener]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = web_app.make_server(app, proxies)
        thread = threading.Thread(target=serve)
        thread.start()
        until(lambda: server.started)
        yield listener.getsockname()
        server.should_exit = True
        thread.join(240)
        assert not thread.is_alive()


@pytest.fixture
def moved(app, monkeypatch):
    """A server on which a request must arrive within 1000 s, and 100 s more for every 9 kB of its body."""
    loop = MovedTime()
    monkeypatch.setattr(web_app, "ARRIVAL_SECONDS", 1000.0)
    monkeypatch.setattr(web_app, "BYTES_A_SECOND", 90)

    class Counted(web_app.PunctualProtocol):
        def connection_made(self, transport):
            super().connection_made(transport)
            loop.connections += 1

        def data_received(self, data):
            super().data_received(data)
            loop.arrived += len(data)

    monkeypatch.setattr(web_app, "PunctualProtocol", Counted)
    with served(app, loop_factory=lambda: loop) as loop.address:
        yield loop


def is_cut_off(stream):
    stream.settimeout(240)
    try:
        # Its answer may come first.
        while stream.recv(1000):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "beginning", ["", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n"],
    ids=["nothing", "headers", "body"],
)  # fmt: skip
def test_a_request_that_arrives_drop_by_drop_is_cut_off(moved, beginning):
    with socket.create_connection(moved.address) as stream:
        moved.send(stream.sendall, beginning.encode())
        for _ in range(4):
            moved.send(stream.sendall, b"x")
            moved.move(300)
        assert is_cut_off(stream)


def test_silence_is_cut_off(moved):
    with socket.create_connection(moved.address) as stream:
        until(lambda: moved.connections)
        moved.move(1100)
        assert is_cut_off(stream)


def test_requests_that_arrive_are_answered_one_after_another(moved):
    request = b"GET /collections HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n"
    with socket.create_connection(moved.address) as stream:
        stream.settimeout(240)
        for _ in range(3):
            moved.send(stream.sendall, request[:20])
            moved.move(600)
            moved.send(stream.sendall, request[20:])
            assert stream.recv(10_000).startswith(b"HTTP/1.1 303")


def test_a_picture_that_arrives_slowly_but_steadily_is_taken(moved, folder):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    content = buffer.getvalue()
    host, port = moved.address
    connection = http.client.HTTPConnection(host, port, timeout=240)
    connection.request("GET", f"/?token={TOKEN}", headers={"accept": "text/html"})
    cookie = read(connection)[1].split(";")[0]
    connection.request("GET", "/c/0/gallery", headers={"cookie": cookie, "accept": "text/html"})
    page, renewed = read(connection)
    headers = {
        "cookie": renewed.split(";")[0] or cookie,
        "x-csrf-token": page.split('data-csrf="')[1].split('"')[0],
        "content-length": str(len(content)),
    }
    connection.putrequest("POST", "/c/0/api/import?name=slow.png")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    for start in range(0, len(content), 90_000):
        moved.send(connection.send, content[start : start + 90_000])
        moved.move(400)
    assert read(connection)[0] == '{"name":"slow.png"}'
    connection.close()
    assert (folder / "images" / "imported" / "slow.png").read_bytes() == content


def test_a_body_in_pieces_is_refused_whatever_length_it_announces(moved):
    host, port = moved.address
    connection = http.client.HTTPConnection(host, port, timeout=240)
    connection.request("GET", "/login", headers={"accept": "text/html"})
    page, cookie = read(connection)
    connection.putrequest("POST", "/login")
    headers = {"cookie": cookie.split(";")[0], "x-csrf-token": page.split('data-csrf="')[1].split('"')[0]}
    for name, value in {**headers, "content-length": "5", "transfer-encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    content = b'{"password": "%s"}' % (b"x" * 1_100_000)
    with contextlib.suppress(ConnectionError):
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content))
    assert read(connection)[0] == '{"error":"The request is too large."}'
    connection.close()


def read(connection):
    """The body of the answer, and the cookie that it sets."""
    answer = connection.getresponse()
    return answer.read().decode(), answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(("proxies", "apart"), [((), False), (("10.0.0.0/8",), False), (("127.0.0.1",), True)])
def test_a_forwarded_address_counts_if_its_proxy_is_named(settings, proxies, apart):
    app = create_app(replace(settings, password="sesame"))
    with served(app, proxies) as (host, port):
        connection = http.client.HTTPConnection(host, port, timeout=240)
        connection.request("GET", "/login", headers={"accept": "text/html"})
        page, cookie = read(connection)
        headers = {"cookie": cookie.split(";")[0], "x-csrf-token": page.split('data-csrf="')[1].split('"')[0]}

        def enter(password, visitor):
            # The visitor sent the first address, and the proxy added the one it saw.
            forwarded = {"x-forwarded-for": f"{visitor}0, {visitor}"}
            body = json.dumps({"password": password})
            connection.request("POST", "/login", body, {**headers, **forwarded})
            answer = connection.getresponse()
            answer.read()
            return answer.status

        codes = [enter(f"guess {number}", "192.0.2.1") for number in range(8)]
        assert codes[:3] == [400] * 3
        assert codes[-1] == 429
        assert enter("sesame", "192.0.2.2") == (200 if apart else 429)
        connection.close()


HANGING = """
import contextlib, socket, time
from starlette.applications import Starlette
from starlette.routing import Route
from soart.plugin.web.app import make_server

def hang(request):
    print("waiting", flush=True)
    time.sleep(600)

with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.suppress(KeyboardInterrupt):
    print(listener.getsockname()[1], flush=True)
    make_server(Starlette(routes=[Route("/", hang)])).run(sockets=[listener])
"""


def test_ctrl_c_ends_a_server_whose_threads_hang():
    line = [sys.executable, "-c", HANGING]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port)) as stream:
                stream.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert process.stdout.readline() == "waiting\n"
                process.send_signal(signal.SIGINT)
                assert process.wait(240) == 0
        finally:
            process.kill()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_picture_that_became_a_pipe_stops_nothing(visitor, folder):
    with Collection(folder) as collection:
        files = [collection.locate(row) for row in collection.images()]
    pipes = files[:10]
    for path in pipes:
        path.unlink()
        os.mkfifo(path)
    # Readers that wait for a writer after all are let go, and then fail the test.
    watch = threading.Timer(240, lambda: [os.close(os.open(path, os.O_RDWR)) for path in pipes])
    watch.start()
    for number in range(1, len(pipes) + 1):
        for address in ("download/%d", "pictures/%d/full", "pictures/%d/small", "heat/%d"):
            assert visitor.get(f"/{address % number}").status_code == 404, address
        assert visitor.get(f"/detail/{number}").status_code == 200
    assert visitor.get("/pictures/11/full").status_code == 200
    assert watch.is_alive()
    watch.cancel()


def test_pictures_are_decoded_in_other_processes(visitor, folder, monkeypatch):
    monkeypatch.setattr(image, "_decode", None)
    assert visitor.get("/heat/1").status_code == 200
    with pytest.raises(ImageError), Collection(folder) as collection:
        collection.pixels(collection.images()[0])


def on_opening(monkeypatch, folder, act):
    """Call something before a thread of the server opens a picture."""
    images = str(folder / "images")

    def opener(opened):
        def run(path, *arguments, **options):
            if str(path).startswith(images) and "worker thread" in threading.current_thread().name:
                act()
            return opened(path, *arguments, **options)

        return run

    for module, name in ((io, "open"), (builtins, "open"), (os, "open")):
        monkeypatch.setattr(module, name, opener(getattr(module, name)))


@pytest.mark.parametrize("address", ["pictures/1/full", "detail/1", "download/1", "optimize?image=1", "export/%s"])
def test_requests_that_wait_for_a_file_leave_threads_to_others(settings, folder, monkeypatch, address):
    started, go_on = [], threading.Event()

    def hang():
        started.append(1)
        go_on.wait(240)

    app = create_app(replace(settings, guests=True))
    [current] = app.state.server.collections
    if "%s" in address:
        address %= current.selections.add([1, 2], "zip")
    with served(app) as (host, port), contextlib.ExitStack() as stack:
        on_opening(monkeypatch, folder, hang)
        for _ in range(60):
            stream = stack.enter_context(socket.create_connection((host, port)))
            stream.sendall(f"GET /c/0/{address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        until(lambda: len(started) >= state.READING)
        connection = http.client.HTTPConnection(host, port, timeout=240)
        try:
            for path, expected in (("/c/0/api/ids", '"ids"'), ("/login", "<form")):
                connection.request("GET", path)
                assert expected in read(connection)[0]
            assert len(started) == state.READING
        finally:
            go_on.set()
            connection.close()


def test_no_other_address_reads_pictures(settings, folder, monkeypatch):
    in_turn, read, hasty = contextvars.ContextVar("in_turn", default=False), set(), set()

    class Turns(asyncio.Semaphore):
        async def __aenter__(self):
            await super().__aenter__()
            in_turn.set(True)

    app = create_app(replace(settings, guests=True))
    server = app.state.server
    server.reading = Turns(state.READING)
    values = {"image": 1, "size": "full", "key": server.collections[0].selections.add([1, 2], "zip")}
    parameters = {"image": 1, "ids": "1,2", "by": "technical", "like": 1, "worst": 50, "count": 2}
    [views] = [route.routes for route in app.routes if route.path.startswith("/c/")]
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for route in views:
            if "GET" in route.methods:
                address = route.url_path_for(route.name, **{name: values[name] for name in route.param_convertors})
                with monkeypatch.context() as patch:
                    on_opening(patch, folder, lambda: (read if in_turn.get() else hasty).add(route.path_format))  # noqa: B023
                    assert client.get(f"/c/0{address}", params=parameters).status_code < 500, address
    assert hasty == set()
    assert {"/optimize", "/export/{key}", "/download/{image}", "/pictures/{image}/{size}"} <= read
