"""The built-in judges that were learnt from people's opinions: ``appeal`` and ``rated_quality`` of ``metrics``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from ...metrics.damage import rated_quality
from ...metrics.damage.scorer import why_unfit
from ...metrics.items.combined import CombinedExtractor, taste_extractor
from ...metrics.items.packaged import EFFICIENTNET
from ...metrics.protocols import Extractor
from ...metrics.tastes import appeal

#: Version, range and model of each.
_MODELS: dict[str, tuple[str, tuple[float, float], Callable[[], appeal.Appeal | rated_quality.RatedQuality]]] = {
    appeal.APPEAL: (appeal.VERSION, (1.0, 7.0), appeal.appeal_model),
    rated_quality.RATED_QUALITY: (rated_quality.VERSION, (0.0, 1.0), rated_quality.rated_quality_model),
}


class OpinionJudge:
    """Predicts the mean of what people say of a picture: appeal, 1 to 7, or rated quality, 0 to 1.

    Args:
        name: ``appeal`` or ``rated-quality``.
        extractor: of tastes, with the default network.
    """

    higher_is_better, needs_prompt = True, False

    def __init__(self, name: str, extractor: CombinedExtractor) -> None:
        self.name, self._extractor = name, extractor
        version, self.range, self._model = _MODELS[name]
        self.version = hashlib.sha256(f"{version} {extractor.version}".encode()).hexdigest()[:12]

    @property
    def extractor(self) -> Extractor:
        """That of tastes; items are stored, so a picture is measured once for tastes and this judge."""
        return self._extractor

    def judge(self, pictures: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """(n,) values of pictures; NaN where it cannot tell."""
        return self.judge_items([self._extractor.extract(picture)[0] for picture in pictures], prompts)

    def judge_items(self, items: Sequence[np.ndarray] | np.ndarray, prompts: Sequence[str]) -> np.ndarray:
        """(n,) values of n rows of items; NaN where it cannot tell."""
        rows = np.asarray(items, dtype=np.float64).reshape(-1, len(self._extractor.names))
        values = np.clip(self._model().scores(rows, self._extractor.names), *self.range)
        fit = np.array([not reason for reason in why_unfit(rows, self._extractor.names)], dtype=bool)
        return np.where(fit, values, np.nan)


def load(argument: str) -> OpinionJudge:
    """Load the judge of this name.

    Raises:
        ModelError: the weights of the network are missing or damaged.
    """
    return OpinionJudge(argument, taste_extractor(EFFICIENTNET))
