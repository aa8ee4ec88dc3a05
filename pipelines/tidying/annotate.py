"""Writes scores and ratings back beside the pictures, or into the texts of PNG files; never touches a pixel.

XMP sidecars (``NAME.xmp``; ``NAME.png.xmp`` where other pictures have the same name) carry ``xmp:Rating``, 1–5 stars, −1 for rejected, as photo
managers read them; PNG files get an ``iTXt`` chunk of the keyword ``soart`` before their pixels. Both can be undone.

Sources: Adobe XMP Specification Part 1–3 (2016); PNG Specification, third edition (W3C 2025).
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import ImageError
from ...metrics.image import SUFFIXES, read_content
from ..collection.files import paths_with_pictures, set_file_size
from ..collection.ratings import ratings
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.result import Evaluation
from .journal import Journal

PNG = b"\x89PNG\r\n\x1a\n"
_RATING = re.compile(r"""(xmp:Rating\s*=\s*)("[^"]*"|'[^']*')|(<xmp:Rating>)[^<]*(</xmp:Rating>)""")
_DESCRIPTION = re.compile(r"<rdf:Description\b")
_EMPTY = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{stars}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def stars_of(percentile: np.ndarray) -> np.ndarray:
    """Stars 1–5 (n,) of percentiles 0–100: a fifth of the pictures each."""
    stars: np.ndarray = np.clip(np.floor(percentile / 20) + 1, 1, 5).astype(int)
    return stars


def with_rating(xmp: str | None, stars: int) -> str | None:
    """A sidecar with its rating set, everything else as it was; None if it cannot be told where the rating goes."""
    if xmp is None:
        return _EMPTY.format(stars=stars)
    if _RATING.search(xmp):
        return _RATING.sub(lambda m: f'{m[1]}"{stars}"' if m[1] else f"{m[3]}{stars}{m[4]}", xmp)
    space = "" if "xmlns:xmp=" in xmp else ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    changed, count = _DESCRIPTION.subn(f'<rdf:Description{space} xmp:Rating="{stars}"', xmp, count=1)
    return changed if count else None


def text_chunk(text: str) -> bytes:
    """An iTXt chunk of the keyword ``soart``."""
    body = b"iTXt" + b"soart\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be written about a file.

    Attributes:
        path: of the picture.
        stars: 1–5, or −1 for rejected.
        facts: score, percentile….
    """

    path: Path
    stars: int
    facts: Mapping[str, object]


def annotations_of(survey: EvaluatedCollection, rater: str | None = None) -> Iterator[Note]:
    """A note for every file: stars by the percentile of its score, or those that a rater gave (files not rated are passed over)."""
    e = survey.evaluation
    given = None if rater is None else ratings(survey.collection, rater)
    stars = stars_of(e.percentile)
    for path, image in paths_with_pictures(survey.collection, survey.update.scan_number):
        row = e.place.get(image)
        if row is not None and (given is None or image in given):
            value = int(stars[row]) if given is None else round(given[image])
            yield Note(Path(path), value, _facts(e, row))


def _facts(e: Evaluation, row: int) -> dict[str, object]:
    return {
        "profile": e.main, "score": round(float(e.scores[e.main][row]), 2), "percentile": round(float(e.percentile[row]), 1),
        "damage": e.damage_name(row) or None,
    }  # fmt: skip


def annotate(
    survey: EvaluatedCollection,
    notes: Sequence[Note],
    undo_file: Path,
    *,
    xmp: bool = True,
    png: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[int, list[str]]:
    """Write notes to XMP sidecars, or into PNG files, or both.

    Returns:
        how many files were written, and a sentence for each that could not be.

    Raises:
        CollectionError: the undo file exists or cannot be written.
    """
    journal = Journal(undo_file)
    # For each annotation anew: folders change.
    shared = lru_cache(maxsize=64)(_shared_stems)
    writers: list[Callable[[Note], str | None]] = []
    if xmp:
        writers.append(lambda note: _write_xmp(note, shared, journal))
    if png:
        writers.append(lambda note: _write_png(survey, note, journal))
    done, problems = 0, []
    try:
        for note in notes:
            found = []
            for write in writers:
                try:
                    found.append(write(note))
                except (OSError, ImageError) as error:
                    found.append(f"{str(note.path)!r} cannot be annotated: {getattr(error, 'strerror', None) or error}")
            problems += [problem for problem in found if problem]
            done += None in found
            progress(1)
    finally:
        journal.close()
    return done, problems


def _shared_stems(folder: Path) -> frozenset[str]:
    """Names, without their endings, that several pictures of a folder have."""
    with os.scandir(folder) as entries:
        names = (Path(entry.name) for entry in entries if entry.is_file())
        counted = Counter(name.stem for name in names if name.suffix.lower() in SUFFIXES)
    return frozenset(stem for stem, count in counted.items() if count > 1)


def _write_xmp(note: Note, shared: Callable[[Path], frozenset[str]], journal: Journal) -> str | None:
    path, own = note.path.with_suffix(".xmp"), note.path.with_name(f"{note.path.name}.xmp")
    # One that is there is read first: a rating beside it would not count.
    if own.exists() or note.path.stem in shared(note.path.parent):
        path = own
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else None
    except UnicodeDecodeError:
        return f"{str(path)!r} is not UTF-8: it stays as it is."
    new = with_rating(old, note.stars)
    if new is None:
        return f"{str(path)!r} holds no description to put a rating in: it stays as it is."
    if new != old:
        journal.write(path, new.encode())
    return None


def _write_png(survey: EvaluatedCollection, note: Note, journal: Journal) -> str | None:
    content = read_content(note.path)
    if not content.startswith(PNG):
        return f"{str(note.path)!r} is no PNG file: only the XMP sidecar can hold its rating."
    part = text_chunk(json.dumps({"rating": note.stars, **note.facts}, sort_keys=True))
    at = 8 + 12 + struct.unpack(">I", content[8:12])[0]
    if content[at : at + len(part)] == part:
        return None
    # An earlier note of ours stands at the same place: take it out first, so that there is one.
    if content[at + 4 : at + 14] == b"iTXtsoart\0":
        return f"{str(note.path)!r} holds another note of soart: undo that one first."
    # Its picture is the same: with its new size it counts as unchanged, and is not inspected again.
    set_file_size(survey.collection, str(note.path), len(journal.insert(note.path, content, at, part)))
    return None
