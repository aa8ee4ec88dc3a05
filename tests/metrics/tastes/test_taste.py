import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import ItemsError, TasteError
from soart.metrics.items.colour import ColourExtractor, hue_shares
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.frame import Frame
from soart.metrics.tastes.by_example import unlike_examples
from soart.metrics.tastes.examples import from_choices, from_liking, from_modes, from_ratings, mix
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.folds import gather
from soart.metrics.tastes.modes import learn_attention
from soart.metrics.tastes.taste import (
    FEWEST_OF_BACKGROUND,
    chosen_priors,
    computed_priors,
    learn_taste,
    tastes_without,
    technical_prior,
    unavailable_priors,
)


def concordance(liking, scores):
    """Chance that the better liked of two pictures scores higher."""
    return gather(liking, [(np.arange(len(liking)), scores)]).concordance


def learn(examples, world, **options):
    options = {"repeats": 2, "rng": np.random.default_rng(0), **options}
    return learn_taste(examples, world.names, "v1", **options)


@pytest.fixture(scope="module")
def taste(taste_world):
    return learn(taste_world.planted(15, np.random.default_rng(1)), taste_world)


def test_planted_taste_is_found(taste, taste_world):
    items, liking = taste_world.draw(400, np.random.default_rng(2))
    assert concordance(liking, taste.liking(items)) > 0.8
    assert taste.trust.word in ("usable", "strong")


def test_scales(taste, taste_world):
    items, _ = taste_world.draw(200, np.random.default_rng(3))
    liking = taste.liking(items)
    probability, score = taste.probability(liking), taste.score(items)
    assert ((probability > 0) & (probability < 1)).all()
    np.testing.assert_allclose(score, 100 * probability)
    percentile = taste.percentile(liking)
    assert percentile.min() >= 0
    assert percentile.max() <= 100
    order = np.argsort(liking)
    assert (np.diff(probability[order]) >= 0).all()
    assert (np.diff(percentile[order]) >= 0).all()


def test_probability_is_calibrated(taste_world):
    rng = np.random.default_rng(8)
    taste = learn(taste_world.planted(40, rng, noise=1.5), taste_world, repeats=4)
    test = taste_world.planted(300, rng, noise=1.5)
    chance = taste.probability(taste.liking(test.items))
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        inside = (chance >= low) & (chance < high)
        assert abs((test.liking[inside] > 0).mean() - chance[inside].mean()) < 0.15


def test_same_seed_same_taste(taste_world):
    examples = taste_world.planted(8, np.random.default_rng(4))
    first, second = (learn(examples, taste_world) for _ in range(2))
    items, _ = taste_world.draw(20, np.random.default_rng(5))
    np.testing.assert_array_equal(first.liking(items), second.liking(items))
    assert first.trust == second.trust


def test_the_prior_decides_while_pictures_are_few(taste_world):
    rng = np.random.default_rng(9)
    items, liking = taste_world.draw(300, rng)
    prior = liking + 0.3 * rng.normal(size=300)
    alone = concordance(liking, prior)
    few = taste_world.planted(4, rng)
    own = few.items[:, taste_world.saturation] + few.items[:, taste_world.detail]
    fitted = fit(replace(few, priors=own[:, None]), taste_world.names)
    assert concordance(liking, fitted(items, prior[:, None])) > alone - 0.05


def test_misleading_prior_is_unlearnt(taste_world):
    rng = np.random.default_rng(10)
    examples = taste_world.planted(20, rng)
    against = -examples.liking + 0.5 * rng.normal(size=len(examples))
    fitted = fit(replace(examples, priors=against[:, None]), taste_world.names)
    items, liking = taste_world.draw(300, rng)
    assert concordance(liking, fitted(items, -np.sign(liking)[:, None])) > 0.8


def test_missing_prior_scores_are_neutral(taste_world):
    rng = np.random.default_rng(11)
    examples = taste_world.planted(8, rng)
    examples = replace(examples, priors=np.column_stack([examples.liking, np.full(len(examples), np.nan)]))
    taste = learn(examples, taste_world, prior_names=("a", "b"))
    items, _ = taste_world.draw(5, rng)
    assert np.isfinite(taste.liking(items)).all()
    with pytest.raises(ItemsError, match="2 prior scores"):
        taste.liking(items, np.zeros((5, 1)))


