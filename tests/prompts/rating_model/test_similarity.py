import numpy as np
import pytest
from scipy.stats import spearmanr

from soart.errors import PromptError
from soart.prompts.rating_model.choice_functions import combination, prior_draws
from soart.prompts.rating_model.feedback import Feedback, Terms
from soart.prompts.rating_model.hyperparameters import Evidence, HyperPriors, Layout
from soart.prompts.rating_model.kernels import Rows, covariance, identity, taste_kernel, variance
from soart.prompts.rating_model.model import Cells, RatingModel
from soart.prompts.rating_model.similarity import Likeness, Numbers, check_similarities

LEVELS = (3, 9, 4)
LOG_THETA = np.log([2.0, 0.8, 0.4, 0.3, 0.5, 0.2, 3.0, 0.7, 0.3, 0.7])


def similarities(rng):
    vectors = rng.standard_normal((4, 2))
    return (None, Numbers.of(range(9)), Likeness(vectors @ vectors.T))


def layout(rng, extra=("noise",)):
    return Layout(3, extra, similarities(rng))


def test_positions_are_those_of_values_and_of_ratios():
    assert Numbers.of([1, 2, 5]).positions == (0.0, 0.25, 1.0)
    np.testing.assert_allclose(Numbers.of([1, 10, 100], log=True).positions, [0, 0.5, 1])
    assert Numbers.of([7.0]).positions == (0.0,)


def test_matrices_that_are_kept_cannot_be_changed():
    numbers = Numbers.of(range(4))
    for matrix in (numbers.identity(), numbers.gram(0.3), numbers.slope(0.3)):
        with pytest.raises(ValueError, match="read-only"):
            matrix[:] = 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Numbers.of([1, 1]), "increasing"),
        (lambda: Numbers.of([1, np.inf]), "finite numbers"),
        (lambda: Numbers.of([0, 1], log=True), "positive"),
        (lambda: Likeness(np.array([[1.0, 2.0], [2.0, 1.0]])), "eigenvalues"),
        (lambda: Likeness(np.ones((2, 3))), "finite, symmetric"),
        (lambda: RatingModel((3, 4), similarities=(None, Numbers.of(range(3)))), "likenesses for slots"),
        (lambda: RatingModel((3, 4), similarities=(None,)), "likenesses for slots"),
    ],
)
def test_bad_likenesses_are_refused_in_one_sentence(make, message):
    with pytest.raises(PromptError, match=message):
        make()


def test_vectors_that_point_the_same_way_make_options_alike():
    vectors = np.array([[9.0, 1.0], [9.0, 0.9], [9.0, -1.0], [9.0, -1.1], [0.0, 0.0]])
    matrix = Likeness.of_vectors(vectors).matrix
    assert min(matrix[0, 1], matrix[2, 3]) > 0 > max(matrix[0, 2], matrix[1, 3])
    # The option without a vector is as unlike the ones as the others.
    np.testing.assert_allclose(matrix[4, :2], matrix[4, 2:4], atol=0.02)
    np.testing.assert_allclose(matrix, Likeness.of_vectors(7 * vectors).matrix, atol=1e-12)


@pytest.mark.parametrize("vectors", [np.zeros((3, 2)), np.ones((3, 2)), np.eye(3), np.zeros((3, 0))])
def test_vectors_without_differences_leave_options_equally_unlike(vectors):
    np.testing.assert_allclose(Likeness.of_vectors(vectors).matrix, identity(3), atol=1e-12)


@pytest.mark.parametrize("vectors", [np.zeros(3), np.array([[np.nan, 1.0], [1.0, 2.0]])])
def test_vectors_that_are_no_finite_matrix_are_refused(vectors):
    with pytest.raises(PromptError, match="finite vector"):
        Likeness.of_vectors(vectors)


def test_a_never_drawn_option_takes_after_those_of_similar_meaning(rng):
    values = np.array([2.0, 0.0, -2.0, 1.0])
    # Options 4 to 7 mean nearly the same as 0 to 3.
    vectors = np.vstack([np.eye(4), np.eye(4) + 0.2 * rng.standard_normal((4, 4))])
    x = np.column_stack([rng.integers(0, 4, 40), rng.integers(0, 3, 40)])
    y = values[x[:, 0]] + 0.3 * rng.standard_normal(40)
    model = RatingModel((8, 3), similarities=(Likeness.of_vectors(vectors), None)).fit(x, y)
    unseen = model.means()[0].main[0, 4:8]
    assert np.argsort(-unseen).tolist() == np.argsort(-values).tolist()
    assert np.ptp(RatingModel((8, 3)).fit(x, y).means()[0].main[0, 4:8]) < 1e-6


def test_slots_of_two_options_need_no_likeness():
    assert check_similarities((Numbers.of([1, 2]), None), (2, 3)) == ()


def test_kernels_of_likenesses_are_centred_and_of_variance_one(rng):
    for similarity in similarities(rng)[1:]:
        gram = similarity.gram(0.3) if isinstance(similarity, Numbers) else similarity.matrix
        np.testing.assert_allclose(gram.sum(axis=0), 0, atol=1e-12)
        assert np.diag(gram).mean() == pytest.approx(1)
        assert np.linalg.eigvalsh(gram).min() > -1e-10
    numbers = Numbers.of(range(9))
    slope = (numbers.gram(0.3 * np.exp(1e-5)) - numbers.gram(0.3 * np.exp(-1e-5))) / 2e-5
    np.testing.assert_allclose(numbers.slope(0.3), slope, atol=1e-8)
    near, far = numbers.gram(0.5)[4, 5], numbers.gram(0.5)[4, 8]
    assert near > far


