from dataclasses import replace

import numpy as np
import pytest

from soart.errors import CollectionError
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.collection import ratings
from soart.pipelines.scoring.measuring import measure
from soart.pipelines.tastes import learning as tastes
from soart.pipelines.tastes.rating_session import (
    LazyQueue,
    RatingSession,
    considered,
    propose_pictures,
    rating_queue,
    unrated_pictures,
)


def test_rating_session(rated):
    collection, _, _ = rated
    session = RatingSession(collection, "me", rating_queue(collection, "me", None, 3))
    assert session.press("u") == "nothing to undo"
    first = session.current
    assert session.press("4") == "rated 4"
    assert session.press("x") == "skipped"
    assert session.press("u") == "undone"
    assert session.press("1") == "rated 1"
    for key in ("9", "0", "z", ""):
        with pytest.raises(CollectionError):
            session.press(key)
    assert session.press("2") == "rated 2"
    assert session.current is None
    assert session.press("3") == "all rated"
    assert sorted(ratings.ratings(collection, "me").values()) == [1, 2, 4]
    assert ratings.ratings(collection, "me")[first.id] == 4
    again = {row.id for row in rating_queue(collection, "me", None, 99)}
    assert len(again) == 17
    assert not again & ratings.judged_pictures(collection, "me")


def test_pictures_of_a_lazy_queue_are_chosen_when_they_are_reached(rated):
    collection, _, _ = rated
    session = RatingSession(collection, "me", LazyQueue(collection, "me", 3))
    first = session.current
    assert len(session.queue) == 3
    # Somebody rates two more in another place, and one comes.
    expected = [row.id for row in unrated_pictures(collection, "me", 4)]
    ratings.rate(collection, "me", dict.fromkeys(expected[1:3], 3.0))
    session.press("5")
    assert session.current.id not in expected[:3]
    assert session.press("u") == "undone"
    assert session.current.id == first.id
    every = LazyQueue(collection, "you", 999)
    assert len({row.id for row in every}) == len(every) == len(collection.ids())
    assert every[-1].id == every[len(every) - 1].id


def test_half_stars_and_not_for_me(rated):
    collection, _, _ = rated
    session = RatingSession(collection, "me", rating_queue(collection, "me", None, 4))
    ids = [row.id for row in session.queue]
    assert session.press("+") == "no rating to change"
    assert [session.press(key) for key in "4-"] == ["rated 4", "rated 3.5"]
    assert [session.press(key) for key in "5+"] == ["rated 5", "rated 5"]
    assert [session.press(key) for key in "n+"] == ["not for me", "no rating to change"]
    assert session.ratings == {ids[0]: 3.5, ids[1]: 5, ids[2]: ratings.NOT_FOR_ME}
    assert ratings.ratings(collection, "me") == {ids[0]: 3.5, ids[1]: 5, ids[2]: 1}
    assert ratings.ratings(collection, "me", personal=False) == {ids[0]: 3.5, ids[1]: 5}
    assert ratings.star_counts(collection, "me") == (3, 3)
    # An opinion of this rater alone.
    assert ratings.others_mean(collection, "you") == {ids[0]: -0.75, ids[1]: 0.75}
    assert session.press("u") == "undone"
    assert ratings.ratings_of_picture(collection, ids[0]) == {"me": 3.5}
    assert ratings.ratings_of_picture(collection, ids[2]) == {}
    ratings.dislike_personally(collection, "ann", ids[3])
    assert ratings.raters(collection) == ["ann", "me"]
    assert ratings.raters(collection, personal=False) == ["me"]
    ratings.rate(collection, "ann", {ids[3]: 2})
    assert ratings.ratings(collection, "ann", personal=False) == {ids[3]: 2}