def test_ratings_choices_and_folders_mix(taste_world):
    rng = np.random.default_rng(12)
    items, liking = taste_world.draw(60, rng)
    stars = np.clip(np.round(3 + 1.2 * liking), 1, 5)
    rated = from_ratings(items[:30], stars[:30], pictures=range(30))
    pairs = [(a, b) if liking[a] > liking[b] else (b, a) for a, b in rng.integers(30, 60, (80, 2)) if a != b]
    chosen = from_choices(items, pairs, pictures=range(60))
    folders = from_modes({"good": items[liking > 1.5][:5]}, pictures={"good": np.flatnonzero(liking > 1.5)[:5]})
    every = mix(rated, chosen, folders)
    assert every.graded
    assert len(set(every.pictures)) == len(every)
    assert every.weights.max() > 1
    taste = learn(every, taste_world)
    test, truth = taste_world.draw(300, rng)
    assert concordance(truth, taste.liking(test)) > 0.75
    assert "of 100 pairs" in taste.trust.sentence


def test_choices_order_pictures():
    examples = from_choices(np.eye(4), [(0, 1), (1, 2), (0, 2), (2, 3), (1, 3)])
    assert (np.diff(examples.liking) < 0).all()
    assert np.abs(examples.liking).max() < 1


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda x: from_ratings(x, np.full(4, 6.0)), "from 1 to 5, got 6"),
        (lambda x: from_ratings(x, [1, 2, 3, np.nan]), "from 1 to 5, got nan"),
        (lambda x: from_ratings(x, ["good"] * 4), "ratings as numbers"),
        (lambda x: from_ratings(x, [10**400] * 4), "ratings as numbers"),
        (lambda x: from_ratings(x, [[1, 2]] * 4), r"one liking for each of 4 pictures, got shape \(4, 2\)"),
        (lambda x: from_ratings(x, 3), r"one liking for each of 4 pictures, got shape \(\)"),
        (lambda x: from_liking(x, ["much"] * 4), "numbers in the likings"),
        (lambda x: from_modes({"good": [["a", "b"]]}), "numbers in the items of 'good'"),
        (lambda x: from_modes({"good": x, "bad": [[1], [1, 2]]}), "numbers in the items of 'bad'"),
        (lambda x: from_choices(x, [(0, 0)]), "two of 4 pictures"),
        (lambda x: from_choices(x, [(0, 9)]), "two of 4 pictures"),
        (lambda x: from_choices(x, []), "got none"),
        (lambda x: from_modes({"good": np.zeros((0, 3))}), "got none"),
        (lambda x: from_modes({"good": x}, {"good": ["a"]}), "one good group for each of 4"),
        (lambda x: mix(from_modes({"good": x}), from_modes({"bad": x[:, :3]})), "different extractors"),
        (
            lambda x: mix(
                from_modes({"good": x[:1]}, pictures={"good": ["p"]}),
                from_modes({"bad": x[:1]}, pictures={"bad": ["p"]}),
            ),
            "'p' is both good and bad",
        ),
    ],
)
def test_bad_judgements_are_refused_in_one_sentence(build, words):
    items = np.random.default_rng(0).normal(size=(4, 5))
    with pytest.raises(ItemsError, match=words) as caught:
        build(items)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda x: from_modes({"good": x}), "only liked ones"),
        (lambda x: from_modes({"bad": x}), "only disliked ones"),
        (lambda x: from_ratings(x, np.full(len(x), 3.0)), "only equally rated ones"),
        (lambda x: from_modes({"good": x[:1]}), "a single picture"),
        (lambda x: from_modes({"good": x[:3], "bad": x[2:]}), "both good and bad"),
        (lambda x: from_modes({"good": np.repeat(x[:1], 3, axis=0), "bad": x[:1]}), "have equal items"),
        (lambda x: from_ratings(np.repeat(x[:1], 4, axis=0), [1, 2, 4, 5]), "have equal items"),
    ],
)
def test_degenerate_examples(choose, words, taste_world):
    items, _ = taste_world.draw(6, np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ItemsError, match=words):
            learn(choose(items), taste_world)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prior_names": ("a",)}, r"prior scores of the learning pictures of shape \(12, 1\), got \(12, 2\)"),
        ({"prior_names": ()}, r"of shape \(12, 0\), got \(12, 2\)"),
        ({"prior_names": ("a", "others", "b")}, r"of shape \(12, 3\)"),
        ({"background": (np.zeros((40, 3)), np.zeros((40, 2)))}, "items of the background a picture"),
        ({"background": (np.full((40, 13), np.nan), np.zeros((40, 2)))}, "finite items of the background"),
        ({"background": (np.zeros((40, 13)), np.zeros((30, 2)))}, r"background of shape \(40, 2\), got \(30, 2\)"),
        ({"prompts": np.zeros(30, dtype=int)}, r"prompts of the learning pictures of shape \(12,\), got \(30,\)"),
    ],
)
def test_matrices_that_do_not_fit_together_are_refused_in_one_sentence(change, words, taste_world):
    rng = np.random.default_rng(0)
    examples = replace(taste_world.planted(6, rng), priors=rng.normal(size=(12, 2)))
    assert examples.items.shape[1] == len(taste_world.names) == 13
    with pytest.raises((ItemsError, TasteError), match=words):
        learn_taste(examples, taste_world.names, "v1", **{"prior_names": ("a", "b"), "repeats": 1} | change)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_of_judgements_are_above_zero(weight, taste_world):
    examples = taste_world.planted(3, np.random.default_rng(0))
    with pytest.raises(ItemsError, match="a weight above 0 for each picture"):
        replace(examples, weights=np.array([1.0, 1, 1, 1, 1, weight]))


