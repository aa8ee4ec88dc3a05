"""What the server holds: one place for each collection, with its profiles, its background work and its desks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from ...errors import SoartError
from ...pipelines.collection.collection import Collection
from ...pipelines.scoring.collection_profiles import CollectionProfiles
from ...pipelines.scoring.profile_store import ProfileStore
from ...pipelines.services.evaluation import EvaluationService
from ...pipelines.services.rating import RatingService
from ...pipelines.services.tuning import TuningService
from ...pipelines.support.background import Jobs

if TYPE_CHECKING:
    from ...pipelines.models.generator import ImageGenerator


class Place:
    """One collection and everything that goes on in it."""

    def __init__(
        self,
        number: int,
        collection: Collection,
        user: ProfileStore,
        load: Callable[[], ImageGenerator],
        drawing: threading.Lock,
    ) -> None:
        self.number, self.collection, self.jobs = number, collection, Jobs()
        self.name = Path(collection.name).resolve().name
        self.shelf = CollectionProfiles(collection, user)
        self.tune = TuningService(collection, self.shelf, self.jobs, load, drawing)
        self.evaluation = EvaluationService(collection, self.shelf, self.jobs)
        self._lock = threading.Lock()
        self._desks: dict[str, RatingService] = {}

    @property
    def base(self) -> str:
        """Start of its addresses."""
        return f"/c/{self.number}"

    def desk(self, rater: str) -> RatingService:
        """Where a rater rates."""
        with self._lock:
            if rater not in self._desks:
                self._desks[rater] = RatingService(self.collection, self.shelf, self.jobs, rater)
            return self._desks[rater]

    def close(self) -> None:
        """End the background work, then the database."""
        self.jobs.close()
        self.collection.close()


@dataclass(frozen=True)
class Settings:
    """How the server was started.

    Attributes:
        collections: folders, or URLs of databases.
        load: gives the model that draws.
        vocabulary: of plain prompts: ``embedded`` or ``general``.
        profiles: the user's tastes.
        rater: name of whoever has not said theirs.
        password: asked for where it is not empty.
        host: address listened on.
        names: further host names that requests may be addressed to.
        local: only this machine can reach the server, so that folders of it may be named.
        secret: signs the session cookies.
    """

    collections: Sequence[Path | str]
    load: Callable[[], ImageGenerator]
    vocabulary: str = "embedded"
    profiles: ProfileStore = field(default_factory=ProfileStore)
    rater: str = "me"
    password: str = ""
    host: str = "127.0.0.1"
    names: frozenset[str] = frozenset()
    local: bool = True
    secret: str = ""


class Site:
    """All places of a server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._generator: ImageGenerator | None = None
        drawing = threading.Lock()
        self.places = [
            Place(number, Collection(folder), settings.profiles, self.generator, drawing)
            for number, folder in enumerate(settings.collections)
        ]

    def generator(self) -> ImageGenerator:
        """The model that draws, loaded once."""
        with self._lock:
            if self._generator is None:
                self._generator = self.settings.load()
            return self._generator

    def close(self) -> None:
        """Close every place."""
        for place in self.places:
            place.close()


def site_of(request: Request) -> Site:
    """The site a request came to."""
    site: Site = request.app.state.site
    return site


def place_of(request: Request) -> Place:
    """The collection a request is about.

    Raises:
        SoartError: there is no such one.
    """
    places, number = site_of(request).places, int(request.path_params["place"])
    if not 0 <= number < len(places):
        raise MissingError("There is no such collection here: go back to the list of collections.")
    return places[number]


def rater_of(request: Request) -> str:
    """Who is asking, by name."""
    name: str = request.session.get("rater", site_of(request).settings.rater)
    return name


class MissingError(SoartError):
    """An address that leads nowhere."""
