"""Checks of item matrices, shared by every estimator: what was expected and what came, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ItemsError


def check_items(items: object, columns: int | None = None, rows: int = 1, *, what: str = "items") -> np.ndarray:
    """An (n, p) float64 matrix of finite items.

    Args:
        items: anything NumPy makes a two-dimensional array of numbers of.
        columns: the p that the estimator was fitted on; any number from one up where it is None.
        rows: the fewest rows that will do.
        what: name of the matrix in the message.

    Raises:
        ItemsError: another shape, too few rows, or values that are not finite.
    """
    try:
        matrix = np.asarray(items, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ItemsError(f"Expected numbers in the {what}: {error}.") from error
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise ItemsError(f"Expected {what} as a matrix (pictures, items), got shape {matrix.shape}.")
    if columns is not None and matrix.shape[1] != columns:
        raise ItemsError(
            f"Expected {columns} {what} a picture, as in the learning pictures, got {matrix.shape[1]}; "
            "items of different extractors or settings cannot be mixed."
        )
    if len(matrix) < rows:
        raise ItemsError(f"Expected at least {rows} rows of {what}, got {len(matrix)}.")
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        row, column = bad[0]
        raise ItemsError(
            f"Expected finite {what}, got {len(bad)} that are not; the first is row {row}, column {column}."
        )
    return matrix


def check_targets(targets: object, rows: int) -> np.ndarray:
    """(n,) finite float64 targets, one for each of ``rows`` pictures.

    Raises:
        ItemsError: another length, or values that are not finite.
    """
    try:
        values = np.asarray(targets, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ItemsError(f"Expected numbers as targets: {error}.") from error
    if values.shape != (rows,):
        raise ItemsError(f"Expected one target for each of {rows} pictures, got shape {values.shape}.")
    if not np.isfinite(values).all():
        raise ItemsError("Expected finite targets, got NaN or infinity.")
    return values


def check_modes(modes: Sequence[object] | np.ndarray, rows: int, groups: int = 2) -> np.ndarray:
    """(n,) mode names as strings, one for each of ``rows`` pictures, of at least ``groups`` modes.

    Raises:
        ItemsError: another length, or fewer modes.
    """
    names = np.asarray(modes).astype(str)
    if names.shape != (rows,):
        raise ItemsError(f"Expected one mode for each of {rows} pictures, got shape {names.shape}.")
    known = np.unique(names)
    if len(known) < groups:
        raise ItemsError(f"Expected at least {groups} modes to tell apart, got {', '.join(known) or 'none'}.")
    return names
