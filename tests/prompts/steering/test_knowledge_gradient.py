from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from soart.prompts.rating_model.choice_functions import prior_draws
from soart.prompts.rating_model.hyperparameters import Layout
from soart.prompts.rating_model.model import RatingModel
from soart.prompts.rating_model.posterior import Covariance
from soart.prompts.steering.knowledge_gradient import (
    DRAWS,
    MOST_CANDIDATES,
    candidates,
    candidates_for,
    draws_for,
    expected_maximum,
    knowledge_gradient_batch,
    leaders,
)
from soart.prompts.steering.search import Domain, keys, peaks
from soart.prompts.steering.steering import Steering


def functions(rng, levels, count):
    theta = Layout(len(levels), ()).unpack(np.log([1.0, 0.5, 0.5, *[0.3] * len(levels)]))
    return prior_draws(rng, count, levels, theta, 0.2)


def of_matrix(matrix):
    return Covariance(np.diag(matrix), lambda numbers: matrix[:, numbers])


def exact_expected_maximum(means, slopes):
    """E max_l (μ_l + s_l z) by the pieces of the upper envelope (Frazier, Powell & Dayanik 2009)."""
    borders = [
        (means[b] - means[a]) / (slopes[a] - slopes[b])
        for a in range(len(means))
        for b in range(a)
        if slopes[a] != slopes[b]
    ]
    cuts = np.sort(np.concatenate([[-np.inf], borders, [np.inf]]))
    total = 0.0
    for low, high in pairwise(cuts):
        middle = (max(low, -50.0) + min(high, 50.0)) / 2
        top = int((means + slopes * middle).argmax())
        total += means[top] * (norm.cdf(high) - norm.cdf(low)) + slopes[top] * (norm.pdf(low) - norm.pdf(high))
    return total


def test_the_expected_maximum_is_that_of_the_upper_envelope(rng):
    means, slopes = rng.normal(size=6), rng.normal(size=(5, 6))
    exact = [exact_expected_maximum(means, row) for row in slopes]
    np.testing.assert_allclose(expected_maximum(means[None], slopes), exact, atol=0.03)
    # Nothing to learn, nothing to gain.
    assert expected_maximum(means[None], np.zeros((1, 6)))[0] == pytest.approx(means.max())
    assert expected_maximum(np.stack([means, means + 1]), slopes)[0] == pytest.approx(
        expected_maximum(means[None] + 0.5, slopes)[0]
    )


def test_pictures_go_where_ratings_can_change_the_choice():
    """Certain, hopeless, and in question: only the last is worth a picture, and twice in doubt it takes both."""
    mean = np.array([1.0, 0.9, 0.9, -9.0])
    covariance = np.diag([1e-9, 1.0, 1.0, 1.0])
    free = np.ones(4, dtype=bool)

    def pick(count, **changes):
        settings = {"leading": 4, "free": free} | changes
        return knowledge_gradient_batch(mean, of_matrix(covariance), 0.5, count, np.random.default_rng(0), **settings)

    assert set(pick(2)) == {1, 2}
    assert pick(1, pending=[1]) == [2]
    assert pick(4, free=np.array([True, False, False, True])) in ([0, 3], [3, 0])
    assert pick(1, free=~free) == []
    # Two candidates that say the same need only one of the pictures.
    twins = covariance.copy()
    twins[1:3, 1:3] = [[1.0, 0.999], [0.999, 1.0]]
    twins[3, 3], mean[3] = 1.0, 0.5
    picks = knowledge_gradient_batch(mean, of_matrix(twins), 0.05, 2, np.random.default_rng(0), leading=4, free=free)
    assert set(picks) in ({1, 3}, {2, 3})


def test_joint_climbs_end_at_the_best_of_single_ones(rng):
    levels = (4, 3, 5, 2)
    draws, free = functions(rng, levels, 6), Domain.of(levels)
    starts = free.random(rng, 8)
    tops = peaks(draws, starts, free)
    same = peaks(draws, starts, Domain.of(levels, allows=lambda choice: True))
    everything = draws(free.everything())
    for number, (top, other) in enumerate(zip(tops, same, strict=True)):
        value = float(draws[number](top[None])[0, 0])
        assert value == pytest.approx(float(draws[number](other[None])[0, 0]))
        assert value >= np.quantile(everything[number], 0.99)
    narrowed = Domain.of(levels, [[True, False, True, True], [True] * 3, [True] * 5, [False, True]])
    assert all(narrowed.permits(top) for top in peaks(draws, narrowed.random(rng, 4), narrowed))


