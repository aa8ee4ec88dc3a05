import asyncio
import gc
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from shutil import copytree

import numpy as np
import pytest
import uvicorn
from specimens.waiting import until
from starlette.testclient import TestClient

from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.optimizing import optimize
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.support.decoding import DecodingProcesses
from soart.plugin.web import state
from soart.plugin.web.app import create_app
from soart.plugin.web.state import ServerSettings

TOKEN = "t" * 43
EVIL = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


def pictures(count, seed=0, size=24):
    """Noise, every other one red, with prompts that say so; the first prompt is hostile."""
    rng = np.random.default_rng(seed)
    batch = []
    for i in range(count):
        pixels = rng.integers(40, 215, (size, size, 3), dtype=np.uint8)
        if i % 2:
            pixels[..., 1:] //= 3
        prompt = EVIL if i == 0 else f"a {'red' if i % 2 else 'grey'} thing number {i}"
        batch.append(DrawnPicture(Request(prompt, i, width=size, height=size), pixels, None, 0.1))
    return batch


class SharedDecoding(DecodingProcesses):
    """Outlasts the servers that use it."""

    def close(self):
        pass

    def end(self):
        super().close()


@pytest.fixture(scope="session")
def decoding():
    decoding = SharedDecoding(1, limit=240)
    yield decoding
    decoding.end()


@pytest.fixture(autouse=True)
def one_learning(request, monkeypatch, process, decoding):
    """Servers of all tests share the processes that learn and decode, except in tests of them."""
    monkeypatch.setattr(state, "DecodingProcesses", lambda: decoding)
    if "own_learning" not in request.fixturenames:
        monkeypatch.setattr(state, "TaskProcess", lambda title: process)


@pytest.fixture
def own_learning():
    """For tests whose server has a learning process of its own."""


@pytest.fixture
def briefly(monkeypatch):
    """Optimizing ends after six pictures, whatever the speed of the machine is."""
    own = optimize.optimize
    monkeypatch.setattr(optimize, "optimize", lambda *a, **k: own(*a, **{**k, "seconds": 600, "pictures": 6}))


class Visitor:
    """A browser without a screen, of the owner or, with the password or without any secret, of a guest."""

    def __init__(self, client, token=TOKEN, password=None):
        self.client = client
        client.get("/", params={"token": token})
        if password is not None:
            page = client.get("/login", headers={"accept": "text/html"}).text
            self.token = page.split('data-csrf="')[1].split('"')[0]
            assert self.post("/login", {"password": password}).status_code == 200
        page = client.get("/c/0/gallery", headers={"accept": "text/html"}).text
        self.token = page.split('data-csrf="')[1].split('"')[0] if 'data-csrf="' in page else ""

    def get(self, path, **params):
        return self.client.get(f"/c/0{path}", params=params)

    def post(self, path, body=None, **headers):
        return self.client.post(path, json=body or {}, headers={"x-csrf-token": self.token, **headers})

    def send(self, path, **body):
        """Send something as the rater "me"."""
        return self.post(f"/c/0/api/{path}", {"rater": "me", **body})

    def wait_for(self, key):
        """The last job whose key starts like this, once it has ended."""

        def ended():
            jobs = [job for job in self.get("/api/jobs").json()["jobs"] if job["key"].startswith(key)]
            return bool(jobs) and not jobs[-1]["live"] and jobs[-1]

        return until(ended)

    def wait_for_evaluation(self):
        """The state of the Evaluate view, once nothing is evaluated or moved any more."""
        return until(lambda: not (state := self.get("/api/evaluate").json())["live"] and state)


@contextmanager
def visiting(app, **secrets):
    """A visitor of an application, which ends with the visit."""
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield Visitor(client, **secrets)


@pytest.fixture(scope="module")
def visit_once(tmp_path_factory, embedded):
    """Visitors of servers that several tests of a module share, by the folder of a collection."""
    with ExitStack() as stack:

        def come(folder, **settings):
            tastes = TasteStore(tmp_path_factory.mktemp("user"))
            app = create_app(
                ServerSettings(
                    [folder], lambda: ImageGenerator(embedded), tastes=tastes, token=TOKEN, secret="s" * 32, **settings
                )
            )
            return stack.enter_context(visiting(app))

        yield come


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A collection of forty pictures that no test changes."""
    folder = tmp_path_factory.mktemp("drawn") / "things"
    with Collection(folder) as collection:
        collection.add_drawn(pictures(40), "m", "s")
    return folder


@pytest.fixture(scope="module")
def things(drawn, tmp_path_factory):
    """A collection of forty pictures that several tests of a module share."""
    return copytree(drawn, tmp_path_factory.mktemp("shared") / "things")


@pytest.fixture(scope="module")
def reader(visit_once, things):
    """A visitor, who changes nothing, of a server that the tests of a module share."""
    return visit_once(things)


@pytest.fixture
def folder(drawn, tmp_path):
    """A collection of forty pictures."""
    return copytree(drawn, tmp_path / "things")


@pytest.fixture
def settings(folder, tmp_path, generator):
    tastes = TasteStore(tmp_path / "user")
    return ServerSettings([folder], lambda: generator, tastes=tastes, token=TOKEN, secret="s" * 32)


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def visitor(app):
    with visiting(app) as visitor:
        yield visitor


@pytest.fixture
def client(visitor):
    return visitor.client


@pytest.fixture
def visit(app, settings):
    """Further visitors: of the same server, or of a fresh one with other settings."""
    with ExitStack() as stack:

        def come(*, fresh=False, secrets=None, **changes):
            if fresh or changes:
                return stack.enter_context(visiting(create_app(replace(settings, **changes)), **secrets or {}))
            # A lifespan ends with its server: the shared one belongs to the first visitor.
            return Visitor(TestClient(app, base_url="http://127.0.0.1", follow_redirects=False), **secrets or {})

        yield come


async def serve_and_close(server, listener):
    """Serve until told to stop; then no connection is left, whatever the browser keeps open."""
    await server.serve(sockets=[listener])
    state = server.server_state
    while state.connections or state.tasks:
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0.01)


@pytest.fixture
def address(app):
    """The server on a free port, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        # Imports what it needs before another thread does.
        config.load()
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(serve_and_close(server, listener)))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(240)
        assert not thread.is_alive()
    # What is left open is reported here, not in a later test.
    gc.collect()


@pytest.fixture
def come(come, address):
    """Pages of browsers that have opened the address with the token."""

    def open_page(**options):
        page = come(**options)
        page.goto(f"{address}/?token={TOKEN}")
        return page

    return open_page
