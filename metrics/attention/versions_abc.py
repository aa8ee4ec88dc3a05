"""Versions A, B and C of attention-RT, attention from Recognition-Taguchi metrics.

Symbols: l = 1 … n learning pictures with a mode each, i measured pictures, p items, X standardised item vectors.

    Q = X W_Q,  K = X_learn W_K,  V = X_learn W_V,  A = softmax_l(Q Kᵀ / √p),  O = A V

The *attention metric* of picture i against mode g is the attention mass Σ_{l∈g} A[i, l]; its *resonance* is cos(o_i,
x_i). W is the second-moment matrix YᵀY/n of its source rows, scaled to trace p. The versions differ in those rows:

    A    W_Q from Y3 (gamma) of all modes; W_K, W_V from Y2 of all modes
    B    W_Q from Y2 of the unit space alone; W_K, W_V from Y2 of all modes
    C    centre, scale and W_Q from every mode in turn as the unit space; the largest metric gives the mode

Version D, which calibrates the method, is in ``version_d``. A and B stay for comparison; ``docs/method.md`` describes
how well each of them works.

Source: the SOART quality-engineering series, "calculate ATTENTION from SOART metrics, version B for discriminant
analysis" (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ...errors import ItemsError
from ..checks import check_items, check_modes
from ..taguchi.distances import deviations


def second_moment(rows: np.ndarray) -> np.ndarray:
    """Normalised second-moment matrix YᵀY/n of (n, p) rows, scaled to trace p; the identity where all rows are zero."""
    moment = rows.T @ rows / len(rows)
    trace = np.trace(moment)
    return moment * (len(moment) / trace) if trace > 0 else np.eye(len(moment))


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine between the rows of two (n, p) matrices; 0 where a row is zero. (n,) in −1…1."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots = np.einsum("np,np->n", a, b)
    cosines: np.ndarray = np.clip(dots / np.where(lengths > 0, lengths, 1.0), -1.0, 1.0)
    return cosines


def standardise(items: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(n, p) items less the mean of ``reference``, in its standard deviations; 0 for items that are constant there."""
    standardised: np.ndarray = (items - reference.mean(axis=0)) / deviations(reference, "pinv")
    return standardised


class AttentionModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base of all versions: their common interface once fitted.

    Attributes:
        classes_: (g,) names of the modes, sorted.
        modes_: (n,) mode of each learning picture.
        learning_: (n, p) items of the learning pictures.
        n_features_in_: items p.
    """

    classes_: np.ndarray
    modes_: np.ndarray
    learning_: np.ndarray
    n_features_in_: int

    def attention(self, items: object) -> np.ndarray:
        """(i, n) attention of measured pictures to learning pictures; ≥ 0, rows sum to 1."""
        raise NotImplementedError

    def outputs(self, items: object) -> tuple[np.ndarray, np.ndarray]:
        """Outputs O = A V, and the standardised inputs X to compare them with, (i, p) each."""
        raise NotImplementedError

    def metric(self, items: object) -> np.ndarray:
        """(i, g) attention metric of pictures against each mode of ``classes_``."""
        return mass(self.attention(items), self.modes_, self.classes_)

    def resonance(self, items: object) -> np.ndarray:
        """(i,) cosine between each picture's output and its input, −1…1."""
        return cosine(*self.outputs(items))

    def predict(self, items: object) -> np.ndarray:
        """(i,) mode of the largest attention metric."""
        predicted: np.ndarray = self.classes_[self.metric(items).argmax(axis=1)]
        return predicted

    def _begin(self, items: object, modes: Sequence[object] | np.ndarray) -> np.ndarray:
        """Check and store the learning pictures; returns their (n, p) items."""
        matrix = check_items(items, rows=2, name="learning items")
        self.modes_ = check_modes(modes, len(matrix))
        self.classes_ = np.unique(self.modes_)
        self.n_features_in_ = matrix.shape[1]
        # A copy, because A, B and C measure by it, and the caller may reuse the array.
        self.learning_ = matrix.copy()
        return matrix

    def _measured(self, items: object) -> np.ndarray:
        """(i, p) items of measured pictures, checked."""
        check_is_fitted(self, "learning_")
        return check_items(items, self.n_features_in_)


