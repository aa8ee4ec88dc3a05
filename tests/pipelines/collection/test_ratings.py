"""Ratings in a collection."""

from soart.pipelines.collection.collection import Collection
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
