"""Plans moves of pictures, and moves them into folders, to be looked at before deletion."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError
from ...files import check_writable, plain_path
from ...metrics.damage.fitness import BLANK
from ...metrics.damage.names import OVERALL
from ...metrics.formats.decoders import SUFFIXES
from ..collection.collection import Collection
from ..collection.counts import count_collection
from ..collection.files import files_by_picture, paths_by_picture, paths_with_pictures
from ..collection.queries import WINDOW, rows_of
from ..collection.settings import setting, store_setting
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.result import Evaluation
from ..support.batching import batches
from ..support.failures import Failure, reason_of, summed_up
from ..support.progress import Advance, silent
from .journal import Journal

if TYPE_CHECKING:
    from ..keepers.finding import Keepers

#: Suffixes of the text files beside a picture that move with it.
BESIDE = (".txt", ".json", ".caption", ".xmp")
#: Name of the folder for pictures that were selected one by one.
SELECTED = "selected"


@dataclass(frozen=True, slots=True)
class Rule:
    """Pictures to move; the reason of a picture that fits several criteria is the first of them in this order."""

    duplicates: bool = False  # True for all but the one to keep of each group of near-duplicates, and for exact copies
    damaged: bool = False  # True for pictures suspected of damage, and for those that are all black or of one tone
    outliers: bool = False  # True for pictures far from the rest
    #: percentage of the pictures, 0–100, that have the lowest scores; those that cannot be judged come first
    worst: float | None = None
    below: float | None = None  # pictures with a lower score than this, and those that cannot be judged

    def __post_init__(self) -> None:
        if not (self.duplicates or self.damaged or self.outliers or self.worst is not None or self.below is not None):
            raise CollectionError("Expected a rule: duplicates, damaged, outliers, a worst share, or a score.")
        if self.below is not None and math.isnan(self.below):
            raise CollectionError("The score that pictures are moved below must be a number, got nan.")
        if self.worst is not None and not 0 < self.worst <= 100:
            raise CollectionError(f"Expected a worst share of more than 0 and at most 100 percent, got {self.worst:g}.")

    def reasons(self, e: Evaluation, keep: Container[int] = ()) -> np.ndarray:
        """Name (n,) of the folder that each picture goes to; empty for those that stay, as ids in ``keep`` do."""
        reasons = np.full(len(e.ids), "", dtype=object)
        scores = e.standing
        # A picture that its judge gave no value, for want of a prompt for example, is not the worse for it.
        low = e.judged | (e.unfit != "")
        kept = np.array([image in keep for image in e.ids.tolist()], dtype=bool)
        if self.below is not None:
            reasons[low & (scores < self.below)] = "low"
        if self.worst is not None:
            # 18.4 % of 375 are 69, though the floating product is a little less.
            count = int(low.sum() * self.worst / 100 + 1e-9)
            order = np.argsort(scores, kind="stable")
            # All that were named are moved, whatever they score.
            reasons[order[low[order]][:count]] = SELECTED if self.worst == 100 else "low"
        if self.outliers:
            reasons[e.outlier] = "outliers"
        if self.damaged:
            for row in np.flatnonzero(e.damage >= 0):
                reasons[row] = e.damage_name(int(row))
            reasons[np.isin(e.unfit, BLANK)] = "blank"
        if self.duplicates:
            sound = (reasons == "") | kept
            reasons[(e.group >= 0) & ~_staying(e, e.best | kept, sound)] = "duplicates"
        reasons[kept] = ""
        return reasons


def threshold_since(collection: Collection, judge: str, below: float, *, remember: bool) -> str:
    """A sentence if points of the overall score have come to mean another thing in a collection; once, if it may remember.

    The new value is that of the same share of the pictures that an earlier version has scored, too.
    """
    earlier = [name for name in count_collection(collection).judges if name.startswith(f"{OVERALL}-") and name != judge]
    if not judge.startswith(f"{OVERALL}-") or not earlier or setting(collection, OVERALL) == judge:
        return ""
    now, before = collection.scores(judge), max((collection.scores(name) for name in earlier), key=len)
    both = now.keys() & before.keys()
    if not both:
        return ""
    if remember:
        store_setting(collection, OVERALL, judge)
    share = np.mean([before[image] < below for image in both])
    same = float(np.quantile([now[image] for image in both], share))
    return (
        f"Points of the overall score mean another thing in this version of soart: as many pictures as were below {below:g} "
        f"are below {same:.4g} now."
    )


def _staying(e: Evaluation, chosen: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """The chosen pictures of groups of near-duplicates (n,), bool, as far as no other criterion moves them (``sound``).

    If all chosen pictures of a group are moved for another reason, the best of those that are not moved takes their
    place. Otherwise the whole group would go.
    """
    staying = chosen.copy()
    held = np.isin(e.group, e.group[chosen & sound])
    rows = np.flatnonzero((e.group >= 0) & sound & ~held)
    rows = rows[np.argsort(-e.standing[rows], kind="stable")]
    staying[rows[np.unique(e.group[rows], return_index=True)[1]]] = True
    return staying


@dataclass(frozen=True, slots=True)
class Move:
    """A file to move."""

    source: Path
    target: Path
    image: int  # id of its picture
    #: the file that stays of its near-duplicates or exact copies; None if it moves for another reason, or none stays
    staying: Path | None = None


def check_target(target: Path, roots: Sequence[Path] = ()) -> None:
    """Refuse an unusable folder to move or copy to, or one that holds a root: pictures there would be evaluated again."""
    existing = next(path for path in (target.absolute(), *target.absolute().parents) if os.path.lexists(path))
    if not existing.is_dir():
        raise CollectionError(f"Nothing can be put into {str(target)!r}: {str(existing)!r} is not a folder.")
    try:
        check_writable(target / "picture", parents=True)
    except OSError as error:
        raise CollectionError(f"Nothing can be put into {str(target)!r}: {error.strerror or error}.") from error
    for root in roots:
        if root.resolve().is_relative_to(target.resolve()):
            raise CollectionError(f"{str(target)!r} is, or contains, a folder that is read: choose a separate folder.")


def plan_cull(
    evaluated: EvaluatedCollection, rule: Rule, roots: Sequence[Path], target: Path, keep: Container[int] = ()
) -> list[Move]:
    """The moves of a rule, in the order of paths; nothing is moved yet.

    A file goes to ``target/REASON/`` and its path below its root. If the rule has ``duplicates`` and a picture stays,
    one of its exact copies does: the original, see ``originals_first``.
    """
    e = evaluated.evaluation
    reasons = rule.reasons(e, keep)
    files = files_by_picture(evaluated.collection, evaluated.update.scan_number) if rule.duplicates else {}

    def reason_of(path: str, image: int) -> str:
        row = e.place.get(image)
        copy = image in files and files[image][0] != path
        return (str(reasons[row]) if row is not None else "") or ("duplicates" if copy else "")

    moves = moves_to(evaluated, reason_of, roots, target)
    if not rule.duplicates:
        return moves
    best = {
        int(e.group[row]): row
        for row in np.argsort(e.standing, kind="stable")
        if e.group[row] >= 0 and not reasons[row]
    }

    def staying_of(image: int) -> Path | None:
        row = e.place.get(image)
        reason = "" if row is None else reasons[row]
        if row is not None and reason == "duplicates":
            kept = best.get(int(e.group[row]))
            return None if kept is None else Path(files[int(e.ids[kept])][0])
        # Without a reason of its picture, a copy moves.
        return None if reason else Path(files[image][0])

    return [replace(move, staying=staying_of(move.image)) for move in moves]


def moves_to(
    evaluated: EvaluatedCollection, folder_of: Callable[[str, int], str], roots: Sequence[Path], target: Path
) -> list[Move]:
    """The moves of some pictures of a collection, in the order of paths; nothing is moved yet.

    A file goes to ``target/FOLDER/`` and its path below its root. ``folder_of`` names the folder by the file's path and
    the id of its picture: "." for ``target`` itself; empty if it stays.
    """
    tops = [plain_path(root) for root in roots]
    # Pictures share folders, and tens of thousands of paths take a second to compare with the roots.
    below = cache(partial(_below, tops=tops))
    moves = []
    for path, image in paths_with_pictures(evaluated.collection, evaluated.update.scan_number):
        if folder := folder_of(path, image):
            above, name = os.path.split(path)
            moves.append(Move(Path(path), target / folder / below(above) / name, image))
    return moves


def _below(folder: str, tops: Sequence[Path]) -> Path:
    """The path of a folder below the first of ``tops`` that holds it; empty without one."""
    path = Path(folder)
    return next((path.relative_to(top) for top in tops if path.is_relative_to(top)), Path())


def moves_of_others(
    evaluated: EvaluatedCollection, keepers: Keepers, roots: Sequence[Path], target: Path
) -> list[Move]:
    """The moves of all files of groups but the keepers, with the path below their root; nothing is moved yet."""
    others = set(keepers.others)
    copies = {path for group in keepers.groups for paths in group.copies for path in paths}
    return moves_to(evaluated, lambda path, image: "." if image in others or path in copies else "", roots, target)


def plan_pictures(collection: Collection, ids: Sequence[int], roots: Sequence[Path], target: Path) -> list[Move]:
    """The moves of some pictures' files to ``target/selected/`` and the path below their root; nothing is moved yet."""
    moves = []
    tops = [plain_path(root) for root in roots]
    for block in batches(dict.fromkeys(ids), WINDOW):
        known = paths_by_picture(collection, block)
        for row in rows_of(collection, block):
            paths = dict.fromkeys([str(collection.locate(row)), *known.get(row.id, ())])
            files = [Path(path) for path in paths if os.path.lexists(path)]
            moves += [
                Move(file, target / SELECTED / _below(str(file.parent), tops) / file.name, row.id) for file in files
            ]
    return moves


