from itertools import permutations

import numpy as np
import pytest
from scipy.special import expit, ndtr
from scipy.stats import kendalltau

from soart.errors import CollectionError
from soart.metrics.tastes.bradley_terry import SPREAD, standing


def ordered(count, shown, noise, seed=0):
    """Let a rater with a planted order choose until it is decided; returns standing, number of choices and order."""
    rng = np.random.default_rng(seed)
    truth, choices = rng.permutation(count).astype(float), []
    for made in range(500):
        now = standing(range(1, count + 1), choices)
        if now.is_decided:
            return now, made, truth
        ids = now.next_to_show(shown, rng)
        best = max(ids, key=lambda i: truth[i - 1] + noise * rng.gumbel())
        choices += [(best, other) for other in ids if other != best]
    raise AssertionError("never decided")


@pytest.mark.parametrize(("count", "shown", "most"), [(3, 2, 12), (8, 2, 40), (12, 4, 45), (20, 2, 120)])
def test_a_consistent_rater_reaches_the_planted_order(count, shown, most):
    now, made, truth = ordered(count, shown, noise=0)
    assert kendalltau(now.strengths, truth).statistic == pytest.approx(1)
    assert made <= most


def test_a_noisy_rater_comes_to_an_end_and_near_the_order():
    ends = [ordered(10, 2, noise=1.0, seed=seed) for seed in range(5)]
    assert np.mean([kendalltau(now.strengths, truth).statistic for now, _, truth in ends]) > 0.7
    assert max(made for _, made, _ in ends) < 120


def test_a_rater_who_sees_no_difference_comes_to_an_end():
    rng = np.random.default_rng(1)
    choices = []
    while not (now := standing([1, 2, 3, 4], choices)).is_decided:
        a, b = now.next_to_show(2, rng)
        choices.append((a, b) if len(choices) % 2 else (b, a))
    assert len(choices) < 40


def test_without_choices_nothing_is_decided_and_the_order_is_that_of_the_ids():
    now = standing([7, 5, 9], [])
    assert [now.ids[i] for i in now.order] == [7, 5, 9]
    assert now.probability(0, 1) == 0.5
    assert (now.is_decided, now.decided_share) == (False, 0)
    # Choices about other pictures say nothing here.
    assert standing([7, 5, 9], [(1, 2)]).strengths.tolist() == [0, 0, 0]


def test_skipped_pairs_wait():
    rng = np.random.default_rng(0)
    now = standing([1, 2, 3], [])
    for _ in range(10):
        assert set(now.next_to_show(2, rng, [frozenset((1, 2))])) == {2, 3}
    assert len(now.next_to_show(2, rng, [frozenset((1, 2)), frozenset((2, 3))])) == 2


@pytest.mark.parametrize("ids", [[], [1], [1, 1, 2], list(range(100))])
def test_pools_of_another_size_are_refused(ids):
    with pytest.raises(CollectionError, match="Expected 2 to"):
        standing(ids, [])


@pytest.mark.parametrize("made", [(30, 0), (12, 6)])
def test_the_mode_and_its_covariance_where_a_tie_is_half_a_win_for_each(made):
    rng = np.random.default_rng(3)
    choices, ties = ([tuple(int(i) for i in rng.permutation(5)[:2]) for _ in range(count)] for count in made)
    now = standing(range(5), choices, ties)

    def loss(theta):
        wins = sum(np.log(expit(theta[a] - theta[b])) for a, b in choices)
        halves = sum(np.log(expit(theta[a] - theta[b])) + np.log(expit(theta[b] - theta[a])) for a, b in ties) / 2
        return -wins - halves + theta @ theta / (2 * SPREAD**2)

    step = 1e-4 * np.eye(5)
    slope = [float(loss(now.strengths + e) - loss(now.strengths - e)) / 2e-4 for e in step]
    assert slope == pytest.approx([0.0] * 5, abs=1e-4)
    curve = [
        [(loss(now.strengths + a + b) - loss(now.strengths + a - b) - loss(now.strengths - a + b) + loss(now.strengths - a - b)) / 4e-8 for b in step]
        for a in step
    ]  # fmt: skip
    assert np.linalg.inv(curve) == pytest.approx(now.covariance, rel=1e-3)


def test_pictures_called_equal_need_no_more_comparisons():
    now = standing([1, 2, 3], [], [(1, 2), (2, 3), (1, 3)])
    assert now.is_decided
    assert now.strengths == pytest.approx([0, 0, 0])
    assert not standing([1, 2, 3], [], [(1, 2)]).is_decided


def test_ties_help_to_find_the_planted_order():
    """A rater who calls close pictures equal tells more by saying so than by choosing at random."""
    rng = np.random.default_rng(4)
    agreement = {"ties": [], "coins": []}
    for _ in range(30):
        truth = rng.normal(size=10)
        wins, equal, coins = [], [], []
        for _ in range(40):
            a, b = (int(i) for i in rng.permutation(10)[:2])
            if abs(truth[a] - truth[b]) < 0.5:
                equal.append((a, b))
                coins.append((a, b) if rng.random() < 0.5 else (b, a))
            else:
                wins.append((a, b) if truth[a] > truth[b] else (b, a))
        for name, made in (("ties", (wins, equal)), ("coins", (wins + coins, ()))):
            agreement[name].append(kendalltau(standing(range(10), *made).strengths, truth).statistic)
    assert np.mean(agreement["ties"]) > np.mean(agreement["coins"]) + 0.02


@pytest.mark.parametrize("seed", range(8))
def test_four_new_pictures_are_all_shown_at_once(seed):
    """Four that were selected for Compare: a pair from the end of the order would hide the others."""
    assert sorted(standing([1, 2, 3, 4], []).next_to_show(4, np.random.default_rng(seed))) == [1, 2, 3, 4]


def test_the_probability_of_an_order_is_that_of_a_normal_difference():
    now = standing([1, 2, 3], [(1, 2), (2, 1)] * 20 + [(2, 3)] * 3)
    for a, b in permutations(range(3), 2):
        apart = np.eye(3)[a] - np.eye(3)[b]
        chance = ndtr(apart @ now.strengths / np.sqrt(apart @ now.covariance @ apart))
        assert now.probability(a, b) == pytest.approx(chance)
        assert now.comparisons(a, b) == {1: 40, 2: 0, 3: 3}[a + b]
    assert now.probability(1, 1) == 0.5
