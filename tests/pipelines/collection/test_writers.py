"""Several processes on one collection at the same time, on both databases."""

import os

import numpy as np
import pytest
from PIL import Image

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate, ratings

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # The children read pictures and write rows; they enter none of the libraries whose threads they lost.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def test_a_new_collection_is_made_once(where, together):
    together(lambda number: Collection(where).close())
    with Collection(where) as collection:
        assert collection.images() == []


def test_same_files_are_added_once(where, tmp_path, together):
    rng = np.random.default_rng(1)
    files = [tmp_path / f"{i}.png" for i in range(12)]
    for file in files:
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(file)

    def add(number):
        with Collection(where) as collection:
            # Two from the front and two from the back, so that they meet.
            rows = [collection.add_file(file)[0] for file in (files if number % 2 else files[::-1])]
            for row in rows:
                collection.add_items("v", {row.id: np.full(2, number)})

    together(add)
    with Collection(where) as collection:
        assert len(collection.images()) == len({row.sha256 for row in collection.images()}) == 12
        assert len(collection.items("v", collection.ids())) == 12


def test_same_pictures_are_drawn_scored_and_rated_once(where, make_drawn, together):
    def draw(number):
        with Collection(where) as collection:
            for batch in range(5):
                rows = collection.add_drawn([make_drawn(batch * 3 + k) for k in range(3)], "m", "DDIM")
                collection.set_scores("s", {row.id: float(number) for row in rows})
                rate(collection, "me", {row.id: 1 + number for row in rows})

    together(draw)
    with Collection(where) as collection:
        assert len(collection.images()) == 15
        assert collection.scores("s").keys() == ratings(collection, "me").keys() == set(collection.ids())
