"""State of the server: its open collections, and the services of each."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from ...errors import SoartError
from ...pipelines.collection.collection import Collection
from ...pipelines.collection.settings import identity
from ...pipelines.collection.storage import show_within
from ...pipelines.ingest.roots import allowed_folders, title_of_collection
from ...pipelines.judges.catalogue import Catalogue
from ...pipelines.scoring.collection_tastes import CollectionTastes
from ...pipelines.scoring.taste_store import TasteStore
from ...pipelines.services.evaluation import EvaluationService
from ...pipelines.services.gallery import renew_scores
from ...pipelines.services.generation import GenerationService
from ...pipelines.services.keepers import StackService
from ...pipelines.services.learning import USUAL, Start
from ...pipelines.services.looking import SearchService
from ...pipelines.services.optimizing import OptimizingService
from ...pipelines.services.rating import RatingService
from ...pipelines.services.start import StartService
from ...pipelines.services.tuning import TuningService
from ...pipelines.services.watching import FolderWatch
from ...pipelines.support.background import Jobs
from ...pipelines.support.decoding import DecodingProcesses
from ...pipelines.support.task_process import TaskProcess
from .sessions import OWNER, Sessions, TakenNames, Throttle, names_of, server_key

if TYPE_CHECKING:
    from ...pipelines.models.backends.address import BackendAddress
    from ...pipelines.models.generator import ImageGenerator

#: Selections that wait for their download, the newest.
MOST_SELECTIONS = 16
#: Requests that read files at the same time; a server has 40 threads.
READING = 8
#: Most raters of a collection whose services are kept.
MOST_RATERS = 64
#: Names of guests who have not entered one: the first that is not the owner's.
GUEST_RATERS = ("guest", "visitor")


class Selections:
    """Remembers the newest selections of pictures by keys that cannot be guessed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, tuple[list[int], str]] = {}

    def add(self, ids: Sequence[int], kind: str) -> str:
        """Remember pictures and the kind of their export; returns the key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._by_key[key] = (list(ids), kind)
            while len(self._by_key) > MOST_SELECTIONS:
                del self._by_key[next(iter(self._by_key))]
        return key

    def get(self, key: str) -> tuple[list[int], str] | None:
        """The pictures and the kind of a key; None if it is not known any more."""
        with self._lock:
            return self._by_key.get(key)


class OpenCollection:
    """A collection with its tastes, background jobs and services.

    ``number`` is that of the collection in its addresses, from 0. ``drawing`` is held while pictures are drawn.
    ``allowed`` are folders that requests may name; as an attribute with those of the collection, without links. For the
    others see ``ServerSettings``.
    """

    def __init__(
        self,
        number: int,
        collection: Collection,
        user_tastes: TasteStore,
        load: Callable[[], ImageGenerator],
        drawing: threading.Lock,
        learning: TaskProcess,
        judges: Catalogue,
        allowed: Sequence[Path] = (),
        *,
        start: Start = USUAL,
        watch: bool = False,
        copy_to: Path | None = None,
    ) -> None:
        self.number, self.collection, self.jobs = number, collection, Jobs()
        self.name = title_of_collection(collection)
        self.tastes = CollectionTastes(collection, user_tastes)
        self.tuning = TuningService(collection, self.tastes, self.jobs, load, drawing, judges)
        self.generation = GenerationService(collection, self.tastes, self.jobs, load, drawing, judges)
        self.optimizing = OptimizingService(collection, self.tastes, self.jobs, load, drawing, judges)
        self.allowed = allowed_folders(collection, allowed)
        self.evaluation = EvaluationService(collection, self.tastes, self.jobs, allowed=self.allowed, judges=judges)
        self.stacks, self.search = StackService(self.evaluation), SearchService(collection, self.jobs)
        self.start = StartService(collection, self.tastes, self.jobs, self.evaluation, copy_to, self._rank_again)
        self._lock, self._learning, self._taste_start = threading.Lock(), learning, start
        self._ratings: dict[str, RatingService] = {}
        self.selections = Selections()
        renew_scores(self.jobs, collection, self.tastes)
        self.watch = FolderWatch(self.evaluation) if watch else None
        if self.watch:
            self.watch.start()

    @property
    def base(self) -> str:
        """Start of the collection's addresses."""
        return f"/c/{self.number}"

    def rating(self, rater: str) -> RatingService:
        """The rating service of one rater."""
        with self._lock:
            service = self._ratings.pop(rater, None)
            if service is None:
                service = RatingService(
                    self.collection, self.tastes, self.jobs, rater, self._learning, self._taste_start
                )
            # The latest one last: those that nobody uses any more are forgotten.
            self._ratings[rater] = service
            while len(self._ratings) > MOST_RATERS:
                del self._ratings[next(iter(self._ratings))]
            return service

    def _rank_again(self) -> None:
        """Score the pictures read meanwhile by the tastes of those who rate here."""
        with self._lock:
            services = list(self._ratings.values())
        for service in services:
            service.rank_again()

    def close(self) -> None:
        """End the watch and the background jobs, then close the database."""
        if self.watch:
            self.watch.close()
        self.jobs.close()
        self.collection.close()


