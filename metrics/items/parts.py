"""The parts that a picture is measured through, and their statistics.

The DATUM part, all nine pixels, gives the reference response m, each LINE and BEND part a measured response x. The
picture lies on a frame of its own mean colour, so that every sum is a quadratic form in 13 autocorrelations (lags |dx|,
|dy| ≤ 2, half plane): thirteen dot products replace the convolutions. With d = x − m the mean cancels (all parts sum to
one), and

    r = Σ m²,  q = Σ m d,  e = Σ d²,  β = 1 + q/r,  V_e = (e − q²/r)/(n−1),  Σ x² = r + 2q + e

are free of the cancellation that Σx² − r β² would suffer. ``planes.direct_statistics`` convolves, as the test oracle.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

import numpy as np

#: Floor added before the logarithm: −80 dB, well under the quantisation noise of 8-bit pictures (−59 dB).
EPSILON = 1e-8

_PIXELS = list(product((-1, 0, 1), repeat=2))
_DATUM = frozenset(_PIXELS)
#: The measured parts: four 3-pixel lines through the centre, four 3-pixel right angles.
PARTS: dict[str, frozenset[tuple[int, int]]] = {
    "line-h": frozenset({(0, -1), (0, 0), (0, 1)}),
    "line-v": frozenset({(-1, 0), (0, 0), (1, 0)}),
    "line-d": frozenset({(-1, -1), (0, 0), (1, 1)}),
    "line-u": frozenset({(1, -1), (0, 0), (-1, 1)}),
    "bend-ne": frozenset({(-1, 0), (0, 0), (0, 1)}),
    "bend-nw": frozenset({(-1, 0), (0, 0), (0, -1)}),
    "bend-se": frozenset({(1, 0), (0, 0), (0, 1)}),
    "bend-sw": frozenset({(1, 0), (0, 0), (0, -1)}),
}
#: Half plane of lags (dy, dx) up to two pixels: the picture against itself.
LAGS = [(dy, dx) for dy, dx in product(range(3), range(-2, 3)) if dy > 0 or dx >= 0]


def _weights(part: Collection[tuple[int, ...]]) -> np.ndarray:
    """3×3 kernel of a part, summing to one."""
    return np.array([[((y, x) in part) / len(part) for x in (-1, 0, 1)] for y in (-1, 0, 1)])


def _quadratic_form(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(13,) coefficients over LAGS such that Σ_p (a∗x)(p) (b∗x)(p) = coefficients · autocorrelation(x)."""
    coefficients = dict.fromkeys(LAGS, 0.0)
    for (i, p), (j, s) in product(enumerate(_PIXELS), repeat=2):
        lag = (s[0] - p[0], s[1] - p[1])
        lag = lag if lag in coefficients else (-lag[0], -lag[1])
        coefficients[lag] += a.flat[i] * b.flat[j]
    return np.array([coefficients[lag] for lag in LAGS])


KERNELS = np.stack([_weights(part) for part in PARTS.values()])
MEAN_KERNEL = _weights(_DATUM)
#: Coefficients over LAGS: (1, 13) of r, and (parts, 13) of q and of e.
FORM_R = _quadratic_form(MEAN_KERNEL, MEAN_KERNEL)[None]
FORM_Q = np.stack([_quadratic_form(MEAN_KERNEL, k - MEAN_KERNEL) for k in KERNELS])
FORM_E = np.stack([_quadratic_form(k - MEAN_KERNEL, k - MEAN_KERNEL) for k in KERNELS])


@dataclass(frozen=True, slots=True)
class Statistics:
    """Sums that items are computed from, all float64."""

    r: np.ndarray  # (…, 1) Σ m²
    #: (…, parts) Σ m d and Σ d²
    q: np.ndarray
    e: np.ndarray
    count: np.ndarray  # (…, 1) number of responses on a plane


def statistics_of(mean: np.ndarray, correlations: np.ndarray, count: np.ndarray) -> Statistics:
    """Statistics of planes from their means (…), autocorrelations (…, 13) and numbers of responses (…)."""
    r, q, e = (correlations @ form.T for form in (FORM_R, FORM_Q, FORM_E))
    # Every part sums to one, so the mean adds count·μ² to r and nothing to d, hence nothing to q and e.
    return Statistics(r + (count * mean**2)[..., None], q, e, count[..., None])


def error_variance(s: Statistics) -> np.ndarray:
    """(…, parts) V_e of each part; 0 if the reference response is zero everywhere."""
    explained = np.divide(s.q**2, s.r, out=np.zeros_like(s.q), where=s.r > 0)
    variance: np.ndarray = np.maximum(s.e - explained, 0) / (s.count - 1)
    return variance


def items_of(s: Statistics) -> np.ndarray:
    """(…, parts, 3) Y1 = β, Y2 = V_e and Y3 = 1 − γ² in dB of each part; a flat plane has β = 1 and −80 dB."""
    error = error_variance(s)
    total = s.r + 2 * s.q + s.e
    # Below this a plane is black but for rounding.
    nonzero = np.broadcast_to(s.r > 1e-18 * s.count, s.q.shape)
    beta = 1 + np.divide(s.q, s.r, out=np.zeros_like(s.q), where=nonzero)
    # 1 − γ², the share of the error in the whole response.
    share = np.divide(error * (s.count - 1), total, out=np.zeros_like(s.q), where=nonzero & (total > 0))
    return np.stack([beta, 10 * np.log10(error + EPSILON), 10 * np.log10(share.clip(0, 1) + EPSILON)], axis=-1)
