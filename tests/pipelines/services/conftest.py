import numpy as np
import pytest

from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.rating import RatingService
from soart.pipelines.support.background import Jobs


@pytest.fixture
def jobs():
    jobs = Jobs()
    yield jobs
    jobs.close()


@pytest.fixture
def tastes(collection, tmp_path):
    return CollectionTastes(collection, TasteStore(tmp_path / "user"))


@pytest.fixture
def coloured(collection):
    """Pictures of noise, every other one tinted red."""
    rng = np.random.default_rng(0)
    batch = []
    for i in range(30):
        pixels = rng.integers(40, 215, (24, 24, 3), dtype=np.uint8)
        if i % 2:
            pixels[..., 1:] //= 3
        batch.append(DrawnPicture(Request(f"p{i}", i, width=24, height=24), pixels, None, 0.1))
    return [row.id for row in collection.add_drawn(batch, "m", "s")]


@pytest.fixture
def rating(collection, tastes, jobs, coloured, process):
    return RatingService(collection, tastes, jobs, "ann", process)
