"""BRISQUE's 36 features of a picture, of which rivals are made.

At full and half size the luminance is divided by its local contrast (MSCN coefficients),

    Î = (I − μ)/(σ + 1),  I in 0…255,  μ and σ under a 7×7 Gaussian of standard deviation 7/6,

and generalised Gaussians are fitted by their moments: a symmetric one to Î (shape, variance), an asymmetric one to each
product of Î with its right, lower, lower right and lower left neighbour (shape, mean, left variance, right variance).
2 + 4·4 = 18 features a size. The mean of the asymmetric one is (β_r − β_l)·Γ(2/ν)/Γ(1/ν), β = σ·√(Γ(1/ν)/Γ(3/ν)).

Source: A. Mittal, A. K. Moorthy and A. C. Bovik, "No-reference image quality assessment in the spatial domain",
IEEE Transactions on Image Processing 21(12), 2012; moment matching after N.-E. Lasmar, Y. Stitou and Y. Berthoumieu,
"Multiscale skewed heavy tailed model for texture analysis", ICIP 2009.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage, special

SCALES = ("s0", "s1")
PRODUCTS = ("right", "below", "diagonal", "antidiagonal")
NAMES = tuple(
    f"{scale}/{name}"
    for scale in SCALES
    for name in (
        *(f"mscn/{what}" for what in ("shape", "variance")),
        *(f"{pair}/{what}" for pair in PRODUCTS for what in ("shape", "mean", "left", "right")),
    )
)

_TAPS = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
_TAPS /= _TAPS.sum()
#: Shapes that a fit can give. A table replaces a root search: the error of interpolation is below 1e-6.
SHAPES = np.arange(0.2, 10.0005, 0.001)


def _log_gamma(shape: np.ndarray, k: int) -> np.ndarray:
    return special.gammaln(k / shape)


#: E²|x| / E x² of a generalised Gaussian of each of SHAPES; grows with the shape.
_RATIOS = np.exp(2 * _log_gamma(SHAPES, 2) - _log_gamma(SHAPES, 1) - _log_gamma(SHAPES, 3))
#: Γ(2/ν)/√(Γ(1/ν)Γ(3/ν)): the mean of the asymmetric fit is (σ_r − σ_l) times this.
_MEANS = np.exp(_log_gamma(SHAPES, 2) - (_log_gamma(SHAPES, 1) + _log_gamma(SHAPES, 3)) / 2)


def luminance(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 sRGB to ITU-R BT.601 luma, (h, w) float64 in 0…255."""
    return rgb @ np.array([0.299, 0.587, 0.114])


def mscn(plane: np.ndarray, border: str = "nearest") -> np.ndarray:
    """MSCN coefficients."""
    h, w = plane.shape

    def smooth(x: np.ndarray) -> np.ndarray:
        # Eight more columns than needed: rows a power of two apart would compete for the same lines of the cache.
        across, both = np.empty((2, h, w + 8))[:, :, :w]
        ndimage.correlate1d(x, _TAPS, 1, output=across, mode=border)
        return ndimage.correlate1d(across, _TAPS, 0, output=both, mode=border)

    mean = smooth(plane)
    # E[x²] − μ² cancels, so the filters run in float64 and only later steps in float32.
    variance = smooth(plane * plane)
    variance -= mean * mean
    deviation = np.sqrt(np.abs(variance, out=variance), out=variance)
    deviation += 1
    return np.divide(plane - mean, deviation, dtype=np.float32, casting="same_kind")


def fit_ggd(x: np.ndarray) -> tuple[float, float]:
    """Fit a generalised Gaussian of mean zero."""
    flat = x.reshape(-1)
    power, size = float(flat @ flat), float(np.abs(flat).sum())
    if not power:
        return float(SHAPES[0]), 0.0
    return float(np.interp(size**2 / (power * flat.size), _RATIOS, SHAPES)), power / flat.size


def fit_aggd(x: np.ndarray) -> tuple[float, float, float, float]:
    """Fit an asymmetric generalised Gaussian of mode zero; ``x`` as for ``fit_ggd``."""
    flat = x.reshape(-1)
    power = float(flat @ flat)
    if not power:
        return float(SHAPES[0]), 0.0, 0.0, 0.0
    negative = np.minimum(flat, 0)
    size, below = float(flat.sum() - 2 * negative.sum()), np.count_nonzero(negative)
    squares = float(negative @ negative)
    left, right = squares / max(below, 1), max(power - squares, 0.0) / max(flat.size - below, 1)
    low, high = left**0.5, right**0.5
    skew = (low**3 + high**3) * (low + high) / (left + right) ** 2
    shape = float(np.interp(skew * size**2 / (power * flat.size), _RATIOS, SHAPES))
    return shape, (high - low) * float(np.interp(shape, SHAPES, _MEANS)), left, right


def products(x: np.ndarray) -> list[np.ndarray]:
    """(h, w) coefficients times their neighbours, in the order of PRODUCTS."""
    return [x[:, :-1] * x[:, 1:], x[:-1] * x[1:], x[:-1, :-1] * x[1:, 1:], x[:-1, 1:] * x[1:, :-1]]


def halve(plane: np.ndarray) -> np.ndarray:
    """(h, w) float64 to half the size (rounded up), low-pass filtered by the bicubic kernel stretched by two."""
    h, w = plane.shape
    small = Image.fromarray(plane.astype(np.float32)).resize(((w + 1) // 2, (h + 1) // 2), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.float64)


def brisque_features(rgb: np.ndarray, border: str = "nearest") -> np.ndarray:
    """The 36 features of one picture in the order of NAMES."""
    plane, features = luminance(rgb), []
    for scale in range(len(SCALES)):
        plane = halve(plane) if scale else plane
        coefficients = mscn(plane, border)
        features += fit_ggd(coefficients)
        for pair in products(coefficients):
            features += fit_aggd(pair)
    return np.array(features)
