"""Moves pictures that a rule picks out into folders, so that somebody can look before anything is deleted."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import CollectionError
from ...metrics.image import SUFFIXES
from ..collection.files import paths_with_pictures
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.result import Evaluation
from .journal import Journal

#: Endings of files beside a picture that go where it goes.
BESIDE = (".txt", ".json", ".caption", ".xmp")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to pick out; a picture that several parts pick goes by the first of them.

    Attributes:
        duplicates: all but the one to keep of each group of near-duplicates, and exact copies.
        damaged: pictures suspected of damage.
        outliers: pictures far from the rest.
        worst: share of the pictures, 0–100, that have the lowest scores.
        below: pictures of a lower score than this.
    """

    duplicates: bool = False
    damaged: bool = False
    outliers: bool = False
    worst: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if not (self.duplicates or self.damaged or self.outliers or self.worst or self.below is not None):
            raise CollectionError("Expected a rule: duplicates, damaged, outliers, a worst share, or a score.")
        if self.below is not None and math.isnan(self.below):
            raise CollectionError("Expected a score to be below of, got nan.")
        if self.worst is not None and not 0 < self.worst < 100:
            raise CollectionError(f"Expected a worst share between 0 and 100, got {self.worst:g}.")

    def reasons(self, e: Evaluation) -> np.ndarray:
        """Name (n,) of the folder each picture goes to; empty where it stays."""
        found = np.full(len(e.ids), "", dtype=object)
        scores = e.scores[e.main]
        if self.below is not None:
            found[scores < self.below] = "low"
        if self.worst is not None:
            found[np.argsort(scores, kind="stable")[: int(len(scores) * self.worst / 100)]] = "low"
        if self.outliers:
            found[e.outlier] = "outliers"
        if self.damaged:
            for row in np.flatnonzero(e.damage >= 0):
                found[row] = e.damage_name(int(row))
        if self.duplicates:
            found[(e.group >= 0) & ~e.best] = "duplicates"
        return found


@dataclass(frozen=True, slots=True)
class Move:
    """A file that goes to a folder; ``image`` is the id of its picture."""

    source: Path
    target: Path
    image: int


def check_target(target: Path, roots: Sequence[Path] = ()) -> None:
    """Refuse a folder to move to where that cannot end well.

    Raises:
        CollectionError: it is a file or lies below one; or one of ``roots`` lies in it, so that what was moved would be moved again.
    """
    place = next(place for place in (target.absolute(), *target.absolute().parents) if os.path.lexists(place))
    if not place.is_dir():
        raise CollectionError(f"Nothing can be moved to {str(target)!r}: {str(place)!r} is no folder.")
    for root in roots:
        if root.resolve().is_relative_to(target.resolve()):
            raise CollectionError(
                f"{str(target)!r} is, or holds, what is looked at: name a folder of its own to move to, below it or elsewhere."
            )


def plan_cull(
    survey: EvaluatedCollection, rule: Rule, roots: Sequence[Path], target: Path, keep: Container[int] = ()
) -> list[Move]:
    """What a rule would move, in the order of paths: to ``target/REASON/`` and the path below its root.

    Of exact copies the first stays, if the rule has ``duplicates`` and the picture itself stays. Pictures of ``keep`` stay in any case.
    """
    e = survey.evaluation
    reasons = rule.reasons(e)
    moves, seen = [], set()
    for path, image in paths_with_pictures(survey.collection, survey.update.scan_number):
        row = None if image in keep else e.place.get(image)
        reason = reasons[row] if row is not None else ""
        if not reason and rule.duplicates and image in seen:
            reason = "duplicates"
        seen.add(image)
        if reason:
            moves.append(Move(Path(path), target / reason / _below(Path(path), roots), image))
    return moves


def _below(path: Path, roots: Sequence[Path]) -> Path:
    for root in roots:
        if path.is_relative_to(root.absolute()) and path != root.absolute():
            return path.relative_to(root.absolute())
    return Path(path.name)


def _with_companions(move: Move) -> Iterator[Move]:
    """The picture, and the texts beside it that speak of no other picture."""
    yield move
    others = any(move.source.with_suffix(s).exists() for s in SUFFIXES if s != move.source.suffix.lower())
    for suffix in BESIDE:
        for beside, to in (
            (move.source.with_suffix(suffix), move.target.with_suffix(suffix)),
            (move.source.with_name(move.source.name + suffix), move.target.with_name(move.target.name + suffix)),
        ):
            if beside.is_file() and not (others and beside.stem == move.source.stem):
                yield Move(beside, to, move.image)


def cull(
    moves: Sequence[Move], undo_file: Path, progress: Callable[[int], None] = lambda done: None
) -> tuple[list[Move], list[str]]:
    """Move files, with the texts beside them, noting each move first so that all can be undone.

    Returns:
        the pictures that were moved, with where they lie now, and a sentence for each file that could not be moved.

    Raises:
        CollectionError: the undo file exists or cannot be written.
    """
    journal = Journal(undo_file)
    done: list[Move] = []
    problems = []
    try:
        for move in moves:
            for part in _with_companions(move):
                try:
                    now = journal.move(part.source, part.target)
                except OSError as error:
                    problems.append(f"{str(part.source)!r} cannot be moved: {error.strerror or error}.")
                    break
                if part is move:
                    done.append(replace(move, target=now))
            progress(1)
    finally:
        journal.close()
    return done, problems
