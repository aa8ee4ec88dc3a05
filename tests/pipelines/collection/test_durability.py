"""Judgements of people are on the disk when they are acknowledged; results that can be computed again need not be."""

import numpy as np
import pytest
from sqlalchemy import event

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice, store_tie, undo_choice
from soart.pipelines.collection.labels import TAG, mark_distinct, set_label
from soart.pipelines.collection.ratings import dislike_personally, rate, ratings, reject, set_judgements, undo_rating

NORMAL, FULL = 1, 2
JUDGEMENTS = {
    "rating": lambda collection, a, b: rate(collection, "me", {a: 4}),
    "not for me": lambda collection, a, b: dislike_personally(collection, "me", a),
    "skip": lambda collection, a, b: reject(collection, "me", a),
    "many": lambda collection, a, b: set_judgements(collection, "me", {a: 4, b: None}),
    "undo": lambda collection, a, b: undo_rating(collection, "me", a),
    "choice": lambda collection, a, b: store_choice(collection, "me", "1", a, [b]),
    "tie": lambda collection, a, b: store_tie(collection, "me", "2", [a, b]),
    "undone choice": lambda collection, a, b: undo_choice(collection, "me", "1"),
    "label": lambda collection, a, b: set_label(collection, TAG, "sea", [a]),
    "correction": lambda collection, a, b: mark_distinct(collection, [a, b]),
}


@pytest.fixture
def stored(tmp_path, make_drawn):
    """A collection of two pictures, their ids, and the synchronisation of each commit."""
    with Collection(tmp_path / "c") as collection:
        a, b = (row.id for row in collection.add_drawn([make_drawn(seed) for seed in range(2)], "m", "s"))
        levels = []

        @event.listens_for(collection._engine, "commit")
        def note(connection):
            levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())

        yield collection, a, b, levels


@pytest.mark.parametrize("judgement", JUDGEMENTS)
def test_judgements_wait_for_the_disk(stored, judgement):
    collection, a, b, levels = stored
    collection.set_scores("x", {a: 1.0})
    JUDGEMENTS[judgement](collection, a, b)
    # The pool gives the same connection again.
    collection.add_items("v", {a: np.ones(2)})
    assert levels == [NORMAL, FULL, NORMAL]


def test_ratings_are_stored_on_every_kind_of_database(where, make_drawn):
    with Collection(where) as collection:
        (row,) = collection.add_drawn([make_drawn(1)], "m", "s")
        for stars in (2, 5, 4):
            rate(collection, "me", {row.id: stars})
            assert ratings(collection, "me") == {row.id: stars}
