"""Distances from a unit space: MT, MTA and RT of the Mahalanobis–Taguchi family.

Symbols: n pictures, p items, m the standard vector (mean of the unit space), z an item vector after the method's
transformation, A the matrix of the quadratic form, q the length of z. The distance is √(zᵀ A z / q), so that for MT the
unit space itself lies near 1.

Sources: Taguchi & Jugulum, *The Mahalanobis–Taguchi Strategy* (2002), for MT and MTA; Taguchi, *Standardization and
Quality* 59 (2006), for RT. Unless stated otherwise, conventions are those of the R package MTSYS 1.2.0, whose numbers
are reproduced.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.covariance import ledoit_wolf
from sklearn.utils.validation import check_is_fitted

from ...errors import ItemsError
from ..checks import check_items, constant

Singular = Literal["raise", "pinv", "shrink"]
#: A correlation matrix with a larger condition number counts as singular.
CONDITION_LIMIT = 1e12


def rt_metrics(items: np.ndarray, standard: np.ndarray) -> np.ndarray:
    """(n, 3) Recognition-Taguchi metrics of (n, p) items against a (p,) standard vector m, not all zero, p ≥ 2.

    Sensitivity Y1 = β = L/r; Y2 = 1/√η = √V_e; gamma Y3 = L/√(r S_T), the cosine, 0 for a zero vector.
    """
    r = float(standard @ standard)
    if not r > 0 or len(standard) < 2:
        raise ItemsError(f"Expected a standard vector of two or more items that are not all zero, got {len(standard)}.")
    beta = items @ standard / r
    error = items - beta[:, None] * standard
    total = np.einsum("np,np->n", items, items)
    variance = np.einsum("np,np->n", error, error) / (len(standard) - 1)
    gamma = beta * np.sqrt(r) / np.sqrt(np.where(total > 0, total, 1.0))
    return np.column_stack([beta, np.sqrt(variance), np.clip(gamma, -1.0, 1.0)])


def adjoint(matrix: np.ndarray) -> np.ndarray:
    """Cofactor matrix of a symmetric (q, q) matrix; finite for singular matrices too, which have no inverse."""
    values, vectors = np.linalg.eigh(matrix)
    others = np.array([np.prod(np.delete(values, i)) for i in range(len(values))])
    cofactors: np.ndarray = (vectors * others) @ vectors.T
    return cofactors


def inverse(correlation: np.ndarray, singular: Singular, normalised: np.ndarray) -> np.ndarray:
    """Inverse of the (q, q) correlation matrix of a unit space, which is (n, q) ``normalised``.

    If the matrix is singular to working precision, ``raise`` refuses it. ``pinv`` takes the Moore–Penrose inverse,
    which ignores directions in which the unit space does not vary. ``shrink`` inverts the Ledoit–Wolf (2004) estimate,
    which has an inverse unless some items do not vary at all: then its Moore–Penrose inverse.
    """
    result: np.ndarray
    if singular == "pinv":
        result = np.linalg.pinv(correlation, hermitian=True)
    elif singular == "shrink":
        estimate = ledoit_wolf(normalised, assume_centered=True)[0]
        sound = np.linalg.cond(estimate) < CONDITION_LIMIT
        result = np.linalg.inv(estimate) if sound else np.linalg.pinv(estimate, hermitian=True)
    elif not np.linalg.cond(correlation) < CONDITION_LIMIT:
        raise ItemsError(
            f"The {len(normalised)} pictures of the unit space leave the correlation of {len(correlation)} items "
            "singular: add pictures, choose fewer items, or set singular='shrink' (Ledoit–Wolf) or singular='pinv'."
        )
    else:
        result = np.linalg.inv(correlation)
    return result


class _UnitSpaceDistance(BaseEstimator):  # type: ignore[misc]
    """Base of MT, MTA and RT: distance = √(zᵀ A z / q).

    Attributes:
        n_features_in_: items p.
        standard_: (p,) standard vector m.
        matrix_: (q, q) matrix A.
        unit_distance_: (n,) distances of the unit space itself.
    """

    threshold: float
    n_features_in_: int
    standard_: np.ndarray
    scale_: np.ndarray
    centre_: np.ndarray
    matrix_: np.ndarray

    def transform(self, items: object) -> np.ndarray:
        """(n, p) items to (n, q) vectors z."""
        check_is_fitted(self, "matrix_")
        return self._transform(check_items(items, self.n_features_in_))

    def distance(self, items: object) -> np.ndarray:
        """(n,) distances ≥ 0 of (n, p) items from the unit space."""
        z = self.transform(items)
        squares = np.einsum("nq,qr,nr->n", z, self.matrix_, z, optimize=True)
        distances: np.ndarray = np.sqrt(np.maximum(squares, 0.0) / z.shape[1])
        return distances

    def predict(self, items: object) -> np.ndarray:
        """(n,) bool: True if the picture belongs to the unit space, that is, if its distance is ≤ ``threshold``."""
        return self.distance(items) <= self.threshold

    def _begin(self, items: object, singular: Singular) -> np.ndarray:
        """Check the option and the (n, p) items of a unit space, and store its mean; returns the items."""
        if singular not in ("raise", "pinv", "shrink"):
            raise ItemsError(f"Expected singular='raise', 'pinv' or 'shrink', got {singular!r}.")
        unit = check_items(items, rows=2, name="unit-space items")
        self.n_features_in_ = unit.shape[1]
        self.standard_ = unit.mean(axis=0)
        return unit

    def _transform(self, items: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def deviations(unit: np.ndarray, singular: Singular, names: str = "items") -> np.ndarray:
    """(p,) standard deviations of (n, p) items with n − 1; infinite for constant items, which then take no part.

    ``raise`` refuses constant items.
    """
    same = constant(unit)
    if same.any() and singular == "raise":
        raise ItemsError(
            f"{same.sum()} of {len(same)} {names} are constant over the unit space (the first is number "
            f"{int(np.argmax(same))}); leave them out, or set singular='shrink' or singular='pinv'."
        )
    return np.where(same, np.inf, unit.std(axis=0, ddof=1))


class MT(_UnitSpaceDistance):
    """Mahalanobis–Taguchi distance: A is the inverse correlation of the unit space.

    Args:
        threshold: distances up to this one count as inside.
        singular: the way out if the correlation cannot be inverted; see ``inverse``.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import MT
        >>> unit = np.random.default_rng(0).normal(size=(50, 3))
        >>> model = MT().fit(unit)
        >>> model.distance([[0, 0, 0], [9, 0, 0]]).round(1).tolist()
        [0.3, 4.9]
        >>> model.predict([[0, 0, 0], [9, 0, 0]]).tolist()
        [True, False]
    """

    def __init__(self, threshold: float = 4.0, singular: Singular = "raise") -> None:
        self.threshold = threshold
        self.singular = singular

    def fit(self, items: object, y: object = None) -> Self:
        """Learn from the (n, p) items of a unit space; ``y`` is ignored."""
        unit = self._begin(items, self.singular)
        self.scale_ = deviations(unit, self.singular)
        z = self._transform(unit)
        self.matrix_ = self._matrix(z.T @ z / (len(z) - 1), z)
        self.unit_distance_ = self.distance(unit)
        return self

    def _transform(self, items: np.ndarray) -> np.ndarray:
        z: np.ndarray = (items - self.standard_) / self.scale_
        return z

    def _matrix(self, correlation: np.ndarray, z: np.ndarray) -> np.ndarray:
        return inverse(correlation, self.singular, z)


class MTA(MT):
    """MT by the adjoint: A is the cofactor matrix of the correlation, which exists however collinear the items are.

    With fewer pictures than items, the cofactors vanish unless only one dimension is missing, and distances with them.
    MT with ``singular="shrink"`` works better there.

    Args:
        threshold: distances up to this one count as inside.
        singular: ``raise`` refuses items that are constant over the unit space; otherwise they take no part.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import MTA
        >>> unit = np.random.default_rng(0).normal(size=(50, 2))
        >>> collinear = np.column_stack([unit, unit.sum(axis=1)])
        >>> MTA().fit(collinear).predict([[0, 0, 0], [5, 0, 0]]).tolist()
        [True, False]
    """

    def __init__(self, threshold: float = 0.5, singular: Singular = "raise") -> None:
        super().__init__(threshold, singular)

    def _matrix(self, correlation: np.ndarray, z: np.ndarray) -> np.ndarray:
        return adjoint(correlation)


class RT(_UnitSpaceDistance):
    """Recognition-Taguchi distance: MT over (Y1, Y2) of each item vector against the standard vector.

    Args:
        threshold: distances up to this one count as inside.
        convention: ``mtsys`` centres (Y1, Y2) and takes the inverse *correlation* without scaling; ``textbook`` takes
            the adjoint of the covariance (Taguchi 2006).
        singular: the way out if the correlation of ``mtsys`` cannot be inverted; see ``inverse``.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import RT
        >>> unit = np.random.default_rng(0).normal(5, 1, size=(50, 4))
        >>> model = RT().fit(unit)
        >>> model.transform(unit).shape
        (50, 2)
        >>> model.predict([[5, 5, 5, 5], [9, 1, 9, 1]]).tolist()
        [False, False]
    """

    def __init__(
        self,
        threshold: float = 0.2,
        convention: Literal["mtsys", "textbook"] = "mtsys",
        singular: Singular = "raise",
    ) -> None:
        self.threshold = threshold
        self.convention = convention
        self.singular = singular

    def fit(self, items: object, y: object = None) -> Self:
        """Learn from the (n, p) items of a unit space, p ≥ 2; ``y`` is ignored."""
        if self.convention not in ("mtsys", "textbook"):
            raise ItemsError(f"Expected convention='mtsys' or 'textbook', got {self.convention!r}.")
        unit = self._begin(items, self.singular)
        pairs = rt_metrics(unit, self.standard_)[:, :2]
        self.centre_ = pairs.mean(axis=0)
        if self.convention == "textbook":
            self.matrix_ = adjoint(np.cov(pairs.T))
        else:
            z = (pairs - self.centre_) / deviations(pairs, self.singular, "of β and 1/√η")
            self.matrix_ = inverse(z.T @ z / (len(z) - 1), self.singular, z)
        self.unit_distance_ = self.distance(unit)
        return self

    def _transform(self, items: np.ndarray) -> np.ndarray:
        z: np.ndarray = rt_metrics(items, self.standard_)[:, :2] - self.centre_
        return z