def prefer(e: Evaluation, keep: Sequence[int]) -> Evaluation:
    """The evaluation with other pictures to keep of near-duplicates: of a group with ids in ``keep`` these alone."""
    chosen = np.isin(e.ids, keep) & (e.group >= 0)
    touched = np.isin(e.group, e.group[chosen])
    return replace(e, best=np.where(touched, chosen, e.best))


def duplicates(e: Evaluation) -> list[list[int]]:
    """Ids of near-duplicates by group, the largest group first, in each the highest score first."""
    rows = np.flatnonzero(e.group >= 0)
    rows = rows[np.lexsort((-e.scores[e.main][rows], e.group[rows]))]
    groups = np.split(e.ids[rows], np.flatnonzero(np.diff(e.group[rows])) + 1)
    return sorted((group.tolist() for group in groups if len(group)), key=len, reverse=True)


@dataclass(frozen=True)
class Plan:
    """Moves to be made, picture ids by reason, and a hash of the moves, which names this plan."""

    moves: tuple[Move, ...]
    pictures: dict[str, list[int]]
    digest: str


def plan_moves(
    evaluated: EvaluatedCollection, rule: Rule, roots: Sequence[Path], target: Path, keep: Sequence[int] = ()
) -> Plan:
    """The plan of a rule; arguments as for ``plan_cull``."""
    return plan_of(plan_cull(evaluated, rule, roots, target, keep), target)


