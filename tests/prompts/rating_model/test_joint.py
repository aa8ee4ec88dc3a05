"""The joint effect of several numbers, the last term of the taste kernel."""

from dataclasses import replace

import numpy as np
import pytest

from soart.prompts.rating_model.choice_functions import Tables, combination, prior_draws
from soart.prompts.rating_model.feedback import Feedback, Terms
from soart.prompts.rating_model.hyperparameters import Evidence, HyperPriors, Layout
from soart.prompts.rating_model.kernels import Rows, covariance, offsets, one_hot, taste_kernel, variance
from soart.prompts.rating_model.model import Cells, RatingModel
from soart.prompts.rating_model.similarity import Numbers
from soart.prompts.steering.search import Domain, best_of

LEVELS = (5, 6, 4, 3)
#: Numbers, words, numbers that may be out of use and have no joint effect, numbers.
SIMILARITIES = (Numbers.of(range(5)), None, Numbers.of(range(3), conditional=True), Numbers.of([1, 2, 5]))
EXTRA = ("own_constant", "own", "joint", "noise")


@pytest.fixture
def layout():
    return Layout(4, EXTRA, SIMILARITIES)


@pytest.fixture
def log_theta(layout, rng):
    mean, _ = layout.prior(HyperPriors())
    return mean + 0.3 * rng.standard_normal(len(mean))


def choices(rng, n, levels=LEVELS):
    return np.column_stack([rng.integers(0, level, n) for level in levels])


def test_the_kernel_equals_the_formula_read_naively(rng, layout, log_theta):
    theta = layout.unpack(log_theta)
    x, y = choices(rng, 9), choices(rng, 7)
    rest = taste_kernel(x, y, LEVELS, theta.replace(joint=0.0))

    def matern(distance, length):
        r = np.sqrt(5) * distance / length
        return (1 + r + r**2 / 3) * np.exp(-r)

    for i, first in enumerate(x):
        for j, second in enumerate(y):
            product = theta.joint
            for slot in (0, 3):
                a, b = first[slot], second[slot]
                places = SIMILARITIES[slot].positions
                product *= matern(abs(places[a] - places[b]), theta.joint_lengths[slot])
            assert taste_kernel(x, y, LEVELS, theta)[i, j] == pytest.approx(rest[i, j] + product, abs=1e-12)
    rows = Rows(x, np.zeros(9, dtype=np.int64), np.full(9, -1))
    np.testing.assert_allclose(variance(rows, LEVELS, theta), np.diag(covariance(rows, rows, LEVELS, theta)))
    assert np.linalg.eigvalsh(taste_kernel(x, x, LEVELS, theta)).min() > -1e-10


def test_tables_reproduce_the_kernel(rng, layout, log_theta):
    theta = layout.unpack(log_theta)
    x, y = choices(rng, 30), choices(rng, 15)
    weights = rng.standard_normal((2, 30))
    tables = combination(x, weights, LEVELS, theta, np.zeros(2))
    np.testing.assert_allclose(tables(y), weights @ taste_kernel(x, y, LEVELS, theta), atol=1e-11)
    values = prior_draws(rng, 10_000, LEVELS, theta, 0.4)(y)
    np.testing.assert_allclose(np.cov(values.T), 0.4 + taste_kernel(y, y, LEVELS, theta), atol=0.15)


#: Rounding of random waves, which are in single precision.
ROUNDING = 1e-5


@pytest.fixture
def tables(rng, layout, log_theta):
    theta = layout.unpack(log_theta)
    drawn = prior_draws(rng, 3, LEVELS, theta, 0.4)
    return drawn.plus(combination(choices(rng, 20), rng.standard_normal((3, 20)), LEVELS, theta, np.ones(3)))


def test_options_are_what_changing_one_of_them_gives(rng, tables):
    x, start = choices(rng, 6), offsets(LEVELS)
    functions = np.repeat(np.arange(3), 6)
    growth = tables.options(np.tile(x, (3, 1)), functions).reshape(3, 6, -1)
    for row, choice in enumerate(x):
        for slot, level in enumerate(LEVELS):
            for option in range(level):
                changed = choice.copy()
                changed[slot] = option
                gain = growth[:, row, start[slot] + option] - growth[:, row, start[slot] + choice[slot]]
                np.testing.assert_allclose(tables(np.stack([changed, choice])) @ [1, -1], gain, atol=ROUNDING)
    some = tables.options(x, np.array([0, 0, 1, 2, 2, 2]))
    np.testing.assert_allclose(some, np.concatenate([growth[0, :2], growth[1, 2:3], growth[2, 3:]]), atol=ROUNDING)


