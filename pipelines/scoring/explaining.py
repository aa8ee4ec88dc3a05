"""Why one picture of a collection scored as it did, by whatever profile: reasons in words, and a map of where."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import CollectionError
from ...metrics.image import read_image
from ...metrics.protocols import Reason, Scorer
from ...metrics.tastes.blend import Blend, only_profile
from ...metrics.tastes.explanation import Explanation, explain, heat_map, overlay, patch_map
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from .measuring import measure
from .taste_scorer import TasteScorer

#: Longest side of a picture under its heat map.
SIDE = 1024


@dataclass(frozen=True)
class ScoreExplanation:
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


def explain_score(collection: Collection, row: ImageRow, scorer: Scorer) -> ScoreExplanation:
    """Score a picture and say why."""
    items, problems = measure(collection, [row], scorer)
    if row.id not in items:
        return ScoreExplanation(None, problem=problems[0])
    matrix = items[row.id][None].astype(np.float64)
    return ScoreExplanation(float(scorer.score(matrix)[0]), tuple(scorer.explain(matrix)[0]))


def heat_picture(collection: Collection, row: ImageRow, scorer: Scorer) -> bytes:
    """The picture under its heat map, as JPEG: green where the profile likes it better than the rest of it, red where less.

    Raises:
        ImageError: the picture is gone or cannot be decoded.
    """
    pixels = read_image(collection.locate(row)).pixels
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


@dataclass(frozen=True)
class ExplainedPicture:
    """Why a picture scored as it did.

    Attributes:
        score: under the profile.
        reasons: the largest first.
        heat: (g, g), positive where the picture is better than its own mean.
        overlay: the picture under its heat map, (h, w, 3) uint8.
    """

    score: float
    reasons: tuple[Reason, ...]
    heat: np.ndarray
    overlay: np.ndarray


def explain_pixels(scorer: Scorer, pixels: np.ndarray, grid: int = 4, top: int = 6) -> ExplainedPicture:
    """Explain the score of one picture.

    Args:
        scorer: the profile, a taste or a built-in one.
        pixels: (h, w, 3) uint8 or floating 0…1.
        grid: patches a side of the heat map.
        top: reasons given, at most.

    Raises:
        ImageError: no picture that can be measured.
    """
    items = scorer.extractor.extract(pixels).astype(np.float32).astype(np.float64)
    value = scorer.taste.liking if isinstance(scorer, TasteScorer) else scorer.score
    heat = patch_map(value, scorer.extractor, pixels, grid)
    reasons = scorer.explain(items, top)[0]
    return ExplainedPicture(float(scorer.score(items)[0]), tuple(reasons), heat, overlay(pixels, heat))


@dataclass(frozen=True)
class Explained:
    """One picture explained.

    Attributes:
        explanation: its reasons.
        score: 0–100.
        percentile: within the taste's own collection.
        heat: (g, g) heat map.
        overlay: the picture under its heat map, (h, w, 3) uint8.
    """

    explanation: Explanation
    score: float
    percentile: float
    heat: np.ndarray
    overlay: np.ndarray


def explain_picture(scorer: TasteScorer, path: Path, grid: int = 4) -> Explained:
    """Explain the score of a picture file.

    Raises:
        ImageError: no sound picture.
        ProfileError: the taste is a blend.
    """
    profile = only_profile(scorer.taste)
    pixels = read_image(path).pixels
    items = scorer.extractor.extract(pixels).astype(np.float32).astype(np.float64)
    liking = profile.liking(items)
    heat = heat_map(profile, scorer.extractor, pixels, grid)
    return Explained(
        explain(profile, items, top=6)[0],
        float(100 * profile.probability(liking)[0]),
        float(profile.percentile(liking)[0]),
        heat,
        overlay(pixels, heat),
    )


def write_picture(pixels: np.ndarray, path: Path) -> Path:
    """Write (h, w, 3) uint8 pixels as PNG.

    Raises:
        CollectionError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, "PNG")
    except OSError as error:
        raise CollectionError(f"The picture {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return path.resolve()
