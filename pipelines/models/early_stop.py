"""Stops a pipeline's call whose previewed pictures all score too low."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from .step_preview import interruptible

log = logging.getLogger(__name__)


def all_too_low(scores: np.ndarray, below: float) -> bool:
    """True if none of the (k,) ``scores`` reaches ``below``; NaN does not.

    >>> import numpy as np
    >>> from soart.pipelines.models.early_stop import all_too_low
    >>> all_too_low(np.array([20.0, np.nan]), 40), all_too_low(np.array([20.0, 60.0]), 40)
    (True, False)
    """
    return not bool((scores >= below).any())


def stop_if_too_low(pipeline: Any, scores: np.ndarray, below: float) -> bool:  # noqa: ANN401
    """Interrupt the running call of ``pipeline`` if its pictures all score too low; True if it was interrupted.

    A pipeline that diffusers cannot interrupt draws to the end, and a warning is logged.

    Args:
        pipeline: of diffusers, in the callback after a step.
        scores: (k,) of the previewed pictures.
        below: pictures under this score are not worth finishing.
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
