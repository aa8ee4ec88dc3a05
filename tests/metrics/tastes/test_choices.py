"""Choices between pictures: the model observes differences, not levels, and is checked by pairs that it has not seen."""

from dataclasses import replace

import numpy as np
import pytest

from soart.metrics.items.frame import kinds_of
from soart.metrics.tastes.examples import from_choices, from_ratings, mix
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.folds import Units, gather
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.learning_curve import _advice
from soart.metrics.tastes.mixture import contrasts_of, learn_mixture
from soart.metrics.tastes.proposals import stop_rule
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.taste_files import load_taste, same_taste, save_taste
from soart.metrics.tastes.trust import STRONG, TOO_FEW, USABLE, comparisons, sides

NAMES = tuple(f"colour/chroma/{k}" for k in range(4))


def learnt(z, y, levels=None, priors=None):
    kernels = ItemKernels.of(z, kinds_of(NAMES), np.tile(["good", "bad"], len(z) // 2))
    priors = np.zeros((len(z), 0)) if priors is None else priors
    return learn_mixture(z, y, np.ones(len(z)), priors, kernels, ("a judge",) * priors.shape[1], (), levels)


def test_pictures_that_were_compared_have_a_level():
    items = np.arange(36.0).reshape(9, 4)
    examples = from_choices(items, [(0, 1), (2, 3), (3, 5)], ties=[(7, 8)])
    assert examples.pictures.tolist() == [f"picture {i}" for i in (0, 1, 2, 3, 5, 7, 8)]
    first, _, second, *_, third = examples.levels
    assert examples.levels.tolist() == [first, first, second, second, second, third, third]
    assert len({first, second, third}) == 3
    assert examples.take(np.array([0, 4])).levels.tolist() == [first, second]
    rated = from_ratings(items[[3, 6]], [5, 1], pictures=["picture 3", "picture 6"])
    assert (rated.levels == -1).all()
    # A rating tells the level of its picture.
    both = mix(examples, rated)
    assert dict(zip(both.pictures, both.levels, strict=True)) == {
        "picture 0": first, "picture 1": first, "picture 2": second, "picture 3": -1, "picture 5": second,
        "picture 7": third, "picture 8": third, "picture 6": -1,
    }  # fmt: skip


def test_levels_of_different_choices_stay_apart_when_they_are_mixed():
    items = np.arange(32.0).reshape(8, 4)
    first, second = (
        from_choices(items[:4], [(0, 1), (2, 3)], pictures=range(4)),
        from_ratings(items[4:5], [5], pictures=[4]),
    )
    third = from_choices(items[5:], [(0, 1), (2, 1)], pictures=range(5, 8))
    mixed = mix(first, second, third)
    assert mixed.levels.tolist() == [0, 0, 1, 1, -1, 2, 2, 2]
    assert mix(second, third).levels.tolist() == [-1, 0, 0, 0]
    # Pictures of different choices are not compared with each other.
    contrasts = contrasts_of(mixed.levels, len(mixed))
    assert np.allclose(contrasts[1:] @ (np.arange(8) < 2), 0)


def test_contrasts_are_orthonormal_and_free_of_levels():
    levels = np.array([0, -1, 0, 2, 0, 1, 2, -1])
    contrasts = contrasts_of(levels, 8)
    assert contrasts.shape == (2 + 2 + 0 + 1, 8)
    assert np.allclose(contrasts @ contrasts.T, np.eye(5))
    for level in (0, 1, 2):
        assert np.allclose(contrasts @ (levels == level), 0)
    assert contrasts_of(np.full(3, -1), 3) is None
    assert contrasts_of(None, 3) is None
    # Of single pictures nothing is known, so their likings count as they are.
    assert contrasts_of(np.arange(3), 3) is None


def test_levels_do_not_count():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(12, 4)), np.tile([1.0, -1.0], 6)
    levels, fresh, priors = np.repeat(np.arange(6), 2), rng.normal(size=(5, 4)), rng.normal(size=(12, 1))
    shifted = y + np.repeat(rng.normal(size=6), 2)
    models = [learnt(z, values, levels, priors) for values in (y, shifted)]
    first, second = (model.predict(fresh, np.zeros((5, 1))) for model in models)
    assert np.allclose(first, second)
    assert not np.allclose(first, learnt(z, y, None, priors).predict(fresh, np.zeros((5, 1))))
    deviations = models[0].uncertainty(fresh, np.zeros((5, 1)))
    assert (deviations > 0).all()
    # Ties alone, and pictures whose partners are left out, teach nothing and do no harm.
    for likings, apart in ((np.zeros(12), levels), (y, np.array([*range(6), *[-1] * 6]))):
        assert np.isfinite(learnt(z, likings, apart).predict(fresh, np.zeros((5, 0)))).all()
    posterior, noise = models[0].covariance(fresh, np.zeros((5, 1)))
    assert np.linalg.eigvalsh(posterior).min() > -1e-9
    assert noise > 0


def test_is_the_limit_of_a_level_of_any_size():
    """The oracle: likings with a common unknown of large variance in each pair, and the likeliest hypothesis alone."""
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(10, 4)), np.tile([1.0, -1.0], 5)
    levels, fresh = np.repeat(np.arange(5), 2), rng.normal(size=(3, 4))
    model = learnt(z, y, levels)
    _, h, alpha = model.parts[0]
    kernel, across = model.kernels.against(z)[h.kernel], model.kernels.against(fresh)[h.kernel]
    pairs = 1e6 * (levels[:, None] == levels)
    # Differences have a mean square of 1 in the model; here (y_a − y_b)/√2 = √2.
    oracle = np.linalg.solve(h.amplitude * kernel + 1.0 + pairs + h.noise * np.eye(10), y / np.sqrt(2))
    assert h.amplitude * across @ alpha == pytest.approx(h.amplitude * across @ oracle, abs=1e-4)


