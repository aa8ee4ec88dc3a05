"""Summary of an evaluation, which the terminal, JSON and pages print: contents, the good in it, and decisions to take."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from textwrap import shorten

import numpy as np

from ...metrics.damage.fitness import BLANK
from ...metrics.damage.names import OVERALL
from ...metrics.damage.technical import DETECTORS, TechnicalJudge, points_at_limit
from ...metrics.damage.titles import JudgeKey, Kind, damage_noun, stored_title
from ...metrics.similarity.diversity import LOOKED, choose_varied
from ..collection.files import count_files_with_pictures, first_paths
from ..collection.queries import known_prompts
from ..scoring.looks import seen_in
from ..support.batching import batches
from ..support.figures import figure, signed
from ..support.wording import counted, percent, printable
from .associations import FEWEST, MAKES, NAME, Association
from .contents import FOLDER, PROMPT, Part
from .folders import EvaluatedCollection
from .result import Evaluation
from .trends import Trend

#: Most decisions, and most pictures of one; an association is shown if its false discovery rate is at most this.
MOST_DECISIONS, _MEMBERS, CLEAR = 20, 8, 0.05
#: Most of the worst pictures among which those to list are chosen, and the best and the worst that are chosen at least.
_WORST, _BEST = 1000, 12


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """A picture in a list of a summary, with the first of its files."""

    id: int
    path: str
    #: score, percentile: under the main judge, or the judge of the list; NaN for a picture that cannot be judged
    score: float
    percentile: float
    note: str = ""  # reason why it is listed; may be empty
    alike: int = 0  # number of pictures like it that a list of the best leaves out, or of near-duplicates
    effect: float = 0.0  # what its model adds to the main score where pictures are put in places

    @property
    def others(self) -> str:
        """The pictures that it stands for, in words; empty for none."""
        return f"and {self.alike:,} more like it" if self.alike else ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A picture, or near-duplicates, on which the user should decide."""

    kind: str  # ``damaged``, ``duplicates`` or ``unusual``
    pictures: tuple[ListedPicture, ...]  # of near-duplicates all, the one to keep first
    why: str

    @property
    def moved(self) -> list[int]:
        """Ids of the pictures that the action moves away."""
        return [picture.id for picture in self.pictures[self.kind == "duplicates" :]]

    @property
    def action(self) -> str:
        """The action in words."""
        several = f"ove {len(self.moved)} away" if len(self.moved) > 1 else ""
        if self.kind == "duplicates":
            return f"Keep this, m{several or 'ove the other away'}"
        return f"M{several or 'ove away'}"

    @property
    def command(self) -> str:
        """The action as a command; its moves can be undone."""
        rule = {"damaged": ("--damaged",), "duplicates": ("--duplicates",)}.get(self.kind, ("--worst", "100"))
        paths = [picture.path for picture in self.pictures]
        near = [path if (short := os.path.relpath(path)).startswith("..") else short for path in paths]
        return shlex.join(["soart", "cull", *near, *rule, "--to", "culled"])