def test_not_for_me_teaches_the_taste_and_no_prior(rated):
    collection, rows, vivid = rated
    for row in rows[:12]:
        if vivid[row.id]:
            ratings.rate(collection, "me", {row.id: 5})
        else:
            ratings.dislike_personally(collection, "me", row.id)
    taste = tastes.learn("mine", collection, tastes.Sources(rater="me")).taste
    assert dict(zip(taste.examples.pictures, taste.examples.liking, strict=True)) == {
        row.sha256[:16]: 1 if vivid[row.id] else -1 for row in rows[:12]
    }
    for row in rows:
        ratings.undo_rating(collection, "me", row.id)
    ratings.dislike_personally(collection, "you", rows[0].id)
    ratings.rate(collection, "me", {row.id: 5 if vivid[row.id] else 1 for row in rows[:12]})
    learnt = tastes.learn("mine", collection, tastes.Sources(rater="me")).taste
    assert learnt.prior_names == ("technical", "appeal", "nima")


def test_what_to_rate_next(rated, judge):
    collection, rows, _ = rated
    ratings.rate(collection, "me", {row.id: 3 for row in rows[:15]})
    proposal, chosen = propose_pictures(collection, judge, "me", 3)
    assert {row.id for row in chosen} <= {row.id for row in rows[15:]}
    assert proposal.reason
    assert [row.id for row in rating_queue(collection, "me", judge, 3)] == [row.id for row in chosen]
    ratings.rate(collection, "me", {row.id: 3 for row in rows})
    assert propose_pictures(collection, judge, "me", 3)[0].stop


def test_what_to_rate_first(collection, make_drawn):
    """Pictures that stand for many; without items, and for the rest, in a random order of the rater."""
    # One of three colours each, of which the last is rare.
    rng = np.random.default_rng(0)
    levels = [(200, 60, 60)] * 12 + [(60, 60, 200)] * 8 + [(60, 200, 60)] * 4
    pixels = [np.clip(np.array(level) + rng.normal(0, 8, (24, 24, 3)), 0, 255).astype(np.uint8) for level in levels]
    drawn = [replace(make_drawn(seed, size=24), pixels=p) for seed, p in enumerate(pixels)]
    rows = collection.add_drawn(drawn, "m", "s")
    colour = {row.id: level for row, level in zip(rows, levels, strict=True)}

    def queue(rater, count=24):
        return [row.id for row in rating_queue(collection, rater, None, count)]

    unmeasured = queue("me")
    assert sorted(unmeasured) == sorted(colour)
    assert unmeasured != queue("you")
    measure(collection, rows, TechnicalJudge.load())
    first = queue("me", 3)
    assert {colour[image] for image in first} == set(levels)
    assert queue("me", 3) == first
    assert sorted(queue("me", 99)) == sorted(colour)
    # What is rated counts as known: the colour that is left comes next, until something is liked.
    ratings.rate(collection, "me", {image: 2 for image in first if colour[image] != levels[0]})
    ratings.rate(collection, "me", {row.id: 2 for row in rows[12:15]})
    assert colour[queue("me", 1)[0]] == levels[0]
    liked = next(image for image in first if colour[image] == levels[2])
    ratings.rate(collection, "me", {liked: 5})
    assert colour[queue("me", 1)[0]] == levels[2]
    many = unrated_pictures(collection, "me", 9, first)
    assert not {row.id for row in many} & set(first)


def test_raters_of_many_pictures_begin_with_others(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(seed) for seed in range(140)], "m", "s")
    version, rng = TechnicalJudge.load().extractor.version, np.random.default_rng(1)
    width = len(TechnicalJudge.load().extractor.names)
    collection.add_items(version, {row.id: rng.normal(size=width).astype(np.float32) for row in rows})
    queues = [{row.id for row in rating_queue(collection, rater, None, 8)} for rater in ("me", "you", "ann")]
    assert len(set.union(*queues)) > 12
    assert [considered(count) for count in (0, 9, 64, 100, 140, 5000)] == [0, 9, 64, 64, 70, 600]