@dataclass(frozen=True)
class ServerSettings:
    """Settings of a server."""

    collections: Sequence[Path | str]  # folders, or URLs of databases
    load: Callable[[], ImageGenerator]  # loads the model that draws
    #: the running backend that draws; None for a model in this process. Requests cannot name one.
    backend: BackendAddress | None = None
    vocabulary: str = "embedded"  # vocabulary of plain prompts: ``embedded`` or ``general``
    tastes: TasteStore = field(default_factory=TasteStore)  # the user's tastes
    rater: str = "me"  # name of an owner who has not entered one
    token: str = ""  # makes its bearer the owner, who may move files; empty if nobody can
    password: str = ""  # makes its bearer a guest; empty for none
    guests: bool = False  # let everybody in as a guest
    allowed: Sequence[Path] = ()  # folders that requests may name, with all in them, besides those of the collections
    #: judges by others that visitors may use besides adherence and those of packages, with the weights to propose
    judges: Sequence[tuple[str, float]] = ()
    #: prior scores that raters' tastes start from, as far as they are available; None for all
    priors: Sequence[str] | None = None
    model_effect: bool | None = None  # see ``Collection.model_effect``
    watch: bool = False  # add pictures that other tools write into the folders of the collections
    read: frozenset[Path | str] = frozenset()  # collections whose folders are read and evaluated from the start
    #: folder that the best pictures are copied to; None for one in the folder of each collection
    copy_to: Path | None = None
    names: frozenset[str] = frozenset()  # further host names that the server answers to
    #: in the name of the session cookie, so that servers of one machine do not log each other out, and in its key
    port: int = 0
    secret: str = ""  # of the user, behind the key that signs the session cookies; empty for another one at every start
    api_token: str = ""  # that other programs on this machine must bear, see ``api``; empty to answer none
    ended: Path | None = None  # see ``Sessions``