def mass(attention: np.ndarray, modes: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Attention mass on each of (g,) ``classes``: (i, n) attention to (i, g); rows still sum to 1."""
    masses: np.ndarray = attention @ (modes[:, None] == classes)
    return masses


class _OneSpace(AttentionModel):
    """Versions A and B: one standardisation, by all learning pictures."""

    query_: np.ndarray
    key_: np.ndarray

    def attention(self, items: object) -> np.ndarray:
        """(i, n) attention of measured pictures to learning pictures; ≥ 0, rows sum to 1."""
        x = standardise(self._measured(items), self.learning_)
        keys = standardise(self.learning_, self.learning_) @ self.key_
        weights: np.ndarray = softmax(x @ self.query_ @ keys.T / np.sqrt(x.shape[1]), axis=1)
        return weights

    def outputs(self, items: object) -> tuple[np.ndarray, np.ndarray]:
        """Outputs O = A V, and the standardised inputs X to compare them with, (i, p) each."""
        values = standardise(self.learning_, self.learning_) @ self.key_
        return self.attention(items) @ values, standardise(self._measured(items), self.learning_)


class AttentionA(_OneSpace):
    """Version A: queries rotated by the gammas (Y3) of all modes. Kept for comparison.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import AttentionA
        >>> rng = np.random.default_rng(0)
        >>> modes = np.repeat(["blurry", "normal"], 10)
        >>> y2 = rng.normal(size=(20, 4)) + 3 * (modes == "normal")[:, None]
        >>> model = AttentionA().fit(y2, modes, gamma=np.tanh(y2))
        >>> model.predict([[0, 0, 0, 0], [3, 3, 3, 3]]).tolist()
        ['blurry', 'normal']
    """

    def fit(self, items: object, modes: Sequence[object] | np.ndarray, gamma: object) -> Self:
        """Learn from pictures of at least two modes.

        Args:
            items: (n, p) Y2 items.
            modes: (n,) mode of each picture.
            gamma: (n, p) Y3 items of the same pictures and parts.

        Raises:
            ItemsError: the matrices do not fit together.
        """
        y2 = self._begin(items, modes)
        y3 = check_items(gamma, self.n_features_in_, len(y2), name="gamma items")
        if len(y3) != len(y2):
            raise ItemsError(f"Expected gamma items of the same {len(y2)} pictures, got {len(y3)}.")
        self.query_ = second_moment(standardise(y3, y3))
        self.key_ = second_moment(standardise(y2, y2))
        return self


class AttentionB(_OneSpace):
    """Version B: queries rotated by the Y2 of the unit space alone. Kept for comparison.

    Args:
        unit_space: the mode that is the homogeneous reference group.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import AttentionB
        >>> rng = np.random.default_rng(0)
        >>> modes = np.repeat(["blurry", "normal"], 10)
        >>> items = rng.normal(size=(20, 4)) + 3 * (modes == "normal")[:, None]
        >>> model = AttentionB("normal").fit(items, modes)
        >>> model.metric([[0, 0, 0, 0], [3, 3, 3, 3]]).round(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, unit_space: str = "normal") -> None:
        self.unit_space = unit_space

    def fit(self, items: object, modes: Sequence[object] | np.ndarray) -> Self:
        """Learn from (n, p) Y2 items of pictures of at least two modes, ``unit_space`` among them.

        Raises:
            ItemsError: the matrices do not fit together, or no picture is of the unit space.
        """
        y2 = self._begin(items, modes)
        unit = self.modes_ == self.unit_space
        if not unit.any():
            raise ItemsError(
                f"Expected pictures of the unit space {self.unit_space!r}, got {', '.join(self.classes_)}."
            )
        x = standardise(y2, y2)
        self.query_, self.key_ = second_moment(x[unit]), second_moment(x)
        return self


class AttentionC(AttentionModel):
    """Version C, attention-RT: every mode in turn is the unit space, and the attention metric replaces the distance.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import AttentionC
        >>> rng = np.random.default_rng(0)
        >>> modes = np.repeat(["blurry", "normal"], 10)
        >>> items = rng.normal(size=(20, 4)) + 3 * (modes == "normal")[:, None]
        >>> model = AttentionC().fit(items, modes)
        >>> model.attention([[0, 0, 0, 0]]).shape, model.classes_.tolist()
        ((1, 20), ['blurry', 'normal'])
    """

    def fit(self, items: object, modes: Sequence[object] | np.ndarray) -> Self:
        """Learn from (n, p) Y2 items of at least two modes of at least two pictures each.

        Raises:
            ItemsError: the matrices do not fit together, or a mode has one picture only.
        """
        self._begin(items, modes)
        for mode in self.classes_:
            if (count := int((self.modes_ == mode).sum())) < 2:
                raise ItemsError(
                    f"Expected at least two pictures of each mode as its unit space, got {count} of {str(mode)!r}."
                )
        return self

    def attention(self, items: object) -> np.ndarray:
        """(i, n) attention to the learning pictures of each mode, in the unit space of that mode; rows sum to 1."""
        measured = self._measured(items)
        weights = np.zeros((len(measured), len(self.learning_)))
        for mode in self.classes_:
            columns = self.modes_ == mode
            weights[:, columns] = self._against(mode, measured)[0][:, columns]
        total = weights.sum(axis=1, keepdims=True)
        # Where no unit space attends to its own pictures, all count equally.
        return np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1.0 / len(self.learning_))

    def outputs(self, items: object) -> tuple[np.ndarray, np.ndarray]:
        """Outputs and inputs, (i, p) each, in the unit space of each picture's predicted mode."""
        measured = self._measured(items)
        predicted = self.predict(measured)
        o, x = np.zeros_like(measured), np.zeros_like(measured)
        for mode in np.unique(predicted):
            rows = predicted == mode
            _, o[rows], x[rows] = self._against(mode, measured[rows])
        return o, x

    def _against(self, mode: str, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Attention (i, n), outputs and inputs (i, p) in the unit space of a mode."""
        unit = self.learning_[self.modes_ == mode]
        x, learn = standardise(measured, unit), standardise(self.learning_, unit)
        keys = learn @ second_moment(learn)
        query = x @ second_moment(standardise(unit, unit))
        weights: np.ndarray = softmax(query @ keys.T / np.sqrt(x.shape[1]), axis=1)
        return weights, weights @ keys, x
