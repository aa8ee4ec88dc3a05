"""Runs a tuner until its budget is spent."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...errors import expect
from ..collection.ratings import judged_pictures
from ..collection.tables import ImageRow
from ..support.progress import Advance, silent
from .tuner import SEEDS, Tuner

log = logging.getLogger(__name__)

#: Reasons for an end.
STOPPED, ALL_DRAWN = "Ended on request.", "Every allowed combination has been drawn."


def _finished(tuner: Tuner) -> str:
    """A sentence on how often the leading prompts were drawn when the budget was used up."""
    seeds = tuner.seeds_of_winners()
    if not seeds:
        return f"Finished (budget: {tuner.budget} pictures)."
    if min(seeds) >= SEEDS:
        return f"Finished: each leading prompt was drawn on {SEEDS} seeds (budget: {tuner.budget} pictures)."
    counts = f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)}–{max(seeds)}"
    return (
        f"Finished (budget: {tuner.budget} pictures). Seeds of each leading prompt: {counts}; with a larger budget "
        f"they are drawn on {SEEDS}."
    )


def why_enough(tuner: Tuner, stop_below: float) -> str:
    """A sentence if further pictures are surely expected to gain little, in deviations of the goal; empty if not."""
    if stop_below <= 0 or tuner.done < 3 * tuner.batch:
        return ""
    judgements = tuner.judged()
    if not judgements.trials or not tuner.steering(judgements).should_stop(
        tuner.rng(2), stop_below, judgements.goal_limits
    ):
        return ""
    return f"Stopped: the expected further gain is below {stop_below:g} standard deviations."


def left_unrated(tuner: Tuner, rater: str) -> list[ImageRow]:
    """Sound pictures of the last batch that a rater has neither rated nor skipped, as after an interruption."""
    drawn = [trial for trial in tuner.study.own if trial.sound]
    last, judged = max((trial.batch for trial in drawn), default=0), judged_pictures(tuner.collection, rater)
    rows = [trial.row for trial in drawn if trial.batch == last and trial.row is not None]
    return [row for row in rows if row.id not in judged]


def tune(
    tuner: Tuner,
    *,
    stop_below: float = 0.0,
    on_batch: Callable[[list[ImageRow]], bool] = lambda rows: False,
    progress: Advance = silent,
) -> str:
    """Run a tuner until its budget is spent, the space is used up, or little more can be gained.

    The end of the budget is reserved for drawing the leaders on new seeds, all that is left once every combination is
    drawn. Slots that change nothing are logged as warnings, and become alarms of the findings.

    Args:
        tuner: a new one, or one that continues an interrupted run.
        stop_below: stop when the expected further gain is surely below this many standard deviations; 0 for never.
        on_batch: called after each batch with its pictures; True ends the run.
        progress: called with the number of pictures drawn.

    Returns:
        a sentence that says why the run ended.

    Raises:
        ModelError: the model fails, or its settings are out of range.
        SoartError: every picture of a batch failed, or several in a row.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> generator = soart.ImageGenerator(soart.load_model(device="cpu"))
        >>> space = soart.PromptSpace.from_text("a {boat|fox} in {warm|cool} colors")
        >>> panel = soart.Panel("technical")
        >>> with TemporaryDirectory() as folder, soart.Collection(folder) as collection:
        ...     tuner = soart.Tuner(collection, generator, space, panel, batch=2, budget=2, prune=False)
        ...     print(soart.tune(tuner))
        Finished (budget: 2 pictures). Seeds of each leading prompt: 1; with a larger budget they are drawn on 4.
    """
    expect("a Tuner", tuner, Tuner)
    expect("the deviations to stop below as a number", stop_below, int, float)
    for name, called in (("on_batch", on_batch), ("progress", progress)):
        expect(f"{name} as a function", called, Callable)  # type: ignore[arg-type]
    # A run that will draw nothing more needs no trial pictures.
    for sentence in tuner.find_dead_slots() if tuner.left > 0 else ():
        log.warning(sentence)
    progress(tuner.done)
    why = ""
    while tuner.left > tuner.reserved:
        if why := why_enough(tuner, stop_below):
            break
        rows = tuner.step(progress)
        if not rows:
            why = ALL_DRAWN
            break
        if on_batch(rows):
            return STOPPED
    end = tuner.done + (tuner.left if why == ALL_DRAWN else min(tuner.left, tuner.reserved))
    while tuner.done < end and (trials := tuner.replicate(end - tuner.done)):
        if on_batch(tuner.draw(trials, progress)):
            return STOPPED
    return why or _finished(tuner)