@pytest.mark.parametrize("levels", [(6, 8), (7, 7, 7, 7, 7)])
def test_leaders_and_candidates_are_distinct_and_permitted(rng, levels):
    domain = Domain.of(levels, allows=lambda choice: choice[0] != choice[1])
    draws, shown = functions(rng, levels, 8), domain.random(rng, 5)
    leading = leaders(draws, draws[0], domain, rng, shown)
    choices = candidates(leading, draws[0], domain)
    assert len(set(keys(choices))) == len(choices) > len(leading)
    np.testing.assert_array_equal(choices[: len(leading)], leading)
    assert all(domain.permits(choice) for choice in choices)
    assert set(keys(shown)) <= set(keys(leading))


def told(rng):
    levels = (3, 4, 2)
    x = Domain.of(levels).random(rng, 24)
    names, pictures = ["ann", "bo"] * 12, np.arange(24) // 2
    x[1::2] = x[::2]
    ratings = x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=24)
    return RatingModel(levels).fit(x, ratings, raters=names, pictures=pictures)


@pytest.mark.parametrize("goal", [{"ann": 1.0}, {"ann": 0.7, "bo": 0.3}, {"bo": 0.5, "new": 0.5}])
def test_covariances_of_a_goal_are_those_of_its_draws(rng, goal):
    model = told(rng)
    choices = Domain.of(model.levels).random(rng, 6)
    tables = model.draws(rng, 4000, list(goal))
    values = sum(share * table(choices) for share, table in zip(goal.values(), tables, strict=True))
    joint, noise = model.covariance(choices, goal)
    covariance = joint.full()
    np.testing.assert_allclose(joint.variances, np.diag(covariance))
    np.testing.assert_allclose(joint.columns(np.array([4, 1])), covariance[:, [4, 1]])
    np.testing.assert_allclose(np.cov(values.T), covariance, atol=0.12 * covariance.max())
    assert noise == pytest.approx(model.noise_**2 * (sum(share**2 for share in goal.values()) + model.theta_.seeds))
    alone = {name: model.covariance(choices, {name: 1.0})[0].full() for name in ("ann", "bo")}
    for name, matrix in alone.items():
        deviations = model.predict(choices, [name] * 6)[1]
        np.testing.assert_allclose(np.diag(matrix), deviations**2, rtol=1e-6)


def test_noisy_leaders_are_shown_again_only_where_that_is_allowed(rng):
    levels = (3, 3, 3)
    truth = functions(rng, levels, 1)
    for repeats in (False, True):
        steering = Steering(Domain.of(levels), repeats=repeats)
        while len(batch := steering.ask(4, rng)):
            assert len(set(keys(batch))) == len(batch)
            steering.tell(batch, truth(batch)[0] + 2.0 * rng.normal(size=len(batch)))
            if len(steering.choices) > 40:
                break
        counts = np.unique(steering.choices, axis=0, return_counts=True)[1]
        assert (counts.max() > 1) == repeats
        if not repeats:
            assert counts.sum() == 27


def test_choices_that_were_asked_for_wait_for_their_ratings(rng):
    domain = Domain.of((6,) * 4)
    steering = Steering(domain, repeats=True)
    truth = functions(rng, domain.levels, 1)
    steering.tell(first := steering.ask(8, rng), truth(first)[0])
    asked = [key for _ in range(3) for key in keys(steering.ask(2, rng))]
    assert len(set(asked)) == 6
    reserved = steering.choices[:3]
    steering.reserve(reserved)
    for _ in range(2):
        assert not set(keys(steering.ask(3, rng))) & set(keys(reserved))


def test_memory_is_bounded_in_large_spaces(rng):
    """A user's own lists of words may hold hundreds of options; candidates have a matrix of covariances."""
    small, large = Domain.of([20] * 5), Domain.of([500] * 4)
    mean, leading = functions(rng, large.levels, 1), large.random(rng, 8)
    found = candidates(leading, mean, large)
    assert candidates_for(small) == MOST_CANDIDATES
    assert len(found) == len(set(keys(found))) == candidates_for(large) < 1000
    assert keys(found[: len(leading)]) == keys(leading)
    assert mean(found[len(leading) :]).mean() > mean(large.random(rng, 1000)).mean()
    assert draws_for(8, small) == DRAWS
    assert draws_for(8, large) * sum(large.levels) ** 2 < 40_000_000
