"""In what the texture of a picture departs from that of good ones."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from soart.metrics.damage.quality_model import departures, has_direction, texture_shares
from soart.metrics.damage.reasons import ODD, STRANGE, strangeness_text
from soart.metrics.damage.technical import TechnicalJudge, quality_model
from soart.metrics.items.parts import PARTS
from soart.metrics.items.quality import QualityExtractor
from soart.training.captions import random_scene
from soart.training.render import render


@pytest.fixture(scope="module")
def photographs():
    """Two photographs of 427 × 640 pixels, floating 0…1."""
    datasets = pytest.importorskip("sklearn.datasets")
    return [datasets.load_sample_image(name) / 255 for name in ("china.jpg", "flower.jpg")]


def said(pictures):
    return departures(quality_model(), QualityExtractor().extract(np.clip(np.stack(pictures), 0, 1)))


def test_shares_of_planted_deviations():
    parts = list(PARTS)

    def deviation(scale, **values):
        z = np.zeros((2, len(parts), 2))
        for part, value in values.items():
            z[scale, parts.index(part.replace("_", "-"))] = value
        return z.ravel()

    rougher = deviation(0, **{part.replace("-", "_"): 1 for part in parts})
    streaks = deviation(1, line_h=1, line_v=-1)
    axes = deviation(0, line_h=1, line_v=1, line_d=-1, line_u=-1)
    z = np.stack([rougher, streaks, axes])
    expected = np.zeros((3, 2, 2))
    expected[[0, 1, 2], [0, 1, 0], [0, 1, 1]] = 1
    np.testing.assert_allclose(texture_shares(z, z), expected, atol=1e-12)
    assert has_direction(z).tolist() == [[False, False], [False, True], [False, False]]


def test_shares_sum_to_one_whatever_the_covariance():
    rng = np.random.default_rng(0)
    z, a = rng.normal(size=(5, 32)), rng.normal(size=(32, 40))
    shares = texture_shares(z, z @ (a @ a.T))
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), 1)
    assert np.isfinite(texture_shares(np.zeros((1, 32)), np.zeros((1, 32)))).all()


def test_blur_makes_texture_smoother_and_streaks_give_it_a_direction(photographs):
    rng = np.random.default_rng(1)
    grain = np.kron(rng.normal(size=(143, 214, 3)), np.ones((3, 3, 1)))[:427, :640]
    assert (
        said([ndimage.gaussian_filter(p, (3, 3, 0)) for p in photographs])
        == ["fine texture is smoother than theirs"] * 2
    )
    assert said([photographs[0] + 0.3 * grain]) == ["coarse texture is rougher than theirs"]
    streaks = ndimage.gaussian_filter(rng.random((600, 600)), (1, 9))
    streaks = ndimage.rotate((streaks - streaks.min()) / np.ptp(streaks), 30, reshape=False, order=1)[120:480, 120:480]
    assert said([np.repeat(streaks[..., None], 3, axis=2)]) == ["fine texture runs in one direction"]


def test_mirrored_and_turned_pictures_depart_in_the_same(photographs):
    blurred = ndimage.gaussian_filter(photographs[0][:400, :400], (3, 3, 0))
    versions = [np.rot90(picture, turns) for picture in (blurred, blurred[:, ::-1]) for turns in range(4)]
    assert len(set(said(versions))) == 1


def test_the_distance_is_that_of_the_nearest_unit_space():
    """The oracle: all unit spaces of the size, one picture at a time."""
    rng, model = np.random.default_rng(2), quality_model()
    pictures = [render(random_scene(rng), rng) for _ in range(4)] + [
        np.asarray(Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize((150, 120)))
    ]
    items = np.concatenate([QualityExtractor().extract(picture) for picture in pictures])
    deviations, weighted = model.deviations(items)
    for n in range(len(items)):
        alone = model.deviations(items[n : n + 1])
        np.testing.assert_allclose(alone[0][0], deviations[n], atol=1e-9)
        distances = [z @ inverse @ z for z, inverse in all_deviations(model, deviations[n], n, items)]
        assert deviations[n] @ weighted[n] == pytest.approx(min(distances))


def all_deviations(model, nearest, n, items):
    """Deviations of a picture from every unit space of its size, with their inverse covariances."""
    from soart.metrics.damage.quality_model import UNIT_SIZE

    size = UNIT_SIZE[model.rung(items[n : n + 1])[0]]
    spaces = [s for s, of in enumerate(model.unit_size) if of == size]
    found = [
        s for s in spaces if np.allclose(nearest @ model.unit_inverse[s], model.deviations(items[n : n + 1])[1][0])
    ]
    texture = nearest + model.unit_mean[found[0]]
    return [(texture - model.unit_mean[s], model.unit_inverse[s]) for s in spaces]


def test_only_odd_renderings_are_explained(photographs):
    words = "fine texture is smoother than theirs"
    assert strangeness_text(ODD, words) == ""
    assert strangeness_text(STRANGE, words) == f"rendered a little unlike good pictures: {words}"
    assert strangeness_text(STRANGE + 1, words) == f"rendered unlike good photographs and drawings: {words}"
    assert strangeness_text(STRANGE + 1) == "rendered unlike good photographs and drawings"
    judge = TechnicalJudge.load()
    items = judge.extractor.extract(ndimage.gaussian_filter(photographs[1], (3, 3, 0)))
    assert any(words in reason.text for reason in judge.explain(items)[0])
