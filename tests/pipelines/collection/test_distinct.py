"""Pictures that the user has marked as no duplicates of each other."""

import pytest

from soart.errors import CollectionError
from soart.pipelines.collection.distinct import corrections, distinct_pictures, forget_distinct, mark_distinct


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
