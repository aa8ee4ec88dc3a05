from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from soart.metrics.protocols import Making
from soart.metrics.tastes.examples import from_choices, from_liking, from_modes, from_ratings
from soart.metrics.tastes.fitting import calibrate
from soart.metrics.tastes.folds import fold_numbers, gather, near_duplicates
from soart.metrics.tastes.learning_curve import add_curve
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.true_auc import TrueAuc
from soart.metrics.tastes.trust import (
    CHANCE,
    STRONG,
    TOO_FEW,
    UNPROVEN,
    USABLE,
    Trust,
    a_side,
    kind_of,
    sides,
    signs_in,
    word_for,
)


def concordance(liking, scores):
    """Chance that the better liked of two pictures scores higher."""
    return gather(liking, [(np.arange(len(liking)), scores)]).concordance


@given(st.integers(0, 10_000), st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_concordance_is_the_auc(seed, n):
    rng = np.random.default_rng(seed)
    liking = rng.choice([-1.0, 1.0], n)
    scores = rng.integers(0, 4, n).astype(float)
    if len(set(liking)) == 1:
        assert np.isnan(concordance(liking, scores))
    else:
        assert concordance(liking, scores) == pytest.approx(roc_auc_score(liking > 0, scores))


@given(st.integers(0, 10_000), st.integers(6, 40), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_folds_keep_groups_whole_and_balance_likings(seed, n, folds):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n, n)
    numbers = fold_numbers(rng.choice([-1.0, 1.0], n), groups, folds, rng)
    for group in np.unique(groups):
        assert len(set(numbers[groups == group])) == 1
    alone = fold_numbers(np.repeat([-1.0, 1.0], 10), np.arange(20), 5, rng)
    assert all(np.bincount(alone[part], minlength=5).tolist() == [2] * 5 for part in (slice(10), slice(10, 20)))


def test_only_pictures_of_one_fold_are_compared():
    liking = np.array([1.0, -1.0, 1.0, -1.0])
    held_out = gather(liking, [(np.array([0, 1]), np.array([5.0, 4.0])), (np.array([2, 3]), np.array([-2.0, -1.0]))])
    assert held_out.counts.sum() == 2
    assert held_out.concordance == 0.5


def test_near_duplicates_join_and_so_do_given_groups():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(6, 20))
    z[3] = z[0] + 1e-3
    numbers = near_duplicates(z, np.array(["a", "b", "b", "c", "d", "e"]))
    assert numbers[0] == numbers[3]
    assert numbers[1] == numbers[2]
    assert len(set(numbers)) == 4


@pytest.mark.parametrize(
    ("better", "worse", "held_out", "word"),
    [(4, 30, 1.0, TOO_FEW), (30, 30, 0.2, CHANCE), (8, 8, 0.6, USABLE), (30, 30, 1.0, STRONG)],
)
def test_words(better, worse, held_out, word):
    found = TrueAuc.of("shared", a_side(better, worse), held_out)
    assert word_for(better, worse, found) == word
    assert (found.above_chance < 0.9 and found.mean < 0.6) == (word == CHANCE)
    assert a_side(16, 16) == 16 > a_side(30, 10)


def test_ratings_that_may_be_chance_are_unproven():
    """And neither its word nor its sentence promises anything: of another taste with as many pictures one figure is said."""
    doubted, usual = (TrueAuc.of("shared", 8, *of) for of in ((0.6, 8, 0.9, 0.55), (0.75, 8, 1.6, 0.75)))
    assert [word_for(8, 8, found) for found in (doubted, usual)] == [UNPROVEN, USABLE]
    examples = from_modes({"good": np.zeros((8, 1)), "bad": np.ones((8, 1))})
    said = [
        add_curve(Trust(word_for(8, 8, one), one.mean, *one.interval, liked=8, disliked=8), examples, one)
        for one in (doubted, usual)
    ]
    assert [trust.useless for trust in said] == [True, False]
    assert "about" not in said[0].sentence
    assert "as you would (chance is 50)" in said[0].sentence
    assert said[0].advice == "So far this could be chance. 16 more ratings would tell more surely."
    assert f"about {round(100 * usual.mean)} as you would (very likely " in said[1].sentence


def test_appeal_orders_the_rated_pictures_before_anything_is_learnt():
    rated = from_ratings(np.zeros((4, 1)), [1, 2, 4, 5])
    told = np.array([[0.0, 3.0], [0.0, 1.0], [0.0, 2.0], [0.0, np.nan]])
    known = replace(rated, priors=told, prior_names=("technical", "appeal"))
    assert signs_in(known) == pytest.approx((1 / 3, 1 / 3))
    assert np.isnan(signs_in(rated)).all()
    # Of several prior scores, each in its own deviations; what lacks one counts by the others.
    both = replace(known, priors=np.column_stack([told, [0, 10, 20, 30]]), prior_names=("technical", "appeal", "nima"))
    assert signs_in(both) == pytest.approx((1 / 3, 5 / 6))
    # Of generated pictures appeal says less than the posterior was learnt with.
    made = np.array([Making(model="m")] * 4, dtype=object)
    assert signs_in(replace(known, makings=made)) == (pytest.approx(np.nan, nan_ok=True), pytest.approx(1 / 3))


def test_kinds_of_tastes():
    rated = from_ratings(np.zeros((2, 1)), [1, 5])
    assert kind_of(rated, content=False) == "appearance"
    assert kind_of(replace(rated, prior_names=("technical",)), content=True) == "content"
    shared = replace(rated, prior_names=("technical", "appeal"))
    assert kind_of(shared, content=False) == "shared"
    # Of pictures by one generator general scores say less.
    by = [replace(shared, makings=np.array([Making(model=a), Making(model=b)])) for a, b in ("aa", "ab")]
    assert [kind_of(one, content=True) for one in by] == ["alike", "shared"]
    assert kind_of(from_choices(np.eye(2), [(0, 1)]), content=True) == "choices"


