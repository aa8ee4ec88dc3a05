"""Interfaces between pictures, items and judges."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
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
class Example:
    """A picture that a taste was learnt from, as a reason.

    Attributes:
        picture: start of the hash of its file.
        share: what it adds to the score.
        file: path of its file when the taste was learnt, or its name alone; empty if unknown.
        namesake: whether another picture that the taste was learnt from has a file of this name.
    """

    picture: str
    share: float
    file: str = ""
    namesake: bool = False

    @property
    def title(self) -> str:
        """Name of its file, with its folder if it has a namesake, or else the start of its hash."""
        return "/".join(PurePath(self.file).parts[-1 - self.namesake :]) or f"picture {self.picture[:8]}"


@dataclass(frozen=True, slots=True)
class Reason:
    """A part of a score and its effect.

    Attributes:
        text: the part in words.
        contribution: what it adds to the score, against the pictures that it is compared with.
        details: what lies behind the part, in words; they add nothing of their own.
        examples: pictures that the part is about, those that count most first.
    """

    text: str
    contribution: float
    details: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def named(self) -> str:
        """The part in words, with its examples."""
        return f"{self.text}: {', '.join(example.title for example in self.examples)}" if self.examples else self.text

    @property
    def in_full(self) -> str:
        """The part in words, with its examples and details."""
        return f"{self.named}: {'; '.join(self.details)}" if self.details else self.named

    @property
    def in_brief(self) -> str:
        """The same without details, such as ``blurred`` for ``blurred: the finest detail is missing``."""
        return replace(self, text=self.text.partition(": ")[0].removesuffix(" of these"), details=()).in_full


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

    Examples:
        >>> from soart import Making
        >>> made = Making(model="dream", loras=(("ink", 0.8),), steps=20, words=("fox", "snow"))
        >>> made.loras, made.negative is None
        ((('ink', 0.8),), True)
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
    ``reasons(pictures, among)``, for each picture the parts of its value, against the pictures ``among`` (None: the usual
    picture); ``doubt()``, a sentence if the judge cannot be relied on yet; ``extractor``, whose items it asks for; and
    ``gradient(pixels, prompt)``, for ``soart optimize``: the value of a picture (h, w, 3) floating 0…1, and its derivative
    (h, w, 3) by the pixels. A judge without it is optimized by search alone.

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

    def explain(self, items: np.ndarray, among: np.ndarray | None = None) -> list[list[Reason]]:
        """For each of (n, p) items, the parts of its value, the most important first.

        They add up to the value less that of the reference.

        Args:
            items: (n, p).
            among: (m, p) items of the pictures to compare with; None for the usual picture that the judge learnt from.
        """

    def reasons(self, pictures: Pictures, among: Pictures | None = None) -> list[list[Reason]]:
        """As ``explain``, of pictures."""
