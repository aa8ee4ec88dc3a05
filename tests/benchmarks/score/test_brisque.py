import numpy as np
import pytest
from scipy import ndimage, stats
from sklearn.datasets import load_sample_image

from soart.benchmarks.score import brisque


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 4.0])
def test_symmetric_fit_recovers_the_distribution(shape):
    law = stats.gennorm(shape, scale=1.3)
    fitted, variance = brisque.fit_ggd(law.rvs(300_000, random_state=3))
    assert (fitted, variance) == pytest.approx((shape, law.var()), rel=0.03)


@pytest.mark.parametrize("shape", [0.8, 1.0, 2.0])
def test_asymmetric_fit_recovers_the_distribution(shape):
    rng = np.random.default_rng(4)
    size = np.abs(stats.gennorm(shape).rvs(300_000, random_state=rng))
    # Each side is half a generalised Gaussian, and as likely as it is wide: the density has no step at zero.
    left = rng.random(size.size) < 0.5 / (0.5 + 2.0)
    x = np.where(left, -0.5 * size, 2.0 * size)
    variance = stats.gennorm(shape).var()
    expected = (shape, x.mean(), 0.25 * variance, 4 * variance)
    assert brisque.fit_aggd(x) == pytest.approx(expected, rel=0.05)


def test_both_fits_agree_on_symmetric_values():
    half = np.random.default_rng(5).laplace(size=1000)
    x = np.r_[half, -half]
    shape, variance = brisque.fit_ggd(x)
    assert brisque.fit_aggd(x) == pytest.approx((shape, 0, variance, variance))


def test_coefficients_follow_the_definition():
    plane = np.random.default_rng(6).random((20, 21)) * 255
    y, x = np.mgrid[-3:4, -3:4]
    window = np.exp(-(x**2 + y**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    patch = plane[5:12, 8:15]
    mean = (window * patch).sum()
    deviation = np.sqrt((window * (patch - mean) ** 2).sum())
    assert brisque.mscn(plane)[8, 11] == pytest.approx((plane[8, 11] - mean) / (deviation + 1), rel=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (7, 5), (64, 64)])
@pytest.mark.parametrize("fill", ["black", "white", "noise", "step"])
def test_always_36_finite_features(shape, fill):
    pixels = np.zeros((*shape, 3), np.uint8)
    if fill == "white":
        pixels[:] = 255
    elif fill == "noise":
        pixels[:] = np.random.default_rng(7).integers(0, 256, pixels.shape)
    elif fill == "step":
        pixels[:, shape[1] // 2 :] = 200
    features = brisque.brisque_features(pixels)
    assert features.shape == (36,) == (len(brisque.NAMES),)
    assert np.isfinite(features).all()


def test_blur_lowers_the_shape_and_noise_raises_it():
    photograph = load_sample_image("china.jpg")[100:300, 100:400].astype(float)

    def shape(pixels):
        return brisque.brisque_features(np.clip(pixels, 0, 255).astype(np.uint8))[0]

    blurred = ndimage.gaussian_filter(photograph, (2, 2, 0))
    noisy = photograph + np.random.default_rng(8).normal(0, 25, photograph.shape)
    assert shape(blurred) < shape(photograph) < shape(noisy)
