"""Runs a tuner until its budget is spent."""

from __future__ import annotations

from collections.abc import Callable

from ..collection.tables import ImageRow
from .leaders import replicate
from .tuner import Tuner

STOPPED = "Ended on request."


def tune(
    tuner: Tuner,
    *,
    stop_below: float = 0.0,
    on_batch: Callable[[list[ImageRow]], bool] = lambda rows: False,
    progress: Callable[[int], None] = lambda done: None,
) -> str:
    """Run a tuner until its budget is spent, the space is used up, or going on can gain little; then replicate the leaders.

    Args:
        tuner: ready to go, or back from an interruption.
        stop_below: stop when what going on can still gain, in units of the goal's judges, is surely below this; 0 for never.
        on_batch: called after each batch with its pictures; says whether to end here.
        progress: called with the number of pictures drawn.

    Returns:
        why it ended, in a sentence.
    """
    progress(tuner.done)
    why = f"The best have been shown again, within the budget of {tuner.budget} pictures."
    while tuner.left > tuner.kept:
        if stop_below > 0 and tuner.done >= 3 * tuner.batch and tuner.steering().should_stop(tuner.rng(2), stop_below):
            why = f"Going on can gain less than {stop_below:g} deviations."
            break
        rows = tuner.step(progress)
        if not rows:
            why = "Every allowed choice has been shown."
            break
        if on_batch(rows):
            return STOPPED
    end = tuner.done + min(tuner.left, tuner.kept)
    while tuner.done < end and (asked := replicate(tuner, end - tuner.done)):
        if on_batch(tuner.draw(asked, progress)):
            return STOPPED
    return why
