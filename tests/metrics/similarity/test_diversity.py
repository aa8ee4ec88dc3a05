import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import ItemsError
from soart.metrics.similarity.diversity import places_of, select_diverse


@given(st.integers(0, 1000), st.integers(0, 30), st.floats(0, 3))
@settings(max_examples=50, deadline=None)
def test_chosen_pictures_are_apart_and_left_out_ones_near_a_better_one(seed, n, apart):
    rng = np.random.default_rng(seed)
    scores, places = rng.integers(0, 5, n).astype(float), rng.normal(size=(n, 2))
    chosen = select_diverse(scores, places, apart)
    assert (np.diff(scores[chosen]) <= 0).all()
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    for k in chosen:
        assert all(distance[k, other] >= apart for other in chosen if other != k)
    for k in set(range(n)) - set(chosen.tolist()):
        assert any(distance[k, other] < apart and scores[other] >= scores[k] for other in chosen)


def test_the_best_comes_first_and_equal_ones_keep_their_order():
    assert select_diverse(np.array([1.0, 3, 2]), np.eye(3), 0.5).tolist() == [1, 2, 0]
    assert select_diverse(np.array([1.0, 1.0]), np.zeros((2, 2)), 0.0).tolist() == [0, 1]


@pytest.mark.parametrize(("scores", "apart"), [(np.zeros(2), -1.0), (np.zeros(2), np.nan), (np.zeros(3), 1.0)])
def test_wrong_arguments(scores, apart):
    with pytest.raises(ItemsError, match="distance of 0 or more"):
        select_diverse(scores, np.zeros((2, 2)), apart)


def test_places_keep_distances_of_few_pictures_and_leave_out_what_does_not_vary():
    """With an axis for every ten pictures, fifteen unlike pictures lay on one line, and eleven were left out at 0.3."""
    rng = np.random.default_rng(0)
    items = np.hstack([rng.normal(size=(15, 60)), np.full((15, 40), 0.1)]) * 1e3
    places = places_of(items)
    z = (items[:, :60] - items[:, :60].mean(axis=0)) / items[:, :60].std(axis=0)
    wanted = np.linalg.norm(z[:, None] - z[None], axis=2) / np.sqrt(100)
    np.testing.assert_allclose(np.linalg.norm(places[:, None] - places[None], axis=2), wanted, atol=1e-9)
    assert len(select_diverse(rng.random(15), places, 0.3)) == 15
    assert places_of(items[:1]).tolist() == [[0.0]]
