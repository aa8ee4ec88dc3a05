"""Ratio items: ratios of the energies that SOART items measure in one picture.

A ratio of energies is a difference of decibels, so the overall contrast of a picture cancels:

    part / parts    Y2 of each part less the mean over the parts of its channel and scale
    scale / next    Y2 of each part less Y2 of the same part at the next coarser scale

They are linear in the items, so a model that whitens fully gains nothing from them. A model that shrinks the
covariance or weighs items equally does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ...errors import ItemsError
from .parts import PARTS


def ratio_items(items: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Compute ratios in dB from (n, p) SOART items.

    Args:
        items: items of an extractor whose ``metrics`` include ``Y2``.
        names: (p,) the extractor's names.

    Returns:
        (n, q) ratios and their (q,) names, such as ``raw/luma/s0/line-h/Y2/parts`` and ``…/Y2/s1``.

    Raises:
        ItemsError: there are no Y2 items, or the names do not fit.
    """
    if items.ndim != 2 or items.shape[1] != len(names):
        raise ItemsError(f"Expected items (n, {len(names)}), got shape {items.shape}.")
    column = {name: index for index, name in enumerate(names) if name.endswith("/Y2")}
    if not column:
        raise ItemsError("Expected SOART items with Y2 among them, got none.")
    values, ratio_names = [], []
    for name, index in column.items():
        fields = name.split("/")
        scale = fields[2] if len(fields) == 5 else ""
        parts = ["/".join([*fields[:-2], part, fields[-1]]) for part in PARTS]
        if not re.fullmatch(r"s\d+", scale) or not column.keys() >= {*parts}:
            raise ItemsError(f"Expected names such as raw/luma/s0/line-h/Y2, of all parts, got {name!r}.")
        columns = [column[part] for part in parts]
        values.append(items[:, index] - items[:, columns].mean(axis=1))
        ratio_names.append(f"{name}/parts")
        coarser = name.replace(f"/{scale}/", f"/s{int(scale[1:]) + 1}/")
        if coarser in column:
            values.append(items[:, index] - items[:, column[coarser]])
            ratio_names.append(f"{name}/{coarser.split('/')[2]}")
    return np.stack(values, axis=1), tuple(ratio_names)
