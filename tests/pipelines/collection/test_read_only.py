"""Collections in folders that cannot be written."""

import os
from pathlib import Path

import numpy as np
import pytest
from specimens.rights import enterable_folder, unwritable

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.database import copy_with_log
from soart.pipelines.models.request import DrawnPicture, Request

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs rights of POSIX")


@pytest.fixture
def place():
    with enterable_folder() as folder:
        yield folder


def filled(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with Collection(folder) as collection:
        return collection.add_drawn(
            [DrawnPicture(Request("a fox", 0, width=32, height=32), pixels, None, 0.1)], "m", "s"
        )


def test_what_is_stored_in_a_copy_is_lost(place):
    [row] = filled(place / "art")
    with unwritable(place / "art"):
        with Collection(place / "art", scratch=True) as collection:
            assert (collection.kept, collection.name) == (False, str(place / "art"))
            collection.set_scores("mine", {row.id: 3.0})
            assert collection.scores("mine") == {row.id: 3.0}
            assert collection.pixels(collection.images()[0]).shape == (32, 32, 3)
            copies = Path(collection._copies.name)
            assert [path.name for path in copies.glob("*.db")] == ["soart.db"]
        assert not copies.exists()
        with pytest.raises(CollectionError, match="cannot be opened"):
            Collection(place / "art")
    with Collection(place / "art", scratch=True) as collection:
        assert (collection.kept, collection.scores("mine")) == (True, {})


def test_no_collection_is_no_copy(place):
    (place / "empty").mkdir()
    with unwritable(place / "empty"), pytest.raises(CollectionError, match="cannot be made: Permission denied"):
        Collection(place / "empty", scratch=True)


def test_a_copy_holds_what_lies_in_the_log(place):
    [row] = filled(place / "art")
    with Collection(place / "art") as collection:
        collection.set_scores("mine", {row.id: 3.0})
        assert (place / "art" / "soart.db-wal").stat().st_size > 0
        (place / "copy").mkdir()
        assert copy_with_log(place / "art" / "soart.db", place / "copy") == place / "copy" / "soart.db"
    with Collection(place / "copy") as collection:
        assert collection.scores("mine") == {row.id: 3.0}
