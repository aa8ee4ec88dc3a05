from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erfcx, log_ndtr

from soart.errors import PromptError
from soart.prompts.rating_model.feedback import Feedback, Terms, _probit, determinant_slope, likelihood, thin
from soart.prompts.rating_model.hyperparameters import Evidence, HyperPriors, Layout
from soart.prompts.rating_model.kernels import Rows, covariance
from soart.prompts.rating_model.laplace import find_mode, whiten
from soart.prompts.rating_model.model import RatingModel
from soart.prompts.rating_model.similarity import Numbers

LEVELS = (3, 4, 2)


def both_kinds(rng):
    return Feedback(
        rated=np.arange(6), ratings=rng.normal(size=6), pairs=np.array([[12, 13], [14, 12], [1, 2], [1, 2], [19, 5]])
    )


def cells(rng, n=20, raters=1, pictures=False):
    choices = np.column_stack([rng.integers(0, level, n) for level in LEVELS])
    shown = rng.integers(0, n // 2, n) if pictures else np.full(n, -1)
    return Rows(choices, np.sort(rng.integers(0, raters, n)), shown)


def hessian(terms, h, noise):
    step = 1e-5
    columns = []
    for i in range(len(h)):
        e = np.zeros(len(h))
        e[i] = step
        columns.append(
            (likelihood(terms, h + e, noise).gradient - likelihood(terms, h - e, noise).gradient) / (2 * step)
        )
    return np.array(columns)


@pytest.fixture
def terms(rng):
    feedback = both_kinds(rng)
    feedback.check(20)
    return Terms.of(feedback, np.arange(20), feedback.ratings)


def test_gradient_and_curvature_are_those_of_the_value(terms, rng):
    h, noise, step = rng.normal(size=20), 0.7, 1e-6
    state = likelihood(terms, h, noise)
    numeric = [
        (likelihood(terms, h + e, noise).value - likelihood(terms, h - e, noise).value) / (2 * step)
        for e in np.eye(20) * step
    ]
    np.testing.assert_allclose(state.gradient, numeric, atol=1e-7)
    root = state.root.toarray()
    np.testing.assert_allclose(root @ root.T, -hessian(terms, h, noise), atol=1e-7)


def test_what_is_expected_is_a_part_of_every_judgement(terms, rng):
    h, expected, noise = rng.normal(size=20), rng.normal(size=20), 0.7
    known = likelihood(replace(terms, expected=expected), h, noise)
    whole = likelihood(terms, h + expected / noise, noise)
    assert known.value == whole.value
    np.testing.assert_array_equal(known.gradient, whole.gradient)
    few = thin(cells(rng), replace(terms, expected=expected), 8, rng)[1]
    assert set(few.expected) <= set(expected)


def test_the_determinant_moves_with_the_mode_as_finite_differences_say(terms, rng):
    h, step = rng.normal(size=20), 1e-5
    a = rng.normal(size=(20, 20))
    posterior = a @ a.T / 20

    def trace(at):
        root = likelihood(terms, at, 1.0).root.toarray()
        return -0.5 * np.sum(posterior * (root @ root.T))

    numeric = [(trace(h + e) - trace(h - e)) / (2 * step) for e in np.eye(20) * step]
    np.testing.assert_allclose(determinant_slope(terms, h, posterior), numeric, atol=1e-7)


@pytest.mark.parametrize(("raters", "pictures", "expects"), [(1, False, 0), (3, False, 1), (1, True, 1)])
@pytest.mark.parametrize("only_ratings", [True, False])
def test_evidence_gradient_equals_finite_differences(rng, raters, pictures, expects, only_ratings):
    rows = cells(rng, raters=raters, pictures=pictures)
    feedback = Feedback.of_ratings(rng.normal(size=20)) if only_ratings else both_kinds(rng)
    terms = Terms.of(feedback, np.arange(20), feedback.ratings, expects * rng.normal(size=20))
    layout = Layout.of(rows, terms, raters)
    assert ("own" in layout.extra, "seeds" in layout.extra) == (raters > 1, pictures)
    evidence = Evidence(rows, terms, LEVELS, layout, HyperPriors())
    at = evidence.mean + 0.3 * rng.normal(size=len(evidence.mean))
    numeric = [(evidence(at + e)[0] - evidence(at - e)[0]) / 2e-5 for e in np.eye(len(at)) * 1e-5]
    np.testing.assert_allclose(evidence(at)[1], numeric, rtol=1e-3, atol=1e-3)


def test_ratings_alone_give_the_textbook_gaussian_process(rng):
    rows, noise = cells(rng), 0.6
    theta = Layout(3, ("noise",)).unpack(np.log([2.0, 0.8, 0.4, 0.3, 0.5, 0.2, noise]))
    y = rng.normal(size=20)
    kernel = covariance(rows, rows, LEVELS, theta)
    feedback = Feedback.of_ratings(y)
    mode = find_mode(kernel, Terms.of(feedback, np.arange(20), y), noise)
    dense = noise**2 * (kernel + np.eye(20))
    np.testing.assert_allclose(mode.latent * noise, noise**2 * kernel @ np.linalg.solve(dense, y), atol=1e-10)
    expected = -0.5 * (y @ np.linalg.solve(dense, y) + np.linalg.slogdet(2 * np.pi * dense)[1])
    assert mode.evidence == pytest.approx(expected, abs=1e-9)
    left = kernel - kernel @ np.linalg.solve(kernel + np.eye(20), kernel)
    white = whiten(mode, kernel)
    np.testing.assert_allclose(kernel - white.T @ white, left, atol=1e-10)


def test_laplace_is_near_the_truth_by_importance_sampling(rng):
    """Four cells, a rating and pairs: posterior means by brute force from the prior."""
    rows = Rows(np.array([[0, 0, 0], [1, 1, 1], [2, 2, 0], [0, 3, 1]]), np.zeros(4, int), np.full(4, -1))
    theta = Layout(3, ()).unpack(np.log([1.0, 0.5, 0.3, 0.3, 0.3, 0.3]))
    kernel = covariance(rows, rows, LEVELS, theta)
    feedback = Feedback(np.array([0]), np.array([0.5]), np.array([[1, 2], [3, 1]]))
    terms = Terms.of(feedback, np.arange(4), feedback.ratings)
    draws = rng.standard_normal((3000, 4)) @ np.linalg.cholesky(kernel).T
    logs = np.array([likelihood(terms, h, 1.0).value for h in draws])
    weights = np.exp(logs)
    mode = find_mode(kernel, terms, 1.0)
    truth = weights @ draws / weights.sum()
    np.testing.assert_allclose(mode.latent, truth, atol=0.2)
    assert mode.evidence == pytest.approx(np.log(weights.mean()), abs=0.1)
    white = whiten(mode, kernel)
    spread = np.sqrt(weights @ (draws - truth) ** 2 / weights.sum())
    np.testing.assert_allclose(np.sqrt(np.diag(kernel - white.T @ white)), spread, rtol=0.1)


def test_extreme_values_stay_finite(terms):
    for size in (-60.0, 60.0):
        state = likelihood(terms, np.linspace(-size, size, 20), 1e-2)
        assert np.isfinite(state.value)
        assert np.isfinite(state.gradient).all()
        assert np.isfinite(state.root.toarray()).all()


def test_verdicts_far_against_the_model_have_the_tail_of_the_normal_density():
    """The slope of log Φ is √(2/π)/erfcx(−u/√2); differences of large numbers lost the curvature, and overflowed."""
    u = -np.geomspace(900, 1e12, 200)
    value, slope, curvature, third = _probit(u)
    np.testing.assert_allclose(value, log_ndtr(u))
    np.testing.assert_allclose(slope, np.sqrt(2 / np.pi) / erfcx(-u / np.sqrt(2)), rtol=1e-9)
    np.testing.assert_allclose(curvature, 1 - 1 / u**2, atol=1e-4)
    np.testing.assert_allclose(third[u < -1001], 2 / u[u < -1001] ** 3)
    # Nearer, nothing changes.
    ratio = np.exp(-0.5 * 30.0**2 - log_ndtr(-30.0)) / np.sqrt(2 * np.pi)
    assert _probit(np.array([-30.0]))[1] == ratio


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 6])
def test_pairs_that_contradict_stars_do_not_lead_the_search_astray(seed):
    """It ended at the largest amplitude that is considered, and predicted ratings of millions."""
    rng, levels = np.random.default_rng(seed), (5, 5)
    choices, stars = np.column_stack([rng.integers(0, level, 18) for level in levels]), rng.choice([1.0, 3, 5], 18)
    pairs = np.array([rng.permutation(18)[:2] for _ in range(12)])
    model = RatingModel(levels, similarities=tuple(Numbers.of(range(level)) for level in levels))
    mean, deviation = model.fit(choices, Feedback(np.arange(6), stars[:6], pairs)).predict(choices)
    assert np.abs(mean).max() < 20
    assert 0 < deviation.min() <= deviation.max() < 20


