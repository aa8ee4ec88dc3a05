import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from threadpoolctl import threadpool_info, threadpool_limits

from soart.errors import ImageError
from soart.metrics.items.parts import LAGS, PARTS, error_variance, items_of, statistics_of
from soart.metrics.items.planes import (
    autocorrelations,
    direct_statistics,
    halve,
    normalise,
    responses,
    smooth,
    smooth_by_products,
    smooth_by_shifts,
    to_channels,
)
from soart.metrics.items.soart import SoartExtractor, heads_of

KINDS = ("random", "flat", "dark", "saturated", "ramp")


def picture(kind, height, width, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.random((1, 3, height, width))
    values = {
        "random": noise,
        "flat": np.full_like(noise, 0.3),
        "dark": noise * 0.02,
        "saturated": (noise > 0.5).astype(float),
        "ramp": np.broadcast_to(np.linspace(0, 1, width), noise.shape).copy(),
    }[kind]
    return torch.from_numpy(values.astype(np.float32))


def fast_statistics(x):
    """Statistics from thirteen dot products a plane, as the extractor computes them."""
    mean, correlations = (values.numpy() for values in autocorrelations(x))
    return statistics_of(mean, correlations, np.full(mean.shape, responses(x)))


def test_parts_and_lags():
    assert len(PARTS) == 8
    assert len(set(PARTS.values())) == 8
    assert all(len(part) == 3 and (0, 0) in part for part in PARTS.values())
    assert len(LAGS) == 13


@given(st.sampled_from(KINDS), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_smoothing_with_and_without_opencv_is_a_gaussian(kind, height, width):
    x = picture(kind, height, width)
    wanted = ndimage.gaussian_filter(x.double().numpy(), (0, 0, 7 / 6, 7 / 6), mode="nearest", radius=3)
    for way in (smooth, smooth_by_products, smooth_by_shifts):
        smoothed = way(x)
        assert smoothed.shape == x.shape
        assert np.allclose(smoothed.numpy(), wanted, atol=1e-6)
    # Planes that are not contiguous in memory, as strips of a picture are.
    strip = x[:, :, height // 3 :]
    for way in (smooth, smooth_by_products):
        assert torch.allclose(way(strip), smooth_by_shifts(strip), atol=1e-6)


@given(st.sampled_from(KINDS), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_fast_path_equals_direct_convolution(kind, height, width, normalised, seed):
    x = picture(kind, height, width, seed)
    x = normalise(x) if normalised else x
    fast, direct = fast_statistics(x), direct_statistics(x)
    assert np.array_equal(fast.count, direct.count)
    a, b = error_variance(fast), error_variance(direct)
    assert np.allclose(a, b, rtol=1e-6, atol=1e-18)
    assert np.allclose(items_of(fast), items_of(direct), rtol=1e-6, atol=1e-6)


def test_items_follow_the_textbook():
    """Y1, Y2 and Y3 by the formulas of docs/method.md, with SciPy's correlation and no shortcut."""
    x = picture("random", 19, 23).numpy()[0].astype(float)
    items = items_of(fast_statistics(torch.from_numpy(x)[None]))[0]
    for c in range(3):
        framed = np.pad(x[c], 3, constant_values=x[c].mean())
        m = ndimage.uniform_filter(framed, 3)[2:-2, 2:-2].ravel()
        kernel = np.zeros((3, 3))
        kernel[1] = 1 / 3
        y = ndimage.correlate(framed, kernel)[2:-2, 2:-2].ravel()
        r, cross, total = m @ m, m @ y, y @ y
        ve = (total - cross**2 / r) / (len(m) - 1)
        gamma = cross / np.sqrt(r * total)
        expected = [cross / r, 10 * np.log10(ve + 1e-8), 10 * np.log10(1 - gamma**2 + 1e-8)]
        assert items[c, list(PARTS).index("line-h")] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 1), (1, 50), (64, 64)])
@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_constant_pictures_give_finite_items(shape, value):
    items = SoartExtractor().extract(np.full((*shape, 3), value, np.uint8))
    assert np.isfinite(items).all()


def test_names_match_values():
    extractor = SoartExtractor(scales=2, metrics=("Y2",))
    rgb = picture("random", 16, 16)
    items = dict(zip(extractor.names, extractor.extract(rgb)[0], strict=True))
    assert len(items) == 2 * 3 * 2 * 8
    plane = halve(to_channels(rgb))
    expected = items_of(fast_statistics(normalise(plane)))[0, 2, list(PARTS).index("bend-sw"), 1]
    assert items["normalised/blueyellow/s1/bend-sw/Y2"] == float(expected)


def test_batch_order_and_container_do_not_matter():
    extractor = SoartExtractor()
    pixels = np.random.default_rng(3).integers(0, 256, (4, 20, 24, 3), dtype=np.uint8)
    batch = extractor.extract(pixels)
    assert np.array_equal(batch[2], extractor.extract(pixels[2])[0])
    assert np.array_equal(batch[::-1], extractor.extract(pixels[::-1]))
    tensor = torch.from_numpy(pixels.astype(np.float32) / 255).permute(0, 3, 1, 2)
    from_tensor = extractor.extract(tensor)
    assert isinstance(from_tensor, torch.Tensor)
    assert from_tensor.dtype == torch.float64
    # Bytes and floats are rounded to single precision in another order.
    assert np.allclose(from_tensor.numpy(), batch, atol=1e-5)
    assert extractor.extract(pixels[:0]).shape == (0, len(extractor.names))


def test_heads_by_representation_and_channel():
    names = SoartExtractor(scales=1).names
    heads = heads_of((*names, "deep/000", "deep/001", "lonely"))
    assert [len(head) for head in heads] == [24] * 6 + [2, 1]
    assert sorted(k for head in heads for k in head) == list(range(len(names) + 3))
    assert {names[k].rsplit("/", 3)[0] for k in heads[1]} == {"raw/redgreen"}


def test_blur_and_noise_move_the_items_they_should():
    rng = np.random.default_rng(5)
    clean = ndimage.zoom(rng.random((8, 8, 3)), (8, 8, 1), order=0).astype(np.float32)
    extractor = SoartExtractor(scales=1, representations=("raw",), metrics=("Y2",))
    level = [
        extractor.extract(np.clip(p, 0, 1))[0].mean()
        for p in (
            ndimage.gaussian_filter(clean, (2, 2, 0)),
            clean,
            clean + 0.2 * rng.standard_normal(clean.shape).astype("f"),
        )
    ]
    assert level[0] < level[1] - 5
    assert level[1] < level[2] - 2


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4)), np.full((4, 4, 3), np.nan), torch.zeros(4, 4, 3), torch.full((1, 3, 4, 4), 7.0)]
)
def test_wrong_input(wrong):
    with pytest.raises(ImageError, match="xpected"):
        SoartExtractor().extract(wrong)


def test_wrong_settings():
    with pytest.raises(ValueError, match="scale"):
        SoartExtractor(scales=0)
    with pytest.raises(ValueError, match="Y1"):
        SoartExtractor(metrics=("Y9",))
    with pytest.raises(ValueError, match="side as a whole number, got '64'"):
        SoartExtractor(side="64")


def test_items_do_not_depend_on_the_number_of_threads():
    picture = np.random.default_rng(4).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    extractor = SoartExtractor()
    by_threads = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, user_api="blas"):
            by_threads.append(extractor.extract(picture))
            assert all(
                library["num_threads"] == threads for library in threadpool_info() if library["user_api"] == "blas"
            )
    assert np.array_equal(by_threads[0], by_threads[1])
    assert np.array_equal(by_threads[0], by_threads[2])
