"""A taste as a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import ImageError
from ...metrics.damage.fitness import fit_values
from ...metrics.damage.names import TASTE
from ...metrics.items.combined import CombinedExtractor, ItemKind, stored_parts, taste_extractor, with_nima
from ...metrics.items.nima import ITEMS, NIMA, NimaExtractor
from ...metrics.protocols import POINTS, Making, Pictures, Reason, Values
from ...metrics.tastes.blend import Blend, Taste, parts_of
from ...metrics.tastes.by_example import Known, explain, unlike_examples
from ...metrics.tastes.taste import LearntTaste, computed_priors, tastes_without
from ...metrics.tastes.taste_files import check_version, content_hash
from .prior_scores import taste_with_given

#: Pictures that tell whether all are unlike those that a taste was learnt from.
_LOOKED_AT = 100


def doubt_of(taste: LearntTaste, lack: str) -> str:
    """A sentence on an unreliable taste that was learnt for pictures which lack something; see ``tastes_without``."""
    return f"The taste {taste.name!r} is not reliable yet for pictures that {lack} ({taste.trust.sentence})."


@dataclass(frozen=True)
class TasteJudge:
    """A taste that scores pictures."""

    taste: Taste
    extractor: CombinedExtractor
    scale, needs = POINTS, ("items",)

    @classmethod
    def of(cls, taste: Taste, device: str = "cpu") -> TasteJudge:
        """Make a judge of a taste, with the extractor that it needs."""
        extractor = taste_extractor(taste.network, device)
        # Tastes of earlier versions do without.
        extractor = with_nima(extractor) if {*ITEMS} <= {*taste.names} else extractor
        check_version(taste, extractor.names, extractor.version)
        return cls(taste, extractor)

    @property
    def kinds(self) -> tuple[ItemKind, ...]:
        """Kinds of items that an evaluation must measure for it."""
        return tuple(
            ItemKind(part.version, NIMA if isinstance(part, NimaExtractor) else self.taste.network)
            for part in stored_parts(self.extractor)
        )

    @property
    def name(self) -> str:
        """Name of the taste."""
        return self.taste.name

    @cached_property
    def version(self) -> str:
        """A hash of what was learnt."""
        return content_hash(self.taste)

    @property
    def stored_name(self) -> str:
        """Name under which scores are stored."""
        return f"{TASTE}{self.taste.name}"

    def doubt(self) -> str | None:
        """A sentence to show beside the scores; None for a reliable taste."""
        return self._doubt

    @cached_property
    def _doubt(self) -> str | None:
        if self.taste.trust.useless:
            return f"The taste {self.taste.name!r} is not reliable yet ({self.taste.trust.sentence})."
        without = () if isinstance(self.taste, Blend) else tastes_without(self.taste)
        return next((doubt_of(alone, lack) for lack, alone in without if alone.trust.useless), None)

    def notes(self, pictures: Pictures) -> list[str]:
        """A sentence if the pictures are unlike those that it was learnt from."""
        some = pictures.ids[:: max(1, len(pictures.ids) // _LOOKED_AT)]
        try:
            items = pictures.part({*some}).items(self.extractor)
        except ImageError:
            # Stored values can outlive the files that their items were measured on.
            return []
        if not all(unlike_examples(part, items) for part in parts_of(self.taste)):
            return []
        return [
            f"These pictures are unlike all that the taste {self.taste.name!r} was learnt from, so its order of them may mean "
            "little: rate some of them too."
        ]

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; callers must show ``doubt()`` with them."""
        return self.taste.score(items, useless_ok=True)

    def explain(self, items: np.ndarray, among: np.ndarray | None = None) -> list[list[Reason]]:
        """The parts of each score by example, see ``ItemJudge.explain``; the usual picture is the mean learning picture."""
        return explain(self.taste, Known(items), None if among is None else Known(among))

    def values(self, pictures: Pictures) -> Values:
        """Values of pictures, by other judges and raters too where it was learnt with them."""
        items = pictures.items(self.extractor)
        priors, makings = self._priors(pictures, items), self.makings(pictures)
        if isinstance(self.taste, Blend):
            values = self.taste.score(items, makings, useless_ok=True)
        else:
            values = self.taste.score(items, priors, makings, useless_ok=True)
        return fit_values(values, items, self.extractor.names)

    def reasons(self, pictures: Pictures, among: Pictures | None = None) -> list[list[Reason]]:
        """The parts of each value, see ``explain``."""
        return explain(self.taste, self._known(pictures), None if among is None else self._known(among))

    def _known(self, pictures: Pictures) -> Known:
        items = pictures.items(self.extractor)
        return Known(items, self._priors(pictures, items), self.makings(pictures))

    def makings(self, pictures: Pictures) -> Sequence[Making | None] | None:
        """Makings of pictures; None if it makes no difference to the taste."""
        return pictures.metadata() if any(part.of_making for part in parts_of(self.taste)) else None

    def _priors(self, pictures: Pictures, items: np.ndarray) -> np.ndarray | None:
        """(n, k) prior scores of pictures with (n, p) items; None if the taste starts from nothing that others know."""
        taste = taste_with_given(self)
        given = None if taste is None else pictures.given(taste.rater, taste.prior_names)
        if taste is None or given is None:
            return None
        return computed_priors(taste.prior_names, items, taste.names, given, taste.tastes)
