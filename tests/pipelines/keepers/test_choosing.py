import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.pipelines.keepers.choosing import CLEAR, ERROR, chance_of_better, choose, too_close


@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_best_of_every_group_are_kept(seed, n, per_group):
    rng = np.random.default_rng(seed)
    groups, scores = rng.integers(-1, 4, n), rng.integers(0, 9, n).astype(float)
    scores[rng.random(n) < 0.1] = np.nan
    order = np.argsort(-np.where(np.isfinite(scores), scores, -np.inf), kind="stable")
    found = choose(groups, order, scores, per_group, partial(too_close, "technical-9"))
    assert [set(choice.rows) for choice in found] == [
        set(np.flatnonzero(groups == g).tolist()) for g in range(4) if (groups == g).sum() > 1
    ]
    for choice in found:
        values = [-math.inf if math.isnan(scores[row]) else scores[row] for row in choice.rows]
        assert values == sorted(values, reverse=True)
        assert choice.kept == min(per_group, len(values))
        if choice.kept == len(values):
            assert math.isnan(choice.margin)
        elif math.isfinite(values[choice.kept - 1]) and math.isfinite(values[choice.kept]):
            assert choice.margin == values[choice.kept - 1] - values[choice.kept]
            assert choice.close == (choice.margin <= ERROR)
        else:
            assert not choice.close


def test_errors_of_scores():
    assert too_close("technical-9", 71, 70)
    assert not too_close("blur-8", 80, 70)
    assert too_close("overall-0602", 72.9, 70)
    assert not too_close("overall-0602", 73.1, 70)
    # The same three points are much at the ends of a taste's scale, and nothing in the middle.
    assert too_close("taste:mine", 51.5, 48.5)
    assert too_close("taste:mine", 48.5, 51.5)
    assert not too_close("taste:mine", 99, 96)
    assert too_close("judge:clip@1", 0.3, 0.3)
    assert not too_close("judge:clip@1", 0.31, 0.3)


@given(st.floats(0, 100), st.floats(0, 100))
def test_chance_follows_from_independent_probabilities(one, other):
    p, q = one / 100, other / 100
    if 0 < p < 1 and 0 < q < 1 and min(p, q, 1 - p, 1 - q) > 1e-6:
        assert chance_of_better(one, other) == pytest.approx(p * (1 - q) / (p * (1 - q) + q * (1 - p)), rel=1e-6)
    assert chance_of_better(one, other) + chance_of_better(other, one) == pytest.approx(1)
    assert 0.5 < CLEAR < 1
