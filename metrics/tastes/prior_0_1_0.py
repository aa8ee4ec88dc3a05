"""The technical prior of tastes that soart 0.1.0 learnt, so that they score as they did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import ProfileError


@cache
def _weights() -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    with safe_open(Path(__file__).with_name("technical-2.safetensors"), framework="numpy") as file:
        arrays = {key: file.get_tensor(key) for key in ("centre", "scale", "weights")}
        return tuple(json.loads(file.metadata()["names"])), arrays


def prior_of_0_1_0(items: np.ndarray, numbers: Mapping[str, int]) -> np.ndarray:
    """(n,) scores 0 (the mean damaged picture) … 100 (the mean undamaged one), unbounded, by SOART items.

    Args:
        items: (n, p).
        numbers: column of each item by its name.

    Raises:
        ProfileError: a SOART item is missing.
    """
    names, arrays = _weights()
    try:
        columns = [numbers[name] for name in names]
    except KeyError as error:
        raise ProfileError(
            f"The technical score needs the item {error}, which is missing: measure SOART items."
        ) from error
    deviations = np.clip((items[:, columns] - arrays["centre"]) / arrays["scale"], -6.0, 6.0)
    scores: np.ndarray = 100.0 + deviations @ arrays["weights"]
    return scores
