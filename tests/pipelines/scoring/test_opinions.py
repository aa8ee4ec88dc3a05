"""Ratings and choices of people, as values and as evidence for the rating model."""

from dataclasses import replace

import numpy as np
import pytest

from soart.pipelines.collection.comparisons import store_choice, store_tie
from soart.pipelines.collection.ratings import rate
from soart.pipelines.collection.tables import ImageRow
from soart.pipelines.scoring.opinions import Opinion, who_judged
from soart.pipelines.tuning.evidence import JudgedChoices
from soart.pipelines.tuning.panel import Judgements
from soart.pipelines.tuning.study import Trial


@pytest.fixture
def pictures(collection, make_drawn):
    return [row.id for row in collection.add_drawn([make_drawn(seed) for seed in range(6)], "m", "D")]


def test_an_opinion_of_ratings_and_choices(collection, pictures):
    a, b, c, d, e, f = pictures
    rate(collection, "ann", {a: 5, f: 1})
    store_choice(collection, "ann", "one", b, [c, d])
    store_choice(collection, "ann", "two", a, [b])
    store_tie(collection, "ann", "three", [c, d])
    store_choice(collection, "bob", "four", e, [a])
    opinion = Opinion.of(collection, "ann", [a, b, c, d, e])
    assert opinion.rated == {a}
    assert sorted(opinion.pairs) == sorted([(b, c), (b, d), (a, b), (c, d), (d, c)])
    assert opinion.stars.keys() == {a, b, c, d}
    assert opinion.stars[a] == 5
    assert 5 > opinion.stars[b] > opinion.stars[c] == pytest.approx(opinion.stars[d])
    assert Opinion.of(collection, "nobody", pictures) == Opinion({}, frozenset(), ())
    assert who_judged(collection) == ["ann", "bob"]


def test_pictures_that_are_all_called_equal_are_in_the_middle(collection, pictures):
    store_tie(collection, "ann", "one", pictures[:3])
    assert list(Opinion.of(collection, "ann", pictures).stars.values()) == pytest.approx([3, 3, 3])


def test_suggested_stars_agree_with_the_ratings_of_compared_pictures(collection, pictures):
    a, b, c = pictures[:3]
    rate(collection, "ann", {a: 1.5})
    store_choice(collection, "ann", "one", a, [b])
    store_choice(collection, "ann", "two", c, [a])
    stars = Opinion.of(collection, "ann", pictures).stars
    assert stars[b] < stars[a] == 1.5 < stars[c]


def test_choices_are_told_as_choices_and_only_within_a_subject():
    rows = [ImageRow(id=number, sha256="", path="") for number in range(4)]
    trials = [Trial(n, 0, (n,), "", n, f"k{n}", row) for n, row in enumerate(rows)]
    trials[3] = replace(trials[3], context="a fox")
    judged = Judgements(
        trials, rows, np.zeros((4, 1)), {"s": np.arange(4.0), "ann": np.array([5.0, 4.0, 2.0, np.nan])},
        {"ann": 1.0}, frozenset({"ann"}), compared={"ann": np.array([[1, 2], [0, 3]])},
        suggested={"ann": np.array([False, True, True, False])},
    )  # fmt: skip
    evidence = JudgedChoices.of(judged)
    told = evidence.feedback
    names = [(judge.name, judge.context) for judge in evidence.judges]
    assert names == [*[("s", "")] * 3, ("s", "a fox"), ("ann", ""), ("ann", ""), ("ann", "")]
    assert told.rated.tolist() == [0, 1, 2, 3, 4]
    assert told.ratings[4] == 2.0
    assert [[evidence.trials[n].number for n in pair] for pair in told.pairs.tolist()] == [[1, 2]]
    assert not JudgedChoices()
