"""The pictures of an evaluation that are worth showing, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...metrics.damage.scorer import DETECTORS, TechnicalScorer
from ..collection.files import count_files_with_pictures, first_paths
from .folders import EvaluatedCollection
from .result import Evaluation, Style


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """A picture that is shown.

    Attributes:
        id: of the picture.
        path: of the first of its files.
        score, percentile: by the main profile.
        note: why it is shown.
    """

    id: int
    path: str
    score: float
    percentile: float
    note: str = ""


@dataclass(frozen=True)
class Summary:
    """What is worth showing of a collection, each list as long as was asked for.

    Attributes:
        files, copies: files that hold usable pictures, and how many of them repeat another one byte by byte.
        mean, quartiles: of the main score.
        best, worst: by the main score, from the end.
        damage: how many pictures are suspected of each damage, and the most damaged ones.
        groups: how many groups of near-duplicates there are; shown are the largest, the one to keep first.
        spare: pictures that could go without losing a group.
        outliers: how many lie far from the rest, and the farthest ones.
        styles: with their most typical pictures.
    """

    files: int
    copies: int
    mean: float
    quartiles: tuple[float, float]
    best: tuple[ListedPicture, ...]
    worst: tuple[ListedPicture, ...]
    damage: Mapping[str, tuple[int, tuple[ListedPicture, ...]]]
    groups: tuple[int, tuple[tuple[ListedPicture, ...], ...]]
    spare: int
    outliers: tuple[int, tuple[ListedPicture, ...]]
    styles: tuple[tuple[Style, tuple[ListedPicture, ...]], ...]


class _Rows:
    """Rows of an evaluation that are wanted, whose paths are looked up together."""

    def __init__(self, survey: EvaluatedCollection) -> None:
        self.survey, self.wanted = survey, set[int]()

    def want(self, rows: np.ndarray) -> list[int]:
        self.wanted |= set(rows.tolist())
        return [int(row) for row in rows]

    def paths(self) -> dict[int, str]:
        ids = self.survey.evaluation.ids
        wanted = [int(ids[row]) for row in sorted(self.wanted)]
        paths = first_paths(self.survey.collection, self.survey.update.scan_number, wanted)
        return {row: paths[int(ids[row])] for row in self.wanted}


def summarise(survey: EvaluatedCollection, top: int = 12) -> Summary:
    """What is worth showing of a survey, at most ``top`` of each."""
    e = survey.evaluation
    scores, rows = e.scores[e.main], _Rows(survey)
    order = np.argsort(-scores, kind="stable")
    best, worst = rows.want(order[:top]), rows.want(order[::-1][: min(top, len(order) - min(top, len(order)))])
    damaged = {}
    for k, name in enumerate(DETECTORS):
        found = np.flatnonzero(e.damage == k)
        by = e.scores[TechnicalScorer.detector(name).stored_name]
        damaged[name] = (len(found), rows.want(found[np.argsort(by[found], kind="stable")][:top]))
    far = np.flatnonzero(e.outlier)
    outliers = rows.want(far[np.argsort(-e.distance[far], kind="stable")][:top])
    sizes = np.bincount(e.group[e.group >= 0])
    groups = [rows.want(_members(e, int(g))) for g in np.argsort(-sizes, kind="stable")[:top]]
    styles = [(style, rows.want(np.array([e.place[i] for i in style.typical], dtype=int)[:top])) for style in e.styles]
    paths = rows.paths()

    def show(row: int, note: str = "") -> ListedPicture:
        return ListedPicture(int(e.ids[row]), paths[row], float(scores[row]), float(e.percentile[row]), note)

    def show_all(chosen: Sequence[int]) -> tuple[ListedPicture, ...]:
        return tuple(show(row) for row in chosen)

    return Summary(
        files=(files := count_files_with_pictures(survey.collection, survey.update.scan_number)),
        copies=files - len(e.ids),
        mean=float(scores.mean()),
        quartiles=(float(np.quantile(scores, 0.25)), float(np.quantile(scores, 0.75))),
        best=show_all(best),
        worst=show_all(worst),
        damage={name: (n, show_all(chosen)) for name, (n, chosen) in sorted(damaged.items(), key=lambda d: -d[1][0])},
        groups=(len(sizes), tuple(tuple(show(r, "keep" if e.best[r] else "") for r in g) for g in groups)),
        spare=int(sizes.sum()) - len(sizes),
        outliers=(len(far), tuple(show(r, f"{e.distance[r]:.1f} times the usual distance") for r in outliers)),
        styles=tuple((style, show_all(chosen)) for style, chosen in styles),
    )


def _members(e: Evaluation, group: int) -> np.ndarray:
    """Rows of a group, the one to keep first, then by falling score."""
    members = np.flatnonzero(e.group == group)
    order: np.ndarray = members[np.lexsort((-e.scores[e.main][members], ~e.best[members]))]
    return order
