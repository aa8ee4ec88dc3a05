"""A tune of one collection in the background: start, pause, change and resume, also after the process was killed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from ...errors import SoartError
from ...prompts.space.space import PromptSpace
from ..collection.studies import drawn_pictures
from ..collection.tables import ImageRow
from ..judges.catalogue import ADHERENCE, Allow
from ..judges.finding import judges_of_guests
from ..models.limits import SEED_LIMIT
from ..support.background import CancelledError, Job
from ..tuning.findings import findings_of
from ..tuning.loop import STOPPED, tune
from ..tuning.panel import AdherenceFloor, Panel
from ..tuning.proposing import SpaceStep, history_of, take, vocabulary_proposer
from ..tuning.settings import ENDED, PAUSED, PRESENT, RUNNING, TERMINAL, TuneSettings, earlier_tunes, key_of, store_tune
from ..tuning.tuner import BATCH, Tuner
from .service import DrawingService, drawing_alone
from .tune_progress import FAILED, IDLE, INTERRUPTED, PAUSING, EarlierTune, LatestFindings, TuneProgress

#: Keys of jobs: of runs and of reading the findings, with their number.
RUN, READ = "tune", "read tune"
_WAITS = "The model is drawing other pictures: this tune goes on when that is done."
#: Seeds that the pictures of a tune may take, beginning with its own.
_SPARE_SEEDS = 2**32
_ENDS_NOW = "The picture that is being drawn is given up: Resume draws it anew."
_NOT_STARTED = "Nothing has been tuned in this collection yet: start with a prompt."


class _PausedError(Exception):
    """Raised inside a tune that is to pause at once, or before it draws."""


class TuningService(DrawingService):
    """The tune of one collection."""

    # A new run may start before the thread of the last one has ended: each has a key of its own, see _run.
    KEYS = f"{READ} 0", PRESENT
    _pause = _at_once = _running = _waits = False
    _speed: tuple[float, int] = (0.0, 0)  # start of the drawing, and pictures drawn since then
    latest: LatestFindings | None = None
    _about = ""  # key of the tune that the findings, or why they cannot be read, are of
    _runs = _reads = 0

    @property
    def settings(self) -> TuneSettings | None:
        """Settings of the tune as the collection stores them now; None before the first start."""
        text = self._stored_settings()
        return None if text is None else TuneSettings.read(text)

    @property
    def live(self) -> bool:
        """True while it draws, or is about to."""
        with self._lock:
            return self._running

    @property
    def state(self) -> str:
        """The state; ``interrupted`` if the settings say running but the process was killed."""
        with self._lock:
            if (settings := self.settings) is None:
                return IDLE
            if self.live:
                return PAUSING if self._pause else RUNNING
            return INTERRUPTED if settings.state == RUNNING else settings.state

    def progress(self) -> TuneProgress:
        """The state with all pictures; starts reading the findings of a tune that does not run here, again if they have grown.

        A failed reading is not repeated: the reason says what is wrong, and so does resuming.
        """
        settings, pictures = self.settings, self.pictures()
        if settings is not None and key_of(settings) != self._about:
            # Another program has put its tune in this place.
            self._forget(settings)
        latest, batch = self.latest, BATCH if settings is not None and settings.state == TERMINAL else 1
        outdated = latest is None or len(pictures) - latest.pictures >= batch
        if pictures and outdated and not self.live and not self.failure:
            self.read_findings()
        return TuneProgress(
            self.state, self.version, settings, judged=latest is not None, reading=self.busy, reason=self._reason(settings),
            pictures=pictures, goal=latest.goal if latest else {}, seconds_left=self.seconds_left(len(pictures)),
            in_points=latest is not None and latest.in_points,
            doing=self._generator.doing if self._generator is not None and self.live and not self._waits else "",
        )  # fmt: skip

    def _reason(self, settings: TuneSettings | None) -> str:
        """Why it waits, ends a picture, has ended or has failed; empty without a reason."""
        if self._waits:
            return _WAITS
        return _ENDS_NOW if self._at_once else (settings.why if settings else "") or self.failure

    def start(self, settings: TuneSettings) -> None:
        """Start a tune; the choices and pictures of earlier ones stay in the collection."""
        # Image seeds count up from that of the tune.
        if not 0 <= settings.seed < SEED_LIMIT - _SPARE_SEEDS:
            raise SoartError(f"Expected 0…2^63−2^32−1 as the seed of a tune, got {settings.seed}.")
        settings.narrowed().check_tunable()
        self.panel(settings)
        with self._lock:
            self._replace_by(replace(settings, state=RUNNING, why=""))
            self._run()

    def earlier(self) -> list[EarlierTune]:
        """The tunes that were started before the present one, the latest first."""
        present = None if (settings := self.settings) is None else key_of(settings)
        return [self._listed(tune) for tune in earlier_tunes(self.collection) if key_of(tune) != present]

    def present(self) -> EarlierTune | None:
        """The present tune as the pages of other collections list it; None before the first start."""
        return None if (settings := self.settings) is None else self._listed(settings)

    def reopen(self, key: str) -> None:
        """Open an earlier tune in place of the present one, which becomes an earlier one; it waits to be resumed."""
        with self._lock:
            tunes = {key_of(tune): tune for tune in earlier_tunes(self.collection)}
            if key not in tunes:
                raise SoartError("This tune is not among the earlier ones of this collection: reload the page.")
            self._replace_by(tunes[key])

    def resume(self, budget: int | None = None) -> None:
        """Resume the tune. ``budget`` is the new number of pictures in all; None for that of the settings."""
        with self._lock:
            self._change(lambda settings: replace(settings, state=RUNNING, why="", budget=budget or settings.budget))
            self._run()

    def pause(self, *, at_once: bool = False) -> None:
        """Pause after the batch that is being drawn.

        ``at_once`` gives up the picture that a running backend draws; another model finishes those that it draws
        together.
        """
        with self._lock:
            self._pause = True
            self._at_once = at_once and self._running
            self.version += 1

    def narrow(self, bans: tuple[str, ...], pins: tuple[str, ...]) -> None:
        """Change bans and pins, from the next batch on. Options are written ``slot=option``."""
        with self._lock:
            self._space(replace(self._started(), bans=bans, pins=pins)).check_tunable()
            self._change(lambda settings: replace(settings, bans=bans, pins=pins))

    def switch(self, kind: Literal["bans", "pins"], option: str, *, on: bool) -> None:
        """Add one ``slot=option`` to the bans or to the pins, or remove it; those of other visitors stay."""
        with self._lock:
            settings = self._started()
            lists = {"bans": settings.bans, "pins": settings.pins}
            others = tuple(each for each in lists[kind] if each != option)
            lists[kind] = (*others, option) if on else others
            self.narrow(lists["bans"], lists["pins"])

    def panel(self, settings: TuneSettings) -> Panel:
        """The judges of a tune; models are loaded."""
        judges = dict(judges_of_guests(settings.by, self._offered))
        floor = None
        if settings.adherence != 0:
            floor = AdherenceFloor(self._offered.find(ADHERENCE, Allow.OFFERED), settings.adherence)
        return Panel(judges, floor)

    def pictures(self) -> list[tuple[int, int]]:
        """(picture id, batch) of all pictures of this space and its stages in the order of drawing, an unfinished batch included."""
        settings = self.settings
        return [] if settings is None else self._pictures_of(settings)

    def seconds_left(self, done: int) -> float | None:
        """Time until the budget is drawn, by the speed of this run; None if unknown."""
        with self._lock:
            start, drawn = self._speed
            if not self._running or drawn <= 0 or (settings := self.settings) is None:
                return None
            return (time.monotonic() - start) / drawn * max(0, settings.budget - done)

    def read_findings(self) -> Job:
        """Read the findings of a tune that is not running, in the background."""
        return self.jobs.start(self.key, "Reading the tune", lambda job: self._update_findings(*self._tuner()))

    def _started(self) -> TuneSettings:
        """The settings of a tune that was started."""
        return _started(self._stored_settings())

    def _change(self, change: Callable[[TuneSettings], TuneSettings]) -> None:
        """Change the settings of a tune that was started."""
        self._change_settings(lambda text: change(_started(text)).write())

    def _replace_by(self, settings: TuneSettings) -> None:
        """Store the settings of another tune in place of the present one, which is remembered as an earlier one."""
        if self.live:
            raise SoartError("A tune is running in this collection: pause it before you start or open another one.")
        store_tune(self.collection, settings)
        self._forget(settings)

    def _forget(self, settings: TuneSettings) -> None:
        """Forget what was found of the tune before these settings."""
        with self._lock:
            self.latest, self._about = None, key_of(settings)
            # What a reading of the tune before finds, or why it fails, says nothing about this one.
            self._reads += 1
            self.key = f"{READ} {self._reads}"
            self.version += 1

    def _listed(self, settings: TuneSettings) -> EarlierTune:
        return EarlierTune(key_of(settings), settings, len(self._pictures_of(settings)))

    def _pictures_of(self, settings: TuneSettings) -> list[tuple[int, int]]:
        root, steps = self._history(settings)
        return drawn_pictures(self.collection, [root, *(step.fingerprint for step in steps)])

    def _run(self) -> None:
        self._pause = self._at_once = False
        if not self._running:
            self._running = True
            self._runs += 1
            self.jobs.start(f"{RUN} {self._runs}", "Tuning", self._work)

    def _history(self, settings: TuneSettings) -> tuple[str, list[SpaceStep]]:
        """Fingerprint of the space that the tune began with, and the steps from there."""
        return history_of(
            self.collection, settings.whole().fingerprint, settings.model, settings.seed, proposing=settings.propose
        )

    def _space(self, settings: TuneSettings) -> PromptSpace:
        """The space with the options that were added to it, after bans and pins, which may be of added options."""
        space = settings.whole()
        for step in self._history(settings)[1]:
            space = take(space, replace(step, retired=()))
        return space.restrict(settings.bans, settings.pins)

    def _tuner(self) -> tuple[Tuner, TuneSettings]:
        """A tuner by the present settings, and these."""
        generator = self._generator = self._load()
        with self._lock:
            model = generator.model.identity
            if self._started().model != model:
                self._change(lambda settings: replace(settings, model=model))
            settings = self._started()
        proposer = vocabulary_proposer(settings.vocabulary) if settings.propose else None
        tuner = Tuner(
            self.collection, generator, self._space(settings), self.panel(settings), seed=settings.seed,
            budget=settings.budget, pareto=settings.pareto, prune=settings.prune, proposer=proposer,
            tastes=self.tastes,
        )  # fmt: skip
        return tuner, settings

    def _update_findings(self, tuner: Tuner, used: TuneSettings) -> None:
        """Replace the findings by those of a tuner under some settings, unless another tune has taken its place."""
        drawn, judgements = len(self._pictures_of(used)), tuner.judged()
        if not judgements.trials:
            return
        values = dict(zip((row.id for row in judgements.rows), judgements.goal_values().tolist(), strict=True))
        goal = {image: value for image, value in values.items() if not math.isnan(value)}
        latest = LatestFindings(findings_of(tuner, judgements), goal, tuner.done, drawn)
        with self._lock:
            if key_of(self._started()) == key_of(used):
                self.latest = latest
                self.version += 1

    def _work(self, job: Job) -> None:
        def check() -> None:
            job.check()
            if self._has_paused():
                raise _PausedError

        self._waits = True
        try:
            with suppress(_PausedError), drawing_alone(self._drawing, check):
                self._waits = False
                self._tune(job)
        except CancelledError:
            # The server closes, which leaves the tune as a killed one would.
            self._end(INTERRUPTED)
            raise
        except Exception as error:
            with self._lock:
                try:
                    self._end(FAILED, job.reason(error))
                finally:
                    # Also if that cannot be stored.
                    self._end(INTERRUPTED)
            raise

    def _tune(self, job: Job) -> None:
        """Tune until the tune ends or is paused, under new settings as soon as they change."""
        ended = False
        while not ended:
            try:
                ended = self._tune_with_these_settings(job)
            except _PausedError:
                # Resumed meanwhile, it goes on.
                ended = self._has_paused()

    def _tune_with_these_settings(self, job: Job) -> bool:
        """Tune until the tune ends or is paused, or its settings change; False for changed settings."""
        tuner, used = self._tuner()
        with self._lock:
            self._speed = (time.monotonic(), -tuner.done)
        if tuner.done:
            self._update_findings(tuner, used)

        begun = False

        def on_progress(count: int) -> None:
            nonlocal begun
            job.check()
            with self._lock:
                if self._at_once:
                    raise _PausedError
                start, drawn = self._speed
                # The first call counts the pictures of earlier runs, which took no time of this one.
                self._speed = (start if begun else time.monotonic(), drawn + count)
                begun = True
                # Steps within a picture change no findings.
                self.version += count > 0

        def on_batch(rows: list[ImageRow]) -> bool:
            self._update_findings(tuner, used)
            with self._lock:
                return self._pause or self.settings != used

        why = tune(tuner, on_batch=on_batch, progress=on_progress)
        if why != STOPPED:
            self._update_findings(tuner, used)
        # Whoever resumes comes before this end, and the run goes on, or after it, and starts another run.
        with self._lock:
            now = self.settings
            if why != STOPPED and now == used:
                self._end(ENDED, why)
                return True
            if why == STOPPED and self._has_paused():
                return True
            if now is not None and key_of(now) == key_of(used):
                return False
            # Another program has started another tune, which keeps its settings.
            self._end(INTERRUPTED)
            return True

    def _has_paused(self) -> bool:
        """True if the run was to pause, and has ended by that."""
        with self._lock:
            if pauses := self._pause:
                self._end(PAUSED)
            return pauses

    def _end(self, state: str, why: str = "") -> None:
        with self._lock:
            # First: a run whose end cannot be stored still runs, until it fails by that.
            if state != INTERRUPTED and self.settings is not None:
                self._change(lambda settings: replace(settings, state=state, why=why))
            self._pause = self._at_once = self._running = self._waits = False


def _started(text: str | None) -> TuneSettings:
    """Settings from their text."""
    settings = None if text is None else TuneSettings.read(text)
    if settings is None:
        raise SoartError(_NOT_STARTED)
    return settings
