"""Base of the services: their jobs, stored settings, lock and version."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from ..collection.collection import Collection
from ..collection.settings import change_setting, setting, store_setting
from ..judges.catalogue import Catalogue
from ..scoring.collection_tastes import CollectionTastes
from ..support.background import FAILED, Job, Jobs

if TYPE_CHECKING:
    from ..models.generator import ImageGenerator

#: Seconds between two attempts to get at the model, and to see whether it is still wanted.
_PAUSE = 0.3


@contextmanager
def drawing_alone(drawing: threading.Lock, check: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of drawing, which a tune may hold before; what ``check`` raises meanwhile ends the waiting."""
    while not drawing.acquire(timeout=_PAUSE):
        check()
    try:
        yield
    finally:
        drawing.release()


class CollectionService:
    """Background work on one collection; ``version`` counts up with every change that pages show.

    ``key`` is of its jobs, of which one runs at a time; ``settings_key`` of its settings in the collection, if it has some.
    """

    def __init__(
        self, collection: Collection, tastes: CollectionTastes, jobs: Jobs, key: str, settings_key: str = ""
    ) -> None:
        self.collection, self.tastes, self.jobs, self.key = collection, tastes, jobs, key
        self._settings_key = settings_key
        self.version = 0
        # Reentrant, because methods that hold it call each other.
        self._lock = threading.RLock()

    @property
    def job(self) -> Job | None:
        """The current or most recent job."""
        return self.jobs.find(self.key)

    @property
    def busy(self) -> bool:
        """True while a job runs."""
        return (job := self.job) is not None and job.live

    @property
    def failure(self) -> str:
        """Message of the most recent job if it failed; empty otherwise."""
        return job.message if (job := self.job) is not None and job.state == FAILED else ""

    def _stored_settings(self) -> str | None:
        """The settings that the collection stores; None before the first time."""
        return setting(self.collection, self._settings_key)

    def _store_settings(self, text: str) -> None:
        """Store settings in place of the earlier ones, as a new version."""
        store_setting(self.collection, self._settings_key, text)
        self.version += 1

    def _change_settings(self, change: Callable[[str | None], str]) -> None:
        """Store settings made from those that the collection stores now, which another program may have changed."""
        change_setting(self.collection, self._settings_key, change)
        self.version += 1


class DrawingService(CollectionService):
    """Work that draws with a model, for one collection at a time, which holds the lock ``drawing`` meanwhile."""

    KEYS: ClassVar[tuple[str, str]]  # of the jobs, and of the settings if there are some

    def __init__(
        self,
        collection: Collection,
        tastes: CollectionTastes,
        jobs: Jobs,
        load: Callable[[], ImageGenerator],
        drawing: threading.Lock,
        judges: Catalogue | None = None,
    ) -> None:
        super().__init__(collection, tastes, jobs, *self.KEYS)
        self._load, self._drawing, self._offered = load, drawing, (judges or Catalogue(tastes)).among(tastes)
        self._generator: ImageGenerator | None = None
