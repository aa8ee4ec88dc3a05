import numpy as np
import pytest

from soart.errors import PromptError
from soart.prompts.rating_model.choice_functions import combination, prior_draws
from soart.prompts.rating_model.feedback import Feedback, Terms
from soart.prompts.rating_model.hyperparameters import Layout
from soart.prompts.rating_model.kernels import Rows, covariance, offsets, sizes, taste_kernel
from soart.prompts.rating_model.laplace import find_mode
from soart.prompts.rating_model.model import Cells, RatingModel
from soart.prompts.rating_model.posterior import KernelPosterior

LEVELS = (3, 4, 2, 5)
THETA = Layout(4, ("own_constant", "own", "noise")).unpack(np.log([2.0, 0.8, 0.4, 0.3, 0.5, 0.2, 0.6, 0.3, 0.5, 0.7]))


def draw_choices(rng, n, levels=LEVELS):
    return np.column_stack([rng.integers(0, level, n) for level in levels])


def planted(rng, n, noise, raters=1, own=0.5, levels=(4,) * 5):
    """Ratings of tastes with main effects and pairs: shared ones, and each rater's own."""
    theta = Layout(len(levels), ()).unpack(np.log([1.0, 1.0, 0.5, *[0.2] * len(levels)]))
    shared = prior_draws(rng, 1, levels, theta, 0.5)
    part = prior_draws(rng, raters, levels, theta, 0.3)
    choices = draw_choices(rng, n, levels)
    rater = rng.integers(0, raters, n)
    truth = shared(choices)[0] + own * part(choices)[rater, np.arange(n)]
    return choices, rater, truth, truth + noise * rng.normal(size=n)


def test_taste_kernel_equals_the_formula_read_naively(rng):
    x, y = draw_choices(rng, 6), draw_choices(rng, 5)
    naive = np.zeros((6, 5))
    for i in range(6):
        for j in range(5):
            k = [THETA.slots[s] * sizes(LEVELS)[s] * ((x[i, s] == y[j, s]) - 1 / n) for s, n in enumerate(LEVELS)]
            naive[i, j] = sum(k) + THETA.pairs * (sum(k) ** 2 - sum(v**2 for v in k)) / 2
    np.testing.assert_allclose(taste_kernel(x, y, LEVELS, THETA), naive, atol=1e-12)


def test_tables_reproduce_the_kernel(rng):
    x, y, weights = draw_choices(rng, 30), draw_choices(rng, 20), rng.normal(size=(3, 30))
    kernel = taste_kernel(x, y, LEVELS, THETA)
    np.testing.assert_allclose(combination(x, weights, LEVELS, THETA, np.zeros(3))(y), weights @ kernel, atol=1e-11)


def test_prior_draws_have_the_kernel_as_covariance(rng):
    x = draw_choices(rng, 12)
    values = prior_draws(rng, 30_000, LEVELS, THETA, 0.4)(x)
    np.testing.assert_allclose(np.cov(values.T), 0.4 + taste_kernel(x, x, LEVELS, THETA), atol=0.06)
    table = prior_draws(rng, 1, LEVELS, THETA, 0.4)
    for start, level in zip(offsets(LEVELS), LEVELS, strict=True):
        part = slice(start, start + level)
        assert abs(table.main[0, part].sum()) < 1e-12
        assert np.abs(table.pair[0, part].sum(axis=0)).max() < 1e-12
        assert not table.pair[0, part, part].any()


@pytest.mark.parametrize("kind", ["ratings", "mixed"])
@pytest.mark.parametrize("raters", [1, 3])
def test_the_posterior_is_that_of_a_gaussian_process_and_its_draws_have_it(rng, kind, raters):
    n = 60
    x, who = draw_choices(rng, n), np.sort(rng.integers(0, raters, n))
    feedback = Feedback.of_ratings(rng.normal(size=n))
    if kind == "mixed":
        same = [i for i in range(n - 1) if who[i] == who[i + 1]]
        feedback = Feedback(
            rated=np.arange(20), ratings=rng.normal(size=20), pairs=np.array([[i, i + 1] for i in same[::3]])
        )
    cells = Cells(x, who.tolist(), None)
    terms = Terms.of(feedback, cells.cell, feedback.ratings)
    theta = THETA if raters > 1 else THETA.replace(own=0.0, own_constant=0.0)
    kernel = KernelPosterior(
        LEVELS, cells.rows, theta, find_mode(covariance(cells.rows, cells.rows, LEVELS, theta), terms, theta.noise)
    )
    new = cells.new(draw_choices(rng, 40), [*range(raters), "unseen"] * 10 if raters == 3 else [0] * 40)
    if kind == "ratings":
        counts = np.bincount(cells.cell)
        inverse = np.linalg.inv(covariance(cells.rows, cells.rows, LEVELS, theta) + np.diag(1 / counts))
        cross = covariance(cells.rows, new, LEVELS, theta)
        values = np.bincount(cells.cell, feedback.ratings) / counts / theta.noise
        mean, variance = kernel.predict(new)
        np.testing.assert_allclose(mean, cross.T @ inverse @ values, atol=1e-9)
        prior = covariance(new, new, LEVELS, theta).diagonal()
        known = new.raters >= 0
        np.testing.assert_allclose(variance[known], (prior - ((inverse @ cross) * cross).sum(axis=0))[known], atol=1e-9)
    for rater, table in zip((0, -1), kernel.draws(rng, 3000, [0, -1]), strict=True):
        mean, variance = kernel.predict(Rows(new.choices, np.full(40, rater), new.pictures))
        values = table(new.choices)
        np.testing.assert_allclose(values.mean(axis=0), mean, atol=5 * np.sqrt(variance.max() / 3000))
        np.testing.assert_allclose(values.var(axis=0) / variance, 1.0, atol=0.17)


