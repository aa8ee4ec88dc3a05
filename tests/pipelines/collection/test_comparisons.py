from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from soart.errors import CollectionError
from soart.metrics.tastes.bradley_terry import standing
from soart.pipelines.collection.comparisons import (
    choices_and_ties,
    choosers,
    comparisons,
    count_choices,
    store_choice,
    store_tie,
    strengths,
    ties,
    undo_choice,
)
from soart.pipelines.tastes.learning import Sources, learn


@pytest.fixture
def eight(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(i, f"p{i}") for i in range(8)], "m", "s")
    return collection, [row.id for row in rows]


def test_choices_are_kept_by_rater_once_and_taken_back(eight):
    collection, ids = eight
    assert store_choice(collection, "ann", "c1", ids[0], ids[1:4])
    assert not store_choice(collection, "ann", "c1", ids[0], ids[1:4])
    assert store_choice(collection, "ben", "c2", ids[1], [ids[0]])
    assert comparisons(collection, "ann") == [(ids[0], other) for other in ids[1:4]]
    assert comparisons(collection, "ann", ids[:2]) == [(ids[0], ids[1])]
    assert not undo_choice(collection, "ben", "c1")
    assert undo_choice(collection, "ann", "c1")
    assert comparisons(collection, "ann") == []
    assert comparisons(collection, "ben") == [(ids[1], ids[0])]


def test_strengths_are_those_of_the_order_and_of_compared_pictures_alone(eight):
    collection, ids = eight
    for number, (winner, loser) in enumerate([(0, 1), (1, 2), (0, 2), (7, 0)]):
        store_choice(collection, "ann", f"c{number}", ids[winner], [ids[loser]])
    assert choosers(collection) == ["ann"]
    found = strengths(*choices_and_ties(collection, "ann", ids[:7]))
    assert list(found) == ids[:3]
    order = standing(ids[:3], comparisons(collection, "ann", ids[:3]))
    np.testing.assert_allclose(list(found.values()), order.strengths, atol=1e-6)
    assert found[ids[0]] > found[ids[1]] > found[ids[2]]
    # Two pictures: the mode of one choice solves θ = SPREAD² / (1 + exp(2 θ)).
    [better, worse] = strengths(*choices_and_ties(collection, "ann", [ids[0], ids[7]])).values()
    assert better == pytest.approx(-worse, abs=1e-6)
    assert abs(better) == pytest.approx(16 / (1 + np.exp(2 * abs(better))), abs=1e-4)
    assert strengths(*choices_and_ties(collection, "ben", ids)) == {}


def test_choices_that_mean_nothing_are_refused(eight):
    collection, ids = eight
    for winner, losers in ((ids[0], []), (ids[0], [ids[0]]), (ids[0], ids[1:6]), (ids[0], [ids[1], ids[1]])):
        with pytest.raises(CollectionError, match="choice among"):
            store_choice(collection, "ann", "c", winner, losers)
    with pytest.raises(CollectionError, match="no picture 99"):
        store_choice(collection, "ann", "c", ids[0], [99])
    with pytest.raises(CollectionError, match="name"):
        store_choice(collection, "", "c", ids[0], [ids[1]])
    assert comparisons(collection, "ann") == []


def test_a_taste_is_learnt_from_choices_in_the_collection(eight):
    collection, ids = eight
    for number, (a, b) in enumerate(zip(ids[:4], ids[4:], strict=True)):
        store_choice(collection, "ann", f"c{number}", a, [b])
    taste = learn("ann", collection, Sources(rater="ann")).taste
    assert len(taste.examples) == 8
    assert sorted(np.sign(taste.examples.liking)) == [-1] * 4 + [1] * 4


def test_ties_are_no_choices(eight):
    collection, ids = eight
    assert store_tie(collection, "ann", "t1", ids[:3])
    assert not store_tie(collection, "ann", "t1", ids[:3])
    # Two choices that contradict each other are no tie.
    store_choice(collection, "ann", "c1", ids[4], [ids[5]])
    store_choice(collection, "ann", "c2", ids[5], [ids[4]])
    assert ties(collection, "ann") == [(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])]
    assert ties(collection, "ann", ids[1:]) == [(ids[1], ids[2])]
    assert comparisons(collection, "ann") == [(ids[4], ids[5]), (ids[5], ids[4])]
    now = datetime.now(UTC)
    assert count_choices(collection, "ann") == count_choices(collection, "ann", now) == 2
    assert count_choices(collection, "ann", now - timedelta(days=1)) == count_choices(collection, "ben") == 0
    assert undo_choice(collection, "ann", "t1")
    assert ties(collection, "ann") == []
    with pytest.raises(CollectionError, match="choice among"):
        store_tie(collection, "ann", "t2", ids[:1])


def test_a_taste_is_learnt_from_ties_too(eight):
    collection, ids = eight
    for number, (a, b) in enumerate(zip(ids[:4], ids[4:], strict=True)):
        store_choice(collection, "ann", f"c{number}", a, [b])
    before = learn("ann", collection, Sources(rater="ann")).taste.examples
    store_tie(collection, "ann", "t", [ids[0], ids[4]])
    after = learn("ann", collection, Sources(rater="ann")).taste.examples
    assert len(after) == len(before) == 8
    gaps = [
        np.ptp([one.liking[list(one.pictures).index(p)] for p in before.pictures[[0, 4]]]) for one in (before, after)
    ]
    assert gaps[1] < gaps[0]
