"""Results that a collection keeps."""

import pytest
from sqlalchemy import event

from soart.pipelines.collection.results import (
    has_result,
    replace_scores,
    store_changed_scores,
    store_result,
    stored_result,
)


def test_a_result_counts_for_the_data_that_it_was_computed_from(collection):
    store_result(collection, "map-1", "before", b"old")
    store_result(collection, "map-1", "now", b"new")
    assert stored_result(collection, "map-1", "now") == b"new"
    assert stored_result(collection, "map-1", "before") is None
    assert stored_result(collection, "map-2", "now") is None
    assert has_result(collection, "map-")
    assert not has_result(collection, "list-")


@pytest.fixture
def scored(collection, make_drawn):
    ids = [row.id for row in collection.add_drawn([make_drawn(seed) for seed in range(3)], "m", "s")]
    collection.set_scores("x", {ids[0]: 1.0, ids[1]: 2.0})
    return collection, ids


def test_scores_replace_all_others_of_their_name(scored):
    collection, ids = scored
    collection.set_scores("y", {ids[0]: 9.0})
    replace_scores(collection, "x", {ids[1]: 3.0, ids[2]: 4.0})
    assert collection.scores("x") == {ids[1]: 3.0, ids[2]: 4.0}
    assert collection.scores("y") == {ids[0]: 9.0}
    replace_scores(collection, "x", {})
    assert collection.scores("x") == {}


def test_only_scores_that_changed_are_written(scored):
    collection, ids = scored
    written = []
    event.listen(collection._engine, "before_cursor_execute", lambda *args: written.append(args[2]))
    store_changed_scores(collection, "x", {ids[0]: 1.0, ids[1]: 2.0})
    assert [one for one in written if not one.startswith("SELECT")] == []
    store_changed_scores(collection, "x", {ids[0]: 1.0, ids[1]: 5.0, ids[2]: 6.0})
    assert collection.scores("x") == {ids[0]: 1.0, ids[1]: 5.0, ids[2]: 6.0}
