"""Drawing of pictures in one collection in the background, sorted by judges but without tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ...errors import SoartError
from ..collection.tables import ImageRow
from ..generate import generate, plan
from ..judges.finding import Weighted, judges_of_guests
from ..judges.guarded import GuardedJudge
from ..judges.ranking import rank
from ..models.limits import GUIDANCE, SEED_LIMIT, SIDE
from ..scoring.pictures import StoredPictures
from ..support.background import Job
from ..support.wording import counted
from .service import DrawingService, drawing_alone

#: Key of the jobs.
KEY = "draw"
#: Most pictures of one call, longest side in pixels, and most steps: guests may draw too.
MOST_PICTURES, LONGEST_SIDE, MOST_STEPS = 200, 2048, 200
#: Most characters of a prompt.
LONGEST_PROMPT = 10_000
#: Most sentences on what the judges could not judge.
_MOST_PROBLEMS = 3


@dataclass(frozen=True)
class Drawing:
    """Pictures to draw, ``literal`` with the braces of the prompt; ``by`` weighs judges by the names of the gallery."""

    prompt: str
    count: int = 8
    seed: int = 0
    literal: bool = False
    settings: Mapping[str, Any] | None = None
    by: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings or {}
        texts = {"the prompt": self.prompt, "the negative prompt": settings.get("negative") or ""}
        if not self.prompt.strip():
            raise SoartError("Name a prompt to draw, such as: a boat.")
        if long := [name for name, text in texts.items() if len(text) > LONGEST_PROMPT]:
            raise SoartError(f"Expected at most {LONGEST_PROMPT} characters as {long[0]}.")
        limits = {"count": (self.count, 1, MOST_PICTURES), "steps": (settings.get("steps"), 1, MOST_STEPS)}
        limits |= {side: (settings.get(side), SIDE[0], LONGEST_SIDE) for side in ("width", "height")}
        limits |= {"guidance": (settings.get("guidance"), *GUIDANCE)}
        for name, (value, least, most) in limits.items():
            if value is not None and not least <= value <= most:
                raise SoartError(f"Expected {least} to {most} as {name}, got {value}.")
        if not 0 <= self.seed <= SEED_LIMIT - self.count:
            raise SoartError(f"Expected the seeds of all pictures in 0…2^63−1, got {self.seed} as the first one.")


@dataclass(frozen=True)
class DrawingProgress:
    """State of the latest drawing: ids of its pictures, in the order of requests until judges sort them, and values by id."""

    live: bool
    total: int
    pictures: list[int]
    values: dict[int, float]
    judges: list[str]
    message: str
    failed: bool
    doing: str = ""


class GenerationService(DrawingService):
    """Draws pictures in one collection."""

    KEYS = KEY, ""
    _total = 0
    _keys: Sequence[str] = ()
    _values: Mapping[int, float] = MappingProxyType({})  # of the judges by picture id, best first
    _judges: Sequence[str] = ()

    def start(self, drawing: Drawing) -> Job:
        """Draw in the background."""
        judges = judges_of_guests(drawing.by, self._offered)
        with self._lock:
            if self.busy:
                raise SoartError("Pictures are being drawn already: wait until they are done, or cancel that.")
            self._total, self._keys, self._values = drawing.count, [], {}
            self._judges = [judge.stored_name for judge, weight in judges if weight > 0]
            return self.jobs.start(self.key, "Drawing", lambda job: self._work(job, drawing, judges))

    def progress(self) -> DrawingProgress:
        """The state of the latest drawing."""
        job = self.job
        with self._lock:
            total, keys, values, judges = self._total, list(self._keys), dict(self._values), list(self._judges)
        rows = self.collection.requested(keys)
        drawn = [rows[key].id for key in keys if key in rows]
        return DrawingProgress(
            live=self.busy,
            total=total,
            pictures=list(dict.fromkeys([*values, *drawn])),
            values=values,
            judges=judges,
            message=job.message if job is not None and not job.live else "",
            failed=bool(self.failure),
            doing=self._generator.doing if self._generator is not None and self.busy else "",
        )

    def _work(self, job: Job, drawing: Drawing, judges: Sequence[Weighted]) -> None:
        job.total = drawing.count
        with drawing_alone(self._drawing, job.check):
            rows, done = self._draw(job, drawing, [judge for judge, _ in judges])
        job.message = " ".join(filter(None, [done, *self._sort(job, rows, judges)]))

    def _draw(self, job: Job, drawing: Drawing, judges: Sequence[GuardedJudge]) -> tuple[list[ImageRow], str]:
        """Draw the pictures; returns them, and a sentence."""
        generator = self._generator = self._load()
        requests = plan(
            drawing.prompt, drawing.count, generator, seed=drawing.seed, prompt_seed=drawing.seed, literal=drawing.literal,
            check=job.check, **(drawing.settings or {}),
        )  # fmt: skip
        with self._lock:
            self._keys = [request.key(generator.model.identity) for request in requests]
        job.expect(len(requests) * (1 + len(judges)))
        drawn = generate(self.collection, generator, requests, judges, job.advance)
        count, old = drawn.drawn, drawn.reused
        done = f"{counted(count)} drawn."
        known = f"{old} {'was' if old == 1 else 'were'} in the collection already."
        ignored = generator.ignored([r.prompt for r in requests], [r.negative for r in requests])
        return drawn.rows, " ".join(filter(None, (done, known if old else "", ignored)))

    def _sort(self, job: Job, rows: Sequence[ImageRow], judges: Sequence[Weighted]) -> list[str]:
        """Sort the pictures by judges, whose values are stored; returns sentences."""
        ranking, problems = rank(StoredPictures(self.collection, rows), judges, job.advance, explained=0)
        with self._lock:
            self._values = {picture.row.id: picture.score for picture in ranking}
        return problems[:_MOST_PROBLEMS]
