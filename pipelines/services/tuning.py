"""One tune of a collection as something to start, pause, change and resume; it runs in the background.

What was asked for lies in the collection beside the choices, so that a tune goes on after the process was killed: its settings are one fact
of the collection, everything else is the tuner's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...errors import SoartError
from ...metrics.tastes.profile import TECHNICAL
from ..collection.collection import Collection
from ..collection.settings import setting, store_setting
from ..collection.studies import drawn_pictures
from ..collection.tables import ImageRow
from ..models.generator import ImageGenerator
from ..scoring.collection_profiles import CollectionProfiles
from ..support.background import Job, Jobs
from ..tuning.findings import StudyFindings, findings_of
from ..tuning.loop import STOPPED, tune
from ..tuning.panel import Panel
from ..tuning.settings import PAUSED, RUNNING, TuneSettings
from ..tuning.tuner import Tuner

FACT = "tune"
#: Where a tune stands beside what its settings say.
IDLE, PAUSING, INTERRUPTED, ENDED, FAILED = "idle", "pausing", "interrupted", "ended", "failed"
#: Keys of jobs.
RUN, READ = "tune", "read tune"


@dataclass(frozen=True)
class Seen:
    """What a study looks like.

    Attributes:
        tuned: the findings.
        goal: by picture id, as far as it is judged.
        done: pictures drawn.
    """

    tuned: StudyFindings
    goal: dict[int, float]
    done: int


class TuningService:
    """The tune of one collection.

    Args:
        collection: the collection.
        shelf: whose profiles can judge.
        jobs: where it runs.
        load: gives the model that draws.
        drawing: held while pictures are drawn, for a model draws for one tune at a time.
    """

    def __init__(
        self,
        collection: Collection,
        shelf: CollectionProfiles,
        jobs: Jobs,
        load: Callable[[], ImageGenerator],
        drawing: threading.Lock,
    ) -> None:
        self.collection, self.shelf, self.jobs, self._load, self._drawing = collection, shelf, jobs, load, drawing
        self._lock = threading.RLock()
        self._pause = self._running = False
        self._speed: tuple[float, int] = (0.0, 0)
        self.seen: Seen | None = None
        #: Counts up with every change that is worth showing.
        self.version = 0
        self._runs = 0
        text = setting(collection, FACT)
        self._settings = None if text is None else TuneSettings.read(text)

    @property
    def settings(self) -> TuneSettings | None:
        """What is tuned; None before the first start."""
        with self._lock:
            return self._settings

    @property
    def live(self) -> bool:
        """Whether it is drawing, or about to."""
        with self._lock:
            return self._running

    @property
    def state(self) -> str:
        """Where it stands; ``interrupted`` where the settings say running and nothing runs: the process was killed."""
        with self._lock:
            if self._settings is None:
                return IDLE
            if self.live:
                return PAUSING if self._pause else RUNNING
            return INTERRUPTED if self._settings.state == RUNNING else self._settings.state

    def start(self, settings: TuneSettings) -> None:
        """Begin a tune; the choices and pictures of earlier ones stay in the collection.

        Raises:
            SoartError: one is going on.
            PromptError: nothing to choose from.
        """
        settings.narrowed().check_tunable()
        self.panel(settings)
        with self._lock:
            if self.live:
                raise SoartError("A tune is going on in this collection: pause it before you start another one.")
            self.seen = None
            self._keep(replace(settings, state=RUNNING, why=""))
            self._run()

    def resume(self, budget: int | None = None) -> None:
        """Go on, with a larger budget if one is given.

        Raises:
            SoartError: there is nothing to resume.
        """
        with self._lock:
            if self._settings is None:
                raise SoartError("Nothing was tuned in this collection yet: start with a prompt.")
            self._keep(replace(self._settings, state=RUNNING, why="", budget=budget or self._settings.budget))
            self._run()

    def pause(self) -> None:
        """Stop after the batch that is being drawn."""
        with self._lock:
            self._pause = True
            self.version += 1

    def narrow(self, bans: tuple[str, ...], pins: tuple[str, ...]) -> None:
        """Change bans and pins, from the next batch on.

        Raises:
            PromptError: unknown ones, or nothing left to choose.
            SoartError: nothing is tuned.
        """
        with self._lock:
            if self._settings is None:
                raise SoartError("Nothing was tuned in this collection yet: start with a prompt.")
            changed = replace(self._settings, bans=bans, pins=pins)
            changed.narrowed().check_tunable()
            self._keep(changed)

    def panel(self, settings: TuneSettings) -> Panel:
        """The judges.

        Raises:
            ProfileError: a taste that is gone.
            SoartError: weights that fit nobody.
        """
        names = list(settings.profiles) or [TECHNICAL]
        scorers = [self.shelf.scorer(name) for name in names]
        weights = {
            scorer.stored_name: settings.profiles.get(name, 0.0) for name, scorer in zip(names, scorers, strict=True)
        }
        return Panel(scorers, list(settings.raters), {**weights, **settings.raters})

    def pictures(self) -> list[tuple[int, int]]:
        """(picture id, batch) of all that was drawn in this space, in the order of asking; while a batch is drawn, part of it."""
        settings = self.settings
        return [] if settings is None else drawn_pictures(self.collection, settings.whole().fingerprint)

    def seconds_left(self, done: int) -> float | None:
        """Time until the budget is drawn, by the speed of this run; None where nothing can be said."""
        with self._lock:
            start, drawn = self._speed
            if self._settings is None or not self._running or drawn <= 0:
                return None
            return (time.monotonic() - start) / drawn * max(0, self._settings.budget - done)

    def look(self) -> Job:
        """Read the findings of a tune that is not running."""
        return self.jobs.start(READ, "Reading the tune", lambda job: self._see(self._tuner()))

    def _keep(self, settings: TuneSettings) -> None:
        store_setting(self.collection, FACT, settings.write())
        self._settings = settings
        self.version += 1

    def _run(self) -> None:
        self._pause = False
        if not self._running:
            self._running = True
            self._runs += 1
            self.jobs.start(f"{RUN} {self._runs}", "Tuning", self._work)

    def _tuner(self) -> Tuner:
        settings = self.settings
        if settings is None:
            raise SoartError("Nothing was tuned in this collection yet: start with a prompt.")
        return Tuner(
            self.collection, self._load(), settings.narrowed(), self.panel(settings), seed=settings.seed,
            budget=settings.budget, pareto=settings.pareto, prune=settings.prune,
        )  # fmt: skip

    def _see(self, tuner: Tuner) -> None:
        judged = tuner.judged()
        if not judged.asked:
            return
        goal = dict(zip((row.id for row in judged.rows), judged.goal_values().tolist(), strict=True))
        seen = Seen(findings_of(tuner), {image: value for image, value in goal.items() if value == value}, tuner.done)
        with self._lock:
            self.seen = seen
            self.version += 1

    def _work(self, job: Job) -> None:
        state, why = INTERRUPTED, ""
        try:
            if self._drawing.acquire(blocking=False):
                try:
                    state, why = self._go_on(job)
                finally:
                    self._drawing.release()
            else:
                state, why = PAUSED, "Another collection is being tuned: pause that one, then resume this one."
        except SoartError as error:
            state, why = FAILED, str(error)
            raise
        finally:
            self._end(state, why)

    def _go_on(self, job: Job) -> tuple[str, str]:
        ended = None
        while ended is None:
            ended = self._once(job)
        return ended

    def _once(self, job: Job) -> tuple[str, str] | None:
        """Tune until it ends, is paused, or its settings change; None for the last."""
        used, tuner = self.settings, self._tuner()
        with self._lock:
            self._speed = (time.monotonic(), -tuner.done)
        if tuner.done:
            self._see(tuner)

        def drawn(count: int) -> None:
            job.check()
            with self._lock:
                start, so_far = self._speed
                # What earlier runs drew is told first, and took no time of this one.
                self._speed = (start if so_far + count > 0 else time.monotonic(), so_far + count)
                self.version += 1

        def told(rows: list[ImageRow]) -> bool:
            self._see(tuner)
            with self._lock:
                return self._pause or self._settings != used

        why = tune(tuner, on_batch=told, progress=drawn)
        if why != STOPPED:
            self._see(tuner)
            return ENDED, why
        with self._lock:
            return (PAUSED, "") if self._pause else None

    def _end(self, state: str, why: str) -> None:
        with self._lock:
            self._pause = self._running = False
            if self._settings is not None and state != INTERRUPTED:
                self._keep(replace(self._settings, state=state, why=why))
