"""Taguchi's T-methods, which predict a signal by one regression per item.

Symbols: M signal (true value less that of the centre), X items less those of the centre, r = ΣM², L_j = Σ M X_j,
S_T = ΣX_j², S_β = L_j²/r, V_e = (S_T − S_β)/(n − 1), and for each item

    β_j = L_j / r            proportionality
    η_j = (S_β − V_e)/(r V_e), 0 where S_β ≤ V_e       SN ratio, not in dB
    M̂ = Σ η_j X_j/β_j / Σ η_j

The methods differ in the centre: T1 takes the mean of a unit space in the middle of the signal, T2 that of a unit space
at one end, Ta the mean of all samples, Tb for each item the one sample that gives this item its largest η.

Sources: Taguchi, *Standardization and Quality* 58 (2005), for T1 and T2; Inou, Nagata, Horita & Mori, *J. Japanese Soc.
Quality Control* 42 (2012), and Kawada & Nagata, *Total Quality Science* 1 (2015), for Ta and Tb; conventions of the R
package MTSYS 1.2.0.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ...errors import ItemsError
from ..checks import centre, check_items, check_targets


def signal_to_noise(x: np.ndarray, signal: np.ndarray, *, subtract: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(p,) β and (p,) η ≥ 0 of (n, p) items less their centre, for an (n,) signal; 0 where either does not vary.

    ``subtract`` takes V_e from S_β in η.
    """
    r = float(signal @ signal)
    if r == 0:
        return np.zeros(x.shape[1]), np.zeros(x.shape[1])
    beta = signal @ x / r
    explained = r * beta**2
    total = np.einsum("np,np->p", x, x)
    # An item that follows the signal exactly would have an infinite ratio; rounding sets the limit.
    error = np.maximum(total - explained, 1e-15 * total) / max(len(x) - 1, 1)
    follows = (explained > error) & (error > 0)
    eta = np.where(follows, (explained - (error if subtract else 0.0)) / r / np.where(follows, error, 1.0), 0.0)
    return beta, eta


