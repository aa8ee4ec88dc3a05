"""Reports steps of drawing, with previews, to a caller who may end it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .step_preview import NEEDED, StepWatch, decode, interruptible, steps_of

log = logging.getLogger(__name__)
#: Largest share of the time of drawing that goes into previews.
PREVIEW_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """A finished step of a batch: its number from 1, the batch's pictures, and those ``drawn`` in earlier batches."""

    number: int
    total: int
    pictures: int
    drawn: int
    #: (h, w, 3) uint8, the first picture as the model predicts it after this step; None without
    preview: np.ndarray | None


class StepReport:
    """Calls its caller after every step, who may end the drawing by an exception, which ``error`` keeps.

    Pipelines that do not call back after a step report nothing. As many previews are made as fit into ``PREVIEW_SHARE``
    of the time, and none of latents that cannot be decoded.
    """

    def __init__(self, after_step: Callable[[Step], None], *, previews: bool = False) -> None:
        self._after_step, self._previews = after_step, previews
        self.error: Exception | None = None
        self._drawn = 0

    def tell(self, number: int, total: int) -> None:
        """Report a picture that another program draws; both numbers are 0 while its steps are not known."""
        try:
            self._after_step(Step(number, total, 1, self._drawn, None))
        except Exception as error:
            self.error = error
            raise

    @contextmanager
    def call(
        self,
        pipeline: Any,  # noqa: ANN401
        pictures: int,
        size: tuple[int, int] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Arguments of a call of ``pipeline`` whose steps are reported; it must take ``callback_on_step_end``."""
        decodable = self._previews and all(getattr(pipeline, name, None) is not None for name in NEEDED)
        watch = StepWatch(pipeline.scheduler) if decodable else None
        started, spent = time.monotonic(), 0.0

        def preview(called: Any, latents: Any) -> np.ndarray | None:  # noqa: ANN401
            nonlocal spent, watch
            begun = time.monotonic()
            if watch is None or spent > PREVIEW_SHARE * (begun - started):
                return None
            original = watch.original
            try:
                # One picture, because the preview of a batch is no larger.
                picture = decode(called, (latents if original is None else original.to(latents))[:1], size)[0]
            # Each family packs its latents in its own way; torch raises any of these.
            except (AttributeError, RuntimeError, TypeError, ValueError):
                watch.end()
                watch = None
                return None
            spent += time.monotonic() - begun
            pixels: np.ndarray = (np.nan_to_num(picture, nan=0.0).clip(0, 1) * 255).round().astype(np.uint8)
            return pixels

        def after(called: Any, number: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
            shown = preview(called, tensors.get("latents"))
            try:
                self._after_step(Step(number + 1, steps_of(called), pictures, self._drawn, shown))
            except Exception as error:
                self.error = error
                raise
            return {}

        try:
            yield {"callback_on_step_end": after}
            self._drawn += pictures
        finally:
            if watch is not None:
                watch.end()


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
