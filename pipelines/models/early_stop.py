"""Stops a pipeline's call whose previewed pictures all score too low."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from .step_preview import interruptible

log = logging.getLogger(__name__)


def all_too_low(scores: np.ndarray, below: float) -> bool:
    """True if none of the (k,) ``scores`` reaches ``below``; NaN does not."""
    return not bool((scores >= below).any())


def stop_if_too_low(pipeline: Any, scores: np.ndarray, below: float) -> bool:  # noqa: ANN401
    """Interrupt the running call of ``pipeline`` if its (k,) pictures all score too low; True if it was interrupted.

    Called in the callback after a step. A pipeline that cannot be interrupted draws to the end, with a warning.
    """
    if not all_too_low(scores, below):
        return False
    if interruptible(pipeline):
        pipeline._interrupt = True
        return True
    log.warning(
        "All pictures will score below %g, but a %s cannot be interrupted: it draws to the end.",
        below,
        type(pipeline).__name__,
    )
    return False
