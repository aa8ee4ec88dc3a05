import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import kendalltau

from soart.errors import CollectionError
from soart.metrics.tastes.bradley_terry import SPREAD, standing


def ordered(count, shown, noise, seed=0):
    """Let somebody with a planted order choose until it is clear; returns the standing and the number of choices."""
    rng = np.random.default_rng(seed)
    truth, choices = rng.permutation(count).astype(float), []
    for asked in range(500):
        now = standing(range(1, count + 1), choices)
        if now.clear:
            return now, asked, truth
        ids = now.ask(shown, rng)
        best = max(ids, key=lambda i: truth[i - 1] + noise * rng.gumbel())
        choices += [(best, other) for other in ids if other != best]
    raise AssertionError("never clear")


@pytest.mark.parametrize(("count", "shown", "most"), [(3, 2, 12), (8, 2, 40), (12, 4, 45), (20, 2, 120)])
def test_a_consistent_rater_reaches_the_planted_order(count, shown, most):
    now, asked, truth = ordered(count, shown, noise=0)
    assert kendalltau(now.strengths, truth).statistic == pytest.approx(1)
    assert asked <= most


def test_a_noisy_rater_comes_to_an_end_and_near_the_order():
    found = [ordered(10, 2, noise=1.0, seed=seed) for seed in range(5)]
    assert np.mean([kendalltau(now.strengths, truth).statistic for now, _, truth in found]) > 0.7
    assert max(asked for _, asked, _ in found) < 120


def test_somebody_who_sees_no_difference_is_told_so():
    rng = np.random.default_rng(1)
    choices = []
    while not (now := standing([1, 2, 3, 4], choices)).clear:
        a, b = now.ask(2, rng)
        choices.append((a, b) if len(choices) % 2 else (b, a))
    assert len(choices) < 40


def test_the_mode_and_its_covariance_against_finite_differences():
    rng = np.random.default_rng(2)
    choices = [tuple(int(i) for i in rng.permutation(5)[:2]) for _ in range(30)]
    now = standing(range(5), choices)

    def loss(theta):
        return -sum(np.log(expit(theta[a] - theta[b])) for a, b in choices) + theta @ theta / (2 * SPREAD**2)

    step = 1e-4 * np.eye(5)
    slope = [float(loss(now.strengths + e) - loss(now.strengths - e)) / 2e-4 for e in step]
    assert slope == pytest.approx([0.0] * 5, abs=1e-4)
    curve = [
        [(loss(now.strengths + a + b) - loss(now.strengths + a - b) - loss(now.strengths - a + b) + loss(now.strengths - a - b)) / 4e-8 for b in step]
        for a in step
    ]  # fmt: skip
    assert np.linalg.inv(curve) == pytest.approx(now.covariance, rel=1e-3)
    assert now.deviations == pytest.approx(np.sqrt(np.diag(now.covariance)))


def test_without_choices_nothing_is_sure_and_the_order_is_as_given():
    now = standing([7, 5, 9], [])
    assert [now.ids[i] for i in now.order] == [7, 5, 9]
    assert now.sure(0, 1) == 0.5
    assert (now.clear, now.settled) == (False, 0)
    # Choices about other pictures say nothing here.
    assert standing([7, 5, 9], [(1, 2)]).strengths.tolist() == [0, 0, 0]


def test_pairs_that_were_passed_over_wait():
    rng = np.random.default_rng(0)
    now = standing([1, 2, 3], [])
    for _ in range(10):
        assert set(now.ask(2, rng, [frozenset((1, 2))])) == {2, 3}
    assert len(now.ask(2, rng, [frozenset((1, 2)), frozenset((2, 3))])) == 2


@pytest.mark.parametrize("ids", [[], [1, 2], [1, 1, 2], list(range(100))])
def test_pools_of_another_size_are_refused(ids):
    with pytest.raises(CollectionError, match="Expected 3 to"):
        standing(ids, [])