def test_copies_in_a_group_count_once(taste_world):
    """Guards against leakage: random labels of a few scenes, each many times, must not look learnt."""
    rng = np.random.default_rng(3)
    scenes, _ = taste_world.draw(12, rng)
    items = np.repeat(scenes, 5, axis=0) + 0.01 * rng.normal(size=(60, scenes.shape[1]))
    good = np.repeat(rng.permutation([True] * 6 + [False] * 6), 5)
    examples = from_modes({"good": items[good], "bad": items[~good]})
    taste = learn_taste(examples, taste_world.names, "v", rng=rng)
    assert taste.trust.groups == 12
    assert taste.trust.useless


def test_report_of_a_planted_taste(taste_world, usual_effort):
    rng = np.random.default_rng(4)
    taste = learn_taste(taste_world.planted(15, rng), taste_world.names, "v", rng=rng)
    trust = taste.trust
    assert trust.word in (USABLE, STRONG)
    assert trust.low <= trust.concordance <= trust.high
    assert trust.rank_correlation == pytest.approx(2 * trust.concordance - 1)
    assert f"orders about {round(100 * trust.concordance)} as you would" in trust.sentence
    assert trust.curve[0] == pytest.approx((30, trust.concordance, trust.low, trust.high))
    assert [n for n, *_ in trust.curve] == sorted(n for n, *_ in trust.curve)
    assert all(low <= v <= high for _, v, low, high in trust.curve)
    assert "more" in trust.advice
    assert 0.5 < trust.expected <= 1


def test_many_pictures_of_few_prompts_are_not_too_few(taste_world):
    rng = np.random.default_rng(0)
    examples = taste_world.planted(12, rng)
    few = replace(examples, groups=np.array([f"prompt {number % 3}" for number in range(len(examples))]))
    trust = learn_taste(few, taste_world.names, "v", rng=rng, repeats=1).trust
    assert trust.word != TOO_FEW
    assert trust.groups == 24
    # A prompt with pictures of both kinds counts for either.
    assert sides(replace(few, groups=np.array([f"prompt {number % 12}" for number in range(24)]))) == (12, 12)


def test_too_few_examples_say_so(taste_world):
    rng = np.random.default_rng(6)
    trust = learn_taste(taste_world.planted(1, rng), taste_world.names, "v", rng=rng).trust
    assert trust.word == TOO_FEW
    assert trust.useless
    assert trust.advice == "Rate 4 more that you like and 4 more that you do not."
    assert "too few to set some aside as a test" in trust.sentence
    assert sides(taste_world.planted(4, rng)) == (4, 4)


def test_a_taste_at_chance_says_what_would_help(taste_world):
    rng = np.random.default_rng(1)
    items, _ = taste_world.draw(30, rng)
    examples = from_modes({"good": items[:24], "bad": items[24:]})
    trust = learn_taste(examples, taste_world.names, "v", rng=rng).trust
    assert trust.word == CHANCE
    assert "Only 6 are disliked beside 24 liked: rate more disliked ones." in trust.advice
    assert "--network efficientnet-lite0" in trust.advice
    of_network = add_curve(trust, examples, TrueAuc.of("content", a_side(24, 6), 0.4), content=True)
    assert "A larger model may see what this one does not" in of_network.advice


@pytest.mark.slow
def test_interval_covers_and_chance_is_called_chance(taste_world):
    covered, called = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        examples = taste_world.planted(10, rng, noise=1.5)
        taste = learn_taste(examples, taste_world.names, "v", rng=rng)
        test = taste_world.planted(200, rng, noise=1.5)
        true = concordance(test.liking, taste.liking(test.items))
        covered.append(taste.trust.low <= true <= taste.trust.high)
        items, _ = taste_world.draw(20, rng)
        random = from_modes({"good": items[:10], "bad": items[10:]})
        called.append(learn_taste(random, taste_world.names, "v", rng=rng).trust.word == CHANCE)
    assert np.mean(covered) >= 0.9
    # Most people's tastes are better than chance: random labels must look worse than that to be called so.
    assert np.mean(called) >= 0.6


def test_choice_is_made_again_in_every_fold(taste_world):
    """A method that is chosen or fitted with sight of the held-out pictures would score random labels above chance."""
    values = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        items, _ = taste_world.draw(16, rng)
        examples = from_modes({"good": items[:8], "bad": items[8:]})
        trust = learn_taste(examples, taste_world.names, "v", rng=rng, repeats=1).trust
        values.append(trust.held_out)
    assert abs(np.mean(values) - 0.5) < 0.17


@pytest.mark.parametrize(("up", "down"), [(4, 4), (3, 9)])
def test_calibration_is_that_of_platt_with_both_sides_of_equal_weight(up, down):
    """Scores of two values leave nothing between his targets, (n + 1)/(n + 2) and 1/(n + 2), and the curve."""
    liking = np.repeat([1.0, -1.0], (up, down))
    examples = from_liking(np.random.default_rng(0).normal(size=(up + down, 2)), liking)
    slope, offset = calibrate(gather(liking, [(np.arange(up + down), liking)]), examples)
    assert expit([offset + slope, offset - slope]) == pytest.approx([(up + 1) / (up + 2), 1 / (down + 2)], abs=1e-3)
    assert calibrate(None, examples) == (1, 0)
    # Where all held-out pictures are liked there is nothing to fit.
    assert calibrate(gather(liking, [(np.arange(up), liking[:up])]), examples) == (1, 0)