@given(seed=st.integers(0, 1000), good=st.integers(1, 6), bad=st.integers(1, 6), constant=st.booleans())
@settings(max_examples=8, deadline=None)
def test_any_few_pictures_give_finite_likings(taste_world, seed, good, bad, constant):
    rng = np.random.default_rng(seed)
    items, _ = taste_world.draw(good + bad, rng)
    if constant:
        items[:, :4] = 7.25
    taste = learn(from_modes({"good": items[:good], "bad": items[good:]}), taste_world, repeats=1)
    assert np.isfinite(taste.liking(items)).all()
    assert np.isfinite(taste.score(items, useless_ok=True)).all()
    assert taste.trust.word == "too few examples" or min(good, bad) >= 5


def test_useless_taste_does_not_score_silently(taste_world):
    examples = taste_world.planted(3, np.random.default_rng(1))
    taste = learn(examples, taste_world)
    with pytest.raises(TasteError, match="too few examples"):
        taste.score(examples.items)
    assert len(taste.score(examples.items, useless_ok=True)) == 6
    with pytest.raises(ItemsError, match="items of different extractors"):
        taste.liking(examples.items[:, :5])


def test_named_modes_are_told_apart(taste_world):
    rng = np.random.default_rng(13)
    items, _ = taste_world.draw(45, rng)
    items[15:30, taste_world.saturation] -= 5
    items[30:, taste_world.detail] -= 5
    taste = learn(from_modes({"good": items[:15], "grey": items[15:30], "soft": items[30:]}), taste_world)
    z = taste.fitted.scaling.frame.deviations(items)
    chances = taste.modes.probabilities(z)
    assert (taste.modes.model.classes_[chances.argmax(axis=1)] == taste.examples.modes).mean() > 0.9


def test_version_d_alone_needs_a_pair(taste_world):
    items, _ = taste_world.draw(2, np.random.default_rng(0))
    frame = Frame.of(items, taste_world.names)
    assert learn_attention(frame.deviations(items), from_modes({"good": items[:1], "bad": items[1:]}), frame) is None


