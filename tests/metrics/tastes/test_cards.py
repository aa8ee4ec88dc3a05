"""Cards and populations: the regression against a naive oracle, noise, hostile files, and planted kinds."""

import json
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors
from scipy.stats import multivariate_normal

from soart.errors import TasteError
from soart.metrics.tastes import card_space as card_space_module
from soart.metrics.tastes import taste as taste_module
from soart.metrics.tastes import taste_files
from soart.metrics.tastes.array_files import digest_of
from soart.metrics.tastes.blend import Blend
from soart.metrics.tastes.card_space import card_space, check_items_of, kind_scores
from soart.metrics.tastes.cards import (
    JUDGEMENT,
    LONGEST,
    PRIOR,
    SHOWN,
    Card,
    largest_auc,
    likelihoods,
    load_card,
    make_card,
    noisy,
    save_card,
    weights_of,
)
from soart.metrics.tastes.examples import from_choices, from_ratings, mix
from soart.metrics.tastes.mixture import fit_all, hypotheses, log_weights
from soart.metrics.tastes.population import (
    PRIOR_CARDS,
    PRIOR_VARIANCE,
    SPREAD,
    CardEvidence,
    join_cards,
    load_population,
    save_population,
)
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.taste_files import load_taste, save_taste
from soart.training.card_space import learn_space

WIDTH = 4
SPACE = SimpleNamespace(version="s", width=WIDTH)


def planted(kinds, each, rng, spread=0.1, pictures=16, width=WIDTH):
    """Cards of ``each`` people of every kind, with weights around those of the (k, d) ``kinds``."""
    cards = []
    for number in range(len(kinds) * each):
        weights = kinds[number % len(kinds)] + spread * rng.normal(size=width)
        coordinates = rng.normal(size=(pictures, width))
        liking = np.clip(coordinates @ weights + 0.5 * rng.normal(size=pictures), -1, 1)
        cards.append(Card("s", *weights_of(coordinates, liking, np.ones(pictures))))
    return cards


def test_weights_are_those_of_bayesian_regression():
    rng = np.random.default_rng(0)
    coordinates, liking, judgements = (
        rng.normal(size=(7, 3)),
        rng.uniform(-1, 1, 7),
        rng.integers(1, 4, 7).astype(float),
    )
    mean, covariance = weights_of(coordinates, liking, judgements)
    # With the offset as one more weight of variance 1.
    wide = np.column_stack([coordinates, np.ones(7)])
    precision = wide.T @ np.diag(judgements / JUDGEMENT) @ wide + np.diag([1 / PRIOR] * 3 + [1.0])
    joint = np.linalg.inv(precision)
    assert np.allclose(mean, (joint @ wide.T @ (judgements / JUDGEMENT * liking))[:3])
    assert np.allclose(covariance, joint[:3, :3])


def chosen(coordinates, weights, pairs, rng):
    """Examples of a planted person's choices between pictures."""
    liked = coordinates @ weights + np.sqrt(JUDGEMENT) * rng.normal(size=len(coordinates))
    return from_choices(coordinates, [(a, b) if liked[a] > liked[b] else (b, a) for a, b in pairs], pictures=range(len(liked)))  # fmt: skip


