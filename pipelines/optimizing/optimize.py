"""Optimizes the picture of a prompt for a judge, stores it, and makes it again from its record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import JudgeError, ModelError, SoartError, TasteError, expect
from ...metrics.tastes.taste import LearntTaste
from ..collection.collection import Collection
from ..collection.labels import set_parents
from ..collection.queries import rows_by_hash
from ..collection.tables import ImageRow
from ..judges.finding import By, judges_for
from ..judges.guarded import GuardedJudge
from ..judges.storing import judge_pictures
from ..judges.weighing import GENERAL, WeightedJudges, are_general, judges_in
from ..models.generator import ImageGenerator
from ..models.request import DrawnPicture, Request
from ..scoring.pictures import StoredPictures
from ..scoring.taste_judge import TasteJudge
from ..support.background import CancelledError
from ..support.wording import counted
from .examining import Examiner, Marks
from .optimizer import ENDS, FIRST, INTERRUPTED, VERSION, Limit, Optimization
from .parents import Parent, family, generator_for, keep_noise
from .records import DAMAGED, KEYWORD, parents_in
from .ways import WAYS, Means, Noise, check_known

#: Ratings from which on optimizing is known to bring more than choosing among seeds.
ENOUGH = 16
#: Folder of unfinished runs in a collection.
UNFINISHED = "optimizing"
_SETTINGS = ("negative", "steps", "guidance", "width", "height", "scheduler")


@dataclass(frozen=True, slots=True)
class OptimizeProgress:
    """A run so far; ``way`` is that of the latest step, and empty for the first seeds."""

    seconds: float
    pictures: int
    value: float
    way: str


@dataclass(frozen=True, eq=False)
class Optimized:
    """An optimized picture."""

    request: Request  # prompt, first seed and settings, with the record
    pixels: np.ndarray = field(repr=False)  # (h, w, 3) uint8
    marks: Marks  # what is known of it
    #: (h, w, 3) uint8, the best picture of the first seeds, or that of the first parent
    start: np.ndarray = field(repr=False)
    start_marks: Marks
    pictures: int  # number of pictures drawn
    seconds: float
    steps: tuple[str, ...]  # ways of all steps, in order
    sentences: tuple[str, ...]  # why some ways were not gone, why the run ended, and how far to trust the judge
    ended: str  # why, a key of ``optimizer.ENDS``
    by: str = ""
    second: str = ""  # name of the judge that was not optimized, which ``marks.second`` are by
    seconds_per_picture: float = 0.0
    path: Path | None = None  # of the stored picture; None if it is not stored
    noise: Noise = field(default=Noise(None, 0), repr=False)
    start_noise: Noise = field(default=Noise(None, 0), repr=False)
    parents: tuple[Parent, ...] = field(default=(), repr=False)  # that it was bred from
    start_path: Path | None = None  # of the stored start, or of the first parent
    row: ImageRow | None = None  # of the stored picture; None if it is not stored
    start_row: ImageRow | None = None  # of the stored start, or of the first parent

    @property
    def record(self) -> dict[str, Any]:
        """The facts by which the same picture is made again."""
        record: dict[str, Any] = json.loads(self.request.optimized)
        return record

    def lines(self, by: str = "") -> list[str]:
        """The gain, by a title of the judge, and what the picture kept, as sentences."""
        before, now = self.start_marks, self.marks
        begun = "the best of the first seeds"
        if self.parents:
            drawn_on = self.parents[0].drawn_on is not None
            begun = "the picture that was drawn on" if drawn_on else "the picture it began with"
        kept = {f"The judge {self.second!r}, not optimized": (before.second, now.second)}
        if np.isfinite(now.adherence):
            kept["Shows the prompt (0: no, 1: yes)"] = before.adherence, now.adherence
        else:
            kept["Like the first pictures (1: the same)"] = before.likeness, now.likeness
        more = ": more seconds may help." if self.ended == "limit" else "."
        same = np.array_equal(self.start, self.pixels)
        return [
            f"{'' if same else f'Gained {now.value - before.value:.3g} by '}{by or self.by}: {before.value:.4g} for {begun}, {now.value:.4g} now.",
            *([f"Nothing better was found{more}"] if same else []),
            *(f"{text}: {a:.3g} before, {b:.3g} now." for text, (a, b) in kept.items() if np.isfinite(b)),
            f"{self.pictures} pictures drawn in {self.seconds:.0f} s.",
        ]

    @property
    def image(self) -> Image.Image:
        """The picture as a PIL image."""
        return Image.fromarray(self.pixels)


def judge_for(by: By, *, anyway: bool = False) -> GuardedJudge:
    """The judge to optimize for; several count together, each in standard deviations of the first pictures.

    A taste that cannot be relied on yet is refused unless ``anyway``; so are persons.
    """
    judges = [(judge, weight) for judge, weight in judges_for(by) if weight > 0]
    for judge, _ in judges:
        if "person" in judge.needs:
            raise JudgeError(
                f"{judge.name!r} is a person, who cannot judge each step: learn their taste, and name that."
            )
        if judge.doubt and not anyway:
            raise TasteError(
                f"{judge.doubt.rstrip('.')}: pictures would be pushed into its errors, so rate more pictures first, or go on "
                "with --anyway (anyway=True)."
            )
    return judges[0][0] if len(judges) == 1 else GuardedJudge(WeightedJudges(judges))


def optimize(
    generator: ImageGenerator,
    prompt: str,
    *,
    by: By = None,
    seconds: float | None = 60.0,
    pictures: int | None = None,
    seed: int = 0,
    adherence: float | None = None,
    anyway: bool = False,
    ways: Sequence[str] | None = None,
    parents: Sequence[Parent] = (),
    state: Path | None = None,
    progress: Callable[[OptimizeProgress], None] = lambda progress: None,
    after_step: Callable[[], None] = lambda: None,
    **settings: Any,  # noqa: ANN401
) -> Optimized:
    """Optimize the picture of a prompt: find noise that the judge likes more, within bounds; see ``soart.optimize``.

    ``ways`` are those that may be gone, of ``seeds`` and ``gradient``. ``parents`` of this model and of one size take the
    place of the first seeds: near one, or between several; or one of any origin is drawn on. ``state`` is a file to go on
    from after an interruption, removed at the end. ``after_step`` is called after each step of the sampler; whatever it
    raises ends the run.
    """
    expect("a generator such as ImageGenerator(load_model())", generator, ImageGenerator)
    expect("the seconds as a number", seconds, int, float, type(None))
    expect("the number of pictures as a whole number", pictures, int, type(None))
    expect("the least adherence as a number", adherence, int, float, type(None))
    if seconds is None and pictures is None:
        raise SoartError("Expected seconds or pictures as a limit, got neither: give one of them.")
    if not all(limit is None or limit > 0 for limit in (seconds, pictures)):
        raise SoartError(f"Expected a limit above 0, got {seconds} seconds and {pictures} pictures.")
    _check_ways(ways)
    judge, generator = judge_for(by, anyway=anyway), generator_for(generator, parents)
    request = generator.request(prompt, seed, **settings)
    means = Means.of(generator, request, Examiner(judge, prompt), ways, after_step)
    _begin_with(means, parents)
    run = Optimization(means, Limit(seconds, pictures), adherence)
    resumed = state is not None and run.resume(state)
    way = ""
    try:
        while run.advance():
            if state is not None:
                run.save(state)
            way = run.steps[-1].way if run.steps else ""
            assert run.best is not None
            progress(OptimizeProgress(run.seconds, run.drawn, run.best.marks.value, way))
    # A step that is ended by its caller costs only itself.
    except (KeyboardInterrupt, CancelledError):
        if run.best is None:
            raise
        run.ended = INTERRUPTED
    if state is not None and run.ended != INTERRUPTED:
        state.unlink(missing_ok=True)
    notes = [*means.notes, *(["It went on where an interrupted run had been."] if resumed else [])]
    return _result(run, notes, parents)


def _begin_with(means: Means, parents: Sequence[Parent]) -> None:
    """Begin with the noises of parents, or draw on the only one."""
    if any(one.drawn_on is not None for one in parents):
        # In the size that is drawn, in which it is judged too.
        means.drawn_on = np.asarray(means.generator.model.inputs["image"])
    else:
        means.parents = _noises(means, parents)


def _noises(means: Means, parents: Sequence[Parent]) -> tuple[Noise, ...]:
    """The noises of parents; other models and sizes are refused."""
    noises = [one.noise for one in parents]
    kept = [one.noise for one in noises if one.noise is not None]
    if kept and means.sampler is None:
        raise ModelError(f"An optimized picture cannot be gone on from. {' '.join(means.notes)}".rstrip())
    if parents and means.sampler is not None:
        # Samplers that add noise on the way draw the first parent again only so.
        means.sampler.request = replace(means.request, seed=parents[0].way)
    if kept and means.sampler is not None:
        size = means.sampler.noise_of(means.request.seed).shape
        if any(one.shape != size for one in kept):
            raise ModelError("The noise of the picture has another size than the one to draw: leave the size as it is.")
    return tuple(noises)


def learnt_from(judge: object) -> int:
    """Number of ratings and choices that a taste was learnt from; 0 for others, and for other judges."""
    trust = judge.taste.trust if isinstance(judge, TasteJudge) and isinstance(judge.taste, LearntTaste) else None
    return 0 if trust is None else trust.liked + trust.disliked + trust.choices


def few_ratings(judge: object) -> str:
    """A sentence on a taste that was learnt from few ratings or choices; empty for others, and for other judges."""
    count = learnt_from(judge)
    if not 0 < count < ENOUGH:
        return ""
    return (
        f"This taste was learnt from {counted(count, 'rating')}: with so few, an optimized picture may be no more to "
        "your liking than the best of many seeds. Compare both."
    )


def _check_ways(ways: Sequence[str] | None) -> None:
    if ways is None:
        return
    check_known([ways] if isinstance(ways, str) else ways)
    if isinstance(ways, str) or not ways or not {*ways} <= {*WAYS}:
        raise SoartError(f"Expected some of the ways {', '.join(WAYS)}, got {ways!r}.")


def _result(run: Optimization, notes: Sequence[str], parents: Sequence[Parent] = ()) -> Optimized:
    assert run.best is not None
    assert run.start is not None
    record = run.record | {"prompt": run.means.request.prompt}
    record |= {name: getattr(run.means.request, name) for name in _SETTINGS}
    if parents:
        record["parents"] = [one.record for one in parents]
    examiner = run.means.examiner
    sentences = [*notes, ENDS[run.ended], few_ratings(examiner.tasting.inner)]
    if examiner.second is None and examiner.other is None:
        sentences.append("No second judge checks this one: look at the picture.")
    if are_general(judges_in(examiner.judge)):
        sentences.append(GENERAL)
    return Optimized(
        replace(run.means.request, optimized=json.dumps(record, sort_keys=True)),
        run.best.picture.pixels, run.best.marks, run.start.picture.pixels, run.start.marks, run.drawn, run.seconds,
        tuple(step.way for step in run.steps), tuple(filter(None, sentences)), run.ended, examiner.judge.name,
        examiner.other.name if examiner.other else "second taste" if examiner.second else "", run.best.picture.seconds,
        noise=run.best.noise, start_noise=run.start.noise, parents=tuple(parents),
    )  # fmt: skip


def optimize_again(
    generator: ImageGenerator, record: Mapping[str, Any], *, by: By = None, parents: Sequence[Parent] = ()
) -> Optimized:
    """Make an optimized picture again from its record: the same steps, whatever the machine's speed.

    ``record`` is ``Optimized.record`` or from ``record_of``, ``parents`` are from ``parents_again``; another model,
    version of soart, or version of the judge is refused.
    """
    _check_record(record)
    if record.get("version") != VERSION:
        raise ModelError(
            f"The record has the version {record.get('version')!r}, and this soart makes {VERSION}: use the soart that wrote it."
        )
    judge = judge_for(by, anyway=True)
    if (judge.stored_name, judge.version) != (record["judge"], record["judge version"]):
        raise JudgeError(
            f"The picture was optimized for {record['judge']!r} in the version {record['judge version']}, and this is "
            f"{judge.stored_name!r} in the version {judge.version}: name the same judge."
        )
    if len(parents) != len(parents_in(record)):
        raise ModelError("The picture was bred from others: make it again with the collection that it was made in.")
    generator = generator_for(generator, parents)
    if generator.model.identity != record["model"]:
        raise ModelError(
            f"The picture was drawn by {record['model']!r}, and this is {generator.model.identity!r}: load the same model."
        )
    settings = {name: record[name] for name in _SETTINGS if record[name] not in (None, "")}
    request = generator.request(record["prompt"], record["seed"], **settings)
    means = Means.of(generator, request, Examiner(judge, record["prompt"]), [*dict.fromkeys(record["ways"])] or None)
    _begin_with(means, parents)
    run = Optimization(means, Limit(None, None), record["floor"], script=record["ways"], first=record["first"])
    while run.advance():
        pass
    return _result(run, [], parents)


def _check_record(record: Mapping[str, Any]) -> None:
    """Refuse what is no record; a file may come from anywhere."""
    facts: dict[str, type | tuple[type, ...]] = {
        "version": int, "judge": str, "judge version": str, "model": str, "prompt": str, "seed": int, "first": int,
        "floor": (int, float, type(None)), "ways": list, **dict.fromkeys(_SETTINGS, object),
    }  # fmt: skip
    sound = isinstance(record, Mapping) and all(
        name in record and isinstance(record[name], kind) for name, kind in facts.items()
    )
    if sound:
        check_known(record["ways"])
    if not sound or not 0 < record["first"] <= FIRST or not {*map(str, record["ways"])} <= {*WAYS}:
        raise ModelError(DAMAGED)
    parents_in(record)


def state_file(
    collection: Collection,
    generator: ImageGenerator,
    judge: GuardedJudge,
    request: Request,
    parents: Sequence[Parent] = (),
    adherence: float | None = None,
) -> Path:
    """The file of a run of a collection, by all that decides what it finds but its limit."""
    facts = json.dumps(
        [request.key(generator.model.identity), judge.stored_name, judge.version, family(parents), adherence]
    )
    return collection.file(f"{UNFINISHED}/{hashlib.sha256(facts.encode()).hexdigest()[:16]}.safetensors")


def store(collection: Collection, generator: ImageGenerator, optimized: Optimized, judge: GuardedJudge) -> Optimized:
    """Store the picture, and the best of the first seeds, with records, noises and values; returns it with its rows."""
    record = optimized.record
    start = replace(optimized.request, optimized=json.dumps(record | {"ways": []}, sort_keys=True))
    sampler = (optimized.request.scheduler or "").removesuffix("Scheduler") or generator.model.sampler
    pictures = [(optimized.request, optimized.pixels, optimized.noise)]
    if not optimized.parents:
        pictures.insert(0, (start, optimized.start, optimized.start_noise))
    way = optimized.parents[0].way if optimized.parents else optimized.request.seed
    rows: list[ImageRow] = []
    for request, pixels, noise in pictures:
        drawn = DrawnPicture(request, pixels, None, optimized.seconds_per_picture)
        rows += collection.add_drawn([drawn], generator.model.identity, sampler, {KEYWORD: request.optimized})
        # On a picture that was drawn on, noise alone does not draw it again.
        if all(one.drawn_on is None for one in optimized.parents):
            keep_noise(collection, rows[-1], noise, way)
    for one in judges_in(judge):
        judge_pictures(StoredPictures(collection, rows), one)
    begun = [rows[0].sha256] if not optimized.parents else [one.sha256 for one in optimized.parents]
    set_parents(collection, rows[-1], begun)
    first = rows[0] if not optimized.parents else rows_by_hash(collection, [begun[0][:16]]).get(begun[0][:16], rows[0])
    path, start_path = collection.locate(rows[-1]), collection.locate(first)
    return replace(optimized, path=path, start_path=start_path, row=rows[-1], start_row=first)
