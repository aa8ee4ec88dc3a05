"""Items within their modes, whitened: what attention and the kernels of tastes compare."""

from __future__ import annotations

import numpy as np


def within_mode(items: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """(n, p) items less the mean of their mode."""
    residuals = np.empty_like(items)
    for mode in np.unique(modes):
        residuals[modes == mode] = items[modes == mode] - items[modes == mode].mean(axis=0)
    return residuals


def inverse_root(covariance: np.ndarray) -> np.ndarray:
    """Σ^(−1/2) of a symmetric positive semi-definite (p, p) matrix; the identity for a matrix of zeros."""
    values, vectors = np.linalg.eigh(covariance)
    if values[-1] <= 0:
        return np.eye(len(covariance))
    root: np.ndarray = (vectors / np.sqrt(np.maximum(values, values[-1] * 1e-12))) @ vectors.T
    return root
