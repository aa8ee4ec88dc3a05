"""Appeal: the built-in judge of how beautiful people in general find a picture; see ``metrics/tastes/appeal.py``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ...metrics.items.deep import DeepExtractor
from ...metrics.items.networks import EFFICIENTNET
from ...metrics.protocols import Extractor
from ...metrics.tastes.appeal import APPEAL, VERSION, appeal_model


class AppealJudge:
    """Predicts the mean rating of a picture, 1 to 7.

    Args:
        extractor: the default network at several depths.
    """

    name, range, higher_is_better, needs_prompt = APPEAL, (1.0, 7.0), True, False

    def __init__(self, extractor: DeepExtractor) -> None:
        self._extractor = extractor
        self.version = hashlib.sha256(f"{VERSION} {extractor.version}".encode()).hexdigest()[:12]

    @property
    def extractor(self) -> Extractor:
        """The network; its items are stored, so that a picture is decoded once."""
        return self._extractor

    def judge(self, pictures: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """(n,) values of pictures."""
        return self.judge_items(self._extractor.extract(list(pictures)), prompts)

    def judge_items(self, items: Sequence[np.ndarray] | np.ndarray, prompts: Sequence[str]) -> np.ndarray:
        """(n,) values of n rows of the network's items."""
        scores = appeal_model().scores(np.asarray(items, dtype=np.float64), self._extractor.names)
        values: np.ndarray = np.clip(scores, *self.range)
        return values


def load(argument: str) -> AppealJudge:
    """Load the judge; it takes no argument.

    Raises:
        ModelError: the weights of the network are missing or damaged.
    """
    return AppealJudge(DeepExtractor.load(EFFICIENTNET, depths=True))