def test_a_taste_of_choices_is_stored(tmp_path):
    rng = np.random.default_rng(2)
    items = rng.normal(size=(40, 4))
    pairs = [(i, i + 1) if items[i, 0] > items[i + 1, 0] else (i + 1, i) for i in range(0, 40, 2)]
    taste = learn_taste(from_choices(items, pairs), NAMES, "v1", repeats=1)
    again = load_taste(save_taste(taste, tmp_path / "t.safetensors"))
    assert same_taste(again, taste)
    assert again.examples.levels.tolist() == taste.examples.levels.tolist()
    fresh = rng.normal(size=(200, 4))
    assert np.allclose(again.liking(fresh), taste.liking(fresh))


def test_pairs_of_unlike_levels_teach_their_difference():
    """Each pair shares a large and visible level; only the other item tells which of the two was chosen."""
    rng = np.random.default_rng(3)
    level = np.repeat(4 * rng.normal(size=30), 2)
    items = np.column_stack([level, rng.normal(size=60), rng.normal(size=(60, 2))])
    pairs = [(i, i + 1) if items[i, 1] > items[i + 1, 1] else (i + 1, i) for i in range(0, 60, 2)]
    examples = from_choices(items, pairs)
    fresh = rng.normal(size=(300, 4))
    reached = [
        np.corrcoef(fit(one, NAMES)(fresh, np.zeros((300, 0))), fresh[:, 1])[0, 1]
        for one in (examples, replace(examples, levels=np.full(60, -1)))
    ]
    assert reached[0] > 0.85
    assert reached[0] > reached[1]


def pairs_of(items, count, chosen=lambda better, worse: True, start=0):
    """Choices between neighbours of which ``chosen`` says whether the first one won."""
    return [(i, i + 1) if chosen(items[i], items[i + 1]) else (i + 1, i) for i in range(start, start + 2 * count, 2)]


