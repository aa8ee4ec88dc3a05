"""Interfaces between pictures, items and judges."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self

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


@dataclass(frozen=True, slots=True)
class Measures:
    """Names an extractor, where nothing judges yet.

    Attributes:
        extractor: extractor of the items.
    """

    extractor: Extractor


class Scale(NamedTuple):
    """The values that a judge can give; higher is always better.

    Attributes:
        lowest, highest: ends of the values; infinite where there is no limit.
        unit: what one step is, in words, such as ``points``.
    """

    lowest: float
    highest: float
    unit: str = ""


#: Scale of the overall score, the technical score, detectors and tastes.
POINTS = Scale(0.0, 100.0, "points")
#: What a judge can need, in the words of ``Judge.needs``.
NEEDS = ("items", "pixels", "prompt", "person")


@dataclass(frozen=True, slots=True)
class Values:
    """What a judge says of n pictures.

    Attributes:
        values: (n,) higher is better; NaN where it cannot tell.
        why: (n,) why there is no value, in words such as ``"all black"``; empty where there is one, or no reason.
        deviations: (n,) standard deviations of the values, where the judge knows them.

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> said = soart.Values(np.array([0.8, np.nan]), why=["", "all black"])
        >>> [value if not why else why for value, why in zip(said.values.tolist(), said.why)]
        [0.8, 'all black']
    """

    values: np.ndarray
    why: Sequence[str] = ()
    deviations: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Making:
    """The making of a picture, as far as it is known: by soart's own request, or as another tool wrote it.

    Attributes:
        model: name of the checkpoint; empty if unknown.
        loras: names and weights of the LoRAs; None if unknown.
        sampler, scheduler, seed: empty if unknown.
        steps, guidance, width, height: NaN if unknown.
        words: nouns and other words of the prompt in lower case; None if unknown.
        negative: of the negative prompt, likewise.
    """

    model: str = ""
    loras: tuple[tuple[str, float], ...] | None = None
    sampler: str = ""
    scheduler: str = ""
    seed: str = ""
    steps: float = math.nan
    guidance: float = math.nan
    width: float = math.nan
    height: float = math.nan
    words: tuple[str, ...] | None = None
    negative: tuple[str, ...] | None = None


class Pictures(Protocol):
    """Pictures, seen lazily: what a judge asks for is read or measured then, and once."""

    @property
    def ids(self) -> Sequence[int]:
        """(n,) numbers of the pictures."""

    def part(self, ids: Container[int]) -> Self:
        """Those of the pictures that have these numbers, in their order."""

    def items(self, extractor: Extractor) -> np.ndarray:
        """(n, p) float64 items.

        Raises:
            ImageError: a picture cannot be read.
        """

    def pixels(self) -> Sequence[np.ndarray]:
        """N pictures, each (h, w, 3) uint8 sRGB, which cannot be written to.

        Raises:
            ImageError: a picture cannot be read.
        """

    def sizes(self) -> Sequence[tuple[int, int]]:
        """N pairs of width and height in pixels."""

    def prompts(self) -> Sequence[str]:
        """N prompts; empty where none is known."""

    def metadata(self) -> Sequence[Making | None]:
        """The making of each of the n pictures; None where nothing is known."""

    def given(self, rater: str, names: Sequence[str]) -> dict[str, np.ndarray] | None:
        """(n,) values of other judges by stored name, and means of all raters but one; NaN where there is none.

        None for pictures that lie in no collection.
        """


class Judge(Protocol):
    """Gives pictures a value. Everything that scores is a judge (docs/judges.md).

    The value of a picture depends on that picture alone, never on those beside it. A judge may have more:
    ``reasons(pictures, top)``, for each picture the reasons that moved its value most; ``doubt()``, a sentence if the judge
    cannot be relied on yet; and ``extractor``, whose items it asks for.

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> class Brightness:
        ...     name, version = "brightness", "1"
        ...     scale, needs = (0.0, 1.0, "share of white"), ("pixels",)
        ...
        ...     def values(self, pictures):
        ...         return [float(pixels.mean()) / 255 for pixels in pictures.pixels()]
        >>> judge: soart.Judge = Brightness()
        >>> pictures = soart.PicturesInMemory({1: np.full((4, 4, 3), 51, np.uint8)})
        >>> judge.values(pictures)
        [0.2]
    """

    @property
    def name(self) -> str:
        """Short name, 1–64 characters; values are stored under it."""

    @property
    def version(self) -> str:
        """Changes whenever values change; values of different versions are never mixed."""

    @property
    def scale(self) -> Scale | tuple[float, float, str]:
        """Smallest and largest possible value, and the unit in words."""

    @property
    def needs(self) -> Sequence[str]:
        """What it asks of pictures: some of ``NEEDS``; with ``prompt`` it gets no picture without one."""

    def values(self, pictures: Pictures, /) -> Values | Sequence[float] | np.ndarray:
        """(n,) values of n pictures, higher is better; NaN where it cannot tell."""


class ItemJudge(Judge, Measurer, Protocol):
    """A judge of items alone: the overall score, the technical score, a detector or a taste."""

    @property
    def stored_name(self) -> str:
        """Name under which values are stored."""

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) values of (n, p) items; higher is better."""

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """For each of (n, p) items, the ``top`` reasons that moved its value most, the largest first."""

    def reasons(self, pictures: Pictures, top: int = 2) -> list[list[Reason]]:
        """As ``explain``, of pictures."""
