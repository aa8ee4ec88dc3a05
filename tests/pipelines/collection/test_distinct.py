"""Pictures that the user has marked as no duplicates of each other."""

import sqlite3

import pytest
from sqlalchemy import Engine, event

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.distinct import corrections, distinct_pictures, forget_distinct, mark_distinct
from soart.pipelines.collection.tables import ImageRow


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