def test_functions_are_added_scaled_taken_and_joined(rng, tables):
    x = choices(rng, 12)
    values = tables(x)
    ones = one_hot(x, LEVELS)
    pairs = np.einsum("nc,dce,ne->dn", ones, tables.pair, ones) / 2
    plain = tables.constant[:, None] + tables.main @ ones.T + pairs
    np.testing.assert_allclose(replace(tables, products=())(x), plain, atol=1e-12)
    np.testing.assert_array_equal([table(x)[0] for table in tables], values)
    np.testing.assert_array_equal(tables[-1](x)[0], values[-1])
    np.testing.assert_allclose(tables.times(2.0).plus(tables).shifted(np.ones(3))(x), 3 * values + 1)
    np.testing.assert_allclose(tables[1](x), values[[1]])
    joined = Tables.joined([tables, tables.times(-1.0)], np.array([5, 0]))
    np.testing.assert_allclose(joined(x), [-values[2], values[0]])


def test_the_flattened_function_has_its_means(rng, tables):
    """The effects of an option and of a pair are means over all else, as those of the table alone are."""
    everything = Domain.of(LEVELS).everything()
    assert tables.products
    values, flat = tables(everything), tables.flattened()
    assert not flat.products
    for slot, option in ((0, 3), (1, 3), (3, 0)):
        of_option = everything[:, slot] == option
        np.testing.assert_allclose(
            values[:, of_option].mean(axis=1), flat(everything[of_option]).mean(axis=1), atol=ROUNDING
        )
    both = (everything[:, 0] == 1) & (everything[:, 3] == 2)
    np.testing.assert_allclose(values[:, both].mean(axis=1), flat(everything[both]).mean(axis=1), atol=ROUNDING)


def test_searches_find_the_best_choice(rng, tables):
    domain = Domain.of(LEVELS, similarities=SIMILARITIES)
    everything = domain.everything()
    [found] = best_of(tables[2], domain, rng)
    assert tables[2](found[None])[0, 0] == pytest.approx(tables[2](everything).max(), abs=ROUNDING)


@pytest.mark.parametrize("kind", ["ratings", "choices"])
def test_gradients_are_exact(rng, layout, log_theta, kind):
    x = choices(rng, 24)
    feedback = (
        Feedback.of_ratings(rng.normal(size=24))
        if kind == "ratings"
        else Feedback(pairs=np.array([[0, 3], [0, 6], [5, 8]]))
    )
    cells = Cells(x, [number % 3 for number in range(24)], None)
    terms = Terms.of(feedback, cells.cell, np.asarray(feedback.ratings))
    if kind == "choices":
        layout, log_theta = Layout(4, EXTRA[:-1], SIMILARITIES), log_theta[:-1]
    evidence = Evidence(cells.rows, terms, LEVELS, layout, HyperPriors())
    # In the tails of the priors of amplitude and noise too; there Laplace's mode of choices is less exact.
    for away in (0.0, 5.0) if kind == "ratings" else (0.0,):
        point = log_theta.copy()
        point[[0, -1]] += away, -away
        steps = 1e-4 * np.eye(len(point))
        slopes = [(evidence(point + step)[0] - evidence(point - step)[0]) / 2e-4 for step in steps]
        np.testing.assert_allclose(evidence(point)[1], slopes, rtol=1e-5, atol=1e-4)


def test_packing_is_the_inverse_of_unpacking(layout, log_theta):
    np.testing.assert_allclose(layout.pack(layout.unpack(log_theta), np.zeros(len(log_theta))), log_theta)


def peak(x):
    """A narrow peak of four numbers, which neither their effects nor their pairs give."""
    return np.exp(-(((x - [5, 2, 6, 3]) / 3.0) ** 2).sum(axis=1))


def test_a_peak_of_several_numbers_is_learnt(rng):
    levels, numbers = (8,) * 4, Numbers.of(range(8))
    x, new = choices(rng, 90, levels), choices(rng, 400, levels)
    errors = {}
    for name, similarities in (("numbers", (numbers,) * 4), ("one number", (numbers, None, None, None))):
        model = RatingModel(levels, similarities=similarities).fit(x, peak(x))
        errors[name] = np.square(model.predict(new)[0] - peak(new)).mean()
        assert (model.theta_.joint > 0) == (name == "numbers")
    assert errors["numbers"] < 0.3 * np.var(peak(new))
    assert errors["numbers"] < 0.5 * errors["one number"]


def test_ratings_without_noise_are_taken_for_what_they_are(rng):
    levels, numbers = (12, 12), Numbers.of(range(12))
    x = np.unique(choices(rng, 60, levels), axis=0)
    truth = np.sin(x[:, 0] / 3) + np.cos(x[:, 1] / 4) * x[:, 0] / 6
    exact = RatingModel(levels, similarities=(numbers, numbers)).fit(x, truth)
    noisy = RatingModel(levels, similarities=(numbers, numbers)).fit(x, truth + 0.3 * rng.standard_normal(len(x)))
    assert exact.noise_ < 0.01
    assert noisy.noise_ == pytest.approx(0.3, rel=0.5)
