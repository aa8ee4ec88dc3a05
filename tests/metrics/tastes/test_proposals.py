"""Pictures to rate first, while nothing is known of a taste."""

import numpy as np
import pytest

from soart.errors import ItemsError
from soart.metrics.items.frame import Frame
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.proposals import FIRST_KERNELS, FIRST_NOISE, propose_first

NAMES = (*(f"colour/{i}" for i in range(6)), *(f"quality/{i}" for i in range(3)), *(f"head/{i}" for i in range(4)))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def clusters(rng, sizes, apart=4.0):
    """Items of pictures in clusters, and the cluster of each."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(0, apart, (len(sizes), len(NAMES)))
    return centres[which] + rng.normal(0, 0.5, (len(which), len(NAMES))), which


def test_large_groups_come_first_and_none_twice_before_all(rng):
    items, which = clusters(rng, (40, 30, 20, 10))
    chosen = propose_first(items, NAMES, 8)
    assert len(set(chosen.tolist())) == 8
    assert set(which[chosen[:4]]) == {0, 1, 2, 3}
    assert which[chosen[0]] == 0
    assert (propose_first(items, NAMES, 8) == chosen).all()


def test_odd_pictures_do_not_come_first(rng):
    items = np.vstack([rng.normal(size=(60, len(NAMES))), 9 * rng.normal(size=(3, len(NAMES)))])
    assert max(propose_first(items, NAMES, 2)) < 60


def test_rated_pictures_are_known_and_not_proposed(rng):
    items, which = clusters(rng, (30, 30, 10))
    rated = np.flatnonzero(which < 2)[[0, 1, 30, 31]].tolist()
    first = propose_first(items, NAMES, 3, rated)
    assert which[first[0]] == 2
    assert not set(first.tolist()) & set(rated)


def test_each_picture_leaves_the_least_variance(rng):
    """By brute force over all pictures, with the posterior covariance of all ratings at once."""
    items, _ = clusters(rng, (6, 5, 4), apart=1.0)
    frame = Frame.of(items, NAMES)
    z = frame.deviations(items)
    kernels = ItemKernels.of(z, frame.kinds, np.zeros(len(z)))
    values = dict(zip(kernels.names, kernels.against(z), strict=True))
    prior = 1 + sum(size * values[name] for name, size in FIRST_KERNELS.items())

    def variance(rows):
        cross = prior[:, rows]
        return np.trace(
            prior - cross @ np.linalg.solve(prior[np.ix_(rows, rows)] + FIRST_NOISE * np.eye(len(rows)), cross.T)
        )

    chosen = propose_first(items, NAMES, 5).tolist()
    for count in range(5):
        left = [row for row in range(len(items)) if row not in chosen[:count]]
        assert min(left, key=lambda row: variance([*chosen[:count], row])) == chosen[count]
    assert propose_first(items, NAMES, 2, chosen[:3]).tolist() == chosen[3:]


def test_degenerate_collections(rng):
    none = np.zeros((0, len(NAMES)))
    assert propose_first(none, NAMES, 3).tolist() == []
    assert propose_first(np.ones((1, len(NAMES))), NAMES, 3).tolist() == [0]
    assert sorted(propose_first(np.ones((4, len(NAMES))), NAMES, 9)) == [0, 1, 2, 3]
    with pytest.raises(ItemsError, match="of a network alone"):
        propose_first(np.ones((4, 2)), ("deep/1/000", "deep/2/000"), 1)
    assert sorted(propose_first(rng.normal(size=(4, len(NAMES))), NAMES, 9, [2, 0])) == [1, 3]
    assert propose_first(np.ones((2, len(NAMES))), NAMES, 9, [0, 1]).tolist() == []
    # A network's items change nothing.
    items = rng.normal(size=(9, len(NAMES)))
    wide = np.hstack([items, rng.normal(size=(9, 5))])
    names = (*NAMES, *(f"deep/{i}/0000" for i in range(5)))
    assert (propose_first(wide, names, 4) == propose_first(items, NAMES, 4)).all()
    with pytest.raises(ItemsError):
        propose_first(np.full((2, len(NAMES)), np.nan), NAMES, 1)
