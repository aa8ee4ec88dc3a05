"""The built-in judges that were learnt from people's opinions: appeal, rated quality and NIMA."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from ...metrics.damage import rated_quality
from ...metrics.damage.fitness import fit_values
from ...metrics.items.combined import CombinedExtractor, ItemKind, taste_extractor
from ...metrics.items.nima import NIMA, VERSION, NimaExtractor, nima_values
from ...metrics.items.packaged import EFFICIENTNET
from ...metrics.protocols import Extractor, Judge, Pictures, Scale, Values
from ...metrics.tastes import appeal

#: Version, scale and model of each.
_MODELS: dict[str, tuple[str, Scale, Callable[[], appeal.Appeal | rated_quality.RatedQuality]]] = {
    appeal.APPEAL: (appeal.VERSION, Scale(1.0, 7.0, "mean rating"), appeal.appeal_model),
    rated_quality.RATED_QUALITY: (
        rated_quality.VERSION,
        Scale(0.0, 1.0, "mean rating"),
        rated_quality.rated_quality_model,
    ),
}


class OpinionJudge:
    """Predicts the mean of what people say of a picture: ``appeal``, 1 to 7, or ``rated-quality``, 0 to 1."""

    needs = ("items",)

    def __init__(self, name: str, extractor: CombinedExtractor) -> None:
        self.name, self._extractor = name, extractor
        version, self.scale, self._model = _MODELS[name]
        self.version = hashlib.sha256(f"{version} {extractor.version}".encode()).hexdigest()[:12]

    @property
    def extractor(self) -> Extractor:
        """That of tastes; items are stored, so a picture is measured once for tastes and this judge."""
        return self._extractor

    def values(self, pictures: Pictures) -> Values:
        """Values of pictures; none for those that are too small, all black or of one tone."""
        items, names = pictures.items(self.extractor), self._extractor.names
        return fit_values(np.clip(self._model().scores(items, names), *self.scale[:2]), items, names)


class NimaJudge:
    """Predicts the mean mark, 1 to 10, that people who rate photographs would give."""

    name, version, scale, needs = NIMA, VERSION, Scale(1.0, 10.0, "mean rating"), ("items",)
    #: Kinds of items that other processes measure for it.
    kinds = (ItemKind(VERSION, NIMA),)

    def __init__(self) -> None:
        self.extractor = NimaExtractor()

    def values(self, pictures: Pictures) -> Values:
        """Values of pictures; none for those that are too small, too long or of one tone."""
        return nima_values(pictures.items(self.extractor))


def load(argument: str) -> Judge:
    """Load the judge of this name."""
    return NimaJudge() if argument == NIMA else OpinionJudge(argument, taste_extractor(EFFICIENTNET))
