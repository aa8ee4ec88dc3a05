from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soart.metrics.tastes.examples import from_liking
from soart.metrics.tastes.folds import gather
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.taste_files import load_taste, save_taste
from soart.metrics.tastes.within_groups import WithinGroups, interval, within_held_out, within_scores


@given(st.integers(0, 10_000), st.integers(0, 25))
@settings(max_examples=60, deadline=None)
def test_pairs_of_one_group_are_counted_alone(seed, n):
    rng = np.random.default_rng(seed)
    liking, scores, groups = rng.integers(1, 4, n), rng.integers(0, 4, n), rng.integers(-1, 5, n)
    right = []
    for i, j in combinations(range(n), 2):
        if groups[i] == groups[j] >= 0 and liking[i] != liking[j]:
            agreement = (scores[i] - scores[j]) * (liking[i] - liking[j])
            right.append(1.0 if agreement > 0 else 0.5 if agreement == 0 else 0.0)
    found = within_scores(liking.astype(float), scores.astype(float), groups)
    assert found.pairs == len(right)
    assert found.concordance == pytest.approx(np.mean(right) if right else np.nan, nan_ok=True)
    assert 0 <= found.low <= found.high <= 1
    # All in one fold: held-out comparisons say the same, with more caution.
    held_out = within_held_out(gather(liking, [(np.arange(n), scores)]), groups)
    assert str(replace(held_out, low=found.low, high=found.high)) == str(found)
    assert held_out.low <= found.low <= found.high <= held_out.high


def test_pairs_held_out_several_times_count_once():
    liking, groups = np.array([1.0, -1.0, 1.0, -1.0]), np.array([0, 0, 1, 1])
    tests = [(np.arange(4), np.array([1.0, 0, 0, 1])), (np.arange(4), np.array([0.0, 1, 0, 1]))]
    found = within_held_out(gather(liking, tests), groups)
    assert (found.pairs, found.groups) == (2, 2)
    # The first pair came out right once in two times, the second never.
    assert found.concordance == 0.25


@pytest.mark.parametrize("truth", [0.5, 0.7, 0.95])
def test_interval_covers_with_groups_as_clusters(truth):
    """Each group has a rate of its own, so that its pairs hang together."""
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        pairs = rng.integers(1, 7, 20)
        rate = rng.beta(4 * truth, 4 * (1 - truth), 20)
        low, high = interval(rng.binomial(pairs, rate), pairs, pairs + 1)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.92


def test_interval_keeps_a_width_where_everything_came_out_right():
    pairs = np.full(10, 6)
    low, high = interval(pairs, pairs, np.full(10, 4))
    # Four pictures of a group are three independent pairs at most.
    assert 0.8 < low < 0.9
    assert high == 1
    # With nothing to learn the variance of held-out pairs is twice as large.
    half = pairs / 2
    (low, high), (lower, higher) = (interval(half, pairs, np.full(10, 4), held_out=h) for h in (False, True))
    assert lower < low < high < higher
    assert interval(np.array([6.0]), np.array([6.0]), np.array([4.0])) == (0, 1)


def test_interval_of_very_many_pairs_with_one_error():
    pairs = np.full(10_000, 2)
    right = pairs - (np.arange(10_000) == 0)
    low, high = interval(right, pairs, np.full(10_000, 3))
    assert low <= 1 - 1 / 20_000 <= high
    assert high - low <= 0.0005 + 1e-12


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        (
            WithinGroups(),
            "Not known yet how often it picks the one you prefer of two pictures of one prompt: give the two different "
            "ratings in 10 or more such pairs, from 5 prompts or more (so far 0 pairs of 0 prompts)",
        ),
        (WithinGroups(1.0, 0.1, 1.0, 9, 9), "so far 9 pairs of 9 prompts"),
        (WithinGroups(0.71, 0.62, 0.79, 140, 25), "it picks yours in 71 % (62 … 79); 140 pairs of 25 prompts"),
        (WithinGroups(0.55, 0.42, 0.67, 40, 12), "it picks yours in 55 % (42 … 67), no better than chance; 40 pairs"),
        (WithinGroups(0.2, 0.1, 0.4, 40, 12), "it picks yours in 20 % (10 … 40), worse than chance"),
    ],
)
def test_sentences(trust, expected):
    assert expected in trust.sentence()
    assert "of two pictures of one prompt" in trust.sentence().lower()


def test_a_taste_of_prompts_alone_is_chance_within_prompts(taste_world, tmp_path):
    """Likings that hang on the prompt alone are told from held-out prompts, and say nothing of two of one prompt."""
    rng = np.random.default_rng(2)
    prompts = np.repeat(np.arange(16), 4)
    items, _ = taste_world.draw(64, rng)
    column = items[:, taste_world.saturation]
    column[:] = np.repeat(rng.normal(size=16), 4)
    between = np.clip(column / 4, -0.9, 0.9)
    quirk = rng.choice([-0.05, 0.05], 64)
    names = taste_world.names

    def learnt(liking):
        return learn_taste(
            from_liking(items.copy(), liking, prompts.astype(str)), names, "v", rng=rng, prompts=prompts,
        )  # fmt: skip

    taste = learnt(between + quirk)
    assert taste.trust.held_out > 0.75
    assert taste.trust.within.known
    assert taste.trust.within.chance
    items[:, taste_world.detail] = quirk + rng.normal(0, 0.02, 64)
    within = learnt(between + 4 * quirk).trust.within
    assert within.low > 0.5
    save_taste(taste, tmp_path / "a.taste.safetensors")
    assert load_taste(tmp_path / "a.taste.safetensors").trust.within == taste.trust.within
    assert learn_taste(from_liking(items, between), names, "v").trust.within is None


def test_a_group_counts_as_one_pair_fewer_than_its_pictures():
    """Wilson's interval in closed form, with the t quantile of nine degrees of freedom and 10 · 3 pairs."""
    pairs, pictures = np.full(10, 6), np.full(10, 4)
    low, high = interval(np.full(10, 4.0), pairs, pictures)
    p, n, t = 4 / 6, 30, stats.t.ppf(0.975, 9)
    centre, half = p + t**2 / (2 * n), t * np.sqrt(p * (1 - p) / n + t**2 / (4 * n**2))
    assert (low, high) == pytest.approx(((centre - half) / (1 + t**2 / n), (centre + half) / (1 + t**2 / n)), abs=0.001)
