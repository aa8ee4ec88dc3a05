"""Information in feedback about the weights of explicit features, rater by rater.

Take the features T1 of ``features``, and the curvature W and pull b of the likelihoods at some latent values. With own
weights of scale S_1 integrated out, a rater's feedback is a Gaussian likelihood of the weights before T1, with
precision M and linear term u:

    G = T1ᵀ W T1,  t = T1ᵀ b,  M = G − G S_1 (I + S_1 G S_1)⁻¹ S_1 G,  u = t − M S_1² t

It is computed from cells (M = XᵀX) or from features, whichever are fewer.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky, solve_triangular

from .features import Basis
from .kernels import Hyperparameters, Rows
from .likelihoods import Likelihood, Terms, likelihood

#: Cells whose features are in memory at a time.
CHUNK = 4000
#: Memory for the M of raters, in bytes.
_CACHE_BYTES = 4e8


class Information:
    """M of one rater, stored as X with M = XᵀX if ``root``, or in full."""

    def __init__(self, matrix: np.ndarray, *, root: bool) -> None:
        self._matrix, self._root = matrix, root

    def __matmul__(self, vectors: np.ndarray) -> np.ndarray:
        product: np.ndarray = self._matrix @ vectors
        return self._matrix.T @ product if self._root else product

    def full(self) -> np.ndarray:
        """(p, p) M."""
        return self._matrix.T @ self._matrix if self._root else self._matrix


class FeatureModel:
    """Sums over feedback on the n cells ``rows`` for given hyper-parameters; every comparison is of one rater."""

    def __init__(self, levels: tuple[int, ...], rows: Rows, terms: Terms, theta: Hyperparameters, raters: int) -> None:
        self.rows, self.terms, self.theta = rows, terms, theta
        self.basis = Basis(levels, theta, 0 if rows.items is None else rows.items.shape[1])
        self.shared, self.own = self.basis.shared, self.basis.own
        # Without own parts all raters count as one.
        self.group = rows.raters if self.own.any() else np.zeros(len(rows), dtype=np.int64)
        self.groups = raters if self.own.any() else 1
        order = np.argsort(self.group, kind="stable")
        self.members = np.split(order, np.searchsorted(self.group[order], np.arange(1, self.groups)))
        self.linearise(np.zeros(len(rows)))

    def linearise(self, latent: np.ndarray) -> None:
        """Take the curvature of the likelihood at ``latent``, (n,)."""
        state: Likelihood = likelihood(self.terms, latent, self.theta.noise)
        self._pull = state.root @ (state.root.T @ latent) + state.gradient
        root = sparse.csc_array(state.root)
        root.eliminate_zeros()
        self._roots = root[:, np.diff(root.indptr) > 0]
        first = self._roots.indices[self._roots.indptr[:-1]]
        order = np.argsort(self.group[first], kind="stable")
        self._columns = np.split(order, np.searchsorted(self.group[first][order], np.arange(1, self.groups)))
        self.information = lru_cache(maxsize=self._most_cached())(self._information)

    def _most_cached(self) -> int:
        """Number of raters whose M fit into the cache."""
        p = len(self.shared)
        largest = max((min(len(columns), p) for columns in self._columns), default=1) or 1
        return max(int(_CACHE_BYTES / (8 * p * largest)), 1)

    def _information(self, rater: int) -> tuple[Information, np.ndarray]:
        """M and u of a rater."""
        p, columns, members = len(self.shared), self._columns[rater], self.members[rater]
        t = np.zeros(p)
        if len(columns) < p and self.own.any():
            features = self.basis(self.rows.take(members))
            t += self._pull[members] @ features
            loads = sparse.csr_array(self._roots[:, columns])[members].T @ features
            own = loads * self.own
            inner = own @ own.T
            inner[np.diag_indices_from(inner)] += 1.0
            white = solve_triangular(cholesky(inner, lower=True), loads, lower=True) if len(columns) else loads
            information = Information(white, root=True)
        else:
            gram = np.zeros((p, p))
            for start in range(0, len(members), CHUNK):
                block = members[start : start + CHUNK]
                t += self._pull[block] @ self.basis(self.rows.take(block))
            for start in range(0, len(columns), CHUNK):
                roots = self._roots[:, columns[start : start + CHUNK]]
                used = np.unique(roots.indices)
                loads = sparse.csr_array(roots)[used].T @ self.basis(self.rows.take(used))
                gram += loads.T @ loads
            if self.own.any():
                inner = gram * np.outer(self.own, self.own)
                inner[np.diag_indices_from(inner)] += 1.0
                white = solve_triangular(cholesky(inner, lower=True), self.own[:, None] * gram, lower=True)
                gram -= white.T @ white
            information = Information(gram, root=False)
        return information, t - information @ (self.own**2 * t)
