"""Choices between pictures: the model observes differences, not levels."""

from dataclasses import replace

import numpy as np
import pytest

from soart.metrics.tastes.examples import from_choices, from_ratings, mix
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.kernels import kinds_of
from soart.metrics.tastes.mixture import contrasts_of, learn_mixture
from soart.metrics.tastes.profile import learn_taste
from soart.metrics.tastes.profile_files import load_taste, same_taste, save_taste

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
    taste = learn_taste(from_choices(items, pairs), NAMES, "v1", curve=False, repeats=1)
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
        np.corrcoef(fit(one, NAMES, np.random.default_rng(0))(fresh, np.zeros((300, 0))), fresh[:, 1])[0, 1]
        for one in (examples, replace(examples, levels=np.full(60, -1)))
    ]
    assert reached[0] > 0.85
    assert reached[0] > reached[1]
