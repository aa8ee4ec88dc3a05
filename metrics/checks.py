"""Checks of items, targets and modes, the classes of pictures such as good and kinds of bad, for every estimator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ItemsError

#: Largest weight of a judge or a taste: sums of weighted scores stay far below the largest number.
HEAVIEST = 1e6


def is_weight(value: float) -> bool:
    """True if a number can be the weight of a judge or a taste: from 0 to ``HEAVIEST``."""
    return 0 <= value <= HEAVIEST


def settled(values: np.ndarray) -> np.ndarray:
    """Values (n,) at ten digits: the last ones of a matrix product depend on the row on some processors."""
    return np.array([float(f"{value:.10g}") for value in values.tolist()])


def numbers_of(values: object, name: str) -> np.ndarray:
    """``values`` as a float64 array of any shape, or an ``ItemsError`` that calls them ``name``."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ItemsError(f"Expected numbers in the {name}: {error}.") from error


def check_items(items: object, columns: int | None = None, rows: int = 1, *, name: str = "items") -> np.ndarray:
    """Return items as a finite (n, p) float64 matrix of at least ``rows`` rows, or raise an ``ItemsError``.

    Without ``columns``, the p that an estimator was fitted on, p may be any number from one up.
    """
    matrix = numbers_of(items, name)
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise ItemsError(f"Expected {name} as a matrix (pictures, items), got shape {matrix.shape}.")
    if columns is not None and matrix.shape[1] != columns:
        raise ItemsError(
            f"Expected {columns} {name} a picture, as in the learning pictures, got {matrix.shape[1]}; "
            "items of different extractors or settings cannot be mixed."
        )
    if len(matrix) < rows:
        raise ItemsError(f"Expected at least {rows} rows of {name}, got {len(matrix)}.")
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        row, column = bad[0]
        raise ItemsError(
            f"Expected finite {name}, got {len(bad)} that are not; the first is row {row}, column {column}."
        )
    return matrix


def constant(items: np.ndarray) -> np.ndarray:
    """(p,) bool: True for items (n, p) that vary by no more than rounding errors; n ≥ 1."""
    same: np.ndarray = np.ptp(items, axis=0) <= 1e-14 * np.abs(items).max(axis=0)
    return same


def centre(items: np.ndarray) -> np.ndarray:
    """(p,) means of items (n, p); of constant items exactly their value, which a mean misses by a rounding error."""
    middle: np.ndarray = np.where(constant(items), items[0], items.mean(axis=0))
    return middle


def check_targets(targets: object, rows: int) -> np.ndarray:
    """Return targets of ``rows`` pictures as finite (rows,) float64, or raise an ``ItemsError``."""
    values = numbers_of(targets, "targets")
    if values.shape != (rows,):
        raise ItemsError(f"Expected one target for each of {rows} pictures, got shape {values.shape}.")
    if not np.isfinite(values).all():
        raise ItemsError("Expected finite targets, got NaN or infinity.")
    return values


def check_modes(modes: Sequence[object] | np.ndarray, rows: int) -> np.ndarray:
    """Return modes of ``rows`` pictures as (rows,) strings, not all the same, or raise an ``ItemsError``."""
    try:
        names = np.asarray(modes).astype(str)
    except ValueError as error:
        raise ItemsError(f"Expected one mode for each of {rows} pictures, got lists of different lengths.") from error
    if names.shape != (rows,):
        raise ItemsError(f"Expected one mode for each of {rows} pictures, got shape {names.shape}.")
    different = np.unique(names)
    if len(different) < 2:
        raise ItemsError(f"Expected at least 2 modes to tell apart, got {', '.join(different) or 'none'}.")
    return names
