"""Ratings in a collection."""

import pytest

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice, store_tie
from soart.pipelines.collection.ratings import dislike_personally, others_mean, rate, ratings, reject


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
            with pytest.raises(CollectionError, match="changes its direction"):
                act("m\u202ee")
            act("me")
