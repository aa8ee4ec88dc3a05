"""The judges of items that a collection knows.

Lookup order: the collection's tastes (one per rater), the user's tastes, the built-in scores.
"""

from __future__ import annotations

import threading
from pathlib import Path

from ...errors import SoartError, TasteError
from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ...metrics.tastes.blend import Taste
from ...metrics.tastes.overall import BuiltInJudge
from ..collection.collection import Collection
from ..support.judge_names import ITEM_SCORES
from .taste_judge import TasteJudge
from .taste_store import TasteStore, built_in_judge, tastes_of


class CollectionTastes:
    """Judges by name; lookup order: the collection's tastes, the user's tastes, the built-in scores."""

    def __init__(self, collection: Collection, user: TasteStore) -> None:
        if collection.folder is None:
            raise TasteError("A collection in memory cannot hold tastes: give it a folder.")
        self.own, self.user = tastes_of(collection.folder), user
        self._lock = threading.Lock()
        self._tastes: dict[tuple[Path, int], TasteJudge] = {}
        self._built_in: dict[str, BuiltInJudge] = {}

    def names(self) -> list[str]:
        """Names of all tastes, those of the collection first."""
        own = self.own.names()
        return [*own, *(name for name in self.user.names() if name not in own)]

    def judges(self) -> list[str]:
        """Names of all judges of items: the overall and the technical score, tastes that can be relied on, others, detectors."""
        tastes = self.names()
        reliable = [name for name in tastes if self._doubt(name) == ""]
        return [OVERALL, TECHNICAL, *reliable, *(name for name in tastes if name not in reliable), *DETECTORS]

    def doubtful(self) -> dict[str, str]:
        """Words of trust, such as ``no better than chance``, by name, of the tastes that cannot be relied on."""
        return {name: word for name in self.names() if (word := self._doubt(name))}

    def _doubt(self, taste: str) -> str | None:
        """The word of trust of a taste that cannot be relied on; empty for others, None for one that cannot be used."""
        try:
            judge = self.judge(taste)
        except SoartError:
            return None
        return judge.taste.trust.word if isinstance(judge, TasteJudge) and judge.taste.trust.useless else ""

    def home(self, name: str) -> TasteStore:
        """The store that holds a taste; that of the user for built-in judges."""
        if self.own.holds(name):
            return self.own
        if self.user.holds(name) or name in ITEM_SCORES:
            return self.user
        known = ", ".join(self.names()) or "none yet"
        raise TasteError(
            f"There is no taste {name!r}, neither in this collection nor among your own (available: {known})."
        )

    def path(self, name: str) -> Path:
        """The file of a taste."""
        return self.home(name).path(name)

    def load(self, name: str) -> Taste:
        """The taste of a name."""
        return self.home(name).load(name)

    def judge(self, name: str) -> TasteJudge | BuiltInJudge:
        """The judge of a name; a taste is read again only when its file has changed."""
        home = self.home(name)
        if name in ITEM_SCORES and not home.holds(name):
            with self._lock:
                if name not in self._built_in:
                    self._built_in[name] = built_in_judge(name)
                return self._built_in[name]
        path = home.path(name)
        try:
            key = path, path.stat().st_mtime_ns
        except FileNotFoundError:
            # Deleted meanwhile: another taste may have the name.
            return self.judge(name)
        with self._lock:
            if key not in self._tastes:
                self._tastes = {k: v for k, v in self._tastes.items() if k[0] != path and k[0].exists()}
                self._tastes[key] = TasteJudge.of(home.load(name))
            return self._tastes[key]
