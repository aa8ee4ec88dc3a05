import pytest

from soart.pipelines.collection.collection import Collection


@pytest.fixture
def collection(where):
    """Tests of it run on both databases."""
    with Collection(where) as store:
        yield store


@pytest.fixture
def pictures(collection, make_drawn):
    """The collection with four pictures, and their ids."""
    return collection, [row.id for row in collection.add_drawn([make_drawn(seed) for seed in range(4)], "m", "s")]
