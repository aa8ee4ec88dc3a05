"""Copies the best pictures of a ranking to a folder of their own."""

from __future__ import annotations

import contextlib
import filecmp
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from ...errors import CollectionError
from ...files import read_regular, shortened, whole_file
from ..support.failures import Failure, reason_of, summed_up
from .cull import Move, check_target, with_companions
from .journal import Journal

#: Beginning of the name of a copy.
_PLACE = re.compile(r"\d+ ")
#: Most bytes of the name of a copy: file systems take 255, and a text beside it adds its suffix.
_LONGEST = 245


@dataclass(frozen=True)
class Copies:
    """Result of ``copy_best``."""

    folder: Path
    count: int  # number of pictures in it
    problems: list[str] = field(default_factory=list)  # sentences on those that could not be copied
    hints: list[str] = field(default_factory=list)  # a sentence if it is another folder than the one that was asked for
    undo_file: Path | None = None


def check_copy_target(folder: Path, read: Sequence[Path]) -> None:
    """Refuse an unusable folder to copy to, and one inside a folder that is read, before any work begins."""
    roots = [path for path in read if path.is_dir()]
    check_target(folder, roots)
    for root in roots:
        if folder.resolve().is_relative_to(root.resolve()):
            raise CollectionError(
                f"{str(folder)!r} lies in {str(root)!r}, so that the copies would be among its pictures next time: "
                "choose a folder elsewhere."
            )


def copy_best(pictures: Sequence[Path], folder: Path, journal: Journal | None = None) -> Copies:
    """Copy pictures, best first, and the text files beside them; each name begins with the picture's place.

    Names that would be too long then are shortened. If the folder holds copies of another ranking, the first free one of
    ``FOLDER-2``, ``FOLDER-3``… is made; an equal file that is already there counts as copied. ``journal`` writes down the
    new files, so that they can be deleted again.
    """
    digits, copied, failures = len(str(len(pictures))), 0, list[Failure]()
    names = [f"{place:0{digits}d} {source.name}" for place, source in enumerate(pictures, start=1)]
    wanted = [
        [*with_companions(Move(source, folder / shortened(name, _LONGEST), place))]
        for place, (source, name) in enumerate(zip(pictures, names, strict=True), start=1)
    ]
    sources = {file.target.name: file.source for files in wanted for file in files}
    candidates = chain([folder], (folder.with_name(f"{folder.name}-{number}") for number in count(2)))
    try:
        target = next(one for one in candidates if _holds_only(one, sources))
        made = 1 + sum(not parent.exists() for parent in target.absolute().parents)
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CollectionError(f"Nothing can be copied to {str(folder)!r}: {error.strerror or error}.") from error
    for picture, *beside in wanted:
        for file in (picture, *beside):
            if failure := _copy(file.source, target / file.target.name, journal, made):
                failures.append(failure)
                break
            copied += file is picture
    hints = (
        [f"{str(folder)!r} holds copies of another ranking: these are in {str(target)!r}."] if target != folder else []
    )
    written = journal.path if journal is not None and journal.path.exists() else None
    return Copies(target, copied, summed_up(failures), hints, written)


def _holds_only(folder: Path, sources: Mapping[str, Path]) -> bool:
    """True if a folder holds no copies but of these files, by name."""
    there = [path for path in folder.iterdir() if _PLACE.match(path.name)] if folder.is_dir() else []
    with contextlib.suppress(OSError):
        return all(path.name in sources and filecmp.cmp(sources[path.name], path, shallow=False) for path in there)
    return False


def _copy(source: Path, target: Path, journal: Journal | None, made: int) -> Failure | None:
    """Copy a file; return what is wrong, or nothing. See ``Journal.write`` for ``made``."""
    try:
        if not target.exists():
            if journal is not None:
                journal.write(target, read_regular(source), made)
            else:
                with whole_file(target) as temporary:
                    shutil.copyfile(source, temporary)
            # Last, because the picture may be read-only.
            shutil.copystat(source, target)
    except OSError as error:
        return Failure(source, f"cannot be copied to {str(target.parent)!r}: {reason_of(error)}")
    return None