class Server:
    """All open collections of a server, and the model and judges they share; ``names`` are those that visitors entered."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.throttle = Throttle()
        self.names = TakenNames()
        self._lock = threading.Lock()
        self._generator: ImageGenerator | None = None
        self.judges = Catalogue(settings.tastes, settings.judges)
        # A mistake is seen at the start.
        _ = self.judges.offered
        drawing = threading.Lock()
        self.learning = TaskProcess("Learning")
        self.decoding = DecodingProcesses()
        #: Held by every request that reads files, so that those that wait for a disk or a decoder leave threads to others.
        self.reading = asyncio.Semaphore(READING)
        self.collections: list[OpenCollection] = []
        with contextlib.ExitStack() as opened:
            # If one of the collections cannot be opened, none of the others stays open.
            opened.callback(self.close)
            for number, where in enumerate(settings.collections):
                self.collections.append(self._open(number, where, drawing))
            identities = [identity(current.collection) for current in self.collections]
            self.key = server_key(settings.secret, settings.port, identities)
            self.sessions = Sessions(
                self.key, settings.token, settings.password, guests=settings.guests, ended=settings.ended
            )
            opened.pop_all()
        self._look_at_backend()
        for folder, current in zip(settings.collections, self.collections, strict=True):
            if folder in settings.read:
                current.start.read()

    def _open(self, number: int, where: Path | str, drawing: threading.Lock) -> OpenCollection:
        """Open a collection whose pictures are decoded outside of this process, with its services."""
        settings = self.settings
        collection = Collection(where)
        collection.decode, collection.model_effect = self.decoding.decode, settings.model_effect
        try:
            return OpenCollection(
                number,
                collection,
                settings.tastes,
                self.generator,
                drawing,
                self.learning,
                self.judges,
                settings.allowed,
                start=Start(settings.priors, settings.tastes.folder),
                watch=settings.watch,
                copy_to=settings.copy_to,
            )
        except BaseException:
            collection.close()
            raise

    def generator(self) -> ImageGenerator:
        """The model that draws, loaded once."""
        with self._lock:
            if self._generator is None:
                self._generator = self.settings.load()
            return self._generator

    @property
    def backend_model(self) -> str:
        """The model of the running backend that draws; empty for a model in this process, or while it is not known."""
        return getattr(self._generator, "checkpoint", "") if self.settings.backend else ""

    def _look_at_backend(self) -> None:
        """Learn in the background which model a backend has, so that pages can name it; one that is off is tried later."""

        def look() -> None:
            with contextlib.suppress(SoartError):
                self.generator()

        if self.settings.backend is not None:
            threading.Thread(target=look, name="soart-backend", daemon=True).start()

    def close(self) -> None:
        """Close every collection, and end the processes."""
        for collection in self.collections:
            collection.close()
        self.learning.close()
        self.decoding.close()


def server_of(request: Request) -> Server:
    """The server of a request."""
    server: Server = request.app.state.server
    return server


def current_collection(request: Request) -> OpenCollection:
    """The collection of a request; pictures outside of its folders are hidden from guests."""
    collections, number = server_of(request).collections, int(request.path_params["collection"])
    if not 0 <= number < len(collections):
        raise NotFoundError("There is no such collection here: go back to the list of collections.")
    show_within(None if is_owner(request) else collections[number].allowed)
    return collections[number]


def rater_of(request: Request) -> str:
    """Name of the rater of a request; guests who have not entered one share a name that is not the owner's."""
    own = server_of(request).settings.rater
    name: str = request.session.get("rater", "")
    return name or (own if is_owner(request) else _shared_name(own))


def _shared_name(own: str) -> str:
    """Name of the guests who have not entered one, beside an owner called ``own``."""
    return next(shared for shared in GUEST_RATERS if shared != own)


def check_may_bear(request: Request, name: str) -> None:
    """Refuse a guest the name of another rater, unless this browser bore it before."""
    allowed = {*names_of(request.session), _shared_name(server_of(request).settings.rater)}
    if not is_owner(request) and name not in allowed:
        raise ForbiddenError(f"The name {name!r} belongs to another rater: choose another one.")


def is_owner(request: Request) -> bool:
    """True if the session of a request is the owner's."""
    return server_of(request).sessions.role(request.session) == OWNER


def check_owner(request: Request) -> None:
    """Refuse a request that only the owner may make."""
    if not is_owner(request):
        raise ForbiddenError(
            "Only the owner of this server may move or add files, or start judges: open the address with the token "
            "that it printed when it started."
        )


class ForbiddenError(SoartError):
    """Raised for a request that only the owner may make."""


class NotFoundError(SoartError):
    """Raised for an address without a page or collection."""
