"""Combs that a poor JPEG leaves in pixels."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import fft, ndimage

from soart.metrics.items.jpeg import QUALITIES, _beginning, _counts, _phases, _slope, _sum, comb_of


@pytest.fixture(scope="module")
def scene():
    """A picture with detail of every size, (200, 264) float in 0…255."""
    rng = np.random.default_rng(5)
    layers = [ndimage.gaussian_filter(rng.standard_normal((200, 264)), s) * s**1.3 for s in (0.5, 1, 2, 4, 8, 16)]
    return np.clip(128 + 30 * np.sum(layers, axis=0), 0, 255)


def saved(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(np.round(pixels).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), dtype=np.float32)


def strength(pixels):
    return comb_of(np.asarray(pixels, dtype=np.float32))


@pytest.mark.parametrize("quality", [20, 40, 60])
def test_a_poor_jpeg_leaves_a_comb_that_a_better_one_does_not_hide(scene, quality):
    once = saved(scene, quality)
    assert strength(once) > 0.9
    assert strength(saved(once, 90)) > 0.3
    assert strength(saved(once[3:, 5:], 92)) > 0.2
    assert strength(once[2:190, 7:]) > 0.9


def test_turned_and_mirrored_pictures_have_the_same_comb(scene):
    once = saved(scene, 40)
    for other in (once[::-1], once[:, ::-1], once.T, np.rot90(once)):
        assert strength(other) == pytest.approx(strength(once), abs=0.03)


def test_better_pictures_have_none(scene):
    assert strength(np.round(scene)) == 0
    assert [strength(saved(scene, quality)) for quality in (75, 85, 95)] == [0, 0, 0]
    assert strength(np.random.default_rng(0).integers(0, 256, (128, 128))) == 0
    y, x = np.mgrid[:128, :128]
    assert strength(x + y) == 0


@pytest.mark.parametrize("shape", [(1, 1), (15, 400), (16, 16), (23, 17), (400, 16)])
@pytest.mark.parametrize("fill", [0, 255, "noise"])
def test_small_and_flat_pictures(shape, fill):
    picture = np.random.default_rng(1).integers(0, 256, shape) if fill == "noise" else np.full(shape, fill)
    assert 0 <= strength(picture) < 0.9


def test_blocks_begin_where_they_were_cut(scene):
    once = saved(scene, 30)
    for row, column in ((0, 0), (3, 5), (7, 1)):
        assert _beginning(once[row:, column:]) == (-row % 8, -column % 8)


def test_coefficients_are_those_of_the_cosine_transform(scene):
    block = scene[10:18, 20:28]
    expected = fft.dctn(block, norm="ortho")
    assert _sum(_sum(block).T).item() == pytest.approx(expected[0, 0], rel=1e-4)
    assert _slope(_sum(block.T).T).item() == pytest.approx(expected[1, 0], abs=1e-3)
    assert _sum(_slope(block.T).T).item() == pytest.approx(expected[0, 1], abs=1e-3)


def test_phases_are_those_of_a_naive_sum():
    coefficients = np.random.default_rng(2).laplace(0, 20, 500)
    mean, deviations = _phases(_counts(coefficients)[None, None], ((0, 1),))
    rounded = np.round(np.abs(coefficients))
    for k, quality in enumerate(QUALITIES):
        scale = 5000 / quality if quality < 50 else 200 - 2 * quality
        for column, step in ((k, (11 * scale + 50) // 100), (k + len(QUALITIES), (12 * scale + 50) // 100)):
            counted = rounded[(rounded > step / 2) & (rounded < 127)]
            cosines = np.cos(2 * np.pi * counted / step)
            assert mean[0, column] == pytest.approx(cosines.mean())
            assert deviations[0, column] == pytest.approx(cosines.sum() / np.sqrt(len(counted) / 2))
