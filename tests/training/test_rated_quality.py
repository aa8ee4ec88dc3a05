"""Rated quality: what it learns from ratings and from what else is known."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from soart.errors import TasteError
from soart.metrics.damage.rated_quality import SIDE, SMALLEST
from soart.metrics.items.frame import CUT
from soart.training.rated_quality import PAIR, REDUCED, Balance, Pairs, learn_rated_quality

NAMES = (SIDE, *(f"colour/chroma/{k}" for k in range(3)), *(f"deep/7/{k:03d}" for k in range(4)))


def pictures(n=80, seed=0):
    items = np.random.default_rng(seed).normal(size=(n, len(NAMES)))
    items[:, 0] = 512
    return items


def rated(items):
    return 0.5 + items[:, 1:] @ np.linspace(-0.02, 0.03, len(NAMES) - 1)


def test_is_ridge_regression_on_deviations():
    items, fresh = pictures(), pictures(30, 1)
    learnt = learn_rated_quality(items, rated(items), NAMES, alpha=10.0)
    centre, scale = items[:, 1:].mean(axis=0), items[:, 1:].std(axis=0)
    z, unseen = (np.clip((rows[:, 1:] - centre) / scale, -CUT, CUT) for rows in (items, fresh))
    expected = Ridge(alpha=10.0).fit(z, rated(items)).predict(unseen)
    assert np.allclose(learnt.scores(fresh, NAMES), expected)
    assert learnt.usual == pytest.approx(rated(items).mean())
    shuffled = np.random.default_rng(2).permutation(len(NAMES))
    assert np.allclose(learnt.scores(fresh[:, shuffled], [NAMES[i] for i in shuffled]), expected)


def shifted(items, column, by):
    return items + by * (np.arange(len(NAMES)) == column)


def test_what_is_known_beside_ratings_minimises_one_sum():
    items, opinions = pictures(), rated(pictures())
    small, drawn = pictures(20, 3), pictures(15, 4)
    pairs = Pairs(pictures(25, 5), pictures(25, 6), np.linspace(0, 0.2, 25))
    sums = (Balance(drawn, np.full(15, 1 / 15), 0.5, 1000.0), Balance(small, np.linspace(-1, 1, 20), 0.3, 40.0))
    told = {"reduced": (small, rated(small) + 0.1), "pairs": pairs, "balances": sums}
    learnt = learn_rated_quality(items, opinions, NAMES, alpha=10.0, **told)

    def z(rows):
        return np.clip((rows[:, 1:] - items[:, 1:].mean(axis=0)) / items[:, 1:].std(axis=0), -CUT, CUT)

    def loss(weights):
        def predicted(rows):
            return opinions.mean() + (z(rows) - z(items).mean(axis=0)) @ weights

        short = np.maximum(pairs.lead - (z(pairs.sound) - z(pairs.damaged)) @ weights, 0)
        return (
            ((predicted(items) - opinions) ** 2).sum() + REDUCED * ((predicted(small) - rated(small) - 0.1) ** 2).sum()
            + sum(b.weight * (b.factors @ predicted(b.items) - b.wanted) ** 2 for b in sums)
            + PAIR * (short**2).sum() + 10 * (weights**2).sum()
        )  # fmt: skip

    found = learnt.weights[1:]
    assert learnt.weights[0] == 0
    steps = np.random.default_rng(7).normal(scale=1e-4, size=(50, len(found)))
    assert all(loss(found) < loss(found + step) for step in steps)
    assert abs(learnt.scores(drawn, NAMES).mean() - 0.5) < 0.02


def test_pairs_are_told_apart_and_ratings_are_kept():
    items, sound = pictures(400), pictures(60, 1)
    worse = shifted(sound, len(NAMES) - 1, 1.5)
    # Ratings alone say that more of the last item is better.
    alone = learn_rated_quality(items, rated(items), NAMES)
    assert (alone.scores(worse, NAMES) > alone.scores(sound, NAMES)).all()
    learnt = learn_rated_quality(items, rated(items), NAMES, pairs=Pairs(sound, worse, np.full(60, 0.1)))
    assert (learnt.scores(worse, NAMES) < learnt.scores(sound, NAMES)).mean() > 0.9
    assert np.corrcoef(learnt.scores(items, NAMES), rated(items))[0, 1] > 0.5
    # Neither do empty arrays, nor pairs that are apart already.
    nothing = {
        "reduced": (sound[:0], np.empty(0)),
        "pairs": Pairs(sound[:0], sound[:0], np.empty(0)),
        "balances": (Balance(sound[:0], np.empty(0), 0.0, 1000.0),),
    }
    assert np.array_equal(learn_rated_quality(items, rated(items), NAMES, **nothing).weights, alone.weights)
    known = Pairs(worse, sound, np.zeros(60))
    assert np.array_equal(learn_rated_quality(items, rated(items), NAMES, pairs=known).weights, alone.weights)


def test_odd_pictures():
    items = pictures()
    learnt = learn_rated_quality(items, rated(items), NAMES, alpha=0.01)
    far = np.repeat(items[:1], 4, axis=0)
    far[0, -1], far[1, -1], far[2, 0], far[3, 0] = 1e3, 1e9, SMALLEST, SMALLEST / 2
    first, second, smallest, smaller = learnt.scores(far, NAMES)
    # Items are cut at four deviations; the size of the learning pictures is constant and does not count.
    assert first == second
    assert smallest == pytest.approx(learnt.scores(items[:1], NAMES)[0])
    assert np.isnan(smaller)
    steep = learn_rated_quality(items, 0.5 + 50 * (rated(items) - 0.5), NAMES, alpha=0.01).scores(items, NAMES)
    assert (steep.min(), steep.max()) == (0, 1)
    assert learnt.scores(items[:0], NAMES).shape == (0,)
    many = np.repeat(items, 30, axis=0)
    assert np.allclose(learnt.scores(many, NAMES), np.repeat(learnt.scores(items, NAMES), 30))
    same = learn_rated_quality(items, np.full(len(items), 0.7), NAMES)
    assert np.allclose(same.scores(items, NAMES), 0.7)
    for wrong, names in ((items[:0], NAMES), (items[:, 1:], NAMES[1:])):
        with pytest.raises(TasteError, match="rated pictures"):
            learn_rated_quality(wrong, rated(items)[: len(wrong)], names)
    with pytest.raises(TasteError, match=r"Rated quality needs the item 'deep/7/003'"):
        learnt.scores(items[:, :-1], NAMES[:-1])


def test_items_that_turns_exchange_count_alike():
    parts = ("line-h", "line-v", "line-d", "line-u", "bend-ne", "bend-nw")
    names = (SIDE, *(f"raw/luma/s0/{part}/Y1" for part in parts), "colour/chroma/mean")
    rng = np.random.default_rng(8)
    items = np.column_stack([np.full(200, 512), rng.normal(size=(200, 7)) * np.linspace(1, 3, 7)])
    opinions = 0.5 + items[:, 1:] @ np.array([0.05, 0.0, 0.02, -0.02, 0.0, 0.03, 0.01])
    learnt = learn_rated_quality(items, opinions, names, alpha=1.0, turned_alike=True)
    for alike in ([1, 2], [3, 4], [5, 6]):
        for values in (learnt.weights, learnt.centre, learnt.scale):
            assert values[alike[0]] == pytest.approx(values[alike[1]])
    free = learn_rated_quality(items, opinions, names, alpha=1.0)
    assert abs(free.weights[1] - free.weights[2]) > 0.01
    # The best model of means over such items: ridge regression on these.
    z = np.clip((items - learnt.centre) / learnt.scale, -CUT, CUT)[:, 1:]
    means = np.column_stack([z[:, k : k + 2].sum(axis=1) / np.sqrt(2) for k in (0, 2, 4)] + [z[:, 6]])
    expected = Ridge(alpha=1.0).fit(means, opinions).predict(means)
    assert np.allclose(learnt.scores(items, names), np.clip(expected, 0, 1))
