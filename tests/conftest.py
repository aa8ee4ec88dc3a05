import os

os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
