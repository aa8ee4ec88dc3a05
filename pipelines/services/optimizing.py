"""Optimizes pictures in the background: more like one of the collection, or of a prompt, for a judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import ModelError, SoartError, TasteError
from ..collection.provenance import provenance_of
from ..collection.queries import row_of
from ..generate import plan
from ..judges.catalogue import Allow
from ..judges.guarded import GuardedJudge
from ..support.background import Job
from .generation import Drawing
from .service import DrawingService, drawing_alone

if TYPE_CHECKING:
    from ..models.generator import ImageGenerator
    from ..optimizing.optimize import Optimized, OptimizeProgress
    from ..optimizing.parents import Parent

#: Key of the jobs.
KEY = "optimize"
#: Fewest and most seconds of a run: guests may optimize too.
FEWEST_SECONDS, MOST_SECONDS = 1.0, 600.0


@dataclass(frozen=True)
class Wish:
    """A picture to optimize: like one of the collection by id, near it or drawn on it with ``strength``, or of a prompt."""

    by: str
    like: int | None = None
    drawing: Drawing | None = None
    seconds: float = 60.0
    seed: int = 0
    strength: float | None = None

    def __post_init__(self) -> None:
        if (self.like is None) == (self.drawing is None):
            raise SoartError("Name a picture or a prompt to optimize.")
        if not FEWEST_SECONDS <= self.seconds <= MOST_SECONDS:
            raise SoartError(f"Expected {FEWEST_SECONDS:g} to {MOST_SECONDS:g} as seconds, got {self.seconds:g}.")


class OptimizingService(DrawingService):
    """Optimizes one picture at a time in one collection."""

    KEYS = KEY, ""
    latest: tuple[Optimized, GuardedJudge] | None = None

    def start(self, wish: Wish) -> Job:
        """Optimize in the background; the job counts seconds, and stores the best picture so far if cancelled."""
        judge = self._judge(wish.by)
        if wish.like is not None:
            self._check_known(wish.like, drawn_on=wish.strength is not None)
        with self._lock:
            if self.busy:
                raise SoartError("A picture is being optimized already: wait until it is done, or cancel that.")
            self.latest = None
            return self.jobs.start(self.key, "Optimizing", lambda job: self._work(job, wish, judge))

    def strength_of(self, image: int) -> float | None:
        """The strength with which a picture was drawn on another one; None for others."""
        from ..optimizing.records import strength_of

        return strength_of(self.collection.locate(row_of(self.collection, image)))

    def _judge(self, name: str) -> GuardedJudge:
        judge = self._offered.find(name, Allow.OFFERED)
        # Before the model is loaded; the option of the command line would be no help here.
        if judge.doubt:
            raise TasteError(f"{judge.doubt} An optimized picture would show its errors: rate more pictures first.")
        from ..optimizing.optimize import judge_for

        return judge_for(judge)

    def _check_known(self, image: int, *, drawn_on: bool) -> None:
        row = row_of(self.collection, image)
        origin = provenance_of(self.collection, [row]).get(row.id)
        if drawn_on:
            if origin is None or not origin.prompt:
                raise ModelError("Nothing says what this picture shows: choose one whose prompt is known.")
        elif origin is None or not (origin.prompt and origin.seed and origin.model):
            raise ModelError(
                "Nothing says how this picture was drawn: choose one whose prompt, seed and model are known, such "
                "as one that was drawn here."
            )

    def _work(self, job: Job, wish: Wish, judge: GuardedJudge) -> None:
        job.expect(round(wish.seconds))
        with drawing_alone(self._drawing, job.check):
            generator = self._load()
            found = self._optimized(job, wish, judge, generator)
        with self._lock:
            self.latest = found, judge
        job.message = " ".join(found.sentences) or "Optimized."
        job.check()

    def _optimized(self, job: Job, wish: Wish, judge: GuardedJudge, generator: ImageGenerator) -> Optimized:
        from ..optimizing import optimize as optimizing
        from ..optimizing.optimizer import ENDS, INTERRUPTED
        from ..optimizing.parents import parent_of

        parents: list[Parent] = []
        if wish.drawing is None:
            assert wish.like is not None
            parents = [parent_of(self.collection, generator, row_of(self.collection, wish.like), wish.strength)]
            prompt, seed, settings = parents[0].prompt, wish.seed, parents[0].settings
        else:
            drawing, settings = wish.drawing, _given(wish.drawing.settings or {})
            [request] = plan(
                drawing.prompt, 1, generator, seed=drawing.seed, prompt_seed=drawing.seed, literal=drawing.literal,
                check=job.check, **settings,
            )  # fmt: skip
            prompt, seed = request.prompt, drawing.seed

        def advance(progress: OptimizeProgress) -> None:
            job.advance(max(0, min(round(progress.seconds), job.total) - job.done))

        found = optimizing.optimize(
            generator, prompt, by=judge, seconds=wish.seconds, seed=seed, parents=parents, progress=advance,
            after_step=job.check, **settings,
        )  # fmt: skip
        if found.ended == INTERRUPTED:
            # A page begins anew, from the best picture if wanted.
            found = replace(found, sentences=tuple(s for s in found.sentences if s != ENDS[INTERRUPTED]))
        return optimizing.store(self.collection, generator, found, judge)


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