def test_pictures_of_a_choice_are_one_unit_unless_too_many_hang_together():
    items = np.arange(80.0).reshape(20, 4)
    pairs = from_choices(items, pairs_of(items, 10))
    units = Units.of(pairs)
    assert units.unit.tolist() == np.repeat(range(10), 2).tolist()
    assert units.level.tolist() == pairs.levels.tolist()
    assert units.choices == 10
    # Pictures of one prompt are a group, which comes along.
    grouped = Units.of(replace(pairs, groups=np.array(["0", "1", "1", *map(str, range(3, 20))])))
    assert grouped.unit[:4].tolist() == [grouped.unit[0]] * 4
    assert grouped.choices == 9
    # An order of all of them is compared as ratings are.
    order = from_choices(items, [(i, i + 1) for i in range(19)])
    assert Units.of(order).level.tolist() == [-1] * 20
    assert Units.of(order).choices == 0
    # Ratings beside choices are units of their own.
    both = mix(from_choices(items[:16], pairs_of(items, 4), pictures=range(16)),
               from_ratings(items[8:], [1, 5] * 6, groups=range(8, 20), pictures=range(8, 20)))  # fmt: skip
    assert Units.of(both).choices == 4
    assert (Units.of(both).level >= 0).tolist() == [True] * 8 + [False] * 12
    assert sides(both) == (6 + 4, 6 + 4)
    # Neither ties nor what is left of a choice after its partner was rated are comparisons.
    tied = from_choices(items, pairs_of(items, 4), ties=[(8, 9)])
    assert Units.of(tied).choices == 4
    assert Units.of(tied.take(np.arange(1, 10))).choices == 3


def test_only_the_pictures_of_a_choice_are_compared():
    liking, level = np.array([0.3, -0.3, 0.3, -0.3, 1.0, -1.0]), np.array([0, 0, 1, 1, -1, -1])
    scores = np.array([1.0, 0.0, 0.1, 0.2, 0.0, 5.0])
    held_out = gather(liking, [(np.arange(6), scores)], level)
    assert held_out.counts.sum() == 3
    assert held_out.concordance == pytest.approx(1 / 3)


def test_trust_in_choices_is_that_in_unseen_pairs():
    """The other picture of a held-out pair would tell the wrong direction: a pair shares what nothing else has."""
    rng = np.random.default_rng(4)
    reported, met = [], []
    for _ in range(12):
        items = rng.normal(size=(400, 4))
        common = np.repeat(3 * rng.normal(size=(200, 3)), 2, axis=0)
        items[:, 1:] += common
        pairs = pairs_of(items, 200, lambda a, b: a[0] + rng.normal() > b[0] + rng.normal())
        learnt_from, rest = pairs[:40], np.array(pairs[40:])
        taste = learn_taste(from_choices(items, learnt_from), NAMES, "v1", repeats=2)
        liking = taste.liking(items)
        reported.append(taste.trust.held_out)
        met.append(np.mean(liking[rest[:, 0]] > liking[rest[:, 1]]))
    assert np.mean(reported) == pytest.approx(np.mean(met), abs=0.05)


def test_choices_beside_ratings_show_as_much_as_their_share_of_the_comparisons():
    assert comparisons(20, 0, 1.0) == pytest.approx(20)
    assert comparisons(0, 30, 0.0) == pytest.approx(20)
    # Few comparisons by choices say little about the many by ratings, and the other way round.
    assert comparisons(20, 30, 0.5) == pytest.approx(40)
    assert comparisons(20, 30, 0.9) < 25
    assert comparisons(4, 300, 0.9) < 5
    assert comparisons(0, 30, 0.1) == pytest.approx(1 / (0.01 + 0.81 / 20))


def coin_choices(rng, count=20):
    items = rng.normal(size=(2 * count, 4))
    return from_choices(items, pairs_of(items, count, lambda *_: rng.random() < 0.5))