def test_the_kernel_equals_the_formula_read_naively(rng):
    theta = layout(rng).unpack(LOG_THETA)
    x, y = (np.column_stack([rng.integers(0, n, 6) for n in LEVELS]) for _ in range(2))
    numbers, words = theta.similarities[1], theta.similarities[2]
    single = [
        0.3 * identity(3),
        0.5 * (0.25 * identity(9) + 0.75 * numbers.gram(0.3)),
        0.2 * (identity(4) / 1.7 + 0.7 / 1.7 * words.matrix),
    ]
    naive = np.zeros((6, 6))
    for i in range(6):
        for j in range(6):
            k = [single[s][x[i, s], y[j, s]] for s in range(3)]
            naive[i, j] = sum(k) + 0.8 * (k[0] * k[1] + k[0] * k[2] + k[1] * k[2])
    np.testing.assert_allclose(taste_kernel(x, y, LEVELS, theta), naive, atol=1e-12)
    rows = Rows(x, np.zeros(6, dtype=np.int64), np.full(6, -1))
    np.testing.assert_allclose(variance(rows, LEVELS, theta), np.diag(covariance(rows, rows, LEVELS, theta)))
    weights = rng.standard_normal((2, 6))
    tables = combination(x, weights, LEVELS, theta, np.zeros(2))
    np.testing.assert_allclose(tables(y), weights @ naive, atol=1e-11)
    values = prior_draws(rng, 30_000, LEVELS, theta, 0.4)(x)
    np.testing.assert_allclose(np.cov(values.T), 0.4 + taste_kernel(x, x, LEVELS, theta), atol=0.06)


@pytest.mark.parametrize("kind", ["ratings", "choices"])
def test_gradients_by_odds_and_lengths_are_exact(rng, kind):
    x = np.column_stack([rng.integers(0, n, 24) for n in LEVELS])
    feedback = (
        Feedback.of_ratings(rng.normal(size=24))
        if kind == "ratings"
        else Feedback(pairs=np.array([[0, 1], [0, 2], [5, 8]]))
    )
    cells = Cells(x, None, np.arange(24))
    terms = Terms.of(feedback, cells.cell, np.asarray(feedback.ratings))
    extra = ("noise",) if kind == "ratings" else ()
    evidence = Evidence(cells.rows, terms, LEVELS, layout(rng, extra), HyperPriors())
    point = LOG_THETA[: 9 + len(extra)]
    steps = 1e-4 * np.eye(len(point))
    slopes = [(evidence(point + step)[0] - evidence(point - step)[0]) / 2e-4 for step in steps]
    np.testing.assert_allclose(evidence(point)[1], slopes, atol=1e-4)


def test_packing_is_the_inverse_of_unpacking(rng):
    one = layout(rng)
    np.testing.assert_allclose(one.pack(one.unpack(LOG_THETA), np.zeros(10)), LOG_THETA)
    plain = Layout(3, ("noise",)).unpack(LOG_THETA[[0, 1, 2, 3, 4, 5, 9]])
    np.testing.assert_allclose(one.pack(plain, LOG_THETA + 1)[6:9], LOG_THETA[6:9] + 1)


def curve_error(rng, similarities, values, count=30):
    """Correlation of the predicted with the true curve over 41 numbers, of which few were seen."""
    x = np.column_stack([rng.integers(0, 41, count), rng.integers(0, 3, count)])
    y = values[x[:, 0]] + 0.5 * x[:, 1] + 0.3 * rng.standard_normal(count)
    model = RatingModel((41, 3), similarities=similarities).fit(x, y)
    mean = model.means()[0].main[0, :41]
    return float(spearmanr(mean, values)[0]), model


def test_a_smooth_curve_is_learnt_from_a_few_of_its_numbers(rng):
    truth = np.sin(np.linspace(0, 4, 41))
    smooth, model = curve_error(rng, (Numbers.of(range(41)), None), truth)
    rough, _ = curve_error(np.random.default_rng(5), (), truth)
    assert smooth > 0.93
    assert smooth > rough + 0.1
    assert model.theta_.odds[0] > 2


def test_a_likeness_without_meaning_gets_a_small_share(rng):
    values, vectors = rng.standard_normal(12), rng.standard_normal((12, 3))
    x = np.column_stack([rng.integers(0, 12, 120), rng.integers(0, 3, 120)])
    y = values[x[:, 0]] + 0.3 * rng.standard_normal(120)
    model = RatingModel((12, 3), similarities=(Likeness(vectors @ vectors.T), None)).fit(x, y)
    assert model.theta_.odds[0] < 0.5
    plain = RatingModel((12, 3)).fit(x, y)
    grid = np.column_stack([np.arange(12), np.zeros(12, dtype=np.int64)])
    np.testing.assert_allclose(model.predict(grid)[0], plain.predict(grid)[0], atol=0.15)