def test_items_of_a_network_weigh_as_much_as_all_others():
    rng = np.random.default_rng(8)
    names = (*taste_extractor().names, *(f"deep/{i:04d}" for i in range(200)))
    liking = np.repeat([1.0, -1.0], 60)
    items = rng.normal(size=(120, len(names)))
    items[:, -200:] += np.outer(liking, rng.normal(size=200)) * 0.35
    test = np.r_[8:60, 68:120]
    examples = from_modes({"good": items[:8], "bad": items[60:68]})
    assert concordance(liking[test], fit(examples, names)(items[test], np.zeros((len(test), 0)))) > 0.9
    frame = Frame.of(items, names)
    z = frame.deviations(items[np.r_[:8, 60:68]])
    attention = learn_attention(z, examples, frame)
    assert attention.model.weights_[-1] == pytest.approx(0.5)


def test_colour_items():
    extractor = ColourExtractor()
    red = np.zeros((8, 8, 3), dtype=np.uint8)
    red[..., 0] = 255
    items = dict(zip(extractor.names, extractor.extract(red)[0], strict=True))
    assert items["colour/hue/red"] == pytest.approx(1)
    assert items["colour/chroma/mean"] == pytest.approx(1)
    assert items["colour/luma/mean"] == pytest.approx(0.299)
    assert items["colour/luma/deviation"] == pytest.approx(0, abs=1e-6)
    black = extractor.extract(np.zeros((3, 5, 3), dtype=np.uint8))
    assert np.isfinite(black).all()


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 3), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_hue_shares_sum_to_the_mean_chroma(colours):
    pixels = np.array(colours, dtype=np.float64)
    assert hue_shares(pixels.T).sum() == pytest.approx((pixels.max(axis=1) - pixels.min(axis=1)).mean(), abs=1e-9)


def test_combined_items_and_technical_prior(judge):
    extractor = taste_extractor()
    picture = np.random.default_rng(0).integers(0, 256, (2, 24, 20, 3), dtype=np.uint8)
    items = extractor.extract(picture)
    assert items.shape == (2, len(extractor.names))
    technical = -judge.cost_of_faults(items)
    np.testing.assert_allclose(technical_prior(items, extractor.names), technical)
    # Items tell it; of others nothing is known unless it is given.
    named = "others", "technical", "judge:clip@1"
    told = computed_priors(named, items, extractor.names, {"others": np.array([1.0, 2.0])})
    np.testing.assert_allclose(told, np.column_stack([[1, 2], technical, [np.nan] * 2]))
    soart = len(extractor.parts[0].names)
    with pytest.raises(TasteError, match=r"needs the item 'quality/.*which is missing"):
        technical_prior(items[:, :soart], extractor.names[:soart])


def test_a_taste_starts_from_another(taste_world):
    rng = np.random.default_rng(15)
    yours = learn(taste_world.planted(15, rng), taste_world, name="you")
    few = taste_world.planted(2, rng)
    started = replace(few, priors=yours.liking(few.items)[:, None])
    mine = learn(started, taste_world, prior_names=("taste:you",), tastes=(yours,))
    items, liking = taste_world.draw(300, rng)
    # Items tell what the other taste says of them.
    np.testing.assert_array_equal(mine.prior_scores(items), yours.liking(items)[:, None])
    np.testing.assert_array_equal(mine.liking(items), mine.liking(items, yours.liking(items)[:, None]))
    assert concordance(liking, mine.liking(items)) > 0.05 + concordance(liking, learn(few, taste_world).liking(items))
    with pytest.raises(ItemsError, match=r"the tastes among the prior scores, got \[\]"):
        learn(started, taste_world, prior_names=("taste:you",))


def test_the_order_of_items_does_not_count(taste_world):
    """Kinds of items that stand side by side, and those that do not."""
    rng = np.random.default_rng(16)
    examples, (items, _) = taste_world.planted(8, rng), taste_world.draw(20, rng)
    order = rng.permutation(len(taste_world.names))
    mixed = learn_taste(
        replace(examples, items=examples.items[:, order]), tuple(taste_world.names[k] for k in order), "v1", repeats=1
    )
    plain = learn_taste(examples, taste_world.names, "v1", repeats=1)
    np.testing.assert_allclose(mixed.liking(items[:, order]), plain.liking(items))


