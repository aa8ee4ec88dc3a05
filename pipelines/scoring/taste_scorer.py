"""A taste as a scorer, in place of the technical score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...metrics.damage.names import TASTE
from ...metrics.items.combined import CombinedExtractor, ItemKind, taste_extractor_of
from ...metrics.protocols import Reason
from ...metrics.tastes.blend import Blend, Taste
from ...metrics.tastes.explanation import explain
from ...metrics.tastes.profile import TasteProfile, tastes_without
from ...metrics.tastes.profile_files import check_version


def doubt(taste: TasteProfile, lack: str) -> str:
    """A sentence on an unreliable taste that was learnt for pictures which lack something; see ``tastes_without``."""
    return f"The taste {taste.name!r} is not reliable yet for pictures that {lack} ({taste.trust.sentence})."


@dataclass(frozen=True)
class TasteMeasurer:
    """Measures the items that tastes use."""

    extractor: CombinedExtractor


@dataclass(frozen=True)
class TasteScorer:
    """A taste that scores pictures.

    Attributes:
        taste: the profile or blend.
        extractor: measures the items of its version.
    """

    taste: Taste
    extractor: CombinedExtractor

    @classmethod
    def of(cls, taste: Taste, device: str = "cpu") -> TasteScorer:
        """Make a scorer of a taste, with the extractor that it needs.

        Raises:
            ProfileError: the taste needs items that this soart does not measure.
            ModelError: the network behind its deep items cannot be loaded.
        """
        extractor = taste_extractor_of(taste.version, taste.network, device)
        check_version(taste, extractor.names, extractor.version)
        return cls(taste, extractor)

    @property
    def item_kind(self) -> ItemKind:
        """Kind of items that an evaluation must measure for it."""
        return ItemKind(self.taste.version, self.taste.network)

    @property
    def stored_name(self) -> str:
        """Name under which scores are stored."""
        return f"{TASTE}{self.taste.name}"

    @cached_property
    def warning(self) -> str | None:
        """A sentence to show beside the scores; None for a reliable taste."""
        if self.taste.trust.useless:
            return f"The taste {self.taste.name!r} is not reliable yet ({self.taste.trust.sentence})."
        without = () if isinstance(self.taste, Blend) else tastes_without(self.taste)
        return next((doubt(alone, lack) for lack, alone in without if alone.trust.useless), None)

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; callers must show ``warning`` with them."""
        return self.taste.score(items, useless_ok=True)

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons for each score; for a blend, those of its heaviest component."""
        profile = self.taste
        if isinstance(profile, Blend):
            profile = profile.parts[int(np.argmax(profile.weights))]
        return [list(explanation.reasons) for explanation in explain(profile, items, top=top)]
