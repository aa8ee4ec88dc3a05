"""Writes scores, ratings, tags and albums to XMP sidecars or into PNG files; pixels stay.

XMP sidecars (``NAME.xmp``, or ``NAME.png.xmp`` if other pictures have the same name) hold ``xmp:Rating`` and
``dc:subject``, which photo managers read: 1–5 stars, −1 for rejected, and keywords. PNG files get an ``iTXt`` chunk of the
keyword ``soart`` before their pixels. Both can be undone.

Sources: PNG Specification, third edition (W3C 2025); Adobe XMP Specification Part 1–3 (2016).
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape, unescape

import numpy as np

from ...errors import ImageError
from ...files import read_regular
from ...metrics.formats.decoders import SUFFIXES
from ...metrics.formats.png import SIGNATURE
from ...metrics.image import read_content
from ..collection.collection import Collection
from ..collection.files import paths_with_pictures, set_file_size
from ..collection.labels import ALBUM, TAG, labels_of
from ..collection.png import NOTE_AT, note_chunk, note_length
from ..collection.ratings import ratings
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.result import Evaluation
from ..support.failures import Failure, reason_of, summed_up
from ..support.progress import Advance, silent
from .journal import Journal

#: The namespace of ratings; most sidecars call it "xmp", old ones "xap".
_PREFIX = re.compile(r"""\bxmlns:([\w.-]+)\s*=\s*["']http://ns\.adobe\.com/xap/1\.0/["']""")
#: The start tag of the first description, with its end apart.
_DESCRIPTION_TAG = re.compile(r"""(<rdf:Description\b(?:[^>"'/]|"[^"]*"|'[^']*')*)(/?>)""")
_SUBJECT = re.compile(r"(<dc:subject\b[^>]*>\s*<rdf:(Bag|Seq|Alt)>)(.*?)(\s*</rdf:\2>\s*</dc:subject>)", re.DOTALL)
_EMPTY_SUBJECT = re.compile(r"<dc:subject\b[^<>]*(?:/>|>\s*(?:<rdf:(?:Bag|Seq|Alt)\s*/>\s*)?</dc:subject\s*>)")
_KEYWORD = re.compile(r"<rdf:li\b[^>]*>([^<]*)</rdf:li>")
_EMPTY = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{stars}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def with_rating(xmp: str | None, stars: int) -> str | None:
    """The text of a sidecar, or of a new one, rated 1–5, or −1 for rejected; None if it has no place for a rating."""
    if xmp is None:
        return _EMPTY.format(stars=stars)
    changed, count = _ratings(xmp).subn(lambda match: _rated(match, stars), xmp)
    if count:
        return changed
    if not (tag := _DESCRIPTION_TAG.search(xmp)):
        return None
    # Another description may give the prefix a meaning, but only for itself.
    space = "" if re.search(r"\bxmlns:xmp\s*=", tag[1]) else ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    at = tag.start() + len("<rdf:Description")
    return f'{xmp[:at]}{space} xmp:Rating="{stars}"{xmp[at:]}'


def _ratings(xmp: str) -> re.Pattern[str]:
    """Matches the ratings of a sidecar, under every prefix of their namespace."""
    prefixes = "|".join(map(re.escape, dict.fromkeys(["xmp", *_PREFIX.findall(xmp)])))
    name = rf"(?:{prefixes}):Rating"
    return re.compile(
        rf"""(?<![\w.:-])({name}\s*=\s*)("[^"]*"|'[^']*')"""
        rf"""|(<{name}\b[^<>]*(?<!/)>)[^<]*(</{name}\s*>)|<({name})\b[^<>]*/>"""
    )


def _rated(match: re.Match[str], stars: int) -> str:
    """A rating as attribute, as element, or as empty element, with other stars."""
    if match[1]:
        return f'{match[1]}"{stars}"'
    return f"{match[3]}{stars}{match[4]}" if match[3] else f"<{match[5]}>{stars}</{match[5]}>"


def with_keywords(xmp: str, keywords: Sequence[str]) -> str | None:
    """The text of a sidecar with keywords (``dc:subject``) added, none twice; None if it has no place for them."""
    if subject := _SUBJECT.search(xmp):
        known = {unescape(text.strip()) for text in _KEYWORD.findall(subject[3])}
        return xmp[: subject.end(3)] + _items(k for k in keywords if k not in known) + xmp[subject.end(3) :]
    if not keywords:
        return xmp
    xmp = _EMPTY_SUBJECT.sub("", xmp)
    if not (tag := _DESCRIPTION_TAG.search(xmp)):
        return None
    bag = (
        f'\n   <dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/">\n    <rdf:Bag>{_items(keywords)}'
        "\n    </rdf:Bag>\n   </dc:subject>"
    )
    end = "\n  </rdf:Description>" if tag[2] == "/>" else ""
    return f"{xmp[: tag.start()]}{tag[1]}>{bag}{end}{xmp[tag.end() :]}"


def _items(keywords: Iterable[str]) -> str:
    return "".join(f"\n     <rdf:li>{escape(keyword)}</rdf:li>" for keyword in keywords)


def stars_of(percentile: np.ndarray) -> np.ndarray:
    """Stars 1–5 (n,) of percentiles 0–100 (n,): a fifth of the pictures each."""
    stars: np.ndarray = np.clip(np.floor(percentile / 20) + 1, 1, 5).astype(int)
    return stars


@dataclass(frozen=True, slots=True)
class Note:
    """The annotation of a picture file: 1–5 stars or −1 for rejected, facts such as the score by name, tags and albums."""

    path: Path
    stars: int
    facts: Mapping[str, object]
    tags: Sequence[str] = ()
    albums: Sequence[str] = ()


def annotations_of(evaluated: EvaluatedCollection, rater: str | None = None) -> Iterator[Note]:
    """Yield the notes of picture files, in the order of paths.

    The stars are a rater's, of the files this rater has rated; without a rater they come from the percentile of the
    score, of all files but those of pictures without one.
    """
    e = evaluated.evaluation
    rated = None if rater is None else ratings(evaluated.collection, rater, personal=False)
    stars = stars_of(np.nan_to_num(e.percentile))
    tags, albums = (labels_of(evaluated.collection, kind, e.ids.tolist()) for kind in (TAG, ALBUM))
    for path, image in paths_with_pictures(evaluated.collection, evaluated.update.scan_number):
        row = e.place.get(image)
        if row is not None and (e.judged[row] if rated is None else image in rated):
            # Half stars count up, all of them: round() would take 2.5 for 2 and 3.5 for 4.
            value = int(stars[row]) if rated is None else math.floor(rated[image] + 0.5)
            yield Note(Path(path), value, _facts(e, row), tags.get(image, ()), albums.get(image, ()))


def _facts(e: Evaluation, row: int) -> dict[str, object]:
    return {
        "by": e.main, "score": round(float(e.scores[e.main][row]), 2) if e.judged[row] else None,
        "percentile": round(float(e.percentile[row]), 1) if e.judged[row] else None, "damage": e.damage_name(row) or None,
    }  # fmt: skip


def annotate(
    evaluated: EvaluatedCollection,
    notes: Sequence[Note],
    undo_file: Path,
    *,
    xmp: bool = True,
    png: bool = False,
    progress: Advance = silent,
) -> tuple[int, list[str]]:
    """Write notes to XMP sidecars, into PNG files or both, and an undo file, which must not exist.

    Returns the number of files annotated, and sentences on those that could not be, see ``summed_up``.
    """
    journal = Journal(undo_file)
    # A new cache for each call, because folders change.
    shared = lru_cache(maxsize=64)(_shared_stems)
    writers: list[Callable[[Note], Failure | None]] = []
    if xmp:
        writers.append(lambda note: _write_xmp(note, shared, journal))
    if png:
        # With a sidecar beside it, a file of another format has its stars all the same.
        writers.append(lambda note: _write_png(evaluated.collection, note, journal, needed=not xmp))
    done, failures = 0, list[Failure]()
    try:
        for note in notes:
            results = list[Failure | None]()
            for write in writers:
                try:
                    results.append(write(note))
                except (OSError, ImageError) as error:
                    results.append(Failure(note.path, f"cannot be annotated: {reason_of(error)}"))
            failures += filter(None, results)
            done += None in results
            progress(1)
    finally:
        journal.close()
    return done, summed_up(failures)


def _shared_stems(folder: Path) -> frozenset[str]:
    """Names without suffix that several pictures of a folder have."""
    with os.scandir(folder) as entries:
        names = (Path(entry.name) for entry in entries if entry.is_file())
        counts = Counter(name.stem for name in names if name.suffix.lower() in SUFFIXES)
    return frozenset(stem for stem, count in counts.items() if count > 1)


def _write_xmp(note: Note, shared: Callable[[Path], frozenset[str]], journal: Journal) -> Failure | None:
    path, full_name = note.path.with_suffix(".xmp"), note.path.with_name(f"{note.path.name}.xmp")
    # Photo managers read an existing sidecar of the full name first, so a rating elsewhere would not count.
    if os.path.exists(full_name) or note.path.stem in shared(note.path.parent):  # noqa: PTH110 - too long a name is not there
        path = full_name
    try:
        # As bytes, because reading as text would change the ends of lines.
        old = read_regular(path).decode() if path.exists() else None
    except UnicodeDecodeError:
        return Failure(path, "is not UTF-8 and stays as it is", "are not UTF-8 and stay as they are")
    rated = with_rating(old, note.stars)
    new = None if rated is None else with_keywords(rated, list(dict.fromkeys([*note.tags, *note.albums])))
    if new is None:
        return Failure(
            path,
            "has no description to put a rating in and stays as it is",
            "have no description to put a rating in and stay as they are",
        )
    if new != old:
        journal.write(path, new.encode())
    return None


def _write_png(collection: Collection, note: Note, journal: Journal, *, needed: bool) -> Failure | None:
    content = read_content(note.path)
    if not content.startswith(SIGNATURE):
        failure = Failure(
            note.path,
            "is not a PNG file: its rating can only be written to an XMP sidecar",
            "are not PNG files: their ratings can only be written to XMP sidecars",
        )
        return failure if needed else None
    labels = {name: names for name, names in (("tags", note.tags), ("albums", note.albums)) if names}
    chunk = note_chunk(json.dumps({"rating": note.stars, **note.facts, **labels}, sort_keys=True))
    if content[NOTE_AT : NOTE_AT + len(chunk)] == chunk:
        return None
    # There must be only one.
    if note_length(content):
        return Failure(
            note.path,
            "holds an earlier note of soart: undo that one first",
            "hold earlier notes of soart: undo those first",
        )
    new = journal.insert(note.path, content, NOTE_AT, chunk)
    # The picture is the same: with the new size its file counts as unchanged, and is not inspected again.
    set_file_size(collection, str(note.path), len(new))
    return None