class _TMethod(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the T-methods: M̂ is a weighted sum of items less their centre.

    Attributes:
        n_features_in_: items p.
        beta_, eta_: (p,) proportionality and SN ratio of each item.
        centre_: (p,) items of the centre.
        target_centre_: true value of the centre.
        overall_eta_: η of M̂ against the signal in the learning samples.
    """

    subtract_error: bool

    def signal(self, items: object) -> np.ndarray:
        """(n,) estimated signals M̂ of (n, p) items; 0 if no item follows the signal."""
        total: np.ndarray = self.contributions(items).sum(axis=1)
        return total

    def contributions(self, items: object) -> np.ndarray:
        """(n, p) exact share of each item in M̂: η_j X_j/β_j / Σ η."""
        check_is_fitted(self, "eta_")
        x = check_items(items, self.n_features_in_) - self.centre_
        shares: np.ndarray = x * self.weights_
        return shares

    def predict(self, items: object) -> np.ndarray:
        """(n,) estimated true values of (n, p) items."""
        predicted: np.ndarray = self.signal(items) + self.target_centre_
        return predicted

    def _learn(self, x: np.ndarray, signal: np.ndarray) -> Self:
        """Learn from (n, p) items less their centre and their (n,) signal."""
        self.beta_, self.eta_ = signal_to_noise(x, signal, subtract=self.subtract_error)
        self._weigh()
        return self._check(x, signal)

    def _weigh(self) -> None:
        follows = self.eta_ > 0
        weights = np.where(follows, self.eta_ / np.where(follows, self.beta_, 1.0), 0.0)
        self.weights_ = weights / self.eta_.sum() if follows.any() else weights

    def _check(self, x: np.ndarray, signal: np.ndarray) -> Self:
        """Measure ``overall_eta_`` on (n, p) items less their centre and their (n,) signal."""
        estimated = (x * self.weights_).sum(axis=1)
        self.overall_eta_ = float(signal_to_noise(estimated[:, None], signal, subtract=self.subtract_error)[1][0])
        return self


class T1(_TMethod):
    """T-method (1): the unit space lies in the middle, signals on both sides.

    Args:
        unit_size: number of samples in the unit space, unless ``fit`` gets one.
        subtract_error: True to subtract V_e from S_β in η.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import T1
        >>> rng = np.random.default_rng(0)
        >>> items = rng.normal(size=(30, 3))
        >>> quality = 2 * items[:, 1] + 0.1 * rng.normal(size=30)
        >>> model = T1(unit_size=5).fit(items, quality)
        >>> int(model.eta_.argmax()), bool(np.corrcoef(model.predict(items), quality)[0, 1] > 0.95)
        (1, True)
    """

    def __init__(self, unit_size: int = 3, *, subtract_error: bool = True) -> None:
        self.unit_size = unit_size
        self.subtract_error = subtract_error

    def fit(self, items: object, targets: object, unit_space: np.ndarray | None = None) -> Self:
        """Learn from (n, p) items and (n,) true values.

        Args:
            items: learning pictures.
            targets: true values.
            unit_space: (n,) bool, True for samples of the unit space. By default it holds the ``unit_size`` samples
                whose true values are nearest to the median (T1) or to the end (T2).

        Raises:
            ItemsError: the matrices do not fit together, or fewer than two samples are left beside the unit space.
        """
        x = check_items(items, rows=2)
        y = check_targets(targets, len(x))
        if unit_space is None:
            if self.unit_size < 1:
                raise ItemsError(f"Expected a unit space of at least one sample, got unit_size={self.unit_size}.")
            unit_space = np.zeros(len(x), dtype=bool)
            unit_space[np.argsort(self._distance_from_unit(y), kind="stable")[: self.unit_size]] = True
        unit = np.asarray(unit_space)
        if unit.dtype != bool or unit.shape != y.shape:
            raise ItemsError(f"Expected unit_space as {len(x)} booleans, got {unit.dtype} of shape {unit.shape}.")
        if not unit.any() or (~unit).sum() < 2:
            raise ItemsError(
                f"Expected a unit space and at least two samples beside it, got {unit.sum()} and {(~unit).sum()}."
            )
        self.n_features_in_ = x.shape[1]
        self.centre_, self.target_centre_ = centre(x[unit]), float(centre(y[unit, None])[0])
        x, signal = x[~unit] - self.centre_, y[~unit] - self.target_centre_
        return self._learn(x, signal)

    def _distance_from_unit(self, targets: np.ndarray) -> np.ndarray:
        """(n,) distances of true values from the place of the unit space."""
        distances: np.ndarray = np.abs(targets - np.median(targets))
        return distances


class T2(T1):
    """T-method (2): the unit space lies at one end, the worst or the best pictures, and all signals on one side.

    Args:
        end: ``low`` or ``high`` true values.
        unit_size: number of samples in the unit space, unless ``fit`` gets one.
        subtract_error: True to subtract V_e from S_β in η.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import T2
        >>> rng = np.random.default_rng(0)
        >>> items = rng.normal(size=(30, 3))
        >>> quality = 2 * items[:, 1] + 0.1 * rng.normal(size=30)
        >>> model = T2("low", unit_size=4).fit(items, quality)
        >>> bool(np.isclose(model.target_centre_, np.sort(quality)[:4].mean()))
        True
    """

    def __init__(self, end: Literal["low", "high"] = "low", unit_size: int = 3, *, subtract_error: bool = True) -> None:
        self.end = end
        super().__init__(unit_size, subtract_error=subtract_error)

    def _distance_from_unit(self, targets: np.ndarray) -> np.ndarray:
        if self.end not in ("low", "high"):
            raise ItemsError(f"Expected end='low' or 'high', got {self.end!r}.")
        return targets if self.end == "low" else -targets


class Ta(_TMethod):
    """Ta method: the centre is the mean of all samples, so no unit space is needed.

    Args:
        subtract_error: True to subtract V_e from S_β in η.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import Ta
        >>> items = np.random.default_rng(0).normal(size=(30, 3))
        >>> model = Ta().fit(items, 2 * items[:, 1])
        >>> int(np.abs(model.contributions(items)).sum(axis=0).argmax())
        1
    """

    def __init__(self, *, subtract_error: bool = True) -> None:
        self.subtract_error = subtract_error

    def fit(self, items: object, targets: object) -> Self:
        """Learn from (n, p) items and (n,) true values, n ≥ 2."""
        x = check_items(items, rows=2)
        y = check_targets(targets, len(x))
        self.n_features_in_ = x.shape[1]
        self.centre_, self.target_centre_ = centre(x), float(centre(y[:, None])[0])
        x, signal = x - self.centre_, y - self.target_centre_
        return self._learn(x, signal)


class Tb(_TMethod):
    """Tb method: each item is centred on the one sample that gives it its largest η.

    The centre of the true values is the mean over those samples, weighted by η. As in MTSYS, these weights always have
    V_e subtracted, also if ``subtract_error`` is False.

    Args:
        subtract_error: True to subtract V_e from S_β in η.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import Tb
        >>> items = np.random.default_rng(0).normal(size=(30, 3))
        >>> bool(np.corrcoef(Tb().fit(items, 2 * items[:, 1]).predict(items), items[:, 1])[0, 1] > 0.95)
        True
    """

    def __init__(self, *, subtract_error: bool = True) -> None:
        self.subtract_error = subtract_error

    def fit(self, items: object, targets: object) -> Self:
        """Learn from (n, p) items and (n,) true values, n ≥ 2."""
        x = check_items(items, rows=2)
        y = check_targets(targets, len(x))
        self.n_features_in_ = x.shape[1]
        by_centre = [signal_to_noise(x - x[i], y - y[i], subtract=self.subtract_error) for i in range(len(x))]
        betas, etas = (np.array(rows) for rows in zip(*by_centre, strict=True))
        best, columns = etas.argmax(axis=0), np.arange(x.shape[1])
        self.beta_, self.eta_ = betas[best, columns], etas[best, columns]
        self.centre_ = x[best, columns]
        subtracted = np.array([signal_to_noise(x - x[i], y - y[i])[1] for i in range(len(x))])[best, columns]
        self.target_centre_ = float(np.average(y[best], weights=subtracted) if subtracted.any() else y.mean())
        self._weigh()
        return self._check(x - self.centre_, y - self.target_centre_)
