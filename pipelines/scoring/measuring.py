"""Opens the pictures that a user names; measures and stores their items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError, ImageError
from ...files import named_as_given
from ...metrics.damage.fitness import why_unfit
from ...metrics.items.combined import CombinedExtractor, ItemKind, kinds_of_parts, stored_parts, taste_extractor
from ...metrics.protocols import Extractor, Measurer, Measures
from ..collection.address import is_url
from ..collection.collection import Collection
from ..collection.files import animated, likeness_to_copy
from ..collection.tables import AWAY, ImageRow
from ..ingest.engines import Engine
from ..ingest.lookup import LookUp, look_up
from ..ingest.roots import existing_collection, open_memory_of
from ..ingest.scan import find_pictures
from ..support.batching import batches
from ..support.progress import Advance, silent
from ..support.wording import counted

if TYPE_CHECKING:
    from .taste_judge import TasteJudge

#: Pictures after which items are stored, so that a killed run loses no more than these.
_STORE_EVERY = 32
#: Pictures that a network sees together.
_NETWORK_BATCH = 8


def measure(
    collection: Collection,
    rows: Sequence[ImageRow],
    judge: Measurer,
    pixels: dict[int, np.ndarray] | None = None,
    progress: Advance = silent,
    known: Mapping[int, np.ndarray] = MappingProxyType({}),
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Read the stored items of ``rows``; measure and store the missing ones, from ``pixels`` or the file.

    ``pixels`` are (h, w, 3) uint8; ``known`` are (p,) items just measured for a judge of this version. Both are by
    picture id.
    """
    extractor = judge.extractor
    version = extractor.version
    ids = [row.id for row in rows]
    items = {image: known[image] for image in ids if image in known}
    items |= stored_items(collection, extractor, [image for image in ids if image not in items])
    missing = [row for row in rows if row.id not in items]
    progress(len(rows) - len(missing))
    if not missing:
        return items, []
    if len(parts := stored_parts(extractor)) > 1:
        side_by_side, problems = [], []
        for part in parts:
            counted_once = progress if part is parts[0] else silent
            found, unreadable = measure(collection, missing, Measures(part), pixels, counted_once)
            missing = [row for row in missing if row.id in found]
            side_by_side.append(found)
            problems += unreadable
        return items | _joined(side_by_side), problems
    if (place := _place_among_all(extractor)) is not None:
        # Measured with the rest, which every picture has, so that nothing is decoded for a part of it.
        whole, problems = measure(collection, missing, Measures(taste_extractor()), pixels, progress)
        return items | {image: found[place] for image, found in whole.items()}, problems
    if isinstance(extractor, CombinedExtractor) and extractor.without_network is not extractor:
        added, problems = _add_network(collection, missing, extractor, pixels or {}, progress)
        return items | added, problems
    fresh: dict[int, np.ndarray] = {}
    problems = []
    for row in missing:
        try:
            # As stored, so that a score does not depend on whether its items came from the store.
            items[row.id] = fresh[row.id] = extractor.extract(_pixels(collection, row, pixels or {}))[0].astype(
                np.float32
            )
        except ImageError as error:
            problems.append(str(error))
        if len(fresh) >= _STORE_EVERY:
            collection.add_items(version, fresh)
            fresh = {}
        progress(1)
    collection.add_items(version, fresh)
    return items, problems


def stored_items(collection: Collection, extractor: Extractor, ids: Sequence[int]) -> dict[int, np.ndarray]:
    """Stored items by picture id, for those of ``ids`` that have all of an extractor; each (p,) float32."""
    return _joined([collection.items(part.version, ids) for part in stored_parts(extractor)])


def _joined(side_by_side: Sequence[Mapping[int, np.ndarray]]) -> dict[int, np.ndarray]:
    """Items by picture id, for those that each of some has."""
    return {
        image: np.concatenate([items[image] for items in side_by_side])
        for image in side_by_side[0]
        if all(image in items for items in side_by_side)
    }


def _place_among_all(extractor: Extractor) -> slice | None:
    """Columns of the items of an extractor among those that every picture has; None if they are not there."""
    start = 0
    for part in taste_extractor().parts:
        if part.version == extractor.version:
            return slice(start, start + len(part.names))
        start += len(part.names)
    return None


