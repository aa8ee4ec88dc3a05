"""Pictures in memory, judged together: for hosts that hand over arrays and keep the pictures themselves.

Nothing is kept of them; a picture that cannot be measured is named in a sentence and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...errors import ImageError
from ...metrics.percentiles import percentiles
from ...metrics.protocols import Measurer, Reason, Scorer
from ..collection.collection import Collection
from .measuring import measure
from .taste_scorer import TasteScorer


@dataclass(frozen=True, slots=True)
class ScoredPicture:
    """A picture of a batch.

    Attributes:
        number: its place in the batch, from 0.
        score: under the profile, higher is better.
        percentile: 0–100, see ``score_batch``.
        reasons: what moved the score most.
    """

    number: int
    score: float
    percentile: float
    reasons: tuple[Reason, ...]


def as_pictures(images: Any) -> dict[int, np.ndarray]:  # noqa: ANN401
    """Pictures in any form that a diffusers pipeline gives them, by number.

    Args:
        images: PIL pictures, (h, w, 3) arrays, or tensors of shape (3, h, w); a list of them, or a batch.

    Raises:
        ImageError: something else, such as latents.
    """
    found = {}
    for number, image in enumerate(images):
        pixels = np.asarray(image.convert("RGB")) if isinstance(image, Image.Image) else image
        if isinstance(pixels, torch.Tensor):
            pixels = pixels.detach().to("cpu", torch.float32).movedim(0, -1).numpy()
        if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[-1] != 3:
            shape = getattr(pixels, "shape", type(pixels).__name__)
            raise ImageError(f"Expected RGB pictures, got {tuple(shape) if not isinstance(shape, str) else shape}.")
        found[number] = pixels
    return found


def measure_pixels(measurer: Measurer, pixels: np.ndarray) -> np.ndarray:
    """Items (1, p) float64 of a picture, (h, w, 3) uint8 or floating 0…1.

    Raises:
        ImageError: the picture cannot be measured.
    """
    # Rounded as a collection stores them, so that a score does not depend on where a picture lies.
    items: np.ndarray = measurer.extractor.extract(pixels).astype(np.float32).astype(np.float64)
    return items


def measure_batch(
    pictures: Mapping[int, np.ndarray], measurer: Measurer, progress: Callable[[], None] = lambda: None
) -> tuple[list[int], np.ndarray, list[str]]:
    """Items of pictures by their number in a batch.

    Args:
        pictures: (h, w, 3) uint8, or floating 0…1.
        measurer: says which items.
        progress: called once a picture.

    Returns:
        the numbers that could be measured, their (n, p) items, and a sentence for each of the others.
    """
    numbers, rows, problems = [], [], []
    for number, pixels in pictures.items():
        try:
            rows.append(measure_pixels(measurer, pixels)[0])
            numbers.append(number)
        except ImageError as error:
            problems.append(f"Picture {number + 1} is left out: {error}")
        progress()
    return numbers, np.array(rows).reshape(len(rows), len(measurer.extractor.names)), problems


def score_batch(
    pictures: Mapping[int, np.ndarray],
    scorer: Scorer,
    reference: np.ndarray | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[list[ScoredPicture], list[str]]:
    """Score a batch.

    Args:
        pictures: (h, w, 3) uint8 or floating 0…1, by number in the batch.
        scorer: the profile.
        reference: (m,) scores of other pictures that percentiles are taken among; by default those a taste was learnt among, and for other
            profiles the batch itself.
        progress: called once a picture.

    Returns:
        the pictures that could be measured, in their order, and a sentence for each of the others.
    """
    numbers, items, problems = measure_batch(pictures, scorer, progress)
    if not numbers:
        return [], problems
    scores, reasons = scorer.score(items), scorer.explain(items)
    if reference is None and isinstance(scorer, TasteScorer):
        share = scorer.taste.percentile(scorer.taste.liking(items))
    else:
        share = percentiles(scores, reference)
    judged = [
        ScoredPicture(n, float(s), float(p), tuple(r))
        for n, s, p, r in zip(numbers, scores, share, reasons, strict=True)
    ]
    return judged, problems


def best_first(judged: Sequence[ScoredPicture]) -> list[ScoredPicture]:
    """Highest score first; equal ones keep their order."""
    return sorted(judged, key=lambda one: -one.score)


def scores_of(collection: Collection, scorer: Scorer, progress: Callable[[], None] = lambda: None) -> np.ndarray:
    """(m,) scores of all sound pictures of a collection, to take percentiles among; items that are missing are measured and stored.

    Args:
        collection: the collection.
        scorer: the profile.
        progress: called once a picture; what it raises ends the measuring, and most of what was measured is kept.
    """
    items = measure(collection, [row for row in collection.images() if not row.problem], scorer, progress=progress)[0]
    return scorer.score(np.stack(list(items.values())).astype(np.float64)) if items else np.zeros(0)
