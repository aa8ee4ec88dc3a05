"""Learns tastes from folders, ratings and choices, or from pictures in memory."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CollectionError, ImageError, ItemsError, ModelError, TasteError, expect, expect_seed
from ...files import read_text
from ...metrics.items.combined import default_network, taste_extractor, with_nima
from ...metrics.protocols import Measurer, Measures
from ...metrics.tastes.examples import GOOD, Examples, from_choices, from_modes, from_ratings, mix
from ...metrics.tastes.taste import OTHERS, LearntTaste, computed_priors, learn_taste, priors_of_items, tastes_without
from ..collection.collection import Collection
from ..collection.comparisons import comparisons, ties
from ..collection.provenance import Origin, origins
from ..collection.ratings import raters, ratings
from ..collection.tables import AWAY, ImageRow
from ..ingest.scan import find_pictures
from ..judges.storing import judge_pictures, values_of
from ..scoring.grouping import by_prompt
from ..scoring.in_memory import measure_pixels, pictures_in_memory
from ..scoring.makings import makings_of
from ..scoring.measuring import import_pictures, measure
from ..scoring.pictures import PicturesInMemory, StoredPictures
from ..scoring.prior_scores import prior_matrix
from ..scoring.taste_store import TasteStore
from ..support.progress import Advance, silent
from ..support.wording import counted
from .priors import Priors, beliefs_in, load_priors, of_use, without_learnt_from

if TYPE_CHECKING:
    from ..scoring.in_memory import InMemory

#: Fewest prompts with which pictures of one prompt can be left out together in cross-validation.
FEWEST_PROMPTS = 10
#: Stands for the network that tastes use unless another one is named.
DEFAULT = "default"


#: Third column of a line of two equal pictures in a file of choices.
EQUAL = "equal"


@dataclass(frozen=True)
class Sources:
    """Sources to learn a taste from, in any combination."""

    good: Sequence[Path] = ()  # liked pictures, and folders of them
    #: disliked pictures and folders, by the name of what is bad about them
    bad: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    #: name of the rater whose ratings and choices in the collection are used; None for no rater
    rater: str | None = None
    #: CSV file of two paths a line, the better picture first, or of two equal ones and ``EQUAL``
    choices: Path | None = None


@dataclass(frozen=True)
class Learnt:
    """A learnt taste, with a sentence for each picture that could not be used, and notes about how it was learnt."""

    taste: LearntTaste
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def _import(
    collection: Collection, paths: Sequence[Path], measurer: Measurer, progress: Advance
) -> tuple[list[ImageRow], list[str]]:
    files, problems = find_pictures(paths)
    rows, unreadable = import_pictures(collection, files, measurer, progress)
    return rows, problems + unreadable


def groups_of(rows: Sequence[ImageRow], made: Mapping[int, Origin]) -> tuple[list[str], str | None]:
    """Groups of pictures, by prompt or seed, that are left out together in cross-validation, and a note if prompts are few."""
    prompts = {made[row.id].prompt for row in rows} - {""}
    by_seed = 0 < len(prompts) < FEWEST_PROMPTS
    groups = []
    for row in rows:
        one = made[row.id]
        alone = not one.prompt or (by_seed and not one.seed)
        groups.append(f"image {row.id}" if alone else f"seed {one.seed}" if by_seed else f"prompt {one.prompt}")
    note = f"The pictures come from only {counted(len(prompts), 'prompt')}: the report is valid for these alone."
    return groups, note if by_seed else None


def _read_choices(file: Path) -> list[tuple[Path, Path, bool]]:
    """Choices (better, other, True for equal) of a CSV file."""
    try:
        lines = [line for line in csv.reader(io.StringIO(read_text(file), newline="")) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CollectionError(
            f"The choices {str(file)!r} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    if not all(len(line) == 2 or (len(line) == 3 and line[2].strip() == EQUAL) for line in lines):
        raise CollectionError(
            f"Expected two paths a line in {str(file)!r}, the better picture first, and {EQUAL!r} after two equal ones."
        )
    return [(file.parent / line[0].strip(), file.parent / line[1].strip(), len(line) == 3) for line in lines]


def learn(
    name: str,
    collection: Collection,
    sources: Sources,
    *,
    network: str | None = DEFAULT,
    device: str = "cpu",
    seed: int = 0,
    priors: Sequence[str] | None = None,
    if_available: bool = False,
    stores: Sequence[TasteStore] = (),
    progress: Advance = silent,
) -> Learnt:
    """Learn a taste from folders, ratings and choices; items are measured once and stored in the collection.

    The collection's pictures are the background, and its other raters' means a prior score. For ``network``, ``seed``
    and ``priors`` see ``learn_from_pictures``; ``others`` is a prior score here too, and judges' values are stored.
    ``if_available`` says that priors come from the settings: those that are not available are left out with a note.
    Other tastes are looked for in ``stores``, by default the user's configuration folder.
    """
    expect_seed(seed, TasteError)
    rater = sources.rater or ""
    rated = any(other != rater for other in raters(collection, personal=False))
    network = default_network() if network == DEFAULT else network
    measurer, start = _start(name, network, device, priors, stores, others=rated, if_available=if_available)
    problems: list[str] = []
    modes: dict[str, list[ImageRow]] = {}
    for mode, paths in {GOOD: sources.good, **sources.bad}.items():
        if paths:
            modes[mode], unreadable = _import(collection, paths, measurer, progress)
            problems += unreadable
            if not modes[mode]:
                raise _without_pictures(mode, paths, unreadable)
    _refuse_both(modes)
    stars = ratings(collection, sources.rater) if sources.rater is not None else {}
    pairs = comparisons(collection, sources.rater) if sources.rater is not None else []
    equal = ties(collection, sources.rater) if sources.rater is not None else []
    if sources.choices is not None:
        for better, worse, tied in _read_choices(sources.choices):
            sides = [_import(collection, [side], measurer, progress) for side in (better, worse)]
            problems += [problem for _, unreadable in sides for problem in unreadable]
            (first, second) = ([row.id for row in rows] for rows, _ in sides)
            if len(first) > 1 or len(second) > 1 or (first and first == second):
                problems.append(
                    f"Expected two different pictures in a line of {str(sources.choices)!r}, got {str(better)!r} and {str(worse)!r}."
                )
            elif first and second:
                (equal if tied else pairs).append((first[0], second[0]))
    judged = (
        {row.id for rows in modes.values() for row in rows}
        | set(stars)
        | {i for pair in (*pairs, *equal) for i in pair}
    )
    pictures = collection.images()
    # Ratings of a picture still count after its file was moved away, if its items are known.
    away = [row for row in pictures if row.problem == AWAY and row.id in judged]
    items, unreadable = measure(collection, away, measurer, progress=progress)
    if unreadable:
        problems.append(_gone(len(unreadable)))
    candidates = [*away, *(row for row in pictures if row.problem is None)]
    found, unreadable = measure(collection, candidates[len(away) :], measurer, progress=progress)
    items |= found
    problems += [problem for problem in unreadable if problem not in problems]
    by_id = {row.id: row for row in sorted(candidates, key=lambda row: row.id) if row.id in items}
    used = [row for i, row in by_id.items() if i in judged]
    if not used:
        raise ItemsError(
            _with("Expected pictures to learn a taste from, got none: name folders, or rate some.", problems)
        )
    made = origins(collection, [row.id for row in used])
    groups, note = groups_of(used, made)
    group_by_id = {row.id: group for row, group in zip(used, groups, strict=True)}
    examples = _examples(
        items, group_by_id, by_id, {m: [r.id for r in rows] for m, rows in modes.items()}, stars, pairs, equal
    )
    names = [by_id[int(i)].sha256[:16] for i in examples.pictures]
    files = [str(collection.locate(by_id[int(i)])) for i in examples.pictures]
    values: dict[str, np.ndarray] = {}
    for judge in start.judges:
        judged_by, unjudged = judge_pictures(StoredPictures(collection, used), judge)
        values[judge.stored_name] = np.array([judged_by.get(int(i), np.nan) for i in examples.pictures])
        problems += unjudged
    start = of_use(start, values, names, problems, if_available=if_available)
    starts = prior_matrix(collection, rater, start.names, items, measurer.extractor.names, start.tastes)
    learning = np.stack([starts[int(i)] for i in examples.pictures])
    learning, notes_on_shared = without_learnt_from(learning, start, start.names, names)
    examples = replace(
        examples,
        priors=learning,
        prior_beliefs=beliefs_in(collection, rater, start.names, starts, float(examples.liking.std())),
    )
    known = makings_of(collection, used)
    makings = np.full(len(examples), None)
    makings[:] = [known.get(int(i)) for i in examples.pictures]
    prompts = by_prompt([made[int(i)] for i in examples.pictures])
    ids = list(by_id)
    background = np.stack([items[i] for i in ids]).astype(np.float64), np.stack([starts[i] for i in ids])
    # Opening all pictures of a collection for what is written in them takes long.
    known = makings_of(collection, [by_id[i] for i in ids]) if known else {}
    taste = learn_taste(
        replace(examples, pictures=np.array(names), files=np.array(files), makings=makings),
        measurer.extractor.names, measurer.extractor.version, name=name, prior_names=start.names, background=background,
        rng=np.random.default_rng(seed), network=network, rater=rater,
        prompts=prompts, tastes=start.tastes, makings=[known.get(i) for i in ids],
    )  # fmt: skip
    notes = [*start.left_out, *notes_on_shared, *([note] if note else [])]
    if len(taste.examples) < len(examples):
        notes.append(
            f"Of the {len(examples)} judged pictures, the most that are learnt from count: {len(taste.examples)}."
        )
    notes += [f"Pictures that {lack}: {alone.trust.sentence}." for lack, alone in tastes_without(taste)]
    return Learnt(taste, tuple(problems), tuple(notes))


def check_start(
    name: str,
    sources: Sources,
    *,
    network: str | None = DEFAULT,
    device: str = "cpu",
    priors: Sequence[str] | None = None,
    if_available: bool = False,
    stores: Sequence[TasteStore] = (),
) -> None:
    """Refuse what ``learn`` would refuse of a new collection, before that is made; arguments and errors as there."""
    network = default_network() if network == DEFAULT else network
    _start(name, network, device, priors, stores, others=False, if_available=if_available, load_judges=False)
    for mode, paths in {GOOD: sources.good, **sources.bad}.items():
        files, problems = find_pictures(paths)
        if paths and not files:
            raise _without_pictures(mode, paths, problems)
    if sources.choices is not None:
        _read_choices(sources.choices)


def _start(
    name: str,
    network: str | None,
    device: str,
    priors: Sequence[str] | None,
    stores: Sequence[TasteStore],
    *,
    others: bool,
    if_available: bool,
    load_judges: bool = True,
) -> tuple[Measures, Priors]:
    """The measurer of a new taste, and its prior scores; ``others`` if other raters tell one."""
    measurer = Measures(with_nima(taste_extractor(network, device)))
    available = priors_of_items(measurer.extractor.names) + ((OTHERS,) if others else ())
    start = load_priors(
        name, priors, available, measurer.extractor, stores or (TasteStore(),), if_available=if_available,
        load_judges=load_judges,
    )  # fmt: skip
    return measurer, start


def _without_pictures(mode: str, paths: Sequence[Path], problems: Sequence[str]) -> ItemsError:
    named = ", ".join(repr(str(path)) for path in paths)
    return ItemsError(_with(f"Expected {mode} pictures in {named}, got none that can be read.", problems))


def _gone(count: int) -> str:
    """A sentence about judged pictures that were moved away before they were measured."""
    pictures = "1 judged picture was" if count == 1 else f"{count} judged pictures were"
    return f"{pictures} moved away before the network measured {'it' if count == 1 else 'them'}: bring back what should count."


def _with(text: str, problems: Sequence[str]) -> str:
    """A message, followed by the first few problems that may have caused it."""
    return " ".join([text, *problems[:3]])


def _refuse_both(modes: Mapping[str, Sequence[ImageRow]]) -> None:
    good = {row.id: row for row in modes.get(GOOD, ())}
    for mode, rows in modes.items():
        both = [row.path for row in rows if row.id in good and mode != GOOD]
        if both:
            several = len(both) > 1
            named = f"{both[0]!r} and {len(both) - 1} more are" if several else f"{both[0]!r} is"
            raise ItemsError(f"{named} both good and {mode}: take {'them' if several else 'it'} out of one of the two.")


def _examples(
    items: Mapping[int, np.ndarray], groups: Mapping[int, str], rows: Mapping[int, ImageRow],
    modes: Mapping[str, Sequence[int]], stars: Mapping[int, float], pairs: Sequence[tuple[int, int]],
    equal: Sequence[tuple[int, int]],
) -> Examples:  # fmt: skip
    """Examples of all sources together, with picture ids as names."""
    sources = []
    measured = {mode: [i for i in ids if i in rows] for mode, ids in modes.items()}
    if any(measured.values()):
        sources.append(
            from_modes(
                {mode: [items[i] for i in ids] for mode, ids in measured.items() if ids},
                {mode: [groups[i] for i in ids] for mode, ids in measured.items()},
                {mode: [str(i) for i in ids] for mode, ids in measured.items()},
            )
        )
    rated = [i for i in stars if i in rows]
    if rated:
        sources.append(
            from_ratings([items[i] for i in rated], [stars[i] for i in rated], [groups[i] for i in rated], rated)
        )
    pairs, equal = ([(a, b) for a, b in several if a in rows and b in rows] for several in (pairs, equal))
    if pairs or equal:
        ids = sorted({i for pair in (*pairs, *equal) for i in pair})
        place = {i: k for k, i in enumerate(ids)}
        won, tied = ([(place[a], place[b]) for a, b in several] for several in (pairs, equal))
        sources.append(from_choices([items[i] for i in ids], won, [groups[i] for i in ids], ids, tied))
    return mix(*sources)


def learn_from_pictures(
    name: str,
    good: Iterable[InMemory],
    bad: Iterable[InMemory],
    *,
    network: str | None = DEFAULT,
    seed: int = 0,
    priors: Sequence[str] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> LearntTaste:
    """Learn a taste from pictures in memory, on top of the technical score and appeal, or other prior scores.

    Args:
        name: of the taste.
        good: liked pictures: PIL pictures, results of ``read_image``, (h, w, 3) arrays of uint8 or floating 0…1, or
            tensors (3, h, w) of 0…1.
        bad: disliked pictures, likewise.
        network: name of a network whose items are added, see ``DeepExtractor.load``; None for none, and by default
            EfficientNet-Lite0, if its package is installed.
        seed: of the cross-validation.
        priors: names of the prior scores that the taste starts from: ``technical``, ``appeal``, ``nima``, judges and
            other tastes, or none; by default the first three. Judges get no prompts.
        progress: called once a picture.

    Raises:
        ItemsError: only good or only bad pictures, a picture that is both, or pictures that are all alike.
        TasteError: a seed below 0, or a prior score that is unknown or not available.
        JudgeError: a judge that cannot be loaded, or that gives no picture a value.
        ImageError: pictures of another type or shape, or one that cannot be measured.
        ModelError: the network cannot be loaded.

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> rng = np.random.default_rng(0)
        >>> noise = [rng.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in range(3)]
        >>> plain = [np.full((32, 32, 3), level, dtype=np.uint8) for level in (20, 120, 220)]
        >>> taste = soart.learn_from_pictures("calm", good=plain, bad=noise)
        >>> taste.trust.word
        'too few examples'
    """
    expect_seed(seed, TasteError)
    expect("the name of the taste as text", name, str, error=TasteError)
    expect("the network as a name, or None", network, str, NoneType, error=ModelError)
    shown = {mode: pictures_in_memory(mode, pictures) for mode, pictures in ((GOOD, good), ("bad", bad))}
    network = default_network() if network == DEFAULT else network
    measurer = Measures(with_nima(taste_extractor(network)))
    available = priors_of_items(measurer.extractor.names)
    start = load_priors(name, priors, available, measurer.extractor, (TasteStore(),))
    items: dict[str, np.ndarray] = {}
    names: dict[str, list[str]] = {}
    for mode, pictures in shown.items():
        rows = []
        for number, pixels in enumerate(pictures, 1):
            try:
                rows.append(measure_pixels(measurer, pixels)[0])
            except ImageError as error:
                raise ImageError(f"Of the {mode} pictures: Picture {number} cannot be measured: {error}") from error
            progress()
        items[mode] = np.array(rows).reshape(len(rows), len(measurer.extractor.names))
        names[mode] = [hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16] for pixels in pictures]
    for number, digest in enumerate(names[GOOD], 1):
        if digest in names["bad"]:
            raise ItemsError(
                f"Picture {number} of the good and picture {names['bad'].index(digest) + 1} of the bad ones are the same, "
                "and none can be both good and bad: leave it out of one of them."
            )
    examples = from_modes(items, pictures=names)
    called = {digest: f"{mode} {number}" for mode in names for number, digest in enumerate(names[mode], 1)}
    examples = replace(examples, files=np.array([called[str(picture)] for picture in examples.pictures]))
    extractor = measurer.extractor
    by_name = {digest: pixels for mode in shown for digest, pixels in zip(names[mode], shown[mode], strict=True)}
    everything = {number: by_name[str(picture)] for number, picture in enumerate(examples.pictures)}
    given, unjudged = dict[str, np.ndarray](), list[str]()
    for judge in start.judges:
        blind = bool(judge.needs & {"prompt", "person"})
        values = {} if blind else values_of(PicturesInMemory(everything), judge)[0]
        given[judge.stored_name] = np.array([values.get(number, np.nan) for number in everything])
        unjudged += [f"The judge {judge.name!r} needs a prompt."] if blind else judge.problems
    digests = [str(picture) for picture in examples.pictures]
    start = of_use(start, given, digests, unjudged)
    scores = computed_priors(start.names, examples.items, extractor.names, given, start.tastes)
    scores, _ = without_learnt_from(scores, start, start.names, digests)
    return learn_taste(
        replace(examples, priors=scores), extractor.names, extractor.version, name=name, prior_names=start.names,
        rng=np.random.default_rng(seed), network=network, tastes=start.tastes,
    )  # fmt: skip