def test_planted_taste_is_found_and_intervals_cover(rng):
    covered, explained = [], []
    for _ in range(6):
        x, _, truth, y = planted(rng, 360, 0.5)
        model = RatingModel((4,) * 5).fit(x[:160], y[:160])
        mean, deviation = model.predict(x[160:], noise=True)
        covered.append(np.abs(y[160:] - mean) < 1.645 * deviation)
        explained.append(1 - np.mean((mean - truth[160:]) ** 2) / truth[160:].var())
        assert model.noise_ == pytest.approx(0.5, rel=0.4)
    assert 0.85 <= np.mean(covered) <= 0.95
    assert np.mean(explained) > 0.6


def test_raters_help_each_other_and_a_new_one_gets_what_they_share(rng):
    x, who, truth, y = planted(rng, 420, 0.4, raters=4, own=0.6)
    known = np.arange(420) < 300
    known &= (who < 3) | (np.arange(420) < 40)
    together = RatingModel((4,) * 5).fit(x[known], y[known], raters=who[known])
    alone = RatingModel((4,) * 5).fit(x[known & (who == 3)], y[known & (who == 3)])
    test = ~known & (who == 3)
    assert test.sum() > 60
    mean, deviation = together.predict(x[test], who[test])
    error = np.mean((mean - truth[test]) ** 2)
    assert error < 0.8 * np.mean((alone.predict(x[test])[0] - truth[test]) ** 2)
    unseen, wider = together.predict(x[test], ["stranger"] * test.sum())
    assert np.mean((unseen - truth[test]) ** 2) < truth[test].var()
    assert (wider > deviation).mean() > 0.95


def test_comparisons_alone_rank_choices(rng):
    x, _, truth, _ = planted(rng, 240, 0.0)
    pairs = [sorted((i, i + 1), key=lambda row: -(truth[row] + 0.3 * rng.gumbel())) for i in range(0, 199)]
    mean, _ = RatingModel((4,) * 5).fit(x, Feedback(pairs=np.array(pairs))).predict(x[200:])
    assert np.corrcoef(mean, truth[200:])[0, 1] > 0.35


def test_seed_noise_is_told_from_rating_noise(rng):
    """Ten pictures of one choice, each rated by the same person four times."""
    pictures = np.repeat(np.arange(40), 4)
    x = np.repeat(draw_choices(rng, 10), 16, axis=0)
    y = rng.normal(size=40)[pictures] * 1.0 + 0.3 * rng.normal(size=160)
    model = RatingModel(LEVELS).fit(x, y, pictures=pictures)
    assert model.noise_ == pytest.approx(0.3, rel=0.35)
    assert model.noise_ * np.sqrt(model.theta_.seeds) == pytest.approx(1.0, rel=0.4)


def test_replicates_of_one_choice_are_averaged():
    model = RatingModel((3, 3))
    x = np.array([[0, 0]] * 30 + [[1, 1]])
    model.fit(x, np.r_[np.tile([1.0, 3.0], 15), 2.0])
    _, deviation = model.predict(np.array([[0, 0], [1, 1]]))
    assert deviation[0] < deviation[1]
    assert len(model.cells_.rows) == 2


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_observations_fall_back_on_the_prior(n):
    model = RatingModel(LEVELS).fit(np.zeros((n, 4), int), np.full(n, 5.0))
    mean, deviation = model.predict(np.array([[0, 0, 0, 0], [1, 1, 1, 1]]))
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()
    if n == 0:
        np.testing.assert_allclose(mean, 0.0)
    else:
        np.testing.assert_allclose(mean, 5.0)
    [draws] = model.draws(np.random.default_rng(0), 5)
    assert draws(np.zeros((3, 4), int)).shape == (5, 3)