def test_prior_scores_are_chosen_among_those_that_are_there():
    available = ("technical", "appeal")
    assert chosen_priors(None, available) == available
    assert chosen_priors(["appeal", "technical", "appeal"], available) == available
    assert chosen_priors([], available) == ()
    with pytest.raises(TasteError, match="'others' needs ratings of other raters, and this collection has none"):
        chosen_priors(["technical", "others"], available)
    assert unavailable_priors(["appeal"], ("technical",)) == {
        "appeal": "items of the default network: learn the taste without another network"
    }
    with pytest.raises(TasteError, match="no prior score 'beauty': choose among technical, appeal, nima, others"):
        chosen_priors(["beauty"], available)
    with pytest.raises(TasteError, match="in a list"):
        chosen_priors("technical", available)


def test_pictures_without_prior_scores_are_scored_by_the_taste_without_them(taste_world):
    """Of other raters' means and a judge's values, that which more pictures lack is left out first."""
    rng = np.random.default_rng(17)
    examples = taste_world.planted(8, rng)
    priors = np.column_stack([examples.liking + rng.normal(size=16), examples.liking, examples.liking])
    priors[:6, 1], priors[:2, 0] = np.nan, np.nan
    taste = learn(replace(examples, priors=priors), taste_world, prior_names=("others", "judge:clip@1", "c"), repeats=1)
    without = [*tastes_without(taste)]
    assert [words for words, _ in without] == [
        "the judge 'clip' has not judged",
        "the judge 'clip' has not judged or that no other rater has rated",
    ]
    assert [one.prior_names for _, one in without] == [("others", "c"), ("c",)]
    assert [*tastes_without(without[1][1])] == []
    items, _ = taste_world.draw(3, rng)
    told = np.array([[1.0, 1.0, 0.5], [1.0, np.nan, 0.5], [np.nan, np.nan, 0.5]])
    for score in ("liking", "score"):
        options = {"useless_ok": True} if score == "score" else {}
        found = getattr(taste, score)(items, told, **options)
        assert found[1] == pytest.approx(getattr(without[0][1], score)(items[1:2], told[1:2, [0, 2]], **options)[0])
        assert found[2] == pytest.approx(getattr(without[1][1], score)(items[2:], told[2:, 2:], **options)[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"liking": np.array([1.0, -1.5])}, "likings in −1…1"),
        ({"liking": np.array([1.0, np.nan])}, "likings in −1…1"),
        ({"groups": np.array(["a"])}, "groups for each of 2 pictures, got 1"),
        ({"priors": np.zeros((3, 1))}, "priors for each of 2 pictures, got 3"),
    ],
)
def test_judgements_that_do_not_fit_the_pictures_are_refused(change, words):
    examples = from_ratings(np.eye(2), [1, 5])
    with pytest.raises(ItemsError, match=words):
        replace(examples, **change)
    with pytest.raises(ItemsError, match="got none"):
        mix()


def test_a_background_describes_a_collection_from_thirty_pictures_on(taste_world):
    rng = np.random.default_rng(18)
    examples, (items, _) = taste_world.planted(2, rng), taste_world.draw(FEWEST_OF_BACKGROUND, rng)
    for count, described in ((FEWEST_OF_BACKGROUND, items), (FEWEST_OF_BACKGROUND - 1, examples.items)):
        taste = learn(examples, taste_world, background=(items[:count], np.zeros((count, 0))), repeats=1)
        assert taste.fitted.scaling.frame.centre == pytest.approx(described.mean(axis=0))
        assert taste.reference == pytest.approx(np.quantile(taste.liking(described), np.linspace(0, 1, 101)))


def test_pictures_unlike_all_examples_are_known(taste_world):
    rng = np.random.default_rng(19)
    taste = learn(taste_world.planted(8, rng), taste_world, repeats=1)
    items, _ = taste_world.draw(40, rng)
    assert not unlike_examples(taste, items)
    assert unlike_examples(taste, items + 9)
    # A few strange ones among others say nothing of all, nor do too few.
    mixed = np.where(np.arange(40)[:, None] < 15, items + 9, items)
    assert not unlike_examples(taste, mixed)
    assert not unlike_examples(taste, items[:3] + 9)
    assert not unlike_examples(taste, np.full((6, items.shape[1]), np.nan))
