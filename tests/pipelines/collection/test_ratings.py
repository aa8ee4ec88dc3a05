"""Ratings in a collection."""

from datetime import UTC, datetime

import pytest

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice, store_tie
from soart.pipelines.collection.ratings import (
    NOT_FOR_ME,
    PERSONAL,
    REJECT,
    STARS,
    check_has_rated,
    check_new_rater,
    check_rater,
    check_rating,
    dislike_personally,
    judged_pictures,
    judgements_of,
    others_mean,
    rate,
    raters,
    rating_counts,
    ratings,
    ratings_of_picture,
    reject,
    set_judgements,
    star_counts,
    undo_rating,
)


def test_ratings_come_in_the_order_of_rating(where, make_drawn):
    with Collection(where) as collection:
        first, second, third = (row.id for row in collection.add_drawn([make_drawn(k) for k in range(3)], "m", "s"))
        rate(collection, "me", {third: 5})
        dislike_personally(collection, "me", first)
        reject(collection, "me", second)
        rate(collection, "me", {second: 2})
        assert list(ratings(collection, "me").items()) == [(third, 5), (first, 1), (second, 2)]
        assert list(ratings(collection, "me", personal=False)) == [third, second]
        # What is only not for one rater says nothing to others.
        assert others_mean(collection, "you") == {third: 1.5, second: -1.5}


def test_a_name_that_looks_like_another_rates_and_chooses_nothing(where, make_drawn):
    with Collection(where) as collection:
        ids = [row.id for row in collection.add_drawn([make_drawn(k) for k in range(2)], "m", "s")]
        for act in (
            lambda rater: rate(collection, rater, {ids[0]: 5}),
            lambda rater: store_choice(collection, rater, "c", *ids[:1], ids[1:]),
            lambda rater: store_tie(collection, rater, "t", ids),
        ):
            with pytest.raises(CollectionError, match="an invisible character"):
                act("m\u202ee")
            act("me")


def test_judgements_of_a_rater_and_of_a_picture(pictures):
    collection, (a, b, c, d) = pictures
    set_judgements(collection, "ann", {a: 4, b: 0, c: NOT_FOR_ME, d: 2.5})
    set_judgements(collection, "ann", {d: None})
    rate(collection, "bob", {a: 1.5, d: 3})
    # Whole stars are whole numbers, as people and JSON write them.
    assert repr(judgements_of(collection, "ann", [d, c, b, a])) == repr({a: 4, b: 0, c: NOT_FOR_ME})
    assert judgements_of(collection, "ann", [b]) == {b: 0}
    assert repr(ratings_of_picture(collection, a)) == repr({"ann": 4, "bob": 1.5})
    assert judged_pictures(collection, "ann") == {a, b, c}
    assert rating_counts(collection, "ann") == {STARS: 1, REJECT: 1, PERSONAL: 1}
    assert star_counts(collection, "ann") == (2, 2)
    assert star_counts(collection, "ann", datetime(2020, 1, 1, tzinfo=UTC)) == (0, 0)
    assert raters(collection) == ["ann", "bob"]
    assert others_mean(collection, "ann") == {a: -0.75, d: 0.75}
    check_has_rated(collection, "bob")
    with pytest.raises(CollectionError, match="There is no picture 99 in this collection: reload the page"):
        rate(collection, "ann", {a: 5, 99: 4})
    assert judgements_of(collection, "ann", [a]) == {a: 4}
    with pytest.raises(CollectionError, match=r"'eve' has not rated any picture .*; the raters are 'ann', 'bob'"):
        check_has_rated(collection, "eve")


def test_a_rater_with_no_more_than_a_dislike_says_nothing_to_others(pictures):
    collection, (a, *_) = pictures
    with pytest.raises(CollectionError, match="nobody has"):
        check_has_rated(collection, "ann")
    dislike_personally(collection, "ann", a)
    assert raters(collection) == ["ann"]
    assert raters(collection, personal=False) == []
    undo_rating(collection, "ann", a)
    assert judged_pictures(collection, "ann") == set()


def test_names_that_differ_in_capitals_alone_are_refused():
    check_new_rater("ann", ["ann", "Bob"])
    check_new_rater("eve", ["ann", "Bob"])
    with pytest.raises(CollectionError, match="a rater or a taste 'Bob' already"):
        check_new_rater("bob", ["ann", "Bob"])


@pytest.mark.parametrize("name", ["technical-9", "overall-1", "taste:mine", "observed score", " ", "x" * 129])
def test_names_of_scores_are_no_names_of_raters(name):
    with pytest.raises(CollectionError, match=r"reserved for stored scores|1 to 128 characters"):
        check_rater(name)
    assert check_rater("x" * 128) == "x" * 128


@pytest.mark.parametrize("value", [0.5, 5.5, float("nan"), "4", None])
def test_ratings_are_from_one_to_five(value):
    with pytest.raises(CollectionError, match="rating"):
        check_rating(value)
    assert (check_rating(1), check_rating(5)) == (1.0, 5.0)
