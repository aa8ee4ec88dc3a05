"""Pictures in memory, judged together: for hosts that hand over arrays and keep the pictures themselves.

Nothing is kept of them; a picture that cannot be measured is named in a sentence and the others go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import ImageError
from ..metrics.combined import taste_extractor
from ..metrics.examples import GOOD, from_modes
from ..metrics.explain import overlay, patch_map
from ..metrics.taste import TECHNICAL, TasteProfile, learn_taste, technical_prior
from ..metrics.technical import Reason
from .collection import Collection
from .rank import Measurer, Scorer, measure, percentiles
from .tastescorer import Measurer as TasteMeasurer
from .tastescorer import TasteScorer


@dataclass(frozen=True, slots=True)
class Scored:
    """A picture of a batch.

    Attributes:
        number: its place in the batch, from 0.
        score: under the profile, higher is better.
        percentile: 0–100, see :func:`score_batch`.
        reasons: what moved the score most.
    """

    number: int
    score: float
    percentile: float
    reasons: tuple[Reason, ...]


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
            # As a collection stores them, so that a score does not depend on where a picture lies.
            rows.append(measurer.extractor.extract(pixels)[0].astype(np.float32).astype(np.float64))
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
) -> tuple[list[Scored], list[str]]:
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
        Scored(n, float(s), float(p), tuple(r)) for n, s, p, r in zip(numbers, scores, share, reasons, strict=True)
    ]
    return judged, problems


def best_first(judged: Sequence[Scored]) -> list[Scored]:
    """Highest score first; equal ones keep their order."""
    return sorted(judged, key=lambda one: -one.score)


def scores_of(store: Collection, scorer: Scorer, progress: Callable[[], None] = lambda: None) -> np.ndarray:
    """(m,) scores of all sound pictures of a collection, to take percentiles among; items that are missing are measured and stored.

    Args:
        store: the collection.
        scorer: the profile.
        progress: called once a picture; what it raises ends the measuring, and most of what was measured is kept.
    """
    items = measure(store, [row for row in store.images() if not row.problem], scorer, progress=progress)[0]
    return scorer.score(np.stack(list(items.values())).astype(np.float64)) if items else np.zeros(0)


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


def learn_from_pictures(
    name: str,
    good: Sequence[np.ndarray],
    bad: Sequence[np.ndarray],
    *,
    network: str | None = None,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> TasteProfile:
    """Learn a taste from pictures in memory, on top of the technical score.

    Args:
        name: what to call the taste.
        good: (h, w, 3) uint8 or floating 0…1 each.
        bad: the same of those that are not liked.
        network: adds deep items of this network.
        seed: of the cross-validation.
        progress: called once a picture.

    Raises:
        ItemsError: only good or only bad pictures, the same picture in both, or all alike.
        ImageError: a picture that cannot be measured.
        ModelError: the network cannot be loaded.
    """
    measurer = TasteMeasurer(taste_extractor(network))
    items: dict[str, np.ndarray] = {}
    names: dict[str, list[str]] = {}
    for mode, pictures in ((GOOD, good), ("bad", bad)):
        _, items[mode], problems = measure_batch(dict(enumerate(pictures)), measurer, progress)
        if problems:
            raise ImageError(f"Of the {mode} pictures: {problems[0]}")
        names[mode] = [hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16] for pixels in pictures]
    examples = from_modes(items, pictures=names)
    extractor = measurer.extractor
    priors = technical_prior(examples.items, extractor.names)[:, None]
    return learn_taste(
        replace(examples, priors=priors), extractor.names, extractor.version, name=name, prior_names=(TECHNICAL,),
        rng=np.random.default_rng(seed), network=network,
    )  # fmt: skip
