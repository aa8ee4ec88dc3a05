import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import ItemsError
from soart.metrics.similarity.diversity import select_diverse


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


def test_at_most_as_many_as_wanted():
    assert select_diverse(np.array([1.0, 3, 2]), np.eye(3), 0.5, count=2).tolist() == [1, 2]
    assert select_diverse(np.array([1.0, 1.0]), np.zeros((2, 2)), 0.0).tolist() == [0, 1]


@pytest.mark.parametrize(("scores", "apart"), [(np.zeros(2), -1.0), (np.zeros(2), np.nan), (np.zeros(3), 1.0)])
def test_wrong_arguments(scores, apart):
    with pytest.raises(ItemsError, match="distance of 0 or more"):
        select_diverse(scores, np.zeros((2, 2)), apart)
