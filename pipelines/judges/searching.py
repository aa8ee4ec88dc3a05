"""Finds the pictures that show some words, whatever their own prompts say."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import JudgeError, SoartError
from ...metrics.items.combined import ItemKind
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.pictures import StoredPictures
from ..support.wording import counted
from .adherence import AdherenceJudge
from .guarded import GuardedJudge
from .storing import values_of

#: Width and height of a picture as the embedded model draws it, and of a photograph: what adherence can tell in neither, it
#: cannot tell at all.
_SIZES = ((64, 64), (1024, 1024))


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture that may show the words.

    Attributes:
        value: by the judge, higher is better; of adherence, the probability that every phrase is shown, 0…1.
    """

    place: int
    row: ImageRow
    path: Path
    value: float


def reader_at_hand() -> str:
    """The name, as for ``--by``, of a CLIP or SigLIP model in the local cache of the hub; empty if there is none."""
    # It knows classes of diffusers too, which a search seldom needs.
    from ..models.at_hand import models_at_hand

    judges = {"clip": "clip", "siglip": "siglip", "siglip2": "siglip"}
    models = (model for model in models_at_hand() if not model.draws and model.kind in judges)
    return next((f"{judges[model.kind]}:{model.name}" for model in models), "")


def reader_of(words: str, by: str, load: Callable[[str], GuardedJudge]) -> tuple[GuardedJudge, list[str]]:
    """The judge that looks for some words: the one that is named, else adherence, or a model at hand if that can tell more.

    The sentences tell the phrases that it cannot look for, or why it was taken.
    """
    judge = load(by or "adherence")
    problem: JudgeError | None = None
    try:
        notes = check_words(words, judge)
    except JudgeError as error:
        notes, problem = [str(error)], error
    if notes and not by and (name := reader_at_hand()):
        # A download may have ended half way.
        with contextlib.suppress(SoartError):
            other = load(name)
            return other, [
                f"Adherence cannot tell all of these words: {name}, a model on this machine, looks for them."
            ]
    if problem is not None:
        raise problem
    return judge, notes


def check_words(words: str, judge: GuardedJudge) -> list[str]:
    """Check that a judge can look for some words, before pictures are read.

    The sentences are about phrases that it can tell in no picture.
    """
    if "prompt" not in judge.needs:
        raise JudgeError(f"The judge {judge.name!r} reads no words: choose adherence, or clip or siglip with a model.")
    if isinstance(judge.inner, AdherenceJudge):
        known = _known_phrases(judge.inner, words, _SIZES)
        if not known:
            raise JudgeError(f"Adherence finds nothing to look for in {words!r}: name what the pictures should show.")
        if not any(known.values()):
            raise JudgeError(_cannot_tell(known, "any picture"))
        return [] if all(known.values()) else [_cannot_tell(known, "any picture")]
    return []


def item_kinds(words: str, judge: GuardedJudge) -> list[ItemKind]:
    """Kinds of items that other processes can measure of photographs, so that a judge can look for some words in them."""
    return judge.inner.item_kinds(words, _SIZES[-1]) if isinstance(judge.inner, AdherenceJudge) else []


def pictures_showing(
    collection: Collection,
    rows: Sequence[ImageRow],
    words: str,
    judge: GuardedJudge,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[list[FoundPicture], list[str]]:
    """Sort pictures by how well they show some words, the best first.

    What the judge measures of a picture is stored, so that the next words take a fraction of the time.
    Pictures with a problem, and those that cannot be judged (too small, all black…), are left out.
    """
    beforehand = check_words(words, judge)
    sound = [row for row in rows if not row.problem]
    progress(len(rows) - len(sound))
    asked = StoredPictures(collection, sound, dict.fromkeys((row.id for row in sound), words))
    values, problems = values_of(asked, judge, progress)
    left_out = _unfit(judge, asked.ids)
    sound = [row for row in sound if row.id not in judge.why]
    if sound and not values:
        raise JudgeError(
            " ".join(
                [
                    *beforehand,
                    *_unknown(judge, words, sound),
                    *problems[:3],
                    *([judge.stopped] if judge.stopped else []),
                ]
                or [f"The judge {judge.name!r} gave no picture a value for {words!r}."]
            )
        )
    by_id = {row.id: row for row in sound}
    order = sorted(values, key=lambda image: (-values[image], by_id[image].sha256))
    pictures = [
        FoundPicture(place, by_id[image], collection.locate(by_id[image]), values[image])
        for place, image in enumerate(order, start=1)
    ]
    return pictures, [*_unknown(judge, words, sound), *dict.fromkeys([*left_out, *problems]), *judge.problems]


def _unfit(judge: GuardedJudge, ids: Sequence[int]) -> list[str]:
    """A sentence on all pictures that cannot be judged, by the reason."""
    # Without the number of pixels, which may differ in every picture.
    kinds = Counter(judge.why[image].partition(" (")[0] for image in ids if image in judge.why)
    if not kinds:
        return []
    named = ", ".join(kinds if len(kinds) == 1 else (f"{kind} ({kinds[kind]})" for kind in sorted(kinds)))
    return [f"{counted(kinds.total())} left out: {named}."]


def _known_phrases(judge: AdherenceJudge, words: str, sizes: Iterable[tuple[int, int]]) -> dict[str, bool]:
    """The phrases in some words, each with True if it can be told in pictures of one of the sizes (width, height)."""
    known: dict[str, bool] = {}
    for size in sizes:
        for phrase, source in judge.phrases(words, size):
            known[phrase.text] = known.get(phrase.text, False) or source is not None
    return known


def _cannot_tell(known: dict[str, bool], where: str, *, advised: bool = False) -> str:
    """The sentence about the phrases that cannot be told, and what is looked for; with advice unless that was given."""
    unknown, looked_for = (
        ", ".join(repr(text) for text, can in known.items() if can is told) for told in (False, True)
    )
    alone = f", and looks for {looked_for} alone" if looked_for else ""
    advice = ": name a model that reads any words, such as --by clip:openai/clip-vit-base-patch32"
    return f"Adherence cannot tell {unknown} in {where}{alone}{'' if advised else advice}."


def _unknown(judge: GuardedJudge, words: str, rows: Sequence[ImageRow]) -> list[str]:
    """A sentence about the phrases that adherence can tell in other pictures only; none if there are no such phrases."""
    if not isinstance(judge.inner, AdherenceJudge):
        return []
    ever = _known_phrases(judge.inner, words, _SIZES)
    here = _known_phrases(judge.inner, words, {(row.width, row.height) for row in rows})
    known = {text: is_known for text, is_known in here.items() if ever[text]}
    return [] if all(known.values()) else [_cannot_tell(known, "these pictures", advised=not all(ever.values()))]
