"""Why one picture of a collection scored as it did, by whatever profile: reasons in words, and a map of where."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..metrics.blend import Blend
from ..metrics.explain import heat_map, overlay
from ..metrics.image import read_image
from ..metrics.technical import Reason
from .collection import Collection
from .rank import Scorer, measure
from .schema import ImageRow
from .tastescorer import TasteScorer

#: Longest side of a picture under its heat map.
SIDE = 1024


@dataclass(frozen=True)
class Why:
    """A score with its reasons, largest first; the score is None for a picture that cannot be read, and then there is a problem."""

    score: float | None
    reasons: tuple[Reason, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class _Liking:
    """A scorer's score as the liking that heat maps are drawn of."""

    scorer: Scorer

    def liking(self, items: object) -> np.ndarray:
        return self.scorer.score(np.asarray(items, dtype=np.float64))


def why(store: Collection, row: ImageRow, scorer: Scorer) -> Why:
    """Score a picture and say why."""
    items, problems = measure(store, [row], scorer)
    if row.id not in items:
        return Why(None, problem=problems[0])
    matrix = items[row.id][None].astype(np.float64)
    return Why(float(scorer.score(matrix)[0]), tuple(scorer.explain(matrix)[0]))


def heat_picture(store: Collection, row: ImageRow, scorer: Scorer) -> bytes:
    """The picture under its heat map, as JPEG: green where the profile likes it better than the rest of it, red where less.

    Raises:
        ImageError: the picture is gone or cannot be decoded.
    """
    pixels = read_image(store.locate(row)).pixels
    profile = (
        scorer.taste if isinstance(scorer, TasteScorer) and not isinstance(scorer.taste, Blend) else _Liking(scorer)
    )
    heat = heat_map(profile, scorer.extractor, pixels)
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    # Small pictures are enlarged in whole steps, so that the map is smooth while their pixels stay sharp.
    step = max(1, 256 // max(image.size))
    image = image.resize((image.width * step, image.height * step), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    Image.fromarray(overlay(np.asarray(image), heat)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
