"""The rule of suspected damage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from .technical import DETECTORS, TechnicalJudge


@cache
def detectors() -> tuple[TechnicalJudge, ...]:
    """The built-in detectors in the order of ``DETECTORS``."""
    return tuple(TechnicalJudge.detector(damage) for damage in DETECTORS)


def suspected(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) int64 number in ``DETECTORS`` of the damage that each picture is suspected of, −1 for none.

    ``scores`` are (n,) by the ``stored_name`` of each detector; NaN does not count. Detectors have different scales. So
    a score counts by how unusual it would be for an undamaged picture. A picture is suspected if a score is beyond its
    detector's limit; the damage is that of the detector with the most unusual score.
    """
    suspicion = np.nan_to_num(evidence_of(scores), nan=-np.inf)
    return np.where(suspicion.max(axis=0) > 1, suspicion.argmax(axis=0), -1)


def evidence_of(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(k, n) evidence of each fault in ``DETECTORS`` by (n,) scores of every detector; NaN where there is none."""
    return np.stack([detector.suspicion(scores[detector.stored_name]) for detector in detectors()])