@dataclass(frozen=True)
class Summary:
    """A collection's contents, the good in it, and decisions to take: the terminal, JSON and pages show the same."""

    by: str  # stored name of the judge that ranks
    pictures: int
    files: int  # files, copies: number of files with usable pictures, and of those that are identical to another one
    copies: int
    mean: float  # mean, quartiles: of the main score, of the pictures that can be judged; of all if none can
    quartiles: tuple[float, float]
    yardstick: str  # what such a mean means, in a sentence; empty where none is known
    unfit: Mapping[str, int]  # number of pictures that cannot be judged, by reason
    #: the largest parts of each kind; ``looks`` are those that look alike, each with some of its best pictures
    parts: tuple[Part, ...]
    looks: tuple[tuple[Part, tuple[ListedPicture, ...]], ...]
    #: by prompt or folder, the highest mean first, each with its best picture
    prompts: tuple[tuple[Part, tuple[ListedPicture, ...]], ...]
    makes: tuple[Association, ...]  # associations of models, LoRAs and samplers, uncertain ones too
    clear: tuple[Association | Trend, ...]  # all other associations and trends that are clear
    #: best, worst: best or worst first, of near-duplicates only the best or the worst; the best few of one look or
    #: prompt
    best: tuple[ListedPicture, ...]
    worst: tuple[ListedPicture, ...]
    damage: Mapping[str, int]  # number of pictures suspected of each damage
    groups: int  # groups, spare: number of groups of near-duplicates, and of redundant pictures in them
    spare: int
    outliers: int
    decisions: tuple[Decision, ...]  # at most ``MOST_DECISIONS``, the worst of each kind
    #: number of pictures that do not show what they were asked for, and those that show least; the note says what is
    #: missing
    missed: tuple[int, tuple[ListedPicture, ...]]

    @property
    def contents(self) -> dict[str, list[Part]]:
        """The parts that are no looks by their kind in words; a kind of which all pictures are says nothing."""
        kinds = {"models": "model", "LoRAs": "LoRA", "file names": NAME, "subjects": "subject", "sizes": "size"}
        told = {title: [part for part in self.parts if part.kind == kind] for title, kind in kinds.items()}
        return {title: parts for title, parts in told.items() if parts}

    @property
    def prompted(self) -> str:
        """The word for one of ``prompts``: folder if none has a prompt, else prompt."""
        return FOLDER if all(part.kind == FOLDER for part, _ in self.prompts) else PROMPT

    @property
    def open_matters(self) -> str:
        """The number of pictures of each kind that need a decision, in words; empty if none does."""
        kinds = [f"{damage_noun(name)} {n} ({percent(n, self.pictures)})" for name, n in self.damage.items()]
        redundant = f"{counted(self.spare, 'redundant near-duplicate')} in {counted(self.groups, 'group')}"
        copies = f"{self.copies:,} exact {'copy' if self.copies == 1 else 'copies'}"
        told = [f"suspected {', '.join(kinds)}" * bool(kinds), redundant * bool(self.spare), copies * bool(self.copies)]
        return "; ".join(filter(None, [*told, f"{self.outliers} unlike the rest" * bool(self.outliers)]))

    def lines(self, top: int) -> list[str]:
        """The summary as lines of text, at most ``top`` of each list."""
        low, high = self.quartiles
        found = []
        if self.best:
            scores = f"mean {self.mean:.1f}, middle half {low:.1f} … {high:.1f}"
            found.append(f"By {stored_title(self.by)}: {scores}. {self.yardstick}".rstrip())
        if self.unfit:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.unfit.items()))
            found.append(f"Cannot be judged: {reasons}")
        for title, parts in self.contents.items():
            found.append(f"{title.capitalize() if title != 'LoRAs' else title}: {_parts(parts[: 2 * top])}")
        if self.looks:
            found.append(f"Looks: {_parts([part for part, _ in self.looks])}")
        if len(self.prompts) > 1:
            ends = {"Best": self.prompts[:top], "Worst": self.prompts[: max(top - 1, len(self.prompts) - top - 1) : -1]}
            found += [
                f"{end} {self.prompted}s: {_parts([part for part, _ in these])}" for end, these in ends.items() if these
            ]
        if any(part.kind != "size" for parts in self.contents.values() for part in parts):
            found.append(
                "  soart find WORDS lists such pictures; rank, keep, label and web take them by --matching WORDS."
            )
        name = short_names([*self.best[:top], *self.worst[:top], *(one.pictures[0] for one in self.decisions)])
        for title, pictures in (("Best", self.best), ("Worst", self.worst)):
            each = [f"{name[p.id]} ({figure(p.score, 2)}{', ' * bool(p.alike)}{p.others})" for p in pictures[:top]]
            found += [f"{title}: {', '.join(each)}"] * bool(each)
        told = [*(one for one in self.makes if one.q <= CLEAR), *self.clear]
        if told[: 2 * top]:
            found += ["What goes with better and worse pictures here, with a 95 % interval:"]
            surest = sorted(told, key=lambda one: one.q if isinstance(one, Association) else 0.0)[: 2 * top]
            found += [f"  {told_of(one)}" for one in told if one in surest]
        if self.open_matters:
            found.append(f"To decide: {self.open_matters}")
        for one in self.decisions[: 4 * top]:
            found.append(f"  {name[one.pictures[0].id]}: {one.why} → {printable(one.command)}")
        return found


def _parts(parts: Sequence[Part]) -> str:
    means = [f", mean {figure(part.score, 2)}" * bool(np.isfinite(part.score)) for part in parts]
    names = [printable(shorten(one.name, 60, placeholder=" …")) for one in parts]
    return "; ".join(f"{name} {one.pictures}{mean}" for name, one, mean in zip(names, parts, means, strict=True))


