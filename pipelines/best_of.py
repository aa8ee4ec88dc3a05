"""Draws a prompt on several seeds and sorts the pictures; stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..errors import JudgeError, ModelError, PromptError, SoartError, expect
from ..metrics.image import read_image
from ..metrics.protocols import Reason
from ..notebooks import Cell, first_rows, reasons_text
from . import generate as generation
from .collection.thumbnails import encode_thumbnail
from .judges.finding import By, judges_for
from .judges.in_memory import best_first, score_batch
from .judges.ranking import RankedPicture
from .models.generator import ImageGenerator
from .models.request import DrawnPicture, Request
from .scoring.in_memory import as_pictures
from .scoring.pictures import PicturesInMemory
from .support.progress import Advance, silent

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A drawn and scored picture (h, w, 3) uint8, its score, higher is better, and its percentile, see ``score_batch``."""

    request: Request
    pixels: np.ndarray = field(repr=False)
    score: float
    percentile: float
    reasons: tuple[Reason, ...]

    @property
    def image(self) -> Image.Image:
        """The picture as a PIL image."""
        return Image.fromarray(self.pixels)


class Candidates(list[Candidate]):
    """Drawn and scored pictures, best first: a list that notebooks show as a table."""

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        super().__init__(candidates)

    def _repr_html_(self) -> str:
        """The best pictures as a table, for notebooks."""

        def cells(one: Candidate) -> list[Cell]:
            why, request = reasons_text(one.reasons), one.request
            return [encode_thumbnail(one.pixels), f"{one.score:.1f}", why, str(request.seed), request.prompt]

        return first_rows(["", "score", "why", "seed", "prompt"], self, cells)

    def to_pandas(self) -> pd.DataFrame:
        """One row a picture: score, percentile, reasons, and the request that draws it again."""
        import pandas as pd

        names = ("prompt", "negative", "seed", "steps", "guidance", "width", "height", "scheduler")
        columns = ["score", "percentile", "reasons", *names]
        rows = [
            (one.score, one.percentile, reasons_text(one.reasons), *(getattr(one.request, name) for name in names))
            for one in self
        ]
        return pd.DataFrame(rows, columns=columns)


def pixels_of(picture: Any) -> np.ndarray:  # noqa: ANN401
    """(h, w, 3) uint8 pixels of a ranked or drawn picture, a file, or a picture in memory."""
    if isinstance(picture, Candidate):
        return picture.pixels
    if isinstance(picture, RankedPicture):
        picture = picture.path
    if isinstance(picture, str | Path):
        return read_image(picture).pixels
    [pixels] = as_pictures([picture]).values()
    return pixels if pixels.dtype == np.uint8 else (pixels.clip(0, 1) * 255).round().astype(np.uint8)


def best_of(
    generator: ImageGenerator,
    prompt: str | Sequence[str],
    n: int = 16,
    *,
    keep: int | None = None,
    by: By = None,
    seed: int = 0,
    prompt_seed: int = 0,
    progress: Advance = silent,
    **settings: Any,  # noqa: ANN401
) -> Candidates:
    """Draw ``n`` pictures and sort them, best first.

    Args:
        generator: the model.
        prompt: a prompt or a dynamic-prompts template; several are drawn on the same seeds.
        n: number of pictures to draw of each prompt.
        keep: number of the best to return, at least 1; by default all.
        by: a judge, a taste or a name; several of them, or weights by judge or name. None for the overall score.
        seed: image seed of the first picture, counting up.
        prompt_seed: decides which prompts a template gives.
        progress: called with the number of pictures drawn.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``.
    """
    expect("keep as a number of pictures", keep, int, type(None))
    if keep is not None and keep < 1:
        raise SoartError(f"Expected to keep at least one picture, got {keep}.")
    expect("progress as a function", progress, Callable)  # type: ignore[arg-type]
    judges = judges_for(by)
    requests = _requests(generator, prompt, n, seed=seed, prompt_seed=prompt_seed, **settings)
    drawn: list[DrawnPicture] = []
    for batch in generator.draw(requests):
        drawn += batch
        progress(len(batch))
    sound = {number: picture.pixels for number, picture in enumerate(drawn) if not picture.problem}
    if not sound:
        raise ModelError(
            f"All {len(drawn)} pictures failed ({drawn[0].problem}): try another model, dtype or settings."
        )
    scored, problems = score_batch(PicturesInMemory(sound, {n: drawn[n].request.prompt for n in sound}), judges)
    if not scored:
        raise JudgeError(f"No picture could be judged. {' '.join(problems)}")
    return Candidates(
        Candidate(drawn[p.number].request, sound[p.number], p.score, p.percentile, p.reasons)
        for p in best_first(scored)[:keep]
    )


def _requests(generator: ImageGenerator, prompt: str | Sequence[str], n: int, **options: Any) -> list[Request]:  # noqa: ANN401
    """The requests of ``n`` pictures of each prompt."""
    if isinstance(prompt, str):
        return generation.plan(prompt, n, generator, **options)
    expect("the prompt as a text or a list of texts", prompt, list, tuple, error=PromptError)
    if not prompt:
        raise PromptError("Expected at least one prompt, got an empty list.")
    return [request for text in prompt for request in generation.plan(text, n, generator, **options)]
