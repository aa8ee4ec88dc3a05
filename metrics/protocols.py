"""Interfaces between pictures, items and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


class Extractor(Protocol):
    """Measures items of pictures, as ``SoartExtractor`` and ``DeepExtractor`` do."""

    @property
    def names(self) -> tuple[str, ...]:
        """(p,) names of the items, in the order of ``extract``."""

    @property
    def version(self) -> str:
        """Identifier of extractor and settings; items of different versions do not fit together."""

    def extract(self, images: np.ndarray, /) -> np.ndarray:
        """(n, p) items of (n, h, w, 3) pictures, uint8 or floating 0…1."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A group of items and its effect on a score.

    Attributes:
        text: the group in words.
        contribution: added to the score, against that of a baseline picture: the mean undamaged picture for the
            technical score and detectors, the mean learning picture for tastes.
        details: what lies behind the group, in words; they add nothing of their own.
    """

    text: str
    contribution: float
    details: tuple[str, ...] = ()

    @property
    def in_full(self) -> str:
        """The group in words, with its details."""
        return with_details(self.text, self.details)

    @property
    def in_brief(self) -> Reason:
        """The same without details, such as ``blurred`` for ``blurred: the finest detail is missing``."""
        return replace(self, text=self.text.partition(": ")[0], details=())


def with_details(text: str, details: Sequence[str]) -> str:
    """A text with details after a colon, if there are any."""
    return f"{text}: {'; '.join(details)}" if details else text


class Measurer(Protocol):
    """Names the extractor whose items it needs."""

    @property
    def extractor(self) -> Extractor:
        """Extractor of the items."""


class Scorer(Measurer, Protocol):
    """Scores items and explains the scores: the technical score, a detector or a taste."""

    @property
    def stored_name(self) -> str:
        """Name under which scores are stored."""

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores of (n, p) items; higher is better."""

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """For each of (n, p) items, the ``top`` reasons that moved its score most, the largest first."""


class PictureJudge(Protocol):
    """Judges pictures, and their prompts if it wants them: the interface for judges by others (docs/judges.md).

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> class Brightness:
        ...     name, version = "brightness", "1"
        ...     range, higher_is_better, needs_prompt = (0.0, 1.0), True, False
        ...
        ...     def judge(self, pictures, prompts):
        ...         return [float(pixels.mean()) / 255 for pixels in pictures]
        >>> judge: soart.PictureJudge = Brightness()
        >>> judge.judge([np.full((4, 4, 3), 51, np.uint8)], [""])
        [0.2]
    """

    @property
    def name(self) -> str:
        """Short name, 1–64 characters; values are stored under it."""

    @property
    def version(self) -> str:
        """Changes whenever values change; values of different versions are never mixed."""

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest possible value; infinite where there is no limit."""

    @property
    def higher_is_better(self) -> bool:
        """False for distances and other values of which less is better."""

    @property
    def needs_prompt(self) -> bool:
        """True if a picture without a prompt cannot be judged."""

    def judge(self, pictures: Sequence[np.ndarray], prompts: Sequence[str], /) -> Sequence[float] | np.ndarray:
        """(n,) values of n pictures, each (h, w, 3) uint8 sRGB, and their prompts, empty for unknown ones; NaN: none."""
