"""The rule of suspected damage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from .reasons import SUSPECT
from .technical import DETECTORS, TechnicalJudge


@cache
def detectors() -> tuple[TechnicalJudge, ...]:
    """The built-in detectors in the order of ``DETECTORS``."""
    return tuple(TechnicalJudge.detector(damage) for damage in DETECTORS)


def suspected(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) int64 number in ``DETECTORS`` of the damage that each picture is suspected of, −1 for none.

    ``scores`` are (n,) by the ``stored_name`` of each detector; NaN does not count. Detectors have different scales. So
    a score counts by its evidence, as a share of that from which its fault is suspected; the strongest names the damage.
    """
    suspicion = np.nan_to_num(evidence_of(scores), nan=-np.inf) / SUSPECT[:, None]
    return np.where(suspicion.max(axis=0) > 1, suspicion.argmax(axis=0), -1)


def evidence_of(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(k, n) evidence of each fault in ``DETECTORS`` by (n,) scores of every detector; NaN where there is none."""
    return np.stack([detector.suspicion(scores[detector.stored_name]) for detector in detectors()])
