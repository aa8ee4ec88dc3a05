"""Pictures to rate first, and those that are hunted once something is liked."""

import numpy as np
import pytest

from soart.errors import ItemsError
from soart.metrics.items.frame import Frame
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.proposals import BOLD, CONSTANT, KERNELS_OF_APPEARANCE, NOISE, hunt

NAMES = (*(f"colour/{i}" for i in range(6)), *(f"quality/{i}" for i in range(3)), *(f"head/{i}" for i in range(4)))


def clusters(rng, sizes, apart=4.0):
    """Items of pictures in clusters, and the cluster of each."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(0, apart, (len(sizes), len(NAMES)))
    return centres[which] + rng.normal(0, 0.5, (len(which), len(NAMES))), which


def prior_of(items):
    frame = Frame.of(items, NAMES)
    z = frame.deviations(items)
    kernels = ItemKernels.of(z, frame.kinds, np.zeros(len(z)))
    values = dict(zip(kernels.names, kernels.against(z), strict=True))
    return CONSTANT + sum(size * values[name] for name, size in KERNELS_OF_APPEARANCE.items())


def test_large_groups_come_first_and_none_twice_before_all(rng):
    items, which = clusters(rng, (40, 30, 20, 10))
    chosen = hunt(items, NAMES, 8)
    assert len(set(chosen.tolist())) == 8
    assert set(which[chosen[:4]]) == {0, 1, 2, 3}
    assert which[chosen[0]] == 0
    assert (hunt(items, NAMES, 8) == chosen).all()


def test_odd_pictures_do_not_come_first(rng):
    items = np.vstack([rng.normal(size=(60, len(NAMES))), 9 * rng.normal(size=(3, len(NAMES)))])
    assert max(hunt(items, NAMES, 2)) < 60


def test_rated_pictures_are_known_and_not_proposed(rng):
    items, which = clusters(rng, (30, 30, 10))
    rated = np.flatnonzero(which < 2)[[0, 1, 30, 31]].tolist()
    first = hunt(items, NAMES, 3, dict.fromkeys(rated))
    assert which[first[0]] == 2
    assert not set(first.tolist()) & set(rated)


def test_each_picture_leaves_the_least_variance(rng):
    """By brute force over all pictures, with the posterior covariance of all ratings at once."""
    items, _ = clusters(rng, (6, 5, 4), apart=1.0)
    prior = prior_of(items)

    def variance(rows):
        cross = prior[:, rows]
        return np.trace(prior - cross @ np.linalg.solve(prior[np.ix_(rows, rows)] + NOISE * np.eye(len(rows)), cross.T))

    chosen = hunt(items, NAMES, 5).tolist()
    for count in range(5):
        left = [row for row in range(len(items)) if row not in chosen[:count]]
        assert min(left, key=lambda row: variance([*chosen[:count], row])) == chosen[count]
    assert hunt(items, NAMES, 2, dict.fromkeys(chosen[:3], -1.0)).tolist() == chosen[3:]


def test_degenerate_collections(rng):
    none = np.zeros((0, len(NAMES)))
    assert hunt(none, NAMES, 3).tolist() == []
    assert hunt(np.ones((1, len(NAMES))), NAMES, 3).tolist() == [0]
    assert sorted(hunt(np.ones((4, len(NAMES))), NAMES, 9)) == [0, 1, 2, 3]
    assert sorted(hunt(rng.normal(size=(4, len(NAMES))), NAMES, 9, {2: None, 0: 1.0})) == [1, 3]
    assert hunt(np.ones((2, len(NAMES))), NAMES, 9, {0: 1.0, 1: -1.0}).tolist() == []
    with pytest.raises(ItemsError):
        hunt(np.full((2, len(NAMES)), np.nan), NAMES, 1)


def test_what_may_be_liked_is_hunted_once_something_is(rng):
    """By brute force, with the posterior of all ratings at once."""
    items, which = clusters(rng, (20, 20, 20), apart=1.0)
    prior = prior_of(items)
    shown = {0: -1.0, 25: 1.0, 45: -0.5, 46: None}
    expected = 0.1 * rng.normal(size=60)
    said, seen = [row for row in shown if shown[row] is not None], [*shown]
    solved = np.linalg.solve(
        prior[np.ix_(said, said)] + NOISE * np.eye(3), [shown[row] - expected[row] for row in said]
    )
    explained = np.linalg.solve(prior[np.ix_(seen, seen)] + NOISE * np.eye(4), prior[seen])
    bold = expected + prior[:, said] @ solved + BOLD * np.sqrt(np.diag(prior - prior[:, seen] @ explained))
    bold[seen] = -np.inf
    first, *_ = hunt(items, NAMES, 3, shown, expected)
    assert first == bold.argmax()
    assert which[first] == 1


def test_pictures_like_those_shown_come_last(rng):
    items, which = clusters(rng, (10, 10))
    chosen = hunt(
        items, NAMES, 20, {0: 1.0}, alike=lambda row: (which == which[row]) / 2, barred=(np.arange(20) == 15) * 1.0
    )
    # One more of the first group is allowed, and two of the other; the barred one is the last.
    assert which[chosen[:3]].tolist().count(0) == 1
    assert chosen[-1] == 15
    assert len(chosen) == 19


def test_a_rare_liking_is_found_sooner_than_by_chance(rng):
    """One group in ten is liked; the lesser liking of its neighbours leads there."""
    found = []
    for seed in range(8):
        own = np.random.default_rng(seed)
        items, which = clusters(own, (30,) * 10, apart=0.7)
        target = int(own.integers(10))
        apart = np.linalg.norm(items - items[which == target].mean(axis=0), axis=1)
        liking = np.where(which == target, 1.0, np.clip(-apart / np.median(apart), -1, 0))
        shown = {}
        for _ in range(16):
            row = int(hunt(items, NAMES, 1, shown)[0])
            shown[row] = float(liking[row])
        found.append(sum(value == 1 for value in shown.values()))
    assert np.mean(found) >= 5
