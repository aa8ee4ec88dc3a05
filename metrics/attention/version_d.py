"""Version D, calibrated attention-RT: the skeleton of attention with rotations, temperature and values that are fitted.

    W_Q = W_K = Σ_w^(−1/2)     Σ_w: Ledoit–Wolf estimate of the pooled within-mode covariance
    C[i, l] = cos(q_i, k_l)    about the mean of the modes; with several heads, the (weighted) mean of their cosines
    A = softmax_l(τ C)         temperature 1/τ
    O = A V                    V fitted by ridge, so that the learning pictures' own outputs are their modes

With S = exp(τ (C − 1)), the softmax without its denominator, the ridge solution is V = (S + λI)⁻¹ Y, and leaving a picture (or a
group of pictures) out costs one small solve; τ and λ are those that predict left-out pictures best.

Sources: Ledoit & Wolf (2004) for Σ_w; the block leave-out identity of kernel ridge in Rasmussen & Williams, *Gaussian Processes for Machine Learning*
(2006), eq. 5.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.covariance import ledoit_wolf

from ...errors import ItemsError
from ..taguchi.distances import deviations
from .versions_abc import AttentionModel

TEMPERATURES = tuple(1 / tau for tau in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0))
RIDGES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)


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


def left_out(similarity: np.ndarray, targets: np.ndarray, ridge: float, groups: np.ndarray) -> np.ndarray:
    """(n, g) predictions of each row when its whole group is left out of kernel ridge.

    Args:
        similarity: (n, n) positive semi-definite S.
        targets: (n, g) Y.
        ridge: λ > 0.
        groups: (n,) group of each row.
    """
    precision = np.linalg.inv(similarity + ridge * np.eye(len(similarity)))
    values = precision @ targets
    predictions = np.empty_like(targets)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        predictions[rows] = targets[rows] - np.linalg.solve(precision[np.ix_(rows, rows)], values[rows])
    return predictions


def _check_heads(heads: Sequence[Sequence[int]] | None, count: int) -> list[np.ndarray]:
    if heads is None:
        return [np.arange(count)]
    found = [np.asarray(head) for head in heads]
    if not found or any(
        h.ndim != 1 or not len(h) or h.dtype.kind not in "iu" or h.min() < 0 or h.max() >= count for h in found
    ):
        raise ItemsError(f"Expected heads of item numbers in 0…{count - 1}, got {heads!r}.")
    return found


def _check_weights(weights: Sequence[float] | None, count: int) -> np.ndarray:
    """(count,) weights that sum to 1."""
    found = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if found.shape != (count,) or not (np.isfinite(found) & (found > 0)).all():
        raise ItemsError(f"Expected a weight above zero for each of {count} heads, got {weights!r}.")
    normalised: np.ndarray = found / found.sum()
    return normalised


class AttentionD(AttentionModel):
    """Calibrated attention-RT: the version to use. Items that do not vary within any mode take no part.

    Args:
        temperatures: candidates for 1/τ.
        ridges: candidates for λ.
        heads: item numbers of each head, every item in one or more or none; by default one head of all. A head is whitened on
            its own: a covariance of fewer items is learnt better from few pictures, and no head drowns another.
        weights: above zero, of each head's cosine in their mean; by default all count alike.

    Attributes:
        temperature_, ridge_: the chosen ones.
        left_out_: (n, g) metric of the learning pictures, each predicted without its group.
    """

    def __init__(
        self,
        temperatures: Sequence[float] = TEMPERATURES,
        ridges: Sequence[float] = RIDGES,
        heads: Sequence[Sequence[int]] | None = None,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.temperatures = temperatures
        self.ridges = ridges
        self.heads = heads
        self.weights = weights

    def fit(
        self, items: object, modes: Sequence[object] | np.ndarray, groups: Sequence[object] | np.ndarray | None = None
    ) -> Self:
        """Learn from (n, p) items of at least two modes.

        Args:
            items: items of any kind and number.
            modes: (n,) mode of each picture.
            groups: (n,) pictures that must be left out together (same prompt, same seed, near-duplicates); by default
                every picture on its own.

        Raises:
            ItemsError: matrices, heads or weights that do not fit together, or no mode of two pictures.
        """
        x = self._begin(items, modes)
        if len(self.classes_) == len(x):
            raise ItemsError("Expected at least one mode of two pictures, got one picture a mode.")
        parts = (
            np.arange(len(x)) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
        )
        if parts.shape != (len(x),):
            raise ItemsError(f"Expected one group for each of {len(x)} pictures, got shape {parts.shape}.")
        indicator = (self.modes_[:, None] == self.classes_).astype(np.float64)
        residuals = within_mode(x, self.modes_)
        # The mean of the modes, not of the pictures: a mode of many examples must not pull the centre.
        self.centre_ = np.mean([x[self.modes_ == mode].mean(axis=0) for mode in self.classes_], axis=0)
        self.scale_ = deviations(np.vstack([residuals, -residuals]), "pinv")
        self.heads_ = _check_heads(self.heads, x.shape[1])
        self.weights_ = _check_weights(self.weights, len(self.heads_))
        self.rotations_ = [
            inverse_root(ledoit_wolf((residuals / self.scale_)[:, head], assume_centered=True)[0])
            for head in self.heads_
        ]
        self.keys_ = self._rotate(x)
        alike = self.keys_ @ self.keys_.T
        self.share_ = indicator.mean(axis=0)
        best = np.inf
        for temperature, ridge in product(self.temperatures, self.ridges):
            similarity = np.exp((alike - 1) / temperature)
            predictions = self.share_ + left_out(similarity, indicator - self.share_, ridge, parts)
            error = np.mean((predictions - indicator) ** 2)
            if error < best:
                best, self.temperature_, self.ridge_, self.left_out_ = error, temperature, ridge, predictions
        similarity = np.exp((alike - 1) / self.temperature_)
        self.values_ = np.linalg.solve(similarity + self.ridge_ * np.eye(len(x)), indicator - self.share_)
        self.slope_ = _slope(self.left_out_, indicator)
        return self

    def attention(self, items: object) -> np.ndarray:
        """(i, n) attention of measured pictures to learning pictures; ≥ 0, rows sum to 1."""
        weights: np.ndarray = softmax(self._similarity(items), axis=1)
        return weights

    def outputs(self, items: object) -> tuple[np.ndarray, np.ndarray]:
        """The attention-weighted mean of the keys, and the query, (i, items of all heads) each."""
        return self.attention(items) @ self.keys_, self._rotate(self._measured(items))

    def metric(self, items: object) -> np.ndarray:
        """(i, g) output on the fitted values: near 1 for the picture's mode and 0 for the others."""
        outputs: np.ndarray = self.share_ + np.exp(self._similarity(items) - 1 / self.temperature_) @ self.values_
        return outputs

    def predict_proba(self, items: object) -> np.ndarray:
        """(i, g) probabilities of ``classes_``, calibrated on left-out learning pictures; rows sum to 1."""
        probabilities: np.ndarray = softmax(self.slope_ * self.metric(items), axis=1)
        return probabilities

    def _rotate(self, items: np.ndarray) -> np.ndarray:
        standard = (items - self.centre_) / self.scale_
        turned = [standard[:, head] @ rotation for head, rotation in zip(self.heads_, self.rotations_, strict=True)]
        lengths = [np.linalg.norm(part, axis=1, keepdims=True) for part in turned]
        # Unit vectors side by side: the dot product of two rows is the weighted mean of the heads' cosines.
        unit = [
            part * (np.sqrt(weight) / np.where(length > 0, length, 1.0))
            for part, length, weight in zip(turned, lengths, self.weights_, strict=True)
        ]
        together: np.ndarray = np.hstack(unit)
        return together

    def _similarity(self, items: object) -> np.ndarray:
        cosines: np.ndarray = self._rotate(self._measured(items)) @ self.keys_.T
        return cosines / self.temperature_


def _slope(metric: np.ndarray, indicator: np.ndarray) -> float:
    """The s of softmax(s · metric) that makes the true modes of left-out pictures most likely."""

    def loss(log_slope: float) -> float:
        return float(-(log_softmax(np.exp(log_slope) * metric, axis=1) * indicator).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 5.0), method="bounded").x))
