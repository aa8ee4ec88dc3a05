"""Likeness of pictures by their items."""

import numpy as np
import pytest

from soart.errors import ItemsError
from soart.metrics.similarity.neighbours import likeness

NAMES = ("raw/a", "normalised/b", "raw/c", "colour/d", "colour/e", "quality/f")


def test_pictures_of_the_liked_kind_come_first():
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1], 30)
    items = rng.normal(size=(60, 6)) + 3 * np.outer(kinds, [1, -1, 1, 1, -1, 0])
    liked = rng.normal(size=(2, 6)) + 3 * np.array([1, -1, 1, 1, -1, 0])
    order = np.argsort(-likeness(items, liked, NAMES))
    assert np.mean(kinds[order[:20]]) > 0.95
    assert np.abs(likeness(items, liked, NAMES)).max() <= 1


def test_a_picture_is_most_like_itself_and_quality_does_not_count():
    rng = np.random.default_rng(1)
    items = rng.normal(size=(20, 6))
    alike = likeness(items, items[[7]], NAMES)
    assert (alike.argmax(), alike[7]) == (7, pytest.approx(1))
    other = items.copy()
    other[:, 5] = rng.normal(size=20)
    assert likeness(other, other[[7]], NAMES) == pytest.approx(alike)


def test_a_network_decides_alone():
    rng = np.random.default_rng(2)
    items, names = rng.normal(size=(20, 8)), (*NAMES, "deep/1/000", "deep/1/001")
    other = np.hstack([rng.normal(size=(20, 6)), items[:, 6:]])
    assert likeness(items, items[[3]], names) == pytest.approx(likeness(other, other[[3]], names))


def test_constant_items_do_not_count_where_a_mean_misses_their_value():
    """The mean of ten times 0.1 is not 0.1: the rounding error, in deviations of its own, was a full ±1."""
    rng = np.random.default_rng(3)
    items = rng.normal(size=(10, 6))
    flat = items.copy()
    items[:, [1, 4]], flat[:, [1, 4]] = 0.1, 0
    for rows in (items, items[:, :2]):
        names = NAMES[: rows.shape[1]]
        assert likeness(rows, rows[[3]], names) == pytest.approx(
            likeness(flat[:, : len(names)], flat[[3]][:, : len(names)], names)
        )


def test_equal_pictures_and_wrong_shapes():
    assert likeness(np.ones((3, 6)), np.ones((1, 6)), NAMES).tolist() == [0, 0, 0]
    for items, liked in (
        (np.ones((3, 6)), np.ones((0, 6))),
        (np.ones((3, 5)), np.ones((1, 5))),
        (np.ones(6), np.ones((1, 6))),
    ):
        with pytest.raises(ItemsError):
            likeness(items, liked, NAMES)
