"""The profiles that can judge a collection: tastes kept in it (one a rater), the user's own tastes, and the built-in scores."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from ..errors import ProfileError
from ..metrics.blend import Taste
from ..metrics.taste import TECHNICAL
from ..metrics.technical import DETECTORS, TechnicalScorer
from .background import Job
from .collection import Collection
from .gallery import rows_of
from .profilestore import ProfileStore, scorer_named
from .rank import Scorer, measure
from .tastescorer import TasteScorer

#: Pictures scored in one step.
STEP = 128
#: Folder in a collection that keeps its raters' tastes.
FOLDER = "tastes"


class Shelf:
    """Profiles by name; a taste in the collection goes before one of the user, and that before a built-in score.

    Args:
        store: the collection.
        user: the user's tastes.
    """

    def __init__(self, store: Collection, user: ProfileStore) -> None:
        if store.folder is None:
            raise ProfileError("A collection in memory keeps no tastes: give it a folder.")
        self.own, self.user = ProfileStore(store.folder / FOLDER), user
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


def score_all(store: Collection, scorer: Scorer, job: Job) -> tuple[int, list[str]]:
    """Measure what is not measured yet, and score every sound picture; what is done stays when the job is cancelled.

    Returns:
        how many pictures were scored, and a sentence for each that cannot be read.
    """
    ids = store.ids()
    job.expect(len(ids))
    problems: list[str] = []
    done = 0
    for start in range(0, len(ids), STEP):
        rows = rows_of(store, ids[start : start + STEP])
        items, unreadable = measure(store, rows, scorer, progress=job.advance)
        problems += unreadable
        if items:
            scores = scorer.score(np.stack(list(items.values())).astype(np.float64))
            store.set_scores(scorer.name, dict(zip(items, scores.tolist(), strict=True)))
            done += len(items)
    return done, problems