@pytest.mark.parametrize(
    ("feedback", "message"),
    [
        (Feedback.of_ratings([1.0, np.nan]), "finite"),
        (Feedback(rated=np.array([0]), ratings=np.zeros(2)), "one rating"),
        (Feedback(pairs=np.array([[1, 1]])), "itself"),
        (Feedback(pairs=np.array([1, 0])), "shape"),
        (Feedback(pairs=np.array([[0, 7]])), "rows 0…1"),
        (Feedback(rated=np.array([-1]), ratings=np.zeros(1)), "rows"),
    ],
)
def test_inconsistent_feedback_is_refused(feedback, message):
    with pytest.raises(PromptError, match=message):
        feedback.check(2)


def test_comparisons_across_raters_are_refused(rng):
    rows = cells(rng, raters=1)
    mixed = Rows(rows.choices, np.arange(20) % 2, rows.pictures)
    feedback = Feedback(pairs=np.array([[0, 1]]))
    with pytest.raises(PromptError, match="one rater"):
        Terms.of(feedback, np.arange(20), feedback.ratings).check_raters(mixed)


@given(st.integers(0, 5), st.integers(2, 5), st.randoms())
@settings(max_examples=20, deadline=None)
def test_feedback_in_parts_equals_feedback_at_once(cut, size, random):
    ratings = [random.random() for _ in range(cut + size)]
    early = Feedback.of_ratings(ratings[:cut])
    late = Feedback(np.arange(size), np.array(ratings[cut:]), np.array([[1, 0]]))
    joined = late.after(early, cut)
    np.testing.assert_array_equal(joined.ratings, ratings)
    np.testing.assert_array_equal(joined.rated, np.arange(cut + size))
    np.testing.assert_array_equal(joined.pairs, [[cut + 1, cut]])


