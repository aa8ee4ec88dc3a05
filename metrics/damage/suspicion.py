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
    """Damage that each picture is suspected of.

    Detectors have different scales. So a score counts by how unusual it would be for an undamaged picture. A picture is
    suspected if a score is beyond its detector's limit; the damage is that of the detector with the most unusual score,
    the first one if several are equal. A detector without a score for a picture (NaN) does not count.

    Args:
        scores: (n,) scores of every detector, by its ``stored_name``.

    Returns:
        (n,) int64 number in ``DETECTORS``, −1 for none.
    """
    suspicion = np.nan_to_num(evidence_of(scores), nan=-np.inf)
    return np.where(suspicion.max(axis=0) > 1, suspicion.argmax(axis=0), -1)


def evidence_of(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(k, n) evidence of each fault in ``DETECTORS`` by (n,) scores of every detector; NaN where there is none."""
    return np.stack([detector.suspicion(scores[detector.stored_name]) for detector in detectors()])
