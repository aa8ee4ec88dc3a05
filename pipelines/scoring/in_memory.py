"""Scores pictures in memory, for hosts that keep the pictures themselves.

Nothing is stored. A picture that cannot be measured is reported in a sentence, and the others are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...errors import ImageError, ItemsError, expect
from ...metrics.image import Picture, rgb_of
from ...metrics.percentiles import percentiles
from ...metrics.protocols import Measurer, Reason, Scorer
from ..collection.collection import Collection
from ..ingest.roots import existing_collection
from .measuring import measure
from .reasons import ALL, enough
from .taste_scorer import TasteScorer

if TYPE_CHECKING:
    import torch

    #: A picture that a caller of the Python API passes.
    InMemory = np.ndarray | Image.Image | Picture | torch.Tensor


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
    """Pictures in any form that a diffusers pipeline returns, by number.

    Args:
        images: PIL pictures, (h, w, 3) arrays, or tensors of shape (3, h, w); a list of them, or a batch.

    Raises:
        ImageError: something else, such as latents.
    """
    import torch

    pictures = {}
    for number, image in enumerate(images):
        pixels = rgb_of(image) if isinstance(image, Image.Image) else image
        if isinstance(pixels, torch.Tensor):
            pixels = pixels.detach().to("cpu", torch.float32).movedim(0, -1).numpy()
        if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[-1] != 3:
            shape = getattr(pixels, "shape", type(pixels).__name__)
            raise ImageError(f"Expected RGB pictures, got {tuple(shape) if not isinstance(shape, str) else shape}.")
        pictures[number] = pixels
    return pictures


def pictures_in_memory(kind: str, pictures: Iterable[InMemory]) -> list[np.ndarray]:
    """(h, w, 3) pixels of pictures that a caller of the Python API passes.

    Args:
        kind: names them in messages, such as ``"good"``.
        pictures: as for ``as_pictures``, and results of ``read_image``.

    Raises:
        ImageError: something else, such as paths or a single picture.
    """
    what = f"the {kind} pictures as a list of pictures"
    expect(what, pictures, Iterable, error=ImageError)
    if isinstance(pictures, str | bytes | Mapping | Image.Image):
        raise ImageError(f"Expected {what}, got {pictures!r:.80}.")
    found: list[np.ndarray] = []
    for number, picture in enumerate(pictures, 1):
        if isinstance(picture, str | Path):
            raise ImageError(
                f"Expected {what}, got the text or path {str(picture)!r:.80}: read files with soart.read_image."
            )
        try:
            found += as_pictures([picture.pixels if isinstance(picture, Picture) else picture]).values()
        except ImageError as error:
            raise ImageError(f"Of the {kind} pictures: Picture {number} cannot be used: {error}") from error
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
    """Items of pictures, by number in the batch.

    Args:
        pictures: (h, w, 3) uint8, or floating 0…1.
        measurer: decides which items.
        progress: called once per picture.

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
        reference: (m,) scores of other pictures, for the percentiles; by default the pictures that a taste was learnt
            among, and the batch itself for other profiles.
        progress: called once per picture.

    Returns:
        the pictures that could be measured, in their order, and a sentence for each of the others.
    """
    numbers, items, problems = measure_batch(pictures, scorer, progress)
    if not numbers:
        return [], problems
    scores, reasons = scorer.score(items), map(enough, scorer.explain(items, ALL))
    if reference is None and isinstance(scorer, TasteScorer):
        ranks = scorer.taste.percentile(scorer.taste.liking(items))
    else:
        ranks = percentiles(scores, reference)
    scored = [
        ScoredPicture(number, float(score), float(rank), tuple(why))
        for number, score, rank, why in zip(numbers, scores, ranks, reasons, strict=True)
    ]
    return scored, problems


def best_first(pictures: Sequence[ScoredPicture]) -> list[ScoredPicture]:
    """The pictures by score, highest first; equal ones keep their order."""
    return sorted(pictures, key=lambda picture: -picture.score)


def scores_and_ranking(pictures: Mapping[int, np.ndarray], scorer: Scorer) -> tuple[list[float], list[int]]:
    """Score of each picture of a batch (NaN if it cannot be measured), and the numbers of the scored ones, best first.

    Args:
        pictures: (h, w, 3) uint8 or floating 0…1, by number in the batch.
        scorer: the profile.
    """
    judged, _ = score_batch(pictures, scorer)
    scores = {picture.number: picture.score for picture in judged}
    return [scores.get(number, float("nan")) for number in pictures], [one.number for one in best_first(judged)]


def reference_scores(collection: Collection, scorer: Scorer, progress: Callable[[], None] = lambda: None) -> np.ndarray:
    """(m,) scores of all sound pictures of a collection, as a reference for percentiles.

    Missing items are measured and stored.

    Args:
        collection: the collection.
        scorer: the profile.
        progress: called once per picture; an exception from it ends the measuring, and most of the new items are
            stored.
    """
    items = measure(collection, [row for row in collection.images() if not row.problem], scorer, progress=progress)[0]
    return scorer.score(np.stack(list(items.values())).astype(np.float64)) if items else np.zeros(0)


def scores_among(
    where: Path | str, scorer: Scorer, progress: Callable[[int], Callable[[], None]] = lambda total: lambda: None
) -> np.ndarray:
    """(m,) scores of the collection at a place, as ``reference_scores``; m is at least 1.

    Args:
        where: folder or URL of the collection.
        scorer: the profile.
        progress: called with the number of pictures; returns a function to call once a picture.

    Raises:
        CollectionError: there is no collection, or it cannot be opened.
        ItemsError: it holds no picture that can be measured.
    """
    with existing_collection(where) as collection:
        scores = reference_scores(collection, scorer, progress(len(collection.ids())))
        if not len(scores):
            raise ItemsError(f"The collection {collection.title!r} holds no picture yet to take percentiles among.")
    return scores


def most_reachable(count: int, scorer: Scorer) -> float:
    """The highest percentile that a picture of a batch of ``count`` can have if ``score_batch`` has no reference.

    >>> from soart.metrics.damage.scorer import TechnicalScorer
    >>> from soart.pipelines.scoring.in_memory import most_reachable
    >>> most_reachable(4, TechnicalScorer.load())
    87.5
    """
    return 100.0 if isinstance(scorer, TasteScorer) else 100 - 50 / count


def reaching(scored: Sequence[ScoredPicture], percentile: float) -> list[ScoredPicture]:
    """Pictures of at least a percentile, 0–100, in their order."""
    return [picture for picture in scored if picture.percentile >= percentile]