def _pixels(collection: Collection, row: ImageRow, pixels: Mapping[int, np.ndarray]) -> np.ndarray:
    """Pixels of a picture, decoded only if they are not among ``pixels``."""
    decoded = pixels.get(row.id)
    return decoded if decoded is not None else collection.pixels(row)


def _add_network(
    collection: Collection,
    rows: Sequence[ImageRow],
    extractor: CombinedExtractor,
    pixels: Mapping[int, np.ndarray],
    progress: Advance,
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Measure and store the items of ``rows``, the network's in batches; stored items of the other kinds are used."""
    head = extractor.without_network
    known = collection.items(head.version, [row.id for row in rows])
    items: dict[int, np.ndarray] = {}
    problems: list[str] = []
    for batch in batches(rows, _NETWORK_BATCH):
        opened: dict[int, np.ndarray] = {}
        fresh: dict[int, np.ndarray] = {}
        for row in batch:
            try:
                image = _pixels(collection, row, pixels)
                if row.id not in known:
                    known[row.id] = fresh[row.id] = head.extract(image)[0].astype(np.float32)
                opened[row.id] = image
            except ImageError as error:
                problems.append(str(error))
        collection.add_items(head.version, fresh)
        if opened:
            together = extractor.extend(np.stack([known[i] for i in opened]), list(opened.values()))
            measured = dict(zip(opened, together.astype(np.float32), strict=True))
            collection.add_items(extractor.version, measured)
            items |= measured
        progress(len(batch))
    return items, problems


def import_pictures(
    collection: Collection, files: Sequence[Path], judge: Measurer, progress: Advance = silent
) -> tuple[list[ImageRow], list[str]]:
    """Add ``files`` to a collection without moving them, and measure them.

    The result has a row for each different picture, and a sentence for each unreadable or repeated file.
    """

    def add(file: Path) -> ImageRow:
        row, picture = collection.add_file(file)
        if picture is not None:
            measure(collection, [row], judge, {row.id: picture.pixels})
        return row

    return _each_once(files, add, progress)


#: Copies of files that are named one by one.
COPIES_NAMED = 3


def _each_once(
    files: Sequence[Path], add: Callable[[Path], ImageRow], progress: Advance = silent
) -> tuple[list[ImageRow], list[str]]:
    """The rows that files are added as, and a sentence for each that is unreadable or repeats an earlier one."""
    rows: dict[int, ImageRow] = {}
    named: dict[int, Path] = {}
    problems, copies = [], list[tuple[str, str]]()
    for file in files:
        try:
            row = add(file)
        except ImageError as error:
            problems.append(str(error))
        else:
            if row.id in rows:
                copies.append((str(file), str(named[row.id])))
            rows.setdefault(row.id, row)
            named.setdefault(row.id, file)
        progress(1)
    if len(copies) > COPIES_NAMED:
        said = [
            f"{len(copies)} files are the same as others, such as {copies[0][0]!r} as {copies[0][1]!r}: counted once."
        ]
    else:
        said = [f"{copy!r} is the same file as {first!r}: counted once." for copy, first in copies]
    return list(rows.values()), [*problems, *said]


def measure_sound(
    collection: Collection, rows: Sequence[ImageRow], judge: TasteJudge, progress: Advance = silent
) -> tuple[list[ImageRow], np.ndarray, list[str]]:
    """Measure the pictures without a problem.

    Items are (n, p); the sentences name pictures that are unreadable, too small, all black or of one tone.
    """
    sound = [row for row in rows if not row.problem]
    items, problems = measure(collection, sound, judge, progress=progress)
    readable = [row for row in sound if row.id in items]
    matrix = np.stack([items[row.id] for row in readable]) if readable else np.zeros((0, len(judge.extractor.names)))
    fit, matrix, left_out = without_unfit(collection, readable, matrix.astype(np.float64), judge.extractor.names)
    return fit, matrix, problems + left_out


def without_unfit(
    collection: Collection, rows: Sequence[ImageRow], items: np.ndarray, names: Sequence[str]
) -> tuple[list[ImageRow], np.ndarray, list[str]]:
    """Leave out pictures that cannot be judged, by their (n, p) items of these names."""
    reasons = why_unfit(items, names)
    problems = [
        f"{str(collection.locate(row))!r} is left out: {reason}."
        for row, reason in zip(rows, reasons, strict=True)
        if reason
    ]
    if not problems:
        return list(rows), items, []
    fit = np.array([not reason for reason in reasons])
    return list(compress(rows, fit)), items[fit], problems


def _gone(collection: Collection, count: int) -> list[str]:
    """A sentence on the pictures of a collection whose files are gone or hold something else, if there are some."""
    return (
        [f"Left out: {counted(count)} of {collection.name!r}, whose files were moved, deleted or overwritten."]
        if count
        else []
    )


def open_pictures(
    paths: Sequence[Path | str],
    measurer: Measurer,
    progress: Advance = silent,
    expect: Advance = silent,
    engine: Engine | None = None,
    beside: Sequence[ItemKind] = (),
) -> tuple[Collection, list[ImageRow], list[str]]:
    """Open the pictures that a user names: a collection, or files and folders.

    What ``measurer`` measures of files and folders, and ``beside`` it, is stored in the collection of an evaluation of the same
    folders, in the user's data folder; nothing is written beside the pictures. ``expect`` gets the number of files.

    Returns the collection, which the caller must close, its pictures in the order of the files, of exact copies the original
    (see ``originals_first``), and a sentence for each file that cannot be used, if nothing can be stored, or on all
    pictures of a collection whose files are gone or changed.
    """
    if any(map(is_url, paths)) and len(paths) > 1:
        raise CollectionError("A collection named by a URL cannot be combined with other pictures: name it alone.")
    if len(paths) == 1 and (is_url(paths[0]) or Collection.is_collection(paths[0])):
        # Scores and items can be computed again.
        collection = existing_collection(paths[0], scratch=True)
        rows = collection.images()
        here = [row for row in rows if collection.holds(row)]
        return collection, here, _gone(collection, len(rows) - len(here))
    named = [Path(path) for path in paths]
    files, problems = find_pictures(named)
    expect(len(files))
    kinds = kinds_of_parts(measurer.extractor) if isinstance(measurer.extractor, CombinedExtractor) else ()
    # Of exact copies the first is named.
    originals_first = sorted(files, key=likeness_to_copy)
    if files and kinds:
        # Those that every picture has come first, so that any command finds them.
        own = [None, *(kind for kind in kinds if kind.version != taste_extractor().version)]
        collection, found, unkept = _remembered(named, files, [*dict.fromkeys([*own, *beside])], engine, progress)
        _place(found, originals_first)
        rows, unreadable = _each_once(originals_first, lambda file: _row_of(file, found))
        unreadable = [*named_as_given(unreadable, named), *unkept]
    else:
        # Items of somebody else's may change without their version.
        collection = Collection(None)
        rows, unreadable = import_pictures(collection, originals_first, measurer, progress)
    places = {file.resolve(): place for place, file in reversed([*enumerate(files)])}
    rows = sorted(rows, key=lambda row: places[collection.locate(row)])
    return collection, rows, [*problems, *unreadable, *animated(collection, rows)]


def _remembered(
    named: Sequence[Path],
    files: Sequence[Path],
    kinds: Sequence[ItemKind | None],
    engine: Engine | None,
    progress: Advance,
) -> tuple[Collection, LookUp, list[str]]:
    """The collection in the user's data folder that remembers files, their pictures in it, and why it keeps nothing new."""
    folders = [path for path in named if path.is_dir()]
    try:
        collection = open_memory_of(named)
        try:
            found = look_up(collection, files, kinds, engine, progress, folders)
        except BaseException:
            collection.close()
            raise
    except CollectionError as error:
        collection = Collection(None)
        found = look_up(collection, files, kinds, engine)
        return collection, found, [f"What is measured now is not kept for the next time. {error}"]
    unkept = []
    if found.stored and not collection.kept:
        unkept.append(f"The collection {collection.name!r} is read-only: what is measured now is not kept in it.")
    return collection, found, unkept


def _row_of(file: Path, found: LookUp) -> ImageRow:
    """The picture of a file."""
    if file in found.problems:
        raise ImageError(found.problems[file])
    return found.pictures[file]


def _place(found: LookUp, originals_first: Sequence[Path]) -> None:
    """Let pictures lie where the files are that a user names, not where scans saw other copies; nothing is stored."""
    for file in reversed(originals_first):
        if (row := found.pictures.get(file)) is not None:
            row.path = str(file.resolve())
            # They were moved away, and somebody brought them back.
            row.problem = None if row.problem == AWAY else row.problem