@pytest.mark.parametrize("kind", ["pairs", "orders of four"])
def test_cards_of_choices_hold_the_planted_taste_within_their_covariance(kind):
    """Pictures of a pair are alike in what tells pairs apart; likings of single pictures would say too much of too little."""
    width, size, calibrated, along = 8, 80, [], []
    step = 2 if kind == "pairs" else 4
    pairs = [(i + a, i + b) for i in range(0, size, step) for a, b in combinations(range(step), 2)]
    for seed in range(80):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=width)
        common = np.repeat(rng.normal(size=(size // step, width)), step, axis=0)
        coordinates = (rng.normal(size=(size, width)) + 0.5 * common) / np.sqrt(width)
        examples = chosen(coordinates, weights, pairs, rng)
        mean, covariance = weights_of(coordinates, examples.liking, examples.weights, examples.levels)
        error = weights - mean
        calibrated.append(error @ np.linalg.solve(covariance, error) / width)
        along.append([mean @ weights, weights @ weights])
    assert 0.75 < np.mean(calibrated) < 1.25
    # As far as so many choices tell it, the taste is as strong as it is.
    shown, whole = np.sum(along, axis=0)
    assert 0.6 < shown / whole < 1


def test_cards_of_choices_know_no_levels():
    rng = np.random.default_rng(1)
    coordinates, pairs = rng.normal(size=(24, WIDTH)), [(i, i + 1) for i in range(0, 24, 2)]
    examples = chosen(coordinates, rng.normal(size=WIDTH), pairs, rng)

    def card(examples, moved=0.0):
        return weights_of(examples.items, examples.liking + moved, examples.weights, examples.levels)

    moved = np.repeat(rng.normal(size=12), 2)
    for ours, theirs in zip(card(examples), card(examples, moved), strict=True):
        assert np.allclose(ours, theirs)
    # By the rows of all differences, as a regression without an offset.
    apart = (coordinates[0::2] - coordinates[1::2]) / np.sqrt(2)
    variance = PRIOR * np.mean(np.sum(apart**2, axis=1)) + JUDGEMENT
    signs = np.sign(examples.liking[0::2] - examples.liking[1::2])
    noise = JUDGEMENT + (np.pi / 2 - 1) * variance
    covariance = np.linalg.inv(apart.T @ apart / noise + np.eye(WIDTH) / PRIOR)
    mean = covariance @ apart.T @ signs * np.sqrt(np.pi / 2 * variance) / noise
    assert np.allclose(card(examples)[0], mean)
    assert np.allclose(card(examples)[1], covariance)
    # Ratings beside choices add what they would say alone; pictures without a partner say nothing.
    rated = from_ratings(rng.normal(size=(5, WIDTH)), [1, 5, 2, 4, 3], pictures=list("abcde"))
    shifts, precisions = zip(*(likelihoods([Card("s", *card(one))]) for one in (examples, rated, mix(examples, rated))), strict=True)  # fmt: skip
    assert np.allclose(shifts[0] + shifts[1], shifts[2])
    assert np.allclose(precisions[0] + precisions[1], precisions[2])
    assert np.allclose(card(examples.take(np.arange(0, 24, 2)))[1], PRIOR * np.eye(WIDTH))


def test_kinds_are_found_in_cards_of_choices():
    rng = np.random.default_rng(2)
    kinds = np.array([[1.2, 0, 0, 0], [0, -1.2, 0, 0]])
    cards = []
    for number in range(40):
        coordinates = rng.normal(size=(80, WIDTH)) / np.sqrt(WIDTH)
        examples = chosen(coordinates, kinds[number % 2], [(i, i + 1) for i in range(0, 80, 2)], rng)
        cards.append(Card("s", *weights_of(coordinates, examples.liking, examples.weights, examples.levels)))
    means = join_cards("p", cards, rng).means
    assert len(means) == 2
    for kind in kinds:
        assert max(np.corrcoef(kind, mean)[0, 1] for mean in means) > 0.95


def test_likelihood_of_a_card_is_that_of_its_ratings():
    rng = np.random.default_rng(1)
    coordinates, liking, ones = rng.normal(size=(5, WIDTH)), rng.uniform(-1, 1, 5), np.ones(5)
    evidence = CardEvidence.of(*likelihoods([Card("s", *weights_of(coordinates, liking, ones))]))

    def oracle(mean, variance):
        covariance = variance * coordinates @ coordinates.T + 1 + JUDGEMENT * np.eye(5)
        return multivariate_normal(coordinates @ mean, covariance).logpdf(liking)

    cases = [(rng.normal(size=WIDTH), variance) for variance in (0.01, 0.3, 2.0)]
    ours = np.array([evidence.log_likelihood(*case)[0] for case in cases])
    theirs = np.array([oracle(*case) for case in cases])
    assert np.allclose(ours - ours[0], theirs - theirs[0])


def test_noise_hides_whose_card_it_is():
    rng = np.random.default_rng(2)
    first, second = (LONGEST * np.eye(WIDTH)[0] * sign for sign in (1, -1))
    for noise in (0.5, 2.0):
        told = [noisy(first, noise, rng)[0][0] > noisy(second, noise, rng)[0][0] for _ in range(2000)]
        # The two cards that are furthest apart reach the bound.
        assert np.mean(told) == pytest.approx(largest_auc(noise), abs=0.04)
    assert largest_auc(0) == 1
    assert np.isclose(largest_auc(100), 0.5, atol=0.01)
    # However extreme the ratings, the noise covers them; the covariance tells nothing.
    huge = noisy(1e6 * first, 1.0, np.random.default_rng(3))
    usual = noisy(first, 1.0, np.random.default_rng(3))
    assert np.allclose(huge[0], usual[0])
    assert np.array_equal(huge[1], noisy(second, 1.0, rng)[1])


def test_kinds_are_found():
    rng = np.random.default_rng(4)
    kinds = np.array([[0.8, 0, 0, 0], [0, 0.8, 0, 0], [-0.6, -0.6, 0, 0]])
    population = join_cards("p", planted(kinds, 15, rng), rng)
    assert population.means.shape == (3, WIDTH)
    assert population.shares.sum() == pytest.approx(1)
    for kind in kinds:
        assert np.linalg.norm(population.means - kind, axis=1).min() < 0.35
    # People who all like the same are one kind.
    assert len(join_cards("p", planted(kinds[:1], 7, rng), rng).shares) == 1
    assert population.prior_names == ("kind 1", "kind 2", "kind 3")


def test_cards_that_say_nothing_make_a_kind_of_nothing():
    empty = Card("s", np.zeros(WIDTH), PRIOR * np.eye(WIDTH))
    assert np.allclose(join_cards("p", [empty] * 5).means, 0)


def test_few_or_mixed_cards_are_refused():
    cards = planted(np.zeros((1, WIDTH)), 3, np.random.default_rng(5))
    with pytest.raises(TasteError, match="at least 3 cards"):
        join_cards("p", cards[:2])
    with pytest.raises(TasteError, match="different spaces"):
        join_cards("p", [*cards, replace(cards[0], space="other")])


def test_card_files(tmp_path):
    (card,) = planted(np.zeros((1, WIDTH)), 1, np.random.default_rng(6))
    path = save_card(replace(card, noise=0.5), tmp_path / "deep" / "a.card")
    loaded = load_card(path, SPACE)
    assert np.array_equal(loaded.mean, card.mean)
    assert loaded.noise == 0.5
    with pytest.raises(TasteError, match="is of s, this version of soart has cards-2"):
        load_card(path, SimpleNamespace(version="cards-2", width=WIDTH))
    broken = tmp_path / "broken.card"
    broken.write_bytes(path.read_bytes()[:-9])
    changed = tmp_path / "changed.card"
    changed.write_bytes(path.read_bytes()[:-1] + b"\x01")
    foreign = tmp_path / "foreign.card"
    save_file({"mean": card.mean}, foreign)
    taste = tmp_path / "taste.card"
    save_file({"mean": card.mean}, taste, metadata={"soart_taste": "{}"})
    for file, message in (
        (broken, "is not a card, or is damaged"), (changed, "was changed or damaged"), (foreign, "is not a card"),
        (taste, "a taste, not a card"), (tmp_path / "none.card", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(TasteError, match=message):
            load_card(file, SPACE)
    # A hostile card must not outweigh all others.
    for hostile in (
        replace(card, covariance=-card.covariance), replace(card, covariance=2 * PRIOR * np.eye(WIDTH)),
        replace(card, mean=np.full(WIDTH, np.nan)), replace(card, mean=1e9 * np.ones(WIDTH)),
        replace(card, mean=np.zeros(3)), replace(card, covariance=1e-160 * np.eye(WIDTH)),
    ):  # fmt: skip
        with pytest.raises(TasteError, match="numbers that no taste has"):
            load_card(save_card(hostile, tmp_path / "hostile.card"), SPACE)


@pytest.mark.parametrize(
    ("header", "change", "message"),
    [
        ({"method": "cubic"}, {}, "has method 'cubic', this version of soart reads method 'linear'"),
        ({"noise": 10**400}, {}, "is incomplete"),
        ({"noise": "loud"}, {}, "is incomplete"),
        ({"noise": [[]] * 9}, {}, "is incomplete"),
        ({}, {"mean": np.zeros(())}, "numbers that no taste has"),
        ({}, {"covariance": np.zeros((WIDTH, WIDTH), np.float16)}, "numbers that no taste has"),
    ],
)
def test_hostile_cards_end_in_a_sentence_even_under_a_right_hash(header, change, message, tmp_path):
    arrays = {"mean": np.zeros(WIDTH), "covariance": 0.5 * np.eye(WIDTH)} | change
    text = json.dumps({"format": 1, "space": "s", "method": "linear", "noise": 0.0} | header)
    save_file(arrays, tmp_path / "a", metadata={"soart_card": text, "sha256": digest_of(text, arrays)})
    with pytest.raises(TasteError, match=message):
        load_card(tmp_path / "a", SPACE)


def test_numbers_of_half_precision_are_read_and_those_that_numpy_lacks_are_refused(tmp_path):
    half = {"mean": np.zeros(WIDTH, np.float16), "covariance": (0.5 * np.eye(WIDTH)).astype(np.float16)}
    text = json.dumps({"format": 1, "space": "s", "method": "linear", "noise": 0.0})
    save_file(half, tmp_path / "half", metadata={"soart_card": text, "sha256": digest_of(text, half)})
    assert load_card(tmp_path / "half", SPACE).covariance.dtype == np.float64
    brain = {"mean": torch.zeros(WIDTH, dtype=torch.bfloat16)}
    save_tensors(brain, tmp_path / "brain", metadata={"soart_card": text})
    with pytest.raises(TasteError, match="is not a card, or is damaged"):
        load_card(tmp_path / "brain", SPACE)


def test_a_header_that_is_nested_without_end_ends_in_a_sentence(tmp_path):
    text, arrays = "[" * 100_000 + "]" * 100_000, {"mean": np.zeros(WIDTH)}
    save_file(arrays, tmp_path / "a", metadata={"soart_card": text, "sha256": digest_of(text, arrays)})
    with pytest.raises(TasteError, match="is incomplete"):
        load_card(tmp_path / "a", SPACE)


@pytest.mark.parametrize(
    ("header", "change", "message"),
    [
        ({"cards": float("inf")}, {}, "is incomplete"),
        ({}, {"shares": np.ones(())}, "is damaged"),
        ({}, {"shares": np.ones((1, 1)), "variances": np.ones((1, 1))}, "is damaged"),
        ({}, {"shares": np.zeros(0), "means": np.zeros((0, WIDTH)), "variances": np.zeros(0)}, "is damaged"),
    ],
)
def test_hostile_populations_end_in_a_sentence(header, change, message, tmp_path):
    arrays = {"shares": np.ones(1), "means": np.zeros((1, WIDTH)), "variances": np.ones(1)} | change
    text = json.dumps({"format": 1, "name": "p", "space": "s", "cards": 3} | header)
    save_file(arrays, tmp_path / "p", metadata={"soart_population": text, "sha256": digest_of(text, arrays)})
    with pytest.raises(TasteError, match=message):
        load_population(tmp_path / "p", SPACE)


def test_population_files(tmp_path):
    population = join_cards("p", planted(np.zeros((1, WIDTH)), 4, np.random.default_rng(7)))
    path = save_population(population, tmp_path / "p")
    loaded = load_population(path, SPACE)
    assert np.array_equal(loaded.means, population.means)
    assert (loaded.name, loaded.cards) == ("p", 4)
    with pytest.raises(TasteError, match="join new cards"):
        load_population(path, SimpleNamespace(version="cards-2", width=WIDTH))
    path.write_bytes(b"x")
    with pytest.raises(TasteError, match="damaged"):
        load_population(path, SPACE)
    save_file({"mean": population.means}, path)
    with pytest.raises(TasteError, match="is not a population"):
        load_population(path, SPACE)


def test_changed_populations_are_refused(tmp_path):
    population = join_cards("p", planted(np.zeros((1, WIDTH)), 4, np.random.default_rng(7)))
    path = save_population(population, tmp_path / "p")
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(TasteError, match=r"population '.*' was changed or damaged"):
        load_population(path, SPACE)


def test_files_without_a_digest_or_of_another_format_are_refused(tmp_path):
    (card,) = planted(np.zeros((1, WIDTH)), 1, np.random.default_rng(6))
    text = json.dumps({"format": 1, "space": "s", "method": "linear", "noise": 0.0})
    save_file({"mean": card.mean, "covariance": card.covariance}, tmp_path / "a", metadata={"soart_card": text})
    with pytest.raises(TasteError, match=r"card .* was changed or damaged"):
        load_card(tmp_path / "a", SPACE)
    kinds = {"shares": np.ones(1), "means": np.zeros((1, WIDTH)), "variances": np.ones(1)}
    text = json.dumps({"format": 2, "name": "p", "space": "s", "cards": 3})
    save_file(kinds, tmp_path / "p", metadata={"soart_population": text})
    with pytest.raises(TasteError, match=r"population .* was changed or damaged"):
        load_population(tmp_path / "p", SPACE)
    save_file(kinds, tmp_path / "p", metadata={"soart_population": text, "sha256": digest_of(text, kinds)})
    with pytest.raises(TasteError, match="has format 2, this version of soart reads format 1: join new cards"):
        load_population(tmp_path / "p", SPACE)


def test_space_of_axes(taste_world):
    items, _ = taste_world.draw(60, np.random.default_rng(8))
    space = learn_space(items, taste_world.names, "v", 5)
    coordinates = space.coordinates(items)
    assert coordinates.shape == (60, 5)
    assert np.mean(np.sum(coordinates**2, axis=1)) == pytest.approx(1, rel=0.1)
    assert np.allclose(kind_scores(np.eye(5), items, space), coordinates)
    with pytest.raises(TasteError, match="learn it again with the default network"):
        check_items_of(space, "w", "mine")
    shipped = card_space()
    assert shipped.axes.shape == (len(shipped.centre), shipped.width)


def test_ignored_items_do_not_move_coordinates(taste_world):
    items, _ = taste_world.draw(60, np.random.default_rng(8))
    names = taste_world.names
    space = learn_space(items, names, "v", 5, names[:2])
    other = items.copy()
    other[:, :2] += 100
    assert np.array_equal(space.coordinates(other), space.coordinates(items))
    fewer = learn_space(items[:, 2:], names[2:], "v", 5)
    assert np.allclose(np.abs(fewer.coordinates(items[:, 2:])), np.abs(space.coordinates(items)))


def test_card_of_a_taste(taste_world):
    rng = np.random.default_rng(9)
    items, liking = taste_world.draw(60, rng)
    space = learn_space(items, taste_world.names, "v1", len(taste_world.names))
    taste = learn_taste(taste_world.planted(10, rng), taste_world.names, "v1", repeats=1)
    card = make_card(taste, space=space)
    assert np.corrcoef(space.coordinates(items) @ card.mean, liking)[0, 1] > 0.5
    # Choices between the same pictures show it too.
    items, true = taste_world.draw(60, rng)
    pairs = [(i, i + 1) if true[i] > true[i + 1] else (i + 1, i) for i in range(0, 60, 2)]
    of_choices = learn_taste(from_choices(items, pairs), taste_world.names, "v1", repeats=1)
    fresh, liking = taste_world.draw(200, rng)
    assert np.corrcoef(space.coordinates(fresh) @ make_card(of_choices, space=space).mean, liking)[0, 1] > 0.5
    hidden = make_card(taste, 1.0, np.random.default_rng(0), space)
    assert np.array_equal(hidden.mean, make_card(taste, 1.0, np.random.default_rng(0), space).mean)
    assert not np.array_equal(make_card(taste, 1.0, space=space).mean, make_card(taste, 1.0, space=space).mean)
    with pytest.raises(TasteError, match="Expected a noise"):
        make_card(taste, float("nan"), space=space)
    with pytest.raises(TasteError, match="is a blend"):
        make_card(Blend("both", (taste, taste), (1.0, 1.0)), space=space)


def test_one_kind_is_trusted_or_all_together():
    kinds = ("kind 1", "kind 2")
    found = hypotheses(["gaussian all"], ("technical", *kinds))
    means = np.array([h.means for h in found])
    assert (np.count_nonzero(means, axis=1) <= 1).all()
    assert {tuple(row) for row in means} > {(0, 0.7, 0), (0, 0, -0.5), (0.3, 0, 0), (0, 0, 0)}
    assert {np.count_nonzero(h.deviations) for h in found if any(h.deviations[1:])} == {1, 2}
    assert not any(h.deviations[0] for h in found if any(h.deviations[1:]))
    # Without a population nothing has changed: the beliefs in the rest differ by a constant.
    plain = hypotheses(["gaussian all"], ("technical",))
    rest = [h for h in found if not any(h.deviations[1:])]
    assert np.ptp([a.trust - b.trust for a, b in zip(rest, plain, strict=True)]) < 1e-12


@pytest.mark.parametrize(("sign", "trusted"), [(1, True), (-1, True), (0, False)])
def test_trust_in_a_kind_follows_the_evidence(sign, trusted):
    rng = np.random.default_rng(10)
    y = np.repeat([1.0, -1.0], 8)
    priors = np.column_stack([sign * y + 0.3 * rng.normal(size=16), rng.normal(size=16)])
    found = hypotheses(["gaussian all"], ("kind 1", "kind 2"))
    weights = np.exp(log_weights(found, fit_all(found, [np.eye(16)], y, np.ones(16), priors)[0]))
    means = np.array([h.means for h in found])
    share = weights @ (means[:, 0] * (sign or 1) > 0) / weights.sum()
    assert (share > 0.7) == trusted


def test_a_bit_of_two_kinds_is_trusted_together():
    rng = np.random.default_rng(4)
    y = np.repeat([1.0, -1.0], 8)
    noise = 1.2 * rng.normal(size=16)
    # Likes the first kind and the opposite of the second: neither alone tells much, their difference tells all.
    priors = np.column_stack([y + noise, noise - y, rng.normal(size=16)]) / 1.6
    found = hypotheses(["gaussian all"], ("kind 1", "kind 2", "kind 3"))
    together = np.array([all(h.deviations) for h in found])
    assert not np.array([h.means for h in found])[together].any()
    believed, shown = (
        float(weights[together].sum() / weights.sum())
        for weights in (
            np.exp(log_weights(found, evidence))
            for evidence in (np.zeros(len(found)), fit_all(found, [np.eye(16)], y, np.ones(16), priors)[0])
        )
    )
    assert believed < 0.6 < 0.9 < shown
    # A single kind is trusted by hypotheses of its own.
    assert not any(h.deviations[0] and not h.means[0] for h in hypotheses(["gaussian all"], ("kind 1",)))


def test_taste_with_kinds_computes_their_liking(taste_world, monkeypatch, tmp_path):
    rng = np.random.default_rng(11)
    items, liking = taste_world.draw(200, rng)
    space = learn_space(items, taste_world.names, "v1", len(taste_world.names))
    for place in (card_space_module, taste_module, taste_files):
        monkeypatch.setattr(place, "card_space", lambda: space)
    # A kind that likes what this person likes, and one of noise.
    kinds = np.stack([np.linalg.lstsq(space.coordinates(items), liking, rcond=None)[0], rng.normal(size=space.width)])
    examples = taste_world.planted(4, rng)
    options = {"repeats": 1}
    plain = learn_taste(examples, taste_world.names, "v1", **options)
    known = replace(examples, priors=kind_scores(kinds, examples.items))
    helped = learn_taste(
        known, taste_world.names, "v1", prior_names=("kind 1", "kind 2"), kinds=kinds, **options,
        background=(items, kind_scores(kinds, items)),
    )  # fmt: skip
    assert np.corrcoef(helped.liking(items), liking)[0, 1] > np.corrcoef(plain.liking(items), liking)[0, 1]
    assert helped.trusted_priors["kind 1"] > helped.trusted_priors["kind 2"]
    path = save_taste(helped, tmp_path / "t")
    assert np.allclose(load_taste(path).liking(items), helped.liking(items))
    save_taste(replace(helped, kinds=kinds[:1]), path)
    with pytest.raises(TasteError, match="expected the weights of each kind"):
        load_taste(path)
    save_taste(helped, path)
    monkeypatch.setattr(taste_files, "card_space", lambda: SimpleNamespace(version="cards-2", width=space.width))
    with pytest.raises(TasteError, match="learnt with a population of"):
        load_taste(path)


def test_a_noisy_mean_is_read_as_that_of_a_usual_card():
    """By conditioning of the joint normal distribution of a weight and its noisy mean."""
    mean, sigma = np.array([0.3, -0.2, 0.1]), 0.7
    rng, again = np.random.default_rng(5), np.random.default_rng(5)
    found, covariance = noisy(mean, sigma, rng)
    shown = mean + LONGEST * sigma * again.standard_normal(3)
    of_shown = SHOWN**2 * PRIOR + SHOWN * (1 - SHOWN) * PRIOR + (LONGEST * sigma) ** 2
    np.testing.assert_allclose(found, SHOWN * PRIOR / of_shown * shown)
    np.testing.assert_allclose(covariance, (PRIOR - (SHOWN * PRIOR) ** 2 / of_shown) * np.eye(3))
    # A longer mean is cut before the noise.
    longer, _ = noisy(mean * 100, sigma, np.random.default_rng(5))
    cut = LONGEST * mean / np.linalg.norm(mean)
    np.testing.assert_allclose(longer - found, SHOWN * PRIOR / of_shown * (cut - mean))


def planted_evidence(rng, cards, width):
    """The shifts and precisions of random cards."""
    roots = rng.normal(size=(cards, 5, width))
    return 3 * rng.normal(size=(cards, width)), np.einsum("nij,nik->njk", roots, roots)


def test_a_kind_is_the_mode_of_its_posterior():
    """The derivatives of likelihood and priors by its mean and its variance are zero."""
    rng = np.random.default_rng(6)
    evidence = CardEvidence.of(*planted_evidence(rng, 12, 3))
    found = evidence.fit(1, rng.normal(size=(12, 3)), rng)
    mean, variance = found.means[0], float(found.variances[0])

    def posterior(mean, variance):
        of_mean = -mean @ mean / (2 * SPREAD)
        of_variance = -PRIOR_CARDS * 3 / 2 * (np.log(variance) + PRIOR_VARIANCE / variance)
        return evidence.log_likelihood(mean, variance).sum() + of_mean + of_variance

    for step in 1e-4 * np.eye(3):
        assert posterior(mean + step, variance) - posterior(mean - step, variance) == pytest.approx(0, abs=1e-5)
    slope = posterior(mean, variance * 1.001) - posterior(mean, variance / 1.001)
    assert slope == pytest.approx(0, abs=2e-4)


def test_the_evidence_of_kinds_is_that_of_laplace():
    """With dense matrices: two kinds can be named in two ways, and their shares cost half a log of the cards."""
    rng = np.random.default_rng(7)
    shifts, precisions = planted_evidence(rng, 9, 2)
    evidence = CardEvidence.of(shifts, precisions)
    found = evidence.fit(2, rng.normal(size=(9, 2)), rng)
    logs = np.stack(
        [
            np.log(share) + evidence.log_likelihood(mean, float(variance))
            for share, mean, variance in zip(found.shares, found.means, found.variances, strict=True)
        ]
    )
    total = np.logaddexp.reduce(logs, axis=0)
    wanted = total.sum() - 0.5 * np.log(9) + np.log(2)
    for log, mean, variance in zip(logs, found.means, found.variances, strict=True):
        spread = [np.linalg.inv(np.linalg.inv(precision) + variance * np.eye(2)) for precision in precisions]
        hessian = np.tensordot(np.exp(log - total), spread, axes=1) + np.eye(2) / SPREAD
        wanted -= mean @ mean / (2 * SPREAD) + np.linalg.slogdet(hessian * SPREAD)[1] / 2
    assert found.evidence == pytest.approx(wanted)


def test_a_card_never_gets_the_name_of_a_picture(tmp_path):
    path = tmp_path / "a.JPG"
    path.write_bytes(b"picture")
    card = Card("s", np.zeros(2), np.eye(2))
    with pytest.raises(TasteError, match=r"a\.JPG' would have the name of a picture: name another file"):
        save_card(card, path)
    assert path.read_bytes() == b"picture"