def test_advice_of_choices_speaks_of_choices():
    """So many choices again, a learning curve over choices, and no pictures a side."""
    rng = np.random.default_rng(8)
    items = rng.normal(size=(60, 4))
    taste = learn_taste(from_choices(items, pairs_of(items, 30, lambda a, b: a[0] > b[0])), NAMES, "v1", repeats=2)
    trust = taste.trust
    assert (trust.choices, trust.more) == (30, 30)
    assert trust.sentence.startswith(f"{trust.word}: 30 choices between pictures; of 100 pairs ")
    assert "30 more" in trust.advice
    assert "choices" in trust.advice
    assert "rating" not in trust.advice
    assert [count for count, *_ in trust.curve] == [30, 45, 60, 90]
    flat = replace(trust, word=STRONG, expected=trust.concordance, curve=())
    for report in (trust, flat, replace(flat, word=USABLE, curve=trust.curve[:1])):
        reason = stop_rule(replace(taste, trust=report))[1]
        assert "choices" in reason
        assert "rating" not in reason


def test_pictures_known_from_choices_alone_are_neither_liked_nor_disliked():
    rng = np.random.default_rng(12)
    examples = coin_choices(rng, 6)
    rated = from_ratings(rng.normal(size=(5, 4)), [1, 5, 3, 4, 2], pictures=list("vwxyz"))
    mixed = learn_taste(mix(examples, rated), NAMES, "v1", repeats=1).trust
    assert (mixed.liked, mixed.disliked, mixed.choices, mixed.only_choices) == (2, 2, 6, False)
    assert ": 2 liked and 2 disliked pictures, 6 choices between pictures" in mixed.sentence
    assert "choose" not in mixed.advice.lower()
    single = learn_taste(mix(from_choices(examples.items[:2], [(0, 1)]), rated), NAMES, "v1", repeats=1).trust
    assert ", 1 choice between pictures" in single.sentence


def test_too_few_choices_are_told_how_many_are_needed():
    rng = np.random.default_rng(10)
    few = learn_taste(coin_choices(rng, 3), NAMES, "v1", repeats=1).trust
    assert (few.word, few.choices) == (TOO_FEW, 3)
    assert few.advice.startswith("Choose at least five times between two pictures")
    assert few.sentence.startswith("too few examples: 3 choices between pictures; ")
    known = replace(few, word=USABLE, concordance=0.9)
    same, other = (_advice(known, 3, (6, then, 0.8, 1.0)) for then in (0.904, 0.916))
    assert same == "3 more choices would hardly raise this, but find more pictures that you may like."
    assert other == "3 more choices would make it about 92 (80 to 100)."
    # Many choices between pictures of one prompt are held out one by one.
    examples = coin_choices(rng, 10)
    joined = learn_taste(replace(examples, groups=np.repeat("a", 20)), NAMES, "v1", repeats=1).trust
    assert joined.word != TOO_FEW


def test_choices_are_counted_as_they_were_made(tmp_path):
    items = np.random.default_rng(11).normal(size=(9, 4))
    # Each of four pictures against each other, and a tie.
    examples = from_choices(items, [(a, b) for a in range(4) for b in range(a)], ties=[(4, 5)])
    assert examples.choice_count == 6
    assert examples.take(np.arange(2, 6)).choices.tolist() == [3, 3, 0, 0]
    rated = from_ratings(items[6:], [1, 5, 3], pictures=["x", "y", "z"])
    both = mix(examples, rated)
    assert (rated.choice_count, both.choice_count) == (0, 6)
    assert both.rated.tolist() == [False] * 6 + [True] * 3
    taste = learn_taste(examples, NAMES, "v1", repeats=1)
    again = load_taste(save_taste(taste, tmp_path / "t.safetensors"))
    assert again.trust.choices == 6
    assert again.trust.only_choices
    assert again.examples.choices.tolist() == examples.choices.tolist()
