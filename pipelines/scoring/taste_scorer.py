"""A taste as something that ranks pictures, in place of the technical score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...metrics.items.combined import CombinedExtractor, taste_extractor
from ...metrics.protocols import Reason
from ...metrics.tastes.blend import Blend, Taste
from ...metrics.tastes.explanation import explain
from ...metrics.tastes.fitting import CHUNK
from ...metrics.tastes.profile_files import check_version


@dataclass(frozen=True)
class TasteMeasurer:
    """Measures the items of tastes."""

    extractor: CombinedExtractor


@dataclass(frozen=True)
class TasteScorer:
    """A taste that ranks the pictures of a collection.

    Attributes:
        taste: the profile or blend.
        extractor: of its version.
    """

    taste: Taste
    extractor: CombinedExtractor

    @classmethod
    def of(cls, taste: Taste, device: str = "cpu") -> TasteScorer:
        """Find the extractor a taste needs.

        Raises:
            ProfileError: this soart measures other items.
            ModelError: the network behind its deep items cannot be loaded.
        """
        extractor = taste_extractor(taste.network, device)
        check_version(taste, extractor.names, extractor.version)
        return cls(taste, extractor)

    @property
    def stored_name(self) -> str:
        """Under which scores are stored."""
        return f"taste:{self.taste.name}"

    @cached_property
    def warning(self) -> str | None:
        """What must be said beside the scores; None for a taste that can be trusted."""
        if not self.taste.trust.useless:
            return None
        return f"The taste {self.taste.name!r} is not to be trusted yet ({self.taste.trust.sentence})."

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; ``warning`` belongs beside them."""
        return self.taste.score(items, useless_ok=True)

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons for each score; of a blend those of its weightiest part."""
        part = self.taste
        if isinstance(part, Blend):
            part = part.parts[int(np.argmax(part.weights))]
        blocks = (items[i : i + CHUNK] for i in range(0, len(items), CHUNK))
        return [list(one.reasons) for block in blocks for one in explain(part, block, top=top)]
