"""Item selection by two-level orthogonal arrays.

The gain of an item is the mean SN ratio of the runs with it less that of the runs without it.

Source: Taguchi & Jugulum, *The Mahalanobis–Taguchi Strategy* (2002), chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import hadamard

from ...errors import ItemsError
from ..checks import check_targets
from .tmethods import _TMethod, signal_to_noise


def two_level_array(items: int) -> np.ndarray:
    """(runs, items) bool, True where a run uses an item: the smallest array L4, L8, L16 … for so many items.

    Every column holds both levels equally often, every pair of columns all four combinations. The first run uses every
    item.
    """
    if items < 1:
        raise ItemsError(f"Expected at least one item to select from, got {items}.")
    runs = max(4, 1 << items.bit_length())
    return hadamard(runs)[:, 1 : items + 1] > 0


def gains(sn_ratio: Callable[[np.ndarray], float], items: int) -> np.ndarray:
    """(items,) gains in dB: mean SN ratio of the runs with an item less that without it.

    ``sn_ratio`` is in dB, of an (items,) bool choice of at least two items. Items worth keeping have a gain above zero.
    """
    if items < 2:
        raise ItemsError(
            f"Expected at least two items, got {items}: the gain of an item is over choices of the others."
        )
    array = two_level_array(items)
    # A run without any item measures nothing, so it is left out of the means.
    ratios = np.array([sn_ratio(row) if row.any() else np.nan for row in array])
    if not np.isfinite(ratios[array.any(axis=1)]).all():
        raise ItemsError(
            "Expected finite SN ratios in every run of the orthogonal array; a choice of items measures nothing."
        )
    return np.array([np.nanmean(ratios[used]) - np.nanmean(ratios[~used]) for used in array.T])


def prediction_gains(model: _TMethod, items: object, targets: object) -> np.ndarray:
    """(p,) gains in dB for a fitted T-method that predicts (n,) true values of (n, p) items."""
    shares = model.contributions(items)
    signal = check_targets(targets, len(shares)) - model.target_centre_

    def sn_ratio(used: np.ndarray) -> float:
        # Dividing by the weights of these items alone would not change the ratio.
        eta = signal_to_noise(shares[:, used].sum(axis=1, keepdims=True), signal)[1][0]
        # A choice of items that predicts nothing counts as −100 dB, far below every other.
        return float(10 * np.log10(max(eta * float(signal @ signal), 1e-10)))

    return gains(sn_ratio, shares.shape[1])
