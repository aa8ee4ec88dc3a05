"""Copies the best pictures of a ranking to a folder of their own."""

from __future__ import annotations

import filecmp
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CollectionError
from ...files import read_regular, shortened, whole_file
from ..support.failures import Failure, reason_of, summed_up
from ..support.wording import counted
from .cull import Move, check_target, with_companions
from .journal import Journal

#: Beginning of the name of a copy.
_PLACE = re.compile(r"\d+ ")
#: Most bytes of the name of a copy: file systems take 255, and a text beside it adds its suffix.
_LONGEST = 245
#: What is wrong where another file has the name of a copy.
DIFFERS = "is there already and differs: name an empty folder, or move it away"


@dataclass(frozen=True)
class Copies:
    """Result of ``copy_best``: number of pictures in the folder, and sentences on those that could not be copied.

    ``hints`` has a sentence if the folder holds copies of an earlier ranking, which are hard to tell from these.
    """

    count: int
    problems: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


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

    Names that would be too long then are shortened. A file that is already there is never overwritten; an equal one
    counts as copied. ``journal`` writes down the new files, so that they can be deleted again.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CollectionError(f"Nothing can be copied to {str(folder)!r}: {error.strerror or error}.") from error
    digits, copied = len(str(len(pictures))), 0
    failures, hints, targets = list[Failure](), list[str](), set[str]()
    for place, source in enumerate(pictures, start=1):
        picture = Move(source, folder / shortened(f"{place:0{digits}d} {source.name}", _LONGEST), place)
        for file in with_companions(picture):
            targets.add(file.target.name)
            if failure := _copy(file.source, file.target, journal):
                failures.append(failure)
                break
            copied += file is picture
    if earlier := sum(bool(_PLACE.match(name)) for name in {path.name for path in folder.iterdir()} - targets):
        hints.append(
            f"{str(folder)!r} also holds {counted(earlier, 'numbered file')} of an earlier ranking: name an empty "
            "folder to keep them apart."
        )
    return Copies(copied, summed_up(failures), hints)


def _copy(source: Path, target: Path, journal: Journal | None) -> Failure | None:
    """Copy a file; return what is wrong, or nothing."""
    try:
        if not target.exists():
            if journal is not None:
                journal.write(target, read_regular(source))
            else:
                with whole_file(target) as temporary:
                    shutil.copyfile(source, temporary)
            # Last, because the picture may be read-only.
            shutil.copystat(source, target)
        elif not filecmp.cmp(source, target, shallow=False):
            return Failure(
                target,
                DIFFERS,
                "are there already and differ: name an empty folder, or move them away",
            )
    except OSError as error:
        return Failure(source, f"cannot be copied to {str(target.parent)!r}: {reason_of(error)}")
    return None
