import pytest

from soart.pipelines.collection.collection import Collection


@pytest.fixture
def pictures(where, make_drawn):
    """A collection of four pictures on each kind of database, and their ids."""
    with Collection(where) as collection:
        rows = collection.add_drawn([make_drawn(seed) for seed in range(4)], "m", "s")
        yield collection, [row.id for row in rows]
