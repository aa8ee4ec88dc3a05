"""The best of many: draw a prompt on several seeds, judge, sort; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ModelError
from ..metrics.damage.scorer import TechnicalScorer
from ..metrics.protocols import Reason, Scorer
from . import generate as jobs
from .models.generator import ImageGenerator
from .models.request import DrawnPicture, Request
from .scoring.in_memory import best_first, score_batch


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that was drawn and judged.

    Attributes:
        request: prompt, seed and settings: the same again draws the same picture.
        pixels: (h, w, 3) uint8.
        score: under the profile, higher is better.
        percentile: 0–100, see ``score_batch``.
        reasons: what moved the score most.
    """

    request: Request
    pixels: np.ndarray
    score: float
    percentile: float
    reasons: tuple[Reason, ...]

    @property
    def image(self) -> Image.Image:
        """The picture for PIL."""
        return Image.fromarray(self.pixels)


def best_of(
    generator: ImageGenerator,
    prompt: str,
    n: int = 16,
    *,
    keep: int | None = None,
    scorer: Scorer | None = None,
    seed: int = 0,
    prompt_seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
    **settings: Any,  # noqa: ANN401
) -> list[Candidate]:
    """Draw ``n`` pictures and sort them, best first.

    Args:
        generator: the model.
        prompt: a prompt or a dynamic-prompts template.
        n: how many to draw.
        keep: how many of the best to return; all by default.
        scorer: the profile; the technical score by default.
        seed: of the first picture, counting up.
        prompt_seed: of a template.
        progress: called with the number of pictures drawn.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``.

    Raises:
        ModelError: the model fails, or draws no sound picture at all.
        PromptError: a template that cannot be expanded.
    """
    scorer = scorer or TechnicalScorer.load()
    requests = jobs.plan(prompt, n, generator, seed=seed, prompt_seed=prompt_seed, **settings)
    drawn: list[DrawnPicture] = []
    for batch in generator.draw(requests):
        drawn += batch
        progress(len(batch))
    sound = {number: one.pixels for number, one in enumerate(drawn) if not one.problem}
    if not sound:
        raise ModelError(f"All {n} pictures failed ({drawn[0].problem}): try another model, dtype or settings.")
    judged, _ = score_batch(sound, scorer)
    return [
        Candidate(drawn[one.number].request, sound[one.number], one.score, one.percentile, one.reasons)
        for one in best_first(judged)[:keep]
    ]