def test_equal_ratings_and_single_options_do_no_harm(rng):
    levels = (1, 3, 4)
    x = draw_choices(rng, 20, levels)
    model = RatingModel(levels).fit(x, np.full(20, 4.0))
    mean, deviation = model.predict(x)
    np.testing.assert_allclose(mean, 4.0, atol=1e-6)
    assert np.isfinite(deviation).all()
    assert RatingModel((1,)).fit(np.zeros((3, 1), int), [1.0, 2.0, 3.0]).predict([[0]])[0] == pytest.approx(2, abs=0.5)


def test_of_many_cells_a_part_is_learnt_from(rng):
    x, who, truth, y = planted(rng, 700, 0.5, raters=4)
    many = RatingModel((4,) * 5, most_cells=300).fit(x, y, raters=who)
    mean, deviation = many.predict(x, who)
    assert np.corrcoef(mean, truth)[0, 1] > 0.8
    assert (np.abs(y - mean) < 1.645 * np.hypot(deviation, many.noise_)).mean() > 0.85
    assert len(many.posterior_.rows) <= 300


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit([[0, 0, 0]], [1.0]), "shape"),
        (lambda m: m.fit([[0, 0, 0, 5]], [1.0]), "slot 3"),
        (lambda m: m.fit([[0, 0, 0, 0], [0, 0]], [1.0, 1.0]), "4 integers for each choice"),
        (lambda m: m.fit([[0, 0, 0, 0]], ["good"]), "as a number: could not convert"),
        (lambda m: m.fit([[0, 0, 0, 0]], [[1.0]]), r"as a number, got shape \(1, 1\)"),
        (lambda m: m.fit([[0, 0, 0, 0]], 1.0), r"as a number, got shape \(\)"),
        (lambda m: m.fit([[0.5, 0, 0, 0]], [1.0]), "integer"),
        (lambda m: m.fit([[0, 0, 0, 0]], [np.nan]), "finite"),
        (lambda m: m.fit([[0, 0, 0, 0]], [2.0], raters=["a", "b"]), "raters"),
        (lambda m: RatingModel(()), "at least one slot"),
        (lambda m: RatingModel((3, 0)), "at least one option"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, message):
    with pytest.raises(PromptError, match=message):
        call(RatingModel(LEVELS))


def test_what_is_expected_of_a_rater_is_the_prior_mean(rng):
    levels = (3, 4)
    choices, effects = rng.integers(0, 3, (12, 2)), rng.normal(size=7)
    told = rng.normal(size=12)
    columns = choices + np.array([0, 3])
    plain = RatingModel(levels, iterations=5).fit(choices, told - effects[columns].sum(axis=1))
    known = RatingModel(levels, iterations=5).fit(choices, told, expected={"you": effects})
    # The same model of what the ratings differ by from what was expected.
    apart = known.predict(choices)[0] - plain.predict(choices)[0]
    np.testing.assert_allclose(apart, effects[columns].sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(known.predict(choices)[1], plain.predict(choices)[1])
    for tables in (known.means(), known.means(["you"])):
        np.testing.assert_allclose(tables[0](choices)[0], known.predict(choices)[0])
    draws = known.draws(np.random.default_rng(0), 400)[0](choices)
    np.testing.assert_allclose(draws.mean(axis=0), known.predict(choices)[0], atol=0.3)
    # Of another rater nothing is expected; before any rating, all of it is.
    np.testing.assert_allclose(known.means(["me"])[0].main, plain.means(["me"])[0].main)
    empty = RatingModel(levels).fit(choices[:0], [], expected={"you": effects})
    np.testing.assert_allclose(empty.means(["you"])[0](choices)[0], effects[columns].sum(axis=1))


def test_what_is_expected_must_fit(rng):
    choices = rng.integers(0, 3, (4, 2))
    with pytest.raises(PromptError, match="finite effect for each of 7 options"):
        RatingModel((3, 4)).fit(choices, [1, 2, 3, 4], expected={"you": np.zeros(3)})


def test_choices_that_bear_out_what_is_expected_change_little_and_others_much():
    choices, effects = np.array([[0, 0], [1, 1]] * 6), np.array([1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 0.0])
    forwards = np.arange(12).reshape(6, 2)
    plain, borne_out, against = (
        RatingModel((3, 4), iterations=0).fit(choices, Feedback(pairs=pairs), expected=expected).predict(choices[:2])[0]
        for pairs, expected in ((forwards, {}), (forwards, {"you": effects}), (forwards[:, ::-1], {"you": effects}))
    )
    # Choices tell less beyond what was expected, and take most of it back where they say the opposite.
    assert 4 < borne_out[0] - borne_out[1] < 4 + (plain[0] - plain[1])
    assert against[0] - against[1] < 1