def short_names(pictures: Sequence[ListedPicture]) -> dict[int, str]:
    """Names of files by picture id, with their folders if two have the same name."""
    paths = {one.id: Path(one.path) for one in pictures}
    alike = len({path.name for path in paths.values()}) < len(paths)
    return {image: printable(str(Path(*path.parts[-2:])) if alike else path.name) for image, path in paths.items()}


def told_of(finding: Association | Trend) -> str:
    """A finding in words, such as ``model sdxl: +12.1 (+8.3 … +15.9), 40 pictures of 20 prompts``."""
    if isinstance(finding, Trend):
        (low, high, _, mean), (other_low, other_high, _, other) = finding.bins[0], finding.bins[-1]
        ends = f"mean {mean:.1f} at {finding.label(low, high)}, {other:.1f} at {finding.label(other_low, other_high)}"
        return f"{finding.name}: {ends}"
    interval = f"{signed(finding.difference, 1)} ({signed(finding.low, 1)} … {signed(finding.high, 1)})"
    within = f", within {finding.within} of them" if finding.within else ""
    of = f"{finding.pictures} pictures of {finding.prompts} {'folders' if finding.kind == NAME else 'prompts'}"
    return f"{finding.kind} {printable(finding.value)!r}: {interval}, {of}{within}"


def yardstick(judge: str, mean: float) -> str:
    """A sentence that explains a mean by a judge; empty where no yardstick is known."""
    key = JudgeKey.of(judge)
    if not key.points or not np.isfinite(mean):
        return ""
    if key.name == OVERALL:
        usual = f"{'more' if mean > 50 else 'fewer'} than the usual 50" if abs(mean - 50) >= 2 else "as many as usual"
        return f"A picture's points are the share of 4,225 pictures by other generators that it beats: yours beat {mean:.0f} of 100 on average, {usual}."
    if key.kind is Kind.TASTE:
        return ""
    if key.name in DETECTORS:
        return f"100 is free of it; below {points_at_limit(key.name):.0f}, which hardly any undamaged picture has, it is suspected."
    return "100 is without a fault; 2 of 100 undamaged pictures have less than 50."


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
    # Of shorter lists the same numbers are like a picture.
    most = max(top, _BEST)
    best_first = _varied(evaluated, first, evaluated.standing[first], most)
    others = best_and_worst(e.group, order, np.array([*best_first], dtype=int), len(order))[1][:_WORST]
    worst_first = _varied(evaluated, others, -evaluated.standing[others], most)
    for row, count in (best_first | worst_first).items():
        alike[row] = alike.get(row, 0) + count
    best, worst = (rows.want(np.array([*ends][:top], dtype=int)) for ends in (best_first, worst_first))
    looks = [(part, top) for part in e.parts if part.kind == "look"]
    prompts = [(part, 1) for part in e.parts if part.kind in (PROMPT, FOLDER) and part.best]
    prompts.sort(key=lambda one: -one[0].score)
    judged = evaluated.judged
    shown = {
        part: rows.want(np.array([e.place[image] for image in part.best[:most]], dtype=int))
        for part, most in looks + prompts
    }
    missed = rows.want(np.array([e.place[image] for image in judged.missed[:top]], dtype=int))
    undecided = [(kind, rows.want(members), why) for kind, members, why in _undecided(e)]
    sizes = np.bincount(e.group[e.group >= 0])
    damages = Counter(DETECTORS[k] for k in e.damage[e.damage >= 0].tolist())
    paths = rows.paths()

    def show(row: int, note: str = "") -> ListedPicture:
        score, place = float(scores[row]) if e.judged[row] else float("nan"), float(e.percentile[row])
        return ListedPicture(int(e.ids[row]), paths[row], score, place, note, effect=float(effect[row]))

    def show_with_alike(chosen: Sequence[int]) -> tuple[ListedPicture, ...]:
        return tuple(replace(show(row), alike=alike.get(row, 0)) for row in chosen)

    mean = float(scores[order].mean()) if len(order) else float("nan")
    by_difference = sorted(e.associations, key=lambda one: -one.difference)
    return Summary(
        by=e.main,
        pictures=len(e.ids),
        files=(files := count_files_with_pictures(evaluated.collection, evaluated.update.scan_number)),
        copies=files - len(e.ids),
        mean=mean,
        quartiles=(_quantile(scores[order], 0.25), _quantile(scores[order], 0.75)),
        yardstick=yardstick(e.main, mean),
        # As a plain dictionary, because asdict() mixes up the keys of a Counter.
        unfit=dict(Counter(e.unfit[e.unfit != ""].tolist())),
        parts=e.parts,
        looks=tuple((part, tuple(show(row) for row in shown[part])) for part, _ in looks),
        prompts=tuple((part, tuple(show(row) for row in shown[part])) for part, _ in prompts),
        makes=tuple(one for one in by_difference if one.kind in MAKES),
        clear=(
            *(one for one in by_difference if one.kind not in MAKES and one.q <= CLEAR),
            *(trend for trend in e.trends if trend.clear),
        ),
        best=show_with_alike(best),
        worst=show_with_alike(worst),
        damage=dict(damages.most_common()),
        groups=len(sizes),
        spare=int(sizes.sum()) - len(sizes),
        outliers=int(e.outlier.sum()),
        decisions=tuple(Decision(kind, tuple(show(r) for r in members), why) for kind, members, why in undecided),
        missed=(len(judged.missed), tuple(show(r, "; ".join(judged.not_shown(int(e.ids[r])))) for r in missed)),
    )


