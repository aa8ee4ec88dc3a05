"""The judges of items that a collection knows."""

from __future__ import annotations

import threading
from pathlib import Path

from ...errors import SoartError, TasteError
from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ...metrics.tastes.overall import BuiltInJudge
from ..collection.collection import Collection
from ..support.judge_names import ITEM_SCORES
from .taste_judge import TasteJudge
from .taste_store import StoresInTurn, TasteStore, built_in_judge, tastes_of


class CollectionTastes(StoresInTurn):
    """The tastes of a collection, then the user's, and judges by name: tastes before the built-in scores."""

    def __init__(self, collection: Collection, user: TasteStore) -> None:
        if collection.folder is None:
            raise TasteError("A collection in memory cannot hold tastes: give it a folder.")
        own = tastes_of(collection.folder)
        super().__init__(own, user, own=own)
        self.user = user
        self._lock = threading.Lock()
        self._tastes: dict[tuple[Path, int], TasteJudge] = {}
        self._built_in: dict[str, BuiltInJudge] = {}

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

    def existing(self, name: str) -> Path:
        """The file of a taste."""
        if not self.holds(name):
            known = ", ".join(self.names()) or "none yet"
            raise TasteError(
                f"There is no taste {name!r}, neither in this collection nor among your own (available: {known})."
            )
        return super().existing(name)

    def judge(self, name: str) -> TasteJudge | BuiltInJudge:
        """The judge of a name; a taste is read again only when its file has changed."""
        if name in ITEM_SCORES and not self.holds(name):
            with self._lock:
                if name not in self._built_in:
                    self._built_in[name] = built_in_judge(name)
                return self._built_in[name]
        path = self.existing(name)
        try:
            key = path, path.stat().st_mtime_ns
        except FileNotFoundError:
            # Deleted meanwhile: another taste may have the name.
            return self.judge(name)
        with self._lock:
            if key not in self._tastes:
                self._tastes = {k: v for k, v in self._tastes.items() if k[0] != path and k[0].exists()}
                self._tastes[key] = TasteJudge.of(self.load(name))
            return self._tastes[key]
