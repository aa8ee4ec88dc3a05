"""Appeal: the built-in judge of how beautiful people in general find a picture; see ``metrics/tastes/appeal.py``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ...metrics.items.combined import CombinedExtractor, taste_extractor
from ...metrics.items.networks import EFFICIENTNET
from ...metrics.protocols import Extractor
from ...metrics.tastes.appeal import APPEAL, VERSION, appeal_model


class AppealJudge:
    """Predicts the mean rating of a picture, 1 to 7.

    Args:
        extractor: of tastes, with the default network.
    """

    name, range, higher_is_better, needs_prompt = APPEAL, (1.0, 7.0), True, False

    def __init__(self, extractor: CombinedExtractor) -> None:
        self._extractor = extractor
        self.version = hashlib.sha256(f"{VERSION} {extractor.version}".encode()).hexdigest()[:12]

    @property
    def extractor(self) -> Extractor:
        """That of tastes; items are stored, so a picture is measured once for tastes and this judge."""
        return self._extractor

    def judge(self, pictures: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """(n,) values of pictures."""
        return self.judge_items([self._extractor.extract(picture)[0] for picture in pictures], prompts)

    def judge_items(self, items: Sequence[np.ndarray] | np.ndarray, prompts: Sequence[str]) -> np.ndarray:
        """(n,) values of n rows of items."""
        rows = np.asarray(items, dtype=np.float64).reshape(-1, len(self._extractor.names))
        values: np.ndarray = np.clip(appeal_model().scores(rows, self._extractor.names), *self.range)
        return values


def load(argument: str) -> AppealJudge:
    """Load the judge; it takes no argument.

    Raises:
        ModelError: the weights of the network are missing or damaged.
    """
    return AppealJudge(taste_extractor(EFFICIENTNET))