def _varied(evaluated: EvaluatedCollection, rows: np.ndarray, values: np.ndarray, top: int) -> dict[int, int]:
    """Choose ``top`` of ranked rows (n,), few of one look or prompt, or folder of files without one: how many each stands for."""
    collection, ids = evaluated.collection, evaluated.evaluation.ids[rows].tolist()
    prompts = known_prompts(collection, ids)
    paths = first_paths(collection, evaluated.update.scan_number, [one for one in ids[:LOOKED] if one not in prompts])
    folders = {image: str(Path(path).parent) for image, path in paths.items()}
    seen = seen_in(collection, ids, prompts | folders if len({*folders.values()}) >= FEWEST else prompts)
    # Copies are those of the groups, which people have corrected.
    found = choose_varied(values, seen._replace(hashes=np.zeros(len(ids), np.uint64)), top)
    return {int(rows[row]): len(behind) for row, behind in found.items()}


def _undecided(e: Evaluation) -> list[tuple[str, np.ndarray, str]]:
    """Kind, rows and reason of the decisions to take: the worst of each kind, kind by kind."""

    def damage(row: int) -> float:
        return float(e.scores[TechnicalJudge.detector(DETECTORS[e.damage[row]]).stored_name][row])

    rows, turns = sorted(np.flatnonzero(e.damage >= 0).tolist(), key=damage), Counter[int]()
    turn = {row: (turns.update([kind := int(e.damage[row])]), turns[kind])[1] for row in rows}
    rows.sort(key=lambda row: turn[row])
    blank = [
        ("damaged", np.array(some), reason if len(some) == 1 else f"{reason}, {counted(len(some))}")
        for reason in BLANK
        for some in batches(np.flatnonzero(e.unfit == reason).tolist(), _MEMBERS)
    ]
    damaged = blank + [
        ("damaged", np.array([row]), f"suspected {damage_noun(e.damage_name(row))}, {damage(row):.0f} of 100")
        for row in rows
    ]
    sizes = np.bincount(e.group[e.group >= 0])
    alike = [
        ("duplicates", members[:_MEMBERS], f"{counted(len(members) - 1, 'near-duplicate')}")
        for members in (_members(e, int(group)) for group in np.argsort(-sizes, kind="stable")[:MOST_DECISIONS])
    ]
    far = np.flatnonzero(e.outlier)
    unusual = [
        ("unusual", np.array([row]), f"unlike the rest, {e.distance[row]:.1f} times the usual distance")
        for row in far[np.argsort(-e.distance[far], kind="stable")].tolist()
        if e.damage[row] < 0 and not e.unfit[row]
    ]
    chosen = [one for turn in zip_longest(damaged, alike, unusual) for one in turn if one][:MOST_DECISIONS]
    return sorted(chosen, key=lambda one: ("damaged", "duplicates", "unusual").index(one[0]))


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
    return members[np.lexsort((-e.scores[e.main][members], ~e.best[members]))]
