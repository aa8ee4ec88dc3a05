import os

os.environ["HF_HUB_OFFLINE"] = "1"

import signal
import sys
import traceback
import uuid
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import make_url

from soart.metrics.technical import TechnicalScorer
from soart.pipelines.collection import Collection
from soart.pipelines.generate import Drawn, ImageGenerator, Request
from soart.pipelines.loading import load_model

ASSETS = Path(__file__).parent / "assets"


@pytest.fixture(scope="session")
def embedded():
    return load_model(device="cpu")


@pytest.fixture
def generator(embedded):
    return ImageGenerator(embedded)


@pytest.fixture(scope="session")
def scorer():
    return TechnicalScorer.load()


@pytest.fixture
def collection(tmp_path):
    with Collection(tmp_path / "collection") as store:
        yield store


@pytest.fixture
def postgres(tmp_path):
    """URL of an empty database on the PostgreSQL server of SOART_TEST_POSTGRES; dropped afterwards."""
    server = os.environ.get("SOART_TEST_POSTGRES")
    if not server:
        pytest.skip("SOART_TEST_POSTGRES names no PostgreSQL server; .ci/postgres starts one")
    psycopg = pytest.importorskip("psycopg")
    name = f"soart_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        url = make_url(server).set(database=name).update_query_dict({"pictures": str(tmp_path / "pictures")})
        yield url.render_as_string(hide_password=False)
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """Where a collection can be made, on each kind of database."""
    return tmp_path / "collection" if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
def together():
    """Run ``work(number)`` in several processes that start at the same moment; all must end well."""

    def run(work, processes=4):
        gate, opener = os.pipe()
        children = []
        for number in range(processes):
            child = os.fork()
            if child == 0:
                code = 1
                signal.alarm(60)
                try:
                    os.close(opener)
                    os.read(gate, 1)
                    work(number)
                    code = 0
                except BaseException:
                    traceback.print_exc(file=sys.__stderr__)
                finally:
                    os._exit(code)
            children.append(child)
        os.close(gate)
        os.close(opener)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * processes

    return run


@pytest.fixture
def make_drawn():
    """Pictures of noise as if drawn for a request, without the cost of drawing."""

    def make(seed, prompt="a boat", problem=None, size=16):
        pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
        return Drawn(Request(prompt, seed, width=size, height=size), pixels, problem, 0.1)

    return make


@pytest.fixture(scope="session")
def paint():
    """Files of noise in a folder: in colour, or grey."""

    def make(folder, count, seed, *, vivid):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        for i in range(count):
            pixels = rng.integers(40, 215, (20, 20, 3), dtype=np.uint8)
            if not vivid:
                pixels[:] = pixels.mean(axis=2, keepdims=True).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{seed}-{i}.png")
        return folder

    return make
