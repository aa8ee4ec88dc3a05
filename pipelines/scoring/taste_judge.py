"""A taste as a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...metrics.damage.fitness import fit_values
from ...metrics.damage.names import TASTE
from ...metrics.items.combined import CombinedExtractor, ItemKind, taste_extractor
from ...metrics.protocols import POINTS, Making, Pictures, Reason, Values
from ...metrics.tastes.blend import Blend, Taste, parts_of
from ...metrics.tastes.explanation import explain
from ...metrics.tastes.taste import LearntTaste, computed_priors, tastes_without
from ...metrics.tastes.taste_files import check_version, content_hash
from .prior_scores import taste_with_given


def doubt_of(taste: LearntTaste, lack: str) -> str:
    """A sentence on an unreliable taste that was learnt for pictures which lack something; see ``tastes_without``."""
    return f"The taste {taste.name!r} is not reliable yet for pictures that {lack} ({taste.trust.sentence})."


@dataclass(frozen=True)
class TasteJudge:
    """A taste that scores pictures.

    Attributes:
        taste: the profile or blend.
        extractor: measures the items of its version.
    """

    taste: Taste
    extractor: CombinedExtractor
    scale, needs = POINTS, ("items",)

    @classmethod
    def of(cls, taste: Taste, device: str = "cpu") -> TasteJudge:
        """Make a judge of a taste, with the extractor that it needs.

        Raises:
            TasteError: the taste needs items that this soart does not measure.
            ModelError: the network behind its deep items cannot be loaded.
        """
        extractor = taste_extractor(taste.network, device)
        check_version(taste, extractor.names, extractor.version)
        return cls(taste, extractor)

    @property
    def item_kind(self) -> ItemKind:
        """Kind of items that an evaluation must measure for it."""
        return ItemKind(self.taste.version, self.taste.network)

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

    @property
    def _explained(self) -> LearntTaste:
        """The taste that reasons are of: of a blend its heaviest component."""
        if isinstance(self.taste, Blend):
            return self.taste.parts[int(np.argmax(self.taste.weights))]
        return self.taste

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; callers must show ``doubt()`` with them."""
        return self.taste.score(items, useless_ok=True)

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons for each score; for a blend, those of its heaviest component."""
        return [list(explanation.reasons) for explanation in explain(self._explained, items, top=top)]

    def values(self, pictures: Pictures) -> Values:
        """Values of pictures, by other judges and raters too where it was learnt with them."""
        items = pictures.items(self.extractor)
        priors, makings = self._priors(pictures, items), self.makings(pictures)
        if isinstance(self.taste, Blend):
            values = self.taste.score(items, makings, useless_ok=True)
        else:
            values = self.taste.score(items, priors, makings, useless_ok=True)
        return fit_values(values, items, self.extractor.names)

    def reasons(self, pictures: Pictures, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons for each value."""
        items = pictures.items(self.extractor)
        priors = self._priors(pictures, items)
        profile, makings = self._explained, self.makings(pictures)
        priors = None if isinstance(self.taste, Blend) else priors
        return [list(explanation.reasons) for explanation in explain(profile, items, priors, top, makings)]

    def makings(self, pictures: Pictures) -> Sequence[Making | None] | None:
        """Makings of pictures; None if it makes no difference to the taste."""
        return pictures.metadata() if any(part.of_making for part in parts_of(self.taste)) else None

    def _priors(self, pictures: Pictures, items: np.ndarray) -> np.ndarray | None:
        """(n, k) prior scores of pictures with (n, p) items; None if the taste starts from nothing that others know."""
        taste = taste_with_given(self)
        given = None if taste is None else pictures.given(taste.rater, taste.prior_names)
        if taste is None or given is None:
            return None
        return computed_priors(taste.prior_names, items, taste.names, taste.kinds, given, taste.tastes)
