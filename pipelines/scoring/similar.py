"""Finds pictures like those that the user names: more like this.

An index has a vector for each picture of a collection, in a file that is mapped into memory. The file is made from stored
items when it is first needed, follows the collection and may be deleted at any time. So a search reads no items, and what it
needs of memory is the system's cache of files.

    FOLDER/likeness/<hash of the items' version>.npy     four NumPy arrays, one after the other
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...errors import CollectionError, ImageError
from ...files import open_regular, whole_file
from ...metrics.image import read_content, read_image
from ...metrics.items.combined import taste_extractor
from ...metrics.protocols import Measurer
from ...metrics.similarity.neighbours import Standard, likeness
from ..collection.collection import Collection
from ..collection.names import LIKENESS
from ..collection.tables import ImageRow
from ..ingest.scan import find_pictures
from ..support.progress import Advance, silent
from .measuring import measure, open_pictures

#: Pictures whose items the standard is learnt from, and pictures handled at once.
SAMPLE, BLOCK = 4096, 1024
#: The standard is learnt anew when there are so many times the pictures that it was learnt among.
GROWTH = 2
#: Share of the pictures that must have a network's items for these to be used.
NEARLY_ALL = 0.9


@dataclass(frozen=True)
class LikenessIndex:
    """Vectors of the pictures of a collection that have items of one version."""

    ids: np.ndarray  # (n,) int64 of the pictures, ascending
    vectors: np.ndarray  # (n, d) float32; the product of two is the likeness of their pictures, −1…1
    standard: Standard  # makes vectors of items
    among: int

    @classmethod
    def of(
        cls, collection: Collection, version: str, names: Sequence[str], measured: tuple[int, int] | None = None
    ) -> LikenessIndex:
        """The index of a collection by items of a version with names (p,), in step with the stored items.

        ``measured`` is ``collection.measured(version)``; None to ask for it.
        """
        if collection.folder is None:
            return _in_memory(collection, version, names, None)
        path = collection.folder / LIKENESS / f"{hashlib.sha256(version.encode()).hexdigest()[:20]}.npy"
        earlier = _load(path, names)
        measured = measured or collection.measured(version)
        if earlier is not None and (len(earlier.ids), int(earlier.ids.max(initial=0))) == measured:
            return earlier
        # The disk may be full, or the folder read-only.
        try:
            path.parent.mkdir(exist_ok=True)
            _save(path, collection, version, names, earlier)
        except OSError:
            return _in_memory(collection, version, names, earlier)
        return _load(path, names) or _in_memory(collection, version, names, earlier)

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """(m,) row of each of (m,) pictures; −1 for those without items."""
        places = np.searchsorted(self.ids, ids)
        found = np.append(self.ids, -1)[places] == ids
        return np.where(found, places, -1)

    def likeness(self, row: int) -> np.ndarray:
        """(n,) likeness of every picture to that of a row, −1…1."""
        alike: np.ndarray = self.vectors @ self.vectors[row]
        return alike


def _load(path: Path, names: Sequence[str]) -> LikenessIndex | None:
    """The index in a file; None if there is none, or it is damaged."""
    try:
        with open_regular(path) as stream:
            ids, among, (mean, deviation) = (np.load(stream, allow_pickle=False) for _ in range(3))
            np.lib.format.read_magic(stream)
            shape, _, kind = np.lib.format.read_array_header_1_0(stream)
            # An array without rows cannot be mapped.
            vectors = np.memmap(stream, kind, "r", stream.tell(), shape) if len(ids) else np.zeros(shape, kind)
    except (OSError, ValueError, EOFError):
        return None
    return LikenessIndex(ids, vectors, Standard(names, mean, deviation), int(among))


def _save(
    path: Path, collection: Collection, version: str, names: Sequence[str], earlier: LikenessIndex | None
) -> None:
    """Write the index of a collection block by block."""
    ids, standard, among = _plan(collection, version, names, earlier)
    with whole_file(path, private=True, durable=False) as temporary, temporary.open("wb") as stream:
        for array in (ids, np.array(among), np.stack([standard.mean, standard.deviation])):
            np.save(stream, array)
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(ids), len(standard.mean))}
        np.lib.format.write_array_header_1_0(stream, header)
        for vectors in _vectors(collection, version, ids, standard, earlier):
            stream.write(vectors.tobytes())


def _in_memory(
    collection: Collection, version: str, names: Sequence[str], earlier: LikenessIndex | None
) -> LikenessIndex:
    """The index of a collection without a folder, or with one that cannot be written."""
    ids, standard, among = _plan(collection, version, names, earlier)
    none = np.zeros((0, len(standard.mean)), np.float32)
    vectors = np.concatenate([none, *_vectors(collection, version, ids, standard, earlier)])
    return LikenessIndex(ids, vectors, standard, among)


def _plan(
    collection: Collection, version: str, names: Sequence[str], earlier: LikenessIndex | None
) -> tuple[np.ndarray, Standard, int]:
    """Ids of the pictures, the standard, and the number of pictures that this was learnt among."""
    ids = np.array(collection.measured_ids(version), dtype=np.int64)
    if earlier is not None and len(ids) <= GROWTH * earlier.among:
        return ids, earlier.standard, earlier.among
    sample = ids[np.linspace(0, len(ids) - 1, min(len(ids), SAMPLE)).astype(int)]
    items = [np.zeros((0, len(names))), *(_items(collection, version, block) for block in _blocks(sample))]
    return ids, Standard.of(np.concatenate(items), names), len(ids)


def _vectors(
    collection: Collection, version: str, ids: np.ndarray, standard: Standard, earlier: LikenessIndex | None
) -> Iterator[np.ndarray]:
    """Vectors (b, d) of blocks of pictures; those that an earlier index has by the same standard are taken from it."""
    for block in _blocks(ids):
        vectors = np.empty((len(block), len(standard.mean)), np.float32)
        rows = np.full(len(block), -1)
        if earlier is not None and earlier.standard is standard:
            rows = earlier.rows(block)
            vectors[rows >= 0] = earlier.vectors[rows[rows >= 0]]
        if (rows < 0).any():
            vectors[rows < 0] = standard.vectors(_items(collection, version, block[rows < 0]))
        yield vectors


def _blocks(ids: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(ids), BLOCK):
        yield ids[start : start + BLOCK]


def _items(collection: Collection, version: str, ids: np.ndarray) -> np.ndarray:
    """Items (n, p) of pictures."""
    items = collection.items(version, ids.tolist())
    return np.stack([items[image] for image in ids.tolist()])


@dataclass(frozen=True, slots=True)
class SimilarPicture:
    """A picture like the named ones."""

    place: int
    row: ImageRow
    path: Path
    likeness: float  # mean cosine of the items, −1…1


def by_likeness(collection: Collection, ids: Sequence[int], image: int) -> list[int]:
    """Sort pictures of a collection by likeness to one of them, by stored items alone; it comes first itself.

    Items of a network are used if nearly all pictures have them. Pictures without the used items come last.
    """
    names, plain = taste_extractor().names, taste_extractor().version
    versions = [v for v in collection.item_versions(image) if v == plain or v.startswith(f"{plain}+deep")]
    if not versions:
        raise CollectionError("This picture is not measured yet: choose Score all pictures first.")
    # Counting is a third of the time of a search.
    measured = cache(collection.measured)
    enough = NEARLY_ALL * measured(plain)[0]
    # Those of a network first: their versions are longer.
    for version in sorted(versions, key=len, reverse=True):
        if measured(version)[0] >= enough:
            break
    width = len(collection.items(version, [image])[image])
    columns = [*names, *(f"deep/{column}" for column in range(width - len(names)))]
    index = LikenessIndex.of(collection, version, columns, measured(version))
    pictures = np.array([number for number in ids if number != image], dtype=np.int64)
    rows, (example,) = index.rows(pictures), index.rows(np.array([image]))
    alike = np.where(rows >= 0, index.likeness(int(example))[rows], -np.inf)
    return [image, *pictures[np.argsort(-alike, kind="stable")].tolist()]


def check_liked(liked: Sequence[Path]) -> None:
    """Check that one of the liked pictures can be read, before hundreds of others are."""
    files, problems = find_pictures(liked)
    for file in files:
        try:
            read_image(read_content(file), label=str(file))
        except ImageError as error:
            problems.append(str(error))
        else:
            return
    raise CollectionError(" ".join(problems) or "Name a picture to compare with.")


def similar(
    collection: Collection,
    rows: Sequence[ImageRow],
    liked: Sequence[Path],
    measurer: Measurer,
    progress: Advance = silent,
) -> tuple[list[SimilarPicture], list[str]]:
    """Sort pictures by likeness to liked ones, the most alike first; the liked ones themselves are left out."""
    examples, named, problems = open_pictures(list(liked), measurer)
    with examples:
        known, unreadable = measure(examples, named, measurer)
    if not known:
        raise CollectionError(" ".join([*problems, *unreadable]) or "Name a picture to compare with.")
    shown = {row.sha256 for row in named}
    sound = [row for row in rows if not row.problem and row.sha256 not in shown]
    items, missing = measure(collection, sound, measurer, progress=progress)
    sound = [row for row in sound if row.id in items]
    if not sound:
        return [], [*problems, *unreadable, *missing]
    alike = likeness(
        np.stack([items[row.id] for row in sound]), np.stack(list(known.values())), measurer.extractor.names
    )
    found = [
        SimilarPicture(place, sound[i], collection.locate(sound[i]), float(alike[i]))
        for place, i in enumerate(np.argsort(-alike, kind="stable"), start=1)
    ]
    return found, [*problems, *unreadable, *missing]
