"""Tags, albums and favourites of pictures."""

import sqlite3

import pytest
from sqlalchemy import Engine, event

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import (
    ALBUM,
    FAVOURITE,
    LONGEST,
    TAG,
    corrections,
    distinct_pictures,
    favourites_of,
    forget_distinct,
    label_counts,
    labels_of,
    mark_distinct,
    set_label,
)
from soart.pipelines.collection.pictures import update_pictures
from soart.pipelines.collection.queries import Query, order
from soart.pipelines.collection.tables import AWAY, ImageRow


def test_labels_are_given_and_taken_away(pictures):
    collection, (a, b, c, d) = pictures
    assert set_label(collection, TAG, "  sea   side ", [b, a, a, 99]) == [b, a]
    assert set_label(collection, TAG, "sea side", [a, c]) == [c]
    assert set_label(collection, ALBUM, "sea side", [a]) == [a]
    assert set_label(collection, TAG, "night", [a]) == [a]
    assert labels_of(collection, TAG, [a, b, c, d]) == {a: ["night", "sea side"], b: ["sea side"], c: ["sea side"]}
    assert labels_of(collection, ALBUM, [a, b]) == {a: ["sea side"]}
    assert label_counts(collection, TAG) == {"night": 1, "sea side": 3}
    # The opposite call undoes it.
    assert set_label(collection, TAG, "sea side", [c, d], on=False) == [c]
    assert set_label(collection, TAG, "sea side", [c], on=True) == [c]
    update_pictures(collection, [{"id": c, "problem": AWAY}])
    assert label_counts(collection, TAG) == {"night": 1, "sea side": 2}


@pytest.mark.parametrize("name", ["👩\u200d👧", "می\u200cخواهم", "été"])
def test_labels_in_any_script(pictures, name):
    collection, (a, *_) = pictures
    assert set_label(collection, TAG, name, [a]) == [a]
    assert label_counts(collection, TAG) == {name: 1}


def test_favourites_are_of_one_rater(pictures):
    collection, (a, b, _, _) = pictures
    set_label(collection, FAVOURITE, "ann", [a, b])
    set_label(collection, FAVOURITE, "ben", [b])
    assert favourites_of(collection, "ann", [a, b]) == {a, b}
    assert favourites_of(collection, "ben", [a, b]) == {b}
    assert order(collection, Query(favourite=True), "ben") == [b]
    assert order(collection, Query(favourite=True), "zoe") == []


def test_pictures_are_filtered_by_labels(pictures):
    collection, (a, b, c, _) = pictures
    set_label(collection, TAG, "boat", [a, b])
    set_label(collection, ALBUM, "best", [b, c])
    assert order(collection, Query(tag="boat"), "me") == [b, a]
    assert order(collection, Query(album="best"), "me") == [c, b]
    assert order(collection, Query(tag="boat", album="best"), "me") == [b]
    assert order(collection, Query(tag="best"), "me") == []


def test_wrong_labels_are_refused(pictures):
    collection, (a, *_) = pictures
    long = "x" * (LONGEST + 1)
    wrong = [
        ("colour", "red"),
        (TAG, " "),
        (TAG, "a,b"),
        (ALBUM, long),
        (TAG, "a\0b"),
        (TAG, "\u200d"),
        (TAG, "a\u202eb"),
        (TAG, "a\u200fb"),
        (FAVOURITE, "taste:me"),
        (FAVOURITE, "me\u202e"),
    ]
    for kind, name in wrong:
        with pytest.raises(CollectionError):
            set_label(collection, kind, name, [a])
        assert label_counts(collection, kind) == {}


def test_marks_hold_both_ways_and_between_two_pictures_only(pictures):
    collection, (a, b, c, d) = pictures
    mark_distinct(collection, [a, b])
    mark_distinct(collection, [a, c], [c, d])
    assert distinct_pictures(collection) == {a: {b, c, d}, b: {a}, c: {a, d}, d: {a, c}}
    for wrong in ([a], [a, a], [a, 99]):
        with pytest.raises(CollectionError):
            mark_distinct(collection, wrong)


def test_only_the_marks_of_exactly_these_pictures_are_forgotten(pictures):
    collection, (a, b, c, _) = pictures
    whole = mark_distinct(collection, [a, b, c])
    mark_distinct(collection, [a, b])
    mark_distinct(collection, [b], [a])
    assert forget_distinct(collection, [b, a]) == 2
    assert corrections(collection) == {whole: [a, b, c]}


def test_more_pictures_than_a_query_may_name_are_marked(tmp_path):
    """Some builds of SQLite take 32766 values in a query; here it is fewer, so that the test is quick."""

    def limit(connection, record):
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1100)

    event.listen(Engine, "connect", limit)
    try:
        with Collection(tmp_path) as collection:
            ids = [*range(1, 1301)]
            with collection.session("be written", write=True) as session:
                session.add_all(ImageRow(sha256=f"{i:064x}", path=f"{i}.png", width=1, height=1) for i in ids)
            name = mark_distinct(collection, ids)
            assert corrections(collection) == {name: ids}
    finally:
        event.remove(Engine, "connect", limit)
