"""The rule of suspected damage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from .scorer import DETECTORS, TechnicalScorer


@cache
def detectors() -> tuple[TechnicalScorer, ...]:
    """The built-in detectors in the order of ``DETECTORS``."""
    return tuple(TechnicalScorer.detector(damage) for damage in DETECTORS)


def suspected(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Number in ``DETECTORS`` of the damage each picture is suspected of, -1 for none.

    Scales of detectors differ, so that what counts is how unusual a score would be for an undamaged picture: a picture is
    suspected if a detector's score is beyond the detector's limit, and of the damage whose detector is most beyond it. Of
    equals the first one counts. A detector without a score for a picture (NaN) is left out.

    Args:
        scores: (n,) scores by the ``stored_name`` of the detector, of every detector.

    Returns:
        (n,) int64.
    """
    suspicion = np.stack([detector.suspicion(scores[detector.stored_name]) for detector in detectors()])
    suspicion = np.nan_to_num(suspicion, nan=-np.inf)
    return np.where(suspicion.max(axis=0) > 1, suspicion.argmax(axis=0), -1)
