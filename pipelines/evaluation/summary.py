"""Summary of an evaluation: its most notable pictures, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...metrics.damage.technical import DETECTORS, TechnicalJudge
from ...metrics.similarity.diversity import choose_varied
from ..collection.files import count_files_with_pictures, first_paths
from ..collection.queries import known_prompts
from ..scoring.looks import seen_in
from .folders import EvaluatedCollection
from .result import Evaluation, Style


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """A picture in a list of a summary, with the first of its files.

    Attributes:
        score, percentile: under the main judge, or the judge of the list; NaN for a picture that cannot be judged.
        effect: what its model adds to the main score where pictures are put in places.
        note: reason why it is listed; may be empty.
        alike: number of pictures like it that a list of the best leaves out, or of near-duplicates.
    """

    id: int
    path: str
    score: float
    percentile: float
    note: str = ""
    alike: int = 0
    effect: float = 0.0

    @property
    def others(self) -> str:
        """The pictures that it stands for, in words; empty for none."""
        return f"and {self.alike:,} more like it" if self.alike else ""


@dataclass(frozen=True)
class Summary:
    """Counts and the most notable pictures of a collection.

    Attributes:
        files, copies: number of files with usable pictures, and of those that are identical to another one.
        mean, quartiles: of the main score, of the pictures that can be judged; of all if none can.
        unfit: number of pictures that cannot be judged, by reason.
        best, worst: best or worst first, of near-duplicates only the best or the worst; the best few of one look or prompt.
        groups: number of groups of near-duplicates, and the largest ones; the picture to keep comes first.
        spare: number of redundant pictures: near-duplicates of one to keep.
        styles: each with its most typical pictures; the score of a style is NaN if none of its pictures can be judged.
        missed: number of pictures that do not show what they were asked for, and those that show least; the note says
            what is missing.
    """

    files: int
    copies: int
    mean: float
    quartiles: tuple[float, float]
    unfit: Mapping[str, int]
    best: tuple[ListedPicture, ...]
    worst: tuple[ListedPicture, ...]
    damage: Mapping[str, tuple[int, tuple[ListedPicture, ...]]]
    groups: tuple[int, tuple[tuple[ListedPicture, ...], ...]]
    spare: int
    outliers: tuple[int, tuple[ListedPicture, ...]]
    styles: tuple[tuple[Style, tuple[ListedPicture, ...]], ...]
    missed: tuple[int, tuple[ListedPicture, ...]]


class _Rows:
    """Rows of an evaluation to list; their paths are looked up together."""

    def __init__(self, evaluated: EvaluatedCollection) -> None:
        self.evaluated, self.wanted = evaluated, set[int]()

    def want(self, rows: np.ndarray) -> list[int]:
        self.wanted |= set(rows.tolist())
        return [int(row) for row in rows]

    def paths(self) -> dict[int, str]:
        ids = self.evaluated.evaluation.ids
        wanted = [int(ids[row]) for row in sorted(self.wanted)]
        paths = first_paths(self.evaluated.collection, self.evaluated.update.scan_number, wanted)
        return {row: paths[int(ids[row])] for row in self.wanted}


def summarise(evaluated: EvaluatedCollection, top: int = 12) -> Summary:
    """Summarise an evaluated collection, with at most ``top`` pictures in each list."""
    e = evaluated.evaluation
    scores, rows = e.scores[e.main], _Rows(evaluated)
    effect, order = evaluated.effect, np.argsort(-evaluated.standing, kind="stable")
    order = order[e.judged[order]]
    alike = near_duplicates_left(e.group, order)
    first = order[_first_of_each(e.group, order)]
    ids = e.ids[first].tolist()
    seen = seen_in(evaluated.collection, ids, known_prompts(evaluated.collection, ids))
    # Copies are those of the groups, which people have corrected.
    varied = choose_varied(evaluated.standing[first], seen._replace(hashes=np.zeros(len(ids), np.uint64)), top)
    for row, others in varied.items():
        alike[int(first[row])] = alike.get(int(first[row]), 0) + len(others)
    best, worst = (rows.want(ends) for ends in best_and_worst(e.group, order, first[[*varied]], top))
    damaged = {}
    for k, name in enumerate(DETECTORS):
        members = np.flatnonzero(e.damage == k)
        by = e.scores[TechnicalJudge.detector(name).stored_name]
        damaged[name] = (len(members), rows.want(members[np.argsort(by[members], kind="stable")][:top]))
    far = np.flatnonzero(e.outlier)
    outliers = rows.want(far[np.argsort(-e.distance[far], kind="stable")][:top])
    sizes = np.bincount(e.group[e.group >= 0])
    groups = [rows.want(_members(e, int(g))) for g in np.argsort(-sizes, kind="stable")[:top]]
    judged_styles = set(e.style[e.judged].tolist())
    styles = [(style, rows.want(np.array([e.place[i] for i in style.typical], dtype=int)[:top])) for style in e.styles]
    judged = evaluated.judged
    missed = rows.want(np.array([e.place[image] for image in judged.missed[:top]], dtype=int))
    paths = rows.paths()

    def show(row: int, note: str = "") -> ListedPicture:
        score = float(scores[row]) if e.judged[row] else float("nan")
        return ListedPicture(
            int(e.ids[row]), paths[row], score, float(e.percentile[row]), note, effect=float(effect[row])
        )

    def show_with_alike(chosen: Sequence[int]) -> tuple[ListedPicture, ...]:
        return tuple(replace(show(row), alike=alike.get(row, 0)) for row in chosen)

    def show_all(chosen: Sequence[int]) -> tuple[ListedPicture, ...]:
        return tuple(show(row) for row in chosen)

    return Summary(
        files=(files := count_files_with_pictures(evaluated.collection, evaluated.update.scan_number)),
        copies=files - len(e.ids),
        mean=float(scores[order].mean()) if len(order) else float("nan"),
        quartiles=(_quantile(scores[order], 0.25), _quantile(scores[order], 0.75)),
        # As a plain dictionary, because asdict() mixes up the keys of a Counter.
        unfit=dict(Counter(e.unfit[e.unfit != ""].tolist())),
        best=show_with_alike(best),
        worst=show_with_alike(worst),
        damage={name: (n, show_all(chosen)) for name, (n, chosen) in sorted(damaged.items(), key=lambda d: -d[1][0])},
        groups=(len(sizes), tuple(tuple(show(r, "keep" if e.best[r] else "") for r in g) for g in groups)),
        spare=int(sizes.sum()) - len(sizes),
        outliers=(len(far), tuple(show(r, f"{e.distance[r]:.1f} times the usual distance") for r in outliers)),
        styles=tuple(
            (style if style.number in judged_styles else replace(style, score=float("nan")), show_all(chosen))
            for style, chosen in styles
        ),
        missed=(len(judged.missed), tuple(show(r, "; ".join(judged.not_shown(int(e.ids[r])))) for r in missed)),
    )


def _quantile(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else float("nan")


def best_and_worst(
    group: np.ndarray, order: np.ndarray, best: int | np.ndarray, worst: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first rows of an order, or those given, and the last, of near-duplicates only one; no row or group is among both.

    ``group`` numbers each row's near-duplicates, −1 for none; the last rows come the worst first.
    """
    first = best if isinstance(best, np.ndarray) else order[_first_of_each(group, order)][:best]
    # Two pictures without a group are not of the same one.
    taken = np.isin(order, first) | ((group[order] >= 0) & np.isin(group[order], group[first]))
    rest = order[~taken][::-1]
    return first, rest[_first_of_each(group, rest)][:worst]


def _first_of_each(group: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(m,) bool: True for rows of an order (m,) that are in no group, or the first of theirs."""
    of = group[order]
    chosen: np.ndarray = of < 0
    chosen[np.unique(of, return_index=True)[1]] = True
    return chosen


def near_duplicates_left(group: np.ndarray, order: np.ndarray) -> dict[int, int]:
    """Number of the other members of its group in an order, by row; rows without any are left out."""
    members = order[group[order] >= 0]
    others = np.bincount(group[members])[group[members]] - 1
    return {row: count for row, count in zip(members.tolist(), others.tolist(), strict=True) if count}


def _members(e: Evaluation, group: int) -> np.ndarray:
    """Rows of a group: the picture to keep first, then the others, the highest score first."""
    members = np.flatnonzero(e.group == group)
    order: np.ndarray = members[np.lexsort((-e.scores[e.main][members], ~e.best[members]))]
    return order
