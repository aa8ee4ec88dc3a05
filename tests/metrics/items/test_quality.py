"""Quality items, and the canonical sizes that pictures are measured at."""

import numpy as np
import pytest
import torch
from PIL import Image

from soart.errors import ImageError
from soart.metrics.items import planes
from soart.metrics.items.combined import CombinedExtractor, taste_extractor
from soart.metrics.items.parts import LAGS
from soart.metrics.items.planes import luma_of_bytes, reduced
from soart.metrics.items.quality import (
    Grid,
    QualityExtractor,
    _cell_autocorrelations,
    _gradient_energy,
    quantiles_of,
    rung_of,
)
from soart.metrics.items.soart import SoartExtractor

NAMES = QualityExtractor().names


def items(picture):
    return dict(zip(NAMES, QualityExtractor().extract(picture)[0], strict=True))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (33, 70), (64, 64), (100, 37), (1030, 771)])
@pytest.mark.parametrize("fill", ["noise", "black", "white"])
def test_items_are_finite_for_any_picture(shape, fill):
    picture = noise(*shape) if fill == "noise" else np.full((*shape, 3), 255 * (fill == "white"), np.uint8)
    values = QualityExtractor().extract(picture)
    assert values.shape == (1, len(NAMES))
    assert np.isfinite(values).all()


def test_pictures_are_measured_at_the_largest_size_they_reach():
    assert [rung_of(n) for n in (4000, 512, 511, 256, 130, 64, 63, 1)] == [512, 512, 256, 256, 128, 64, 63, 1]
    assert items(noise(40, 300))["quality/side"] == 256


def test_floats_and_bytes_give_the_same_items():
    # Reduced floats are not rounded to bytes, so larger pictures differ a little.
    for picture, tolerance in ((noise(64, 50), 1e-4), (noise(80, 70), 0.05)):
        in_bytes, in_floats = QualityExtractor().extract(picture), QualityExtractor().extract(picture / 255.0)
        np.testing.assert_allclose(in_bytes, in_floats, atol=tolerance)
    with pytest.raises(ImageError):
        QualityExtractor().extract(np.zeros((4, 4), np.uint8))
    assert QualityExtractor().extract(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, len(NAMES))


def test_each_trace_moves_its_own_item():
    y, x = np.mgrid[:256, :256] / 256
    smooth = (255 * np.stack([x, y, (x + y) / 2], axis=2)).astype(np.uint8)
    plain = items(smooth)
    noisy = items((smooth + np.random.default_rng(0).normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8))
    assert noisy["quality/pixel/noise/fine/q10"] > plain["quality/pixel/noise/fine/q10"] + 0.5
    blocks = smooth.astype(int)
    blocks[:, ::8] += 6
    blocks[::8] += 6
    gridded = items(blocks.clip(0, 255).astype(np.uint8))
    assert gridded["quality/pixel/grid/eight"] > plain["quality/pixel/grid/eight"] + 2
    assert items(smooth // 32 * 32)["quality/pixel/levels"] < plain["quality/pixel/levels"] - 1
    grey = items(np.repeat(smooth.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8))
    assert grey["quality/chroma/mean"] == 0 < plain["quality/chroma/mean"]


@pytest.mark.parametrize(("shape", "side"), [((21, 34), 8), ((5, 40), 8), ((16, 16), 4), ((7, 9), 1)])
def test_sums_over_cells_are_those_of_a_naive_loop(shape, side):
    plane = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    grid = Grid.over(plane, side)
    height, width, top, left = grid.place(shape)
    cells = [
        (slice(top + height * i, top + height * (i + 1)), slice(left + width * j, left + width * (j + 1)))
        for i in range(grid.rows)
        for j in range(grid.columns)
    ]
    np.testing.assert_allclose(grid.means(plane), [plane[cell].mean(dtype=np.float64) for cell in cells], atol=1e-6)
    framed = np.pad(plane, 2).astype(np.float64)
    shifted = [
        [framed[2 + sign * dy :, 2 + sign * dx :][: shape[0], : shape[1]] for sign in (1, -1)] for dy, dx in LAGS
    ]
    expected = [[(plane * (one + two) / 2)[cell].sum() for one, two in shifted] for cell in cells]
    np.testing.assert_allclose(_cell_autocorrelations(plane, grid), expected, atol=1e-5)
    energy = np.zeros(shape)
    for axis in (0, 1):
        squares = np.diff(plane.astype(np.float64), axis=axis) ** 2 / 2
        before, after = ((0, 1), (1, 0))
        for pad in (before, after):
            energy += np.pad(squares, [pad if k == axis else (0, 0) for k in (0, 1)])
    np.testing.assert_allclose(
        _gradient_energy(plane, grid), [energy[cell].sum() / side**2 for cell in cells], atol=1e-6, rtol=1e-5
    )


def test_luma_does_not_depend_on_the_order_in_memory():
    picture = noise(50, 41)
    channels = np.ascontiguousarray(picture.transpose(2, 0, 1))
    expected = picture @ np.array([0.299, 0.587, 0.114]) / 255
    for rgb in (channels, picture.transpose(2, 0, 1)):
        np.testing.assert_allclose(luma_of_bytes(rgb), expected, atol=1e-6)


def test_items_are_the_same_without_opencv(monkeypatch):
    pytest.importorskip("cv2")
    picture = noise(90, 120)
    fast = taste_extractor().extract(picture)
    monkeypatch.setattr(planes, "opencv", lambda: None)
    np.testing.assert_allclose(taste_extractor().extract(picture), fast, atol=1e-4)


def test_quantiles_by_histogram_are_near_those_of_sorting():
    values = np.random.default_rng(1).integers(0, 256, 999, dtype=np.uint8)
    percentages = (1, 25, 50, 75, 99)
    np.testing.assert_allclose(
        quantiles_of(values, percentages), np.percentile(values, percentages) / 255, atol=2 / 255
    )


def test_reducing_gives_the_bytes_of_pillow_and_never_enlarges():
    picture = noise(300, 200)
    small = reduced(torch.from_numpy(picture).permute(2, 0, 1)[None], 150)[0].permute(1, 2, 0).numpy()
    expected = np.asarray(Image.fromarray(picture).resize((100, 150), Image.Resampling.BICUBIC))
    assert small.shape == expected.shape
    assert np.abs(small.astype(int) - expected).max() <= 1
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None]
    assert reduced(tensor, 300) is tensor
    floats = reduced(tensor.float() / 255, 64)
    assert float(floats.min()) >= 0
    assert float(floats.max()) <= 1


def test_soart_items_of_small_pictures_do_not_depend_on_the_canonical_size():
    picture = noise(256, 100)
    assert np.array_equal(SoartExtractor().extract(picture), SoartExtractor(side=4096).extract(picture))
    large = noise(600, 300)
    assert not np.array_equal(SoartExtractor().extract(large), SoartExtractor(side=4096).extract(large))
    versions = {SoartExtractor(side=side).version for side in (512, 256, 4096)}
    assert len(versions) == 3
    with pytest.raises(ValueError, match="canonical side"):
        SoartExtractor(side=1)


def test_side_by_side_items_are_those_of_each_extractor():
    pictures = np.stack([noise(90, 120), noise(90, 120, seed=1)])
    parts = taste_extractor().parts
    together = CombinedExtractor(parts).extract(pictures)
    np.testing.assert_array_equal(together, np.hstack([part.extract(pictures) for part in parts]))
