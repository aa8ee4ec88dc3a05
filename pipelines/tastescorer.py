"""A taste as something that ranks pictures, in place of the technical score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..metrics.blend import Blend, Taste
from ..metrics.combined import CombinedExtractor, taste_extractor
from ..metrics.explain import explain
from ..metrics.fitting import CHUNK
from ..metrics.profiles import check_version
from ..metrics.technical import Reason
from .collection import Collection


@dataclass(frozen=True)
class Measurer:
    """Measures the items of tastes."""

    extractor: CombinedExtractor


@dataclass(frozen=True)
class TasteScorer:
    """A taste that ranks the pictures of a collection.

    Attributes:
        taste: the profile or blend.
        extractor: of its version.
    """

    higher_is_better = True

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
    def name(self) -> str:
        """Under which scores are stored."""
        return f"taste:{self.taste.name}"

    @cached_property
    def warning(self) -> str | None:
        """What must be said beside the scores; None for a taste that can be trusted."""
        if not self.taste.trust.useless:
            return None
        return f"The taste {self.taste.name!r} is not to be trusted yet ({self.taste.trust.sentence})."

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items; :attr:`warning` belongs beside them."""
        return self.taste.score(items, useless_ok=True)

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons for each score; of a blend those of its weightiest part."""
        part = self.taste
        if isinstance(part, Blend):
            part = part.parts[int(np.argmax(part.weights))]
        blocks = (items[i : i + CHUNK] for i in range(0, len(items), CHUNK))
        return [list(one.reasons) for block in blocks for one in explain(part, block, top=top)]


def rescore(store: Collection, scorer: TasteScorer) -> int:
    """Score every measured picture of a collection anew, from its stored items alone: nothing is decoded.

    Returns:
        how many pictures were scored; those without items of this version are passed over.
    """
    done = 0
    ids = store.ids()
    for start in range(0, len(ids), CHUNK):
        items = store.items(scorer.extractor.version, ids[start : start + CHUNK])
        if items:
            scores = scorer.score(np.stack(list(items.values())).astype(np.float64))
            store.set_scores(scorer.name, dict(zip(items, scores.tolist(), strict=True)))
            done += len(items)
    return done
