"""Appeal: what it learns from opinions."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import KernelCenterer

from soart.errors import TasteError
from soart.metrics.tastes.appeal import TEMPERATURE
from soart.training.appeal import NOISE, Opinions, learn_appeal

NAMES = (
    *(f"colour/chroma/{k}" for k in range(3)),
    *(f"deep/{depth}/{k:03d}" for depth in range(1, 8) for k in range(4)),
)


def pictures(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, len(NAMES)))


def test_is_kernel_ridge_regression_on_late_items():
    items, fresh = pictures(), pictures(9, 1)
    means = 4 + items @ np.linspace(-1, 1, len(NAMES))
    learnt = learn_appeal([Opinions(items, means)], NAMES)
    assert learnt.names == NAMES[-8:]
    # With eight items all components are kept, so cosines are those of the deviations.
    z, unseen = ((rows[:, -8:] - items[:, -8:].mean(axis=0)) / items[:, -8:].std(axis=0) for rows in (items, fresh))
    kernel, across = (np.exp((cosine_similarity(a, z) - 1) / TEMPERATURE) for a in (z, unseen))
    centred = KernelCenterer().fit(kernel)
    oracle = KernelRidge(alpha=NOISE, kernel="precomputed").fit(centred.transform(kernel), means - means.mean())
    expected = means.mean() + oracle.predict(centred.transform(across))
    assert np.allclose(learnt.scores(fresh, NAMES), expected)
    shuffled = np.random.default_rng(2).permutation(len(NAMES))
    assert np.allclose(learnt.scores(fresh[:, shuffled], [NAMES[i] for i in shuffled]), expected)


def test_ratings_of_different_sources_are_not_compared():
    first, second, fresh = pictures(), pictures(40, 1), pictures(30, 2)
    ratings, others = first @ np.linspace(-1, 1, len(NAMES)), second @ np.linspace(-1, 2, len(NAMES))
    scores = [
        learn_appeal([Opinions(first, 4 + ratings), Opinions(second, values)], NAMES).scores(fresh, NAMES)
        for values in (others, 50 + 10 * others)
    ]
    assert np.allclose(*scores)


def test_choices_teach_what_makes_one_picture_of_a_kind_better():
    """Ratings are of one item, choices of another: appeal learns both, and the first picture of a pair less the second."""
    rng, rated, kind, fresh = np.random.default_rng(3), pictures(200), pictures(200, 1), pictures(200, 2)
    pairs = np.array([rng.choice(200, 2, replace=False) for _ in range(300)])
    shares = np.tanh(kind[pairs[:, 1], -2] - kind[pairs[:, 0], -2])
    alone = learn_appeal([Opinions(rated, 4 + rated[:, -1])], NAMES)
    both = learn_appeal([Opinions(rated, 4 + rated[:, -1]), Opinions(kind, shares, pairs)], NAMES)
    mirrored = learn_appeal([Opinions(rated, 4 + rated[:, -1]), Opinions(kind, -shares, pairs[:, ::-1])], NAMES)
    correlation = np.corrcoef(np.stack([fresh[:, -1], fresh[:, -2], *(m.scores(fresh, NAMES) for m in (alone, both))]))
    assert correlation[0, 2] > 0.9
    assert abs(correlation[1, 2]) < 0.2
    assert correlation[0, 3] > 0.6
    assert correlation[1, 3] > 0.4
    assert np.allclose(mirrored.scores(fresh, NAMES), both.scores(fresh, NAMES))
    # A picture against itself tells nothing.
    same = Opinions(kind, np.zeros(1), np.array([[5, 5]]))
    assert np.allclose(same.contrasts()[0], 0)


def test_odd_pictures():
    items = pictures()
    items[:, -1] = 3.0
    learnt = learn_appeal([Opinions(items, items[:, -2])], NAMES)
    # Items are cut at four deviations, and constant ones do not count.
    far = np.repeat(items[:1], 3, axis=0)
    far[1, -2], far[2, -2], far[2, -1] = 1e3, 1e6, 9.0
    first, second, third = learnt.scores(far, NAMES)
    assert second == pytest.approx(third)
    assert second - first < 10
    assert len(learnt.scores(items[:0], NAMES)) == 0
    # A picture without any deviation has no direction, and still a value near the mean.
    mean = np.zeros((1, len(NAMES)))
    mean[0, -8:] = learnt.centre
    assert abs(learnt.scores(mean, NAMES)[0] - items[:, -2].mean()) < items[:, -2].std()
    for wrong in ([], [Opinions(items, np.zeros(1), np.array([[0, 1]]))]):
        with pytest.raises(TasteError, match="first source is ratings"):
            learn_appeal(wrong, NAMES)
    # Equal ratings teach nothing.
    same = learn_appeal([Opinions(items, np.full(len(items), 5.0))], NAMES)
    assert np.allclose(same.scores(items, NAMES), 5.0)
