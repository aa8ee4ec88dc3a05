import asyncio
import gc
import socket
import threading
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import uvicorn
from starlette.testclient import TestClient

from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.profile_store import ProfileStore
from soart.plugin.web.app import create_app
from soart.plugin.web.state import Settings

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


@pytest.fixture
def folder(tmp_path):
    """A collection of forty pictures."""
    place = tmp_path / "things"
    with Collection(place) as collection:
        collection.add_drawn(pictures(40), "m", "s")
    return place


@pytest.fixture
def settings(folder, tmp_path, generator):
    return Settings([folder], lambda: generator, profiles=ProfileStore(tmp_path / "user"), secret="s" * 32)


class Visitor:
    """A browser without a screen."""

    def __init__(self, client):
        self.client = client
        page = client.get("/c/0/gallery", headers={"accept": "text/html"}).text
        self.token = page.split('data-csrf="')[1].split('"')[0] if 'data-csrf="' in page else ""

    def get(self, path, **params):
        return self.client.get(f"/c/0{path}", params=params)

    def post(self, path, body=None, **headers):
        return self.client.post(path, json=body or {}, headers={"x-csrf-token": self.token, **headers})

    def say(self, path, **body):
        return self.post(f"/c/0/api/{path}", {"rater": "me", **body})


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def client(app):
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as found:
        yield found


@pytest.fixture
def visitor(client):
    return Visitor(client)


@pytest.fixture
def visit(app, settings):
    """Further visitors: of the same server, or of a fresh one with other settings."""
    with ExitStack() as stack:

        def come(*, fresh=False, **changes):
            site = create_app(replace(settings, **changes)) if fresh or changes else app
            client = TestClient(site, base_url="http://127.0.0.1", follow_redirects=False)
            # A lifespan ends with its server: the shared one belongs to the first visitor.
            return Visitor(stack.enter_context(client) if site is not app else client)

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
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: asyncio.run(serve_and_close(server, listener)))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
    # What is left open is reported here, not in a later test.
    gc.collect()