def test_every_field_of_feedback_may_be_an_empty_list():
    empty = Feedback(rated=[], ratings=[], pairs=[])
    empty.check(0)
    known = both_kinds(np.random.default_rng(0))
    for joined in (empty.after(known, 20), known.after(empty, 0)):
        joined.check(20)
        assert np.shape(joined.pairs) == (5, 2)
        assert len(joined.ratings) == 6


def test_thinning_keeps_feedback_on_the_cells_it_keeps(rng):
    rows = cells(rng, n=400, raters=8)
    pairs = np.array([[i, i + 1] for i in range(0, 399) if rows.raters[i] == rows.raters[i + 1]])
    feedback = Feedback(rated=np.arange(400), ratings=np.arange(400.0), pairs=pairs)
    few, terms = thin(rows, Terms.of(feedback, np.arange(400), feedback.ratings), 100, rng)
    assert 90 <= len(few) <= 100
    original = terms.ratings.astype(int)
    np.testing.assert_array_equal(few.choices[terms.rated], rows.choices[original])
    assert (few.raters[terms.pairs[:, 0]] == few.raters[terms.pairs[:, 1]]).all()
    assert len(terms.pairs) > 10


def test_a_space_can_be_enumerated_by_agreement_alone():
    """The kernel's constant variance: every choice is as uncertain as any other before anything is known."""
    choices = np.array(list(product(*map(range, LEVELS))))
    rows = Rows(choices, np.zeros(len(choices), int), np.full(len(choices), -1))
    theta = Layout(3, ()).unpack(np.log([1.5, 0.5, 0.3, 0.3, 0.4, 0.2]))
    kernel = covariance(rows, rows, LEVELS, theta)
    assert np.ptp(np.diag(kernel)) < 1e-12
    assert np.linalg.eigvalsh(kernel)[0] > -1e-10
