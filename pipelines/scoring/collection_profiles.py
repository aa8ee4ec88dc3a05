"""The profiles that can judge a collection: tastes kept in it (one a rater), the user's own tastes, and the built-in scores."""

from __future__ import annotations

import threading
from pathlib import Path

from ...errors import ProfileError
from ...metrics.damage.scorer import DETECTORS, TechnicalScorer
from ...metrics.tastes.blend import Taste
from ...metrics.tastes.profile import TECHNICAL
from ..collection.collection import Collection
from .profile_store import ProfileStore, scorer_named
from .taste_scorer import TasteScorer

#: Folder in a collection that keeps its raters' tastes.
FOLDER = "tastes"


class CollectionProfiles:
    """Profiles by name; a taste in the collection goes before one of the user, and that before a built-in score.

    Args:
        collection: the collection.
        user: the user's tastes.
    """

    def __init__(self, collection: Collection, user: ProfileStore) -> None:
        if collection.folder is None:
            raise ProfileError("A collection in memory keeps no tastes: give it a folder.")
        self.own, self.user = ProfileStore(collection.folder / FOLDER), user
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, int], TasteScorer] = {}
        self._built_in: dict[str, TechnicalScorer] = {}

    def tastes(self) -> list[str]:
        """Names of all tastes, those of the collection first."""
        own = self.own.names()
        return [*own, *(name for name in self.user.names() if name not in own)]

    def names(self) -> list[str]:
        """Names of all profiles."""
        tastes = self.tastes()
        return [*tastes, *(name for name in (TECHNICAL, *DETECTORS) if name not in tastes)]

    def home(self, name: str) -> ProfileStore:
        """Where a taste lies."""
        return self.own if name in self.own.names() else self.user

    def taste(self, name: str) -> Taste:
        """A taste.

        Raises:
            ProfileError: there is none of that name, or its file is damaged.
        """
        return self.home(name).load(name)

    def scorer(self, name: str) -> TasteScorer | TechnicalScorer:
        """What ranks under a name; a taste is read again only when its file has changed.

        Raises:
            ProfileError: there is none of that name, its file is damaged, or it needs other items than this soart measures.
            ModelError: the network behind its deep items cannot be loaded.
        """
        home = self.home(name)
        if name not in home.names():
            with self._lock:
                if name not in self._built_in:
                    found = scorer_named(name, home)
                    if isinstance(found, TasteScorer):
                        return found
                    self._built_in[name] = found
                return self._built_in[name]
        path = home.path(name)
        key = path, path.stat().st_mtime_ns
        with self._lock:
            if key not in self._known:
                self._known = {k: v for k, v in self._known.items() if k[0] != path}
                self._known[key] = TasteScorer.of(home.load(name))
            return self._known[key]
