"""Pictures that judges look at: of a collection, or in memory. What a judge asks for is read or measured then, and once."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np

from ...errors import ImageError
from ...metrics.image import check_pixels
from ...metrics.protocols import Extractor, Making, Measures
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from .makings import makings_of, prompts_of
from .measuring import measure
from .prior_scores import given_priors


class StoredPictures:
    """Pictures of a collection, as judges see them.

    Args:
        prompts: by picture id, in place of their own.
        known: (p,) items by picture id and version of items, of pictures that were just measured.
        pixels: (h, w, 3) uint8 by picture id, of pictures that are decoded already.
    """

    def __init__(
        self,
        collection: Collection,
        rows: Sequence[ImageRow],
        prompts: Mapping[int, str] | None = None,
        known: Mapping[str, Mapping[int, np.ndarray]] = MappingProxyType({}),
        pixels: Mapping[int, np.ndarray] = MappingProxyType({}),
    ) -> None:
        self.collection, self.rows = collection, rows
        #: Ids of the pictures; rows of a session are slow to ask.
        self.ids = [row.id for row in rows]
        self._prompts = prompts
        self._items: dict[str, dict[int, np.ndarray]] = {version: dict(items) for version, items in known.items()}
        self._pixels = {image: _locked(decoded) for image, decoded in pixels.items()}

    @property
    def ties(self) -> list[str]:
        """The content hash of each picture: of pictures with equal values the lowest comes first."""
        return [row.sha256 for row in self.rows]

    @property
    def names(self) -> list[str]:
        """The files of the pictures, for sentences."""
        return [repr(str(self.collection.locate(row))) for row in self.rows]

    def part(self, ids: Container[int]) -> Self:
        """Those of the pictures that have these ids, in their order."""
        rows = [row for image, row in zip(self.ids, self.rows, strict=True) if image in ids]
        part = type(self)(self.collection, rows, self._prompts)
        part._items, part._pixels = self._items, {i: self._pixels[i] for i in self._pixels if i in ids}
        return part

    def with_items(self, extractor: Extractor, progress: Callable[[], None] = lambda: None) -> tuple[Self, list[str]]:
        """Measure the pictures."""

        def advance(done: int) -> None:
            for _ in range(done):
                progress()

        known = self._items.setdefault(extractor.version, {})
        items, problems = measure(self.collection, self.rows, Measures(extractor), self._pixels, advance, known)
        known |= items
        return (self if len(items) == len(self.rows) else self.part(items.keys())), problems

    def with_pixels(self) -> tuple[Self, list[str]]:
        """Decode the pictures."""
        problems = []
        for row in self.rows:
            try:
                if row.id not in self._pixels:
                    self._pixels[row.id] = _locked(self.collection.pixels(row))
            except ImageError as error:
                problems.append(str(error))
        return (self if not problems else self.part(self._pixels.keys())), problems

    def release(self) -> None:
        """Forget items and pixels of the pictures, which the collection holds."""
        for items in self._items.values():
            for image in self.ids:
                items.pop(image, None)
        self._pixels.clear()

    def items(self, extractor: Extractor) -> np.ndarray:
        """See ``metrics.protocols.Pictures``."""
        _, problems = self.with_items(extractor)
        if problems:
            raise ImageError(problems[0])
        known = self._items[extractor.version]
        rows = np.array([known[image] for image in self.ids], dtype=np.float64)
        return rows.reshape(len(self.rows), len(extractor.names))

    def pixels(self) -> list[np.ndarray]:
        """See ``metrics.protocols.Pictures``."""
        _, problems = self.with_pixels()
        if problems:
            raise ImageError(problems[0])
        return [self._pixels[image] for image in self.ids]

    def sizes(self) -> list[tuple[int, int]]:
        """See ``metrics.protocols.Pictures``."""
        return [(row.width, row.height) for row in self.rows]

    def prompts(self) -> list[str]:
        """See ``metrics.protocols.Pictures``."""
        if self._prompts is None:
            self._prompts = prompts_of(self.collection, self.rows)
        return [self._prompts.get(image, "") for image in self.ids]

    def metadata(self) -> list[Making | None]:
        """See ``metrics.protocols.Pictures``."""
        known = makings_of(self.collection, self.rows)
        return [known.get(image) for image in self.ids]

    def given(self, rater: str, names: Sequence[str]) -> dict[str, np.ndarray] | None:
        """See ``metrics.protocols.Pictures``."""
        known = given_priors(self.collection, rater, names, self.ids)
        return {name: np.array(list(values.values())) for name, values in known.items()}


class PicturesInMemory:
    """Pictures that a host keeps itself, as judges see them; nothing is stored.

    Args:
        pictures: (h, w, 3) uint8 sRGB or floating 0…1, by number.
        prompts: by number; a missing one is not known.
        metadata: how pictures were made, by number; a missing one is not known.
        known: (p,) items by number and version of items, of pictures that are measured already.

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> pictures = soart.PicturesInMemory({7: np.zeros((4, 6, 3), np.uint8)}, {7: "a black cat"})
        >>> pictures.ids, pictures.sizes(), pictures.prompts()
        ([7], [(6, 4)], ['a black cat'])
    """

    def __init__(
        self,
        pictures: Mapping[int, np.ndarray],
        prompts: Mapping[int, str] = MappingProxyType({}),
        metadata: Mapping[int, Making] = MappingProxyType({}),
        known: Mapping[str, Mapping[int, np.ndarray]] = MappingProxyType({}),
    ) -> None:
        self._pictures, self._prompts, self._metadata = pictures, prompts, metadata
        self._items = {version: dict(items) for version, items in known.items()}

    @property
    def ids(self) -> list[int]:
        """Numbers of the pictures."""
        return [*self._pictures]

    @property
    def ties(self) -> list[int]:
        """The place of each picture in the order given: of pictures with equal values the first one stays first."""
        return [*range(len(self._pictures))]

    @property
    def names(self) -> list[str]:
        """The numbers of the pictures from 1, for sentences."""
        return [f"number {number + 1}" for number in self._pictures]

    def part(self, ids: Container[int]) -> Self:
        """Those of the pictures that have these numbers, in their order."""
        part = type(self)(
            {n: pixels for n, pixels in self._pictures.items() if n in ids}, self._prompts, self._metadata
        )
        part._items = self._items
        return part

    def with_items(self, extractor: Extractor, progress: Callable[[], None] = lambda: None) -> tuple[Self, list[str]]:
        """Measure the pictures.

        Returns:
            those that can be measured, and a sentence for each of the others.
        """
        known, problems = self._items.setdefault(extractor.version, {}), []
        for number, pixels in self._pictures.items():
            if number not in known:
                try:
                    # Rounded as a collection stores them, so that a value does not depend on where a picture lies.
                    known[number] = extractor.extract(pixels)[0].astype(np.float32)
                except ImageError as error:
                    problems.append(f"Picture {number + 1} is left out: {error}")
            progress()
        return (self if not problems else self.part(known.keys())), problems

    def with_pixels(self) -> tuple[Self, list[str]]:
        """Check the pictures.

        Returns:
            those that are pictures, and a sentence for each of the others.
        """
        sound, problems = {}, []
        for number, pixels in self._pictures.items():
            try:
                sound[number] = _as_uint8(pixels)
            except ImageError as error:
                problems.append(f"Picture {number + 1} is left out: {error}")
        part = type(self)(sound, self._prompts, self._metadata)
        part._items = self._items
        return part, problems

    def release(self) -> None:
        """Do nothing: only memory holds these pictures."""

    def items(self, extractor: Extractor) -> np.ndarray:
        """See ``metrics.protocols.Pictures``."""
        _, problems = self.with_items(extractor)
        if problems:
            raise ImageError(problems[0])
        known = self._items[extractor.version]
        rows = np.array([known[number] for number in self._pictures], dtype=np.float64)
        return rows.reshape(len(self._pictures), len(extractor.names))

    def pixels(self) -> list[np.ndarray]:
        """See ``metrics.protocols.Pictures``."""
        return [_locked(_as_uint8(pixels)) for pixels in self._pictures.values()]

    def sizes(self) -> list[tuple[int, int]]:
        """See ``metrics.protocols.Pictures``."""
        return [(pixels.shape[1], pixels.shape[0]) for pixels in self._pictures.values()]

    def prompts(self) -> list[str]:
        """See ``metrics.protocols.Pictures``."""
        return [self._prompts.get(number, "").strip() for number in self._pictures]

    def metadata(self) -> list[Making | None]:
        """See ``metrics.protocols.Pictures``."""
        return [self._metadata.get(number) for number in self._pictures]

    def given(self, rater: str, names: Sequence[str]) -> dict[str, np.ndarray] | None:
        """None, because no collection holds the pictures."""
        return None


def _locked(pixels: np.ndarray) -> np.ndarray:
    """Pixels that a judge cannot change for those who see them later."""
    view = pixels.view()
    view.flags.writeable = False
    return view


def _as_uint8(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    rounded: np.ndarray = np.rint(check_pixels(pixels) * 255).astype(np.uint8)
    return rounded
