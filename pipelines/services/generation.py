"""Drawing of pictures in one collection in the background, without tuning."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import SoartError
from ...metrics.tastes.profile import TECHNICAL
from ..collection.collection import Collection
from ..generate import generate, plan
from ..models.generator import ImageGenerator
from ..scoring.collection_profiles import CollectionProfiles
from ..scoring.rescoring import score_items
from ..support.background import Job, Jobs
from .service import CollectionService

#: Key of the jobs.
KEY = "draw"
#: Most pictures of one call, longest side in pixels, and most steps: guests may draw too.
MOST_PICTURES, LONGEST_SIDE, MOST_STEPS = 200, 2048, 200
#: Most characters of a prompt.
LONGEST_PROMPT = 10_000
#: Seconds between two attempts to get at the model, and to see whether the job was cancelled.
_PAUSE = 0.3


@dataclass(frozen=True)
class Drawing:
    """Pictures to draw.

    Attributes:
        prompt: a prompt or, unless ``literal``, a template.
        count: number of pictures.
        seed: image seed of the first picture, counting up.
        literal: True to use the prompt as it is, with its braces.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height`` and ``scheduler``; None for the model's own.

    Raises:
        SoartError: no prompt, or a number out of range.
    """

    prompt: str
    count: int = 8
    seed: int = 0
    literal: bool = False
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        settings = self.settings or {}
        texts = {"the prompt": self.prompt, "the negative prompt": settings.get("negative") or ""}
        if not self.prompt.strip():
            raise SoartError("Name a prompt to draw, such as: a boat.")
        if long := [name for name, text in texts.items() if len(text) > LONGEST_PROMPT]:
            raise SoartError(f"Expected at most {LONGEST_PROMPT} characters as {long[0]}.")
        limits = {"count": (self.count, MOST_PICTURES), "steps": (settings.get("steps"), MOST_STEPS)}
        limits |= {side: (settings.get(side), LONGEST_SIDE) for side in ("width", "height")}
        for name, (value, most) in limits.items():
            if value is not None and not 1 <= value <= most:
                raise SoartError(f"Expected 1 to {most} as {name}, got {value}.")


@dataclass(frozen=True)
class DrawingProgress:
    """State of the latest drawing.

    Attributes:
        live: True while pictures are drawn, or are about to be.
        total: number of pictures; 0 before the first drawing.
        pictures: ids of the pictures that are there, in the order of the requests.
        message: the outcome, a sentence; empty while it runs.
        failed: True if it failed.
    """

    live: bool
    total: int
    pictures: list[int]
    message: str
    failed: bool


class GenerationService(CollectionService):
    """Draws pictures in one collection.

    Args:
        collection: the collection.
        profiles: its profiles; the technical score measures the pictures.
        jobs: its background jobs.
        load: loads the model that draws.
        drawing: lock held while pictures are drawn.
    """

    def __init__(
        self,
        collection: Collection,
        profiles: CollectionProfiles,
        jobs: Jobs,
        load: Callable[[], ImageGenerator],
        drawing: threading.Lock,
    ) -> None:
        super().__init__(collection, profiles, jobs, KEY)
        self._load, self._drawing = load, drawing
        self._total = 0
        self._keys: list[str] = []

    def start(self, drawing: Drawing) -> Job:
        """Draw in the background.

        Raises:
            SoartError: pictures of this collection are being drawn already.
        """
        with self._lock:
            if self.busy:
                raise SoartError("Pictures are being drawn already: wait until they are done, or cancel that.")
            self._total, self._keys = drawing.count, []
            return self.jobs.start(self.key, "Drawing", lambda job: self._work(job, drawing))

    def progress(self) -> DrawingProgress:
        """The state of the latest drawing."""
        job = self.job
        with self._lock:
            total, keys = self._total, list(self._keys)
        rows = self.collection.requested(keys)
        return DrawingProgress(
            live=self.busy,
            total=total,
            pictures=list(dict.fromkeys(rows[key].id for key in keys if key in rows)),
            message=job.message if job is not None and not job.live else "",
            failed=bool(self.failure),
        )

    def _work(self, job: Job, drawing: Drawing) -> None:
        job.total = drawing.count
        # A tune, or another collection, may draw with the model.
        while not self._drawing.acquire(timeout=_PAUSE):
            job.check()
        try:
            self._draw(job, drawing)
        finally:
            self._drawing.release()

    def _draw(self, job: Job, drawing: Drawing) -> None:
        generator = self._load()
        requests = plan(
            drawing.prompt, drawing.count, generator, seed=drawing.seed, prompt_seed=drawing.seed, literal=drawing.literal,
            **(drawing.settings or {}),
        )  # fmt: skip
        with self._lock:
            self._keys = [request.key(generator.model.identity) for request in requests]
        scorer = self.profiles.scorer(TECHNICAL)
        job.expect(len(requests))
        drawn = generate(self.collection, generator, requests, scorer, job.advance)
        score_items(self.collection, scorer, drawn.items)
        known = f" {drawn.reused} were in the collection already." if drawn.reused else ""
        job.message = f"{drawn.drawn} pictures drawn.{known}"
