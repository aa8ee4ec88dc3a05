"""Version D, calibrated attention-RT: attention with fitted parts.

Its rotations, temperature and values are fitted to the learning pictures.

    W_Q = W_K = Σ_w^(−1/2)     Σ_w: Ledoit–Wolf estimate of the pooled within-mode covariance
    C[i, l] = cos(q_i, k_l)    about the mean of the modes; with several heads, the (weighted) mean of their cosines
    A = softmax_l(τ C)         temperature 1/τ
    O = A V                    V fitted by ridge, so that the learning pictures' own outputs are their modes

With S = exp(τ (C − 1)), the softmax without its denominator, the ridge solution is V = (S + λI)⁻¹ Y. Leaving out a
picture or a group of pictures costs one small solve; τ and λ are those that predict left-out pictures best. Symbols are
those of ``versions_abc``.

Sources: Ledoit & Wolf (2004) for Σ_w; Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), eq. 5.12,
for the block leave-out identity of kernel ridge.
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
from ..checks import constant
from ..taguchi.distances import deviations
from .versions_abc import AttentionModel
from .whitening import inverse_root, within_mode

TEMPERATURES = tuple(1 / tau for tau in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0))
RIDGES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)


def left_out(similarity: np.ndarray, targets: np.ndarray, ridge: float, groups: np.ndarray) -> np.ndarray:
    """(n, g) predictions of each row without its whole group, by kernel ridge of (n, g) targets on (n, n) S."""
    precision = np.linalg.inv(similarity + ridge * np.eye(len(similarity)))
    values = precision @ targets
    predictions = np.empty_like(targets)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        predictions[rows] = targets[rows] - np.linalg.solve(precision[np.ix_(rows, rows)], values[rows])
    return predictions


def _check_candidates(values: Sequence[float], name: str) -> tuple[float, ...]:
    """Candidates for a parameter as floats, at least one, all finite and above zero."""
    candidates = np.asarray(values, dtype=np.float64)
    if candidates.ndim != 1 or not candidates.size or not (np.isfinite(candidates) & (candidates > 0)).all():
        raise ItemsError(f"Expected finite {name} above zero, at least one, got {values!r}.")
    return tuple(candidates.tolist())


def _check_heads(heads: Sequence[Sequence[int]] | None, count: int) -> list[np.ndarray]:
    """Item numbers of each head, all of them in 0 … count − 1; by default one head of all."""
    if heads is None:
        return [np.arange(count)]
    numbers = [np.asarray(head) for head in heads]
    if not numbers or any(
        n.ndim != 1 or not len(n) or n.dtype.kind not in "iu" or n.min() < 0 or n.max() >= count for n in numbers
    ):
        raise ItemsError(f"Expected heads of item numbers in 0…{count - 1}, got {heads!r}.")
    return numbers


def _check_weights(weights: Sequence[float] | None, count: int) -> np.ndarray:
    """(count,) weights that sum to 1; equal by default."""
    values = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.shape != (count,) or not (np.isfinite(values) & (values > 0)).all():
        raise ItemsError(f"Expected a weight above zero for each of {count} heads, got {weights!r}.")
    normalised: np.ndarray = values / values.sum()
    return normalised


class AttentionD(AttentionModel):
    """Calibrated attention-RT: the version to use. Items that do not vary within any mode take no part.

    Args:
        temperatures: candidates for 1/τ.
        ridges: candidates for λ.
        heads: item numbers of each head; an item may be in several heads or in none. By default one head holds all.
            Each head is whitened separately: few pictures estimate a covariance of fewer items better, and no head
            drowns another.
        weights: weight above zero of each head's cosine in their mean; equal by default.

    Attributes:
        temperature_, ridge_: 1/τ and λ as chosen.
        left_out_: (n, g) metric of the learning pictures, each predicted without its group.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import AttentionD
        >>> rng = np.random.default_rng(0)
        >>> modes = np.repeat(["blurry", "normal"], 10)
        >>> items = rng.normal(size=(20, 4)) + 3 * (modes == "normal")[:, None]
        >>> model = AttentionD().fit(items, modes)
        >>> measured = np.array([[0.0, 0, 0, 0], [3.0, 3, 3, 3]])
        >>> model.predict(measured).tolist()
        ['blurry', 'normal']
        >>> model.predict_proba(measured).round(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
        >>> model.attention(measured).shape
        (2, 20)
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
            groups: (n,) group of each picture. Pictures of a group (same prompt, same seed, near-duplicates) are left
                out together; by default each picture is a group.

        Raises:
            ItemsError: matrices, heads or weights do not fit together, no mode has two pictures, or a candidate for
                1/τ or λ is not above zero.
        """
        x = self._begin(items, modes)
        if len(self.classes_) == len(x):
            raise ItemsError("Expected at least one mode of two pictures, got one picture a mode.")
        group_numbers = (
            np.arange(len(x)) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
        )
        if group_numbers.shape != (len(x),):
            raise ItemsError(f"Expected one group for each of {len(x)} pictures, got shape {group_numbers.shape}.")
        indicator = (self.modes_[:, None] == self.classes_).astype(np.float64)
        residuals = within_mode(x, self.modes_)
        # The mean of the modes, not of the pictures: a mode of many examples must not pull the centre.
        self.centre_ = np.mean([x[self.modes_ == mode].mean(axis=0) for mode in self.classes_], axis=0)
        self.scale_ = deviations(np.vstack([residuals, -residuals]), "pinv")
        # Rounding errors of a mean are no variation.
        self.scale_[np.all([constant(x[self.modes_ == mode]) for mode in self.classes_], axis=0)] = np.inf
        self.heads_ = _check_heads(self.heads, x.shape[1])
        self.weights_ = _check_weights(self.weights, len(self.heads_))
        self.rotations_ = [
            inverse_root(ledoit_wolf((residuals / self.scale_)[:, head], assume_centered=True)[0])
            for head in self.heads_
        ]
        self.keys_ = self._rotate(x)
        cosines = self.keys_ @ self.keys_.T
        self.share_ = indicator.mean(axis=0)
        best = np.inf
        candidates = _check_candidates(self.temperatures, "temperatures"), _check_candidates(self.ridges, "ridges")
        for temperature, ridge in product(*candidates):
            similarity = np.exp((cosines - 1) / temperature)
            predictions = self.share_ + left_out(similarity, indicator - self.share_, ridge, group_numbers)
            error = np.mean((predictions - indicator) ** 2)
            if error < best:
                best, self.temperature_, self.ridge_, self.left_out_ = error, temperature, ridge, predictions
        similarity = np.exp((cosines - 1) / self.temperature_)
        self.values_ = np.linalg.solve(similarity + self.ridge_ * np.eye(len(x)), indicator - self.share_)
        self.slope_ = _slope(self.left_out_, indicator)
        return self

    def attention(self, items: object) -> np.ndarray:
        """(i, n) attention of measured pictures to learning pictures; ≥ 0, rows sum to 1."""
        return softmax(self._similarity(items), axis=1)

    def outputs(self, items: object) -> tuple[np.ndarray, np.ndarray]:
        """Attention-weighted means of the keys, and the queries, (i, items of all heads) each."""
        return self.attention(items) @ self.keys_, self._rotate(self._measured(items))

    def metric(self, items: object) -> np.ndarray:
        """(i, g) outputs on the fitted values: near 1 for the picture's mode and 0 for the others."""
        outputs: np.ndarray = self.share_ + np.exp(self._similarity(items) - 1 / self.temperature_) @ self.values_
        return outputs

    def predict_proba(self, items: object) -> np.ndarray:
        """(i, g) probabilities of ``classes_``, calibrated on left-out learning pictures; rows sum to 1."""
        return softmax(self.slope_ * self.metric(items), axis=1)

    def _rotate(self, items: np.ndarray) -> np.ndarray:
        """(n, items of all heads) unit vectors of the heads side by side.

        The dot product of two rows is the weighted mean of the heads' cosines.
        """
        standard = (items - self.centre_) / self.scale_
        rotated = [standard[:, head] @ rotation for head, rotation in zip(self.heads_, self.rotations_, strict=True)]
        lengths = [np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in rotated]
        unit = [
            vectors * (np.sqrt(weight) / np.where(length > 0, length, 1.0))
            for vectors, length, weight in zip(rotated, lengths, self.weights_, strict=True)
        ]
        return np.hstack(unit)

    def _similarity(self, items: object) -> np.ndarray:
        """(i, n) cosines τ C of measured pictures and learning pictures."""
        cosines: np.ndarray = self._rotate(self._measured(items)) @ self.keys_.T
        return cosines / self.temperature_


def _slope(metric: np.ndarray, indicator: np.ndarray) -> float:
    """Slope s of softmax(s · metric) under which the true modes of left-out pictures are most likely."""

    def loss(log_slope: float) -> float:
        return float(-(log_softmax(np.exp(log_slope) * metric, axis=1) * indicator).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 5.0), method="bounded").x))
