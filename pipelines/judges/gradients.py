"""Finds the gradient of a judge: its own, or that of a built-in judge or a taste."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...errors import JudgeError, first_line
from ...metrics.damage.technical import TechnicalJudge
from ...metrics.tastes.overall import OverallJudge

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import Judge


class Gradient(Protocol):
    """Values of pictures with derivatives."""

    def __call__(self, pixels: np.ndarray, prompt: str, /) -> tuple[float, np.ndarray]:
        """The value of a picture (h, w, 3), floating 0…1, and its derivative (h, w, 3) by the pixels."""


def gradient_of(judge: Judge) -> Gradient | None:
    """The gradient of a judge; None for one without, which can be optimized by search alone."""
    own: Gradient | None = getattr(judge, "gradient", None)
    if own is not None:
        return own
    extractor = getattr(judge, "extractor", None)
    if extractor is None:
        return None
    # PyTorch, which a ranking by stored values need not wait for.
    from ...metrics.gradients.items import differentiate, has_gradient

    value = _value_of(judge)
    if value is None or not has_gradient(extractor):
        return None
    return lambda pixels, prompt: differentiate(value, extractor, pixels)


def _value_of(judge: object) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """The value of a built-in judge or a taste as a differentiable function of items."""
    from ...metrics.damage.rated_quality import RATED_QUALITY, rated_quality_model
    from ...metrics.gradients import models, tastes
    from ...metrics.tastes.appeal import APPEAL
    from ..scoring.taste_judge import TasteJudge
    from .opinions import NimaJudge, OpinionJudge

    if isinstance(judge, OverallJudge):
        return partial(models.overall_score, judge)
    if isinstance(judge, TechnicalJudge):
        return partial(models.technical_score, judge)
    if isinstance(judge, TasteJudge):
        return partial(tastes.taste_score, judge.taste)
    if isinstance(judge, OpinionJudge) and judge.name == APPEAL:
        return partial(models.appeal, names=judge.extractor.names)
    if isinstance(judge, OpinionJudge) and judge.name == RATED_QUALITY:
        return partial(models.rated_quality, names=judge.extractor.names, model=rated_quality_model())
    if isinstance(judge, NimaJudge):
        return models.nima
    return None


def checked_gradient(gradient: Gradient, name: str, pixels: np.ndarray, prompt: str) -> tuple[float, np.ndarray]:
    """The value and the derivative of a picture, checked; the derivative is float32."""
    try:
        value, derivative = gradient(pixels, prompt)
        value, derivative = float(value), np.asarray(derivative, dtype=np.float32)
    # Judges of others raise errors of any kind.
    except Exception as error:
        raise JudgeError(f"The gradient of the judge {name!r} failed: {first_line(error)}.") from error
    if derivative.shape != pixels.shape:
        raise JudgeError(
            f"The gradient of the judge {name!r} has the shape {derivative.shape}, and the picture {pixels.shape}: it "
            "should have that of the picture."
        )
    return value, derivative