def plan_of(moves: Sequence[Move], target: Path) -> Plan:
    """The plan of some moves to folders in ``target``."""
    pictures: dict[str, list[int]] = {}
    depth = len(target.parts)
    for move in moves:
        pictures.setdefault(move.target.parts[depth], []).append(move.image)
    text = "\n".join(f"{move.source}\t{move.target}" for move in moves)
    return Plan(tuple(moves), pictures, hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24])


def with_companions(move: Move) -> Iterator[Move]:
    """The picture, and the text files beside it that belong to no other picture."""
    yield move
    yield from companions(move)


def companions(move: Move) -> Iterator[Move]:
    """The text files beside a picture that belong to no other picture; the picture itself may have been moved already."""
    source, target = move.source, move.target
    for suffix in BESIDE:
        # A path that is too long is not there: the methods of Path would fail.
        if os.path.isfile(source.with_suffix(suffix)) and not _shares_its_name(source):  # noqa: PTH113
            yield Move(source.with_suffix(suffix), target.with_suffix(suffix), move.image)
        own = source.with_name(source.name + suffix)
        if os.path.isfile(own):  # noqa: PTH113
            yield Move(own, target.with_name(target.name + suffix), move.image)


def _shares_its_name(picture: Path) -> bool:
    """True if another picture beside it has the same name but for the suffix, in lower or upper case."""
    for suffix in {form for lower in SUFFIXES for form in (lower, lower.upper())} - {picture.suffix}:
        other = picture.with_suffix(suffix)
        # Some systems find a file in any case.
        same_kind = suffix.lower() == picture.suffix.lower()
        if os.path.exists(other) and not (same_kind and picture.exists() and other.samefile(picture)):  # noqa: PTH110
            return True
    return False


def cull(moves: Sequence[Move], undo_file: Path, progress: Advance = silent) -> tuple[list[Move], list[str]]:
    """Move pictures with the text files beside them, and write an undo file, which must not exist.

    Returns the moves made, with the paths that the pictures have now, and sentences on files that could not be moved.
    """
    journal = Journal(undo_file)
    done: list[Move] = []
    failures = []
    try:
        # Links last, so that they can follow the pictures to which they lead.
        for move in sorted(moves, key=lambda move: move.source.is_symlink()):
            files = [move]
            for file in files:
                try:
                    new_path = journal.move(file.source, file.target)
                except OSError as error:
                    failures.append(Failure(file.source, f"cannot be moved: {reason_of(error)}"))
                    break
                if file is move:
                    moved = replace(move, target=new_path)
                    done.append(moved)
                    # Texts get the picture's new name: with the old one they would describe the picture that has it.
                    files += companions(moved)
            progress(1)
    finally:
        journal.close()
    return done, summed_up(failures)
