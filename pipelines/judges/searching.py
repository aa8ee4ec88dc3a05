"""Finds pictures by words: in prompts, tags and names first, then in what the pictures show."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from ...errors import JudgeError, SoartError
from ...metrics.items.combined import ItemKind
from ...metrics.items.nouns import noun_classes
from ...prompts.phrases.cutting import LINKS, Phrase
from ..collection.collection import Collection
from ..collection.damage import examined
from ..collection.labels import TAG, labels_of
from ..collection.queries import (
    FIELDS,
    SPACES,
    WINDOW,
    Query,
    common_folder,
    field_of,
    metadata_of,
    order,
    title_of,
    whole_word,
    written_words,
)
from ..collection.tables import ImageRow
from ..scoring.measuring import measure
from ..scoring.pictures import StoredPictures
from ..support.batching import batches
from ..support.progress import Advance, silent
from ..support.wording import counted
from .adherence import EMBEDDED_LARGEST, AdherenceJudge
from .face_source import PEOPLE, UNTOLD, FaceSource
from .guarded import GuardedJudge
from .storing import values_of

#: Probability from which on a picture is found. Adherence's hold where half of the pictures show a phrase, which their prompts
#: ask for; of a folder's pictures few show any given thing: with 3 in 100, this is an even chance, and of nouns in photographs, of
#: which there are more, with 1 in 100.
SURE, SURE_NOUN = 0.97, 0.99
#: Words that a sentence names at most.
_NAMED = 3
#: Words that pictures can be searched for, by words that they cannot.
_INSTEAD = {"night": "dark", "evening": "blue hour", "dusk": "blue hour", "sunset": "golden hour", "child": "face"}
#: Fewest letters of a word that is looked for in longer ones.
_LONG = 4
#: Rater whose ratings the filters of commands mean.
OWNER = "me"
#: Width and height of a picture as the embedded model draws it, and of a photograph: what adherence can tell in neither, it
#: cannot tell at all.
_SIZES = ((EMBEDDED_LARGEST, EMBEDDED_LARGEST), (1024, 1024))


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that fits some words."""

    row: ImageRow
    #: 1 where the words are written; else by the judge, of adherence the probability that every phrase is shown
    value: float
    evidence: str = ""  # in words, such as ``prompt and tag`` or ``dog seen: 0.93``


#: After a sentence on words that nothing knows.
OTHERS = "The other words are searched."
#: On a collection without any metadata.
UNWRITTEN = "No picture has a prompt or tag: file names and what is shown are searched."
_QUOTES = str.maketrans("“”„«»‘’", '"""""\'\'')
_SOUGHT = re.compile(r'-?(?:\w+:)?"[^"]+"|[^\s,;"]+')
#: Filters of the gallery that may stand among the words.
_FILTER = re.compile(r'(?<!\S)(damage|faces|rated|tag|album):("[^"]+"|\S+)', re.IGNORECASE)


#: Numbers of faces in words, outside quotes.
_NUMBERS = {"no": "0", "one": "1", "two": "2", "three": "3", "several": "2+", "many": "5+"}
_FACES = re.compile(rf"(?<![\"\w-])({'|'.join(_NUMBERS)}) faces?\b", re.IGNORECASE)


def filters_in(text: str) -> tuple[str, dict[str, str]]:
    """The words of a search without filters such as ``tag:"at night"`` among them, and these by name.

    >>> from soart.pipelines.judges.searching import filters_in
    >>> filters_in("a dog, one face tag:mine")
    ('a dog,', {'faces': '1', 'tag': 'mine'})
    """
    text = _FACES.sub(lambda said: f"faces:{_NUMBERS[said[1].casefold()]}", text.translate(_QUOTES))
    found = {match[1].casefold(): match[2].strip('"') for match in _FILTER.finditer(text)}
    return " ".join(_FILTER.sub(" ", text).split()), found


def sought(text: str) -> tuple[str, ...]:
    """The words of a search; a quoted text is one, and words such as "the" count only if there are no others."""
    found = [word.replace('"', "").strip(" .!?'") for word in _SOUGHT.findall(text.translate(_QUOTES))]
    found = [word for word in found if word.strip("-")]
    return tuple(word for word in found if word.casefold() not in LINKS) or tuple(found)


#: Words that people use for what adherence knows by another one.
_MEANT = {"sea": "coast", "seaside": "coast", "ocean": "coast", "shore": "coast", "puppy": "dog"}


def wanted(text: str) -> str:
    """A text as a judge reads it: without the words that a leading minus excludes, and those of ``FIELDS``.

    >>> from soart.pipelines.judges.searching import wanted
    >>> wanted("a dog at the sea, -cat")
    'a dog at the coast,'
    """
    fields = rf'(?:{"|".join(FIELDS)}):(?:"[^"]+"|\S+)'
    kept = re.sub(rf'(?<!\S)(?:-(?:"[^"]+"|\S+)|{fields})', " ", text.translate(_QUOTES), flags=re.IGNORECASE)
    return " ".join(re.sub(r"\w+", lambda word: _MEANT.get(word[0].casefold(), word[0]), kept).split())


def to_see(words: Sequence[str]) -> list[str]:
    """The words that pictures may show."""
    return [word for word in words if not word.startswith("-") and not field_of(word)]


def written(query: Query, words: Sequence[str], find: Callable[[Query], list[int]]) -> list[int]:
    """Ids of the pictures of a query whose prompt, tags, file name or model have the words.

    Whole ones, else such as "rainy" for "rain", else parts; but a short word is a part of too many others.
    """
    asked = replace(query, words=tuple(words), names=True, whole=True)
    short = any(word.isascii() and word.isalpha() and len(word) < _LONG for word in words)
    return find(asked) or ([] if short else find(replace(asked, longer=True)) or find(replace(asked, whole=False)))


def where_written(collection: Collection, rows: Sequence[ImageRow], words: Sequence[str]) -> dict[int, str]:
    """The places where words are written, such as ``prompt and tag``, by picture id."""
    places: dict[int, str] = {}
    root = common_folder(collection)
    for block in batches(rows, WINDOW):
        ids = [row.id for row in block]
        metadata, tags = metadata_of(collection, ids), labels_of(collection, TAG, ids)
        for row in block:
            told = metadata.get(row.id)
            # Without a prompt the title is the name of the file.
            prompted = bool(row.generation or (told and told.prompt))
            texts = {
                "prompt": title_of(row, told) if prompted else "",
                "tag": "\n".join(tags.get(row.id, ())),
                "file name": "" if row.generation else row.path.removeprefix(root),
            }
            found = []
            for word in (word.casefold() for word in words if not word.startswith("-")):
                if field := field_of(word):
                    found.append(field)
                    continue
                spaces = SPACES if " " in word else {}
                phrase, read = (
                    word.translate(spaces),
                    {k: text.casefold().translate(spaces) for k, text in texts.items()},
                )
                whole = [place for place, text in read.items() if re.search(whole_word(phrase), text)]
                parts = [(place, re.search(rf"\w*{re.escape(phrase)}\w*", text)) for place, text in read.items()]
                found += (whole or [f"{place} ({part[0]})" for place, part in parts if part] or ["model"])[:1]
            places[row.id] = " and ".join(dict.fromkeys(found))
    return places


def find_pictures_for(
    collection: Collection, rows: Sequence[ImageRow], text: str, judge: GuardedJudge | None, progress: Advance = silent
) -> tuple[list[Hit], list[str]]:
    """Find pictures by words: first those in which all are written, then those that show them, by a judge.

    Of those in which they are written in the same place, the best by stored overall scores come first.

    By adherence those are found that surely show them, see ``SURE``. The sentences tell what cannot be looked for.

    Raises:
        JudgeError: neither are the words written, nor can they be looked for in any picture.
    """
    words, by_id = sought(text), {row.id: row for row in rows}
    find = partial(_among, collection, by_id)
    positive = to_see(words)
    told = [by_id[image] for image in written(Query(sort="name", ascending=False), words, find)]
    places = where_written(collection, told, words)
    rank = ("prompt", "tag", "file name", "model")
    hits = [Hit(row, 1.0, places[row.id] or "no word against it") for row in told]
    evidence = {hit.row.id: re.sub(r" \(.*?\)", "", hit.evidence).split(" and ") for hit in hits}
    standing = _standing(collection) if hits else {}

    def strength(hit: Hit) -> tuple[int, int]:
        strongest = min((rank.index(one) for one in evidence[hit.row.id] if one in rank), default=0)
        return strongest, standing.get(hit.row.id, len(standing))

    hits.sort(key=strength)
    allowed = {*find(Query(words=tuple(word for word in words if word not in positive), names=True, whole=True))}
    # Faces tell no sex and no age: what is written tells that it is another one.
    others = [{*UNTOLD[word]} for word in map(str.casefold, positive) if word in UNTOLD]
    for other in set.intersection(*others) if others else ():
        allowed -= {*find(Query(words=(other,), names=True, whole=True))}
    rest = [row for row in rows if row.id not in places and row.id in allowed]
    notes: list[str] = []
    unwritten = [UNWRITTEN] if rows and not hits and not written_words(collection) else []
    failed = ""
    if judge is not None and positive:
        try:
            seen, more = seen_in(collection, rest, wanted(text), judge, progress)
            hits, notes = [*hits, *seen], [*notes, *more]
        except JudgeError as error:
            failed = str(error)
    if not hits and rows:
        unknown, problem = unknown_words(collection, positive, judge, find)
        if fewer := without(words, unknown):
            with contextlib.suppress(JudgeError):
                hits, notes = find_pictures_for(collection, rows, fewer, judge, progress)
                notes = [f"{problem} {OTHERS}", *notes]
        if not hits and (problem or failed):
            raise JudgeError(problem or failed)
    return hits, [*notes, *unwritten]


def _standing(collection: Collection) -> dict[int, int]:
    """Place by overall score of the pictures of a collection that have one, by id."""
    # Imported here, because a search need not wait for it.
    from ...metrics.tastes.overall import stored_name

    best = order(collection, Query(judge=stored_name(), sort="score", scored=True), "")
    return {image: place for place, image in enumerate(best)}


def without(words: Sequence[str], unknown: Sequence[str]) -> str:
    """The text of a search without words that nothing knows; empty if there are none such, or no others."""
    known = [word for word in words if word not in unknown]
    return " ".join(f'"{word}"' if " " in word else word for word in known) if unknown and to_see(known) else ""


def _among(collection: Collection, ids: Iterable[int], query: Query) -> list[int]:
    return [image for image in order(collection, query, "") if image in ids]


def seen_in(
    collection: Collection, rows: Sequence[ImageRow], words: str, judge: GuardedJudge, progress: Advance = silent
) -> tuple[list[Hit], list[str]]:
    """The pictures that show some words, see ``pictures_showing``, with evidence; by adherence the sure ones alone."""
    found, notes = pictures_showing(collection, rows, words, judge, progress)
    inner = judge.inner
    if not isinstance(inner, AdherenceJudge):
        return [replace(one, evidence=f"{judge.name} {one.value:.4g}") for one in found], notes
    likely = [one for one in found if one.value >= SURE**_NAMED]
    shown = [one.row for one in likely]
    judged = inner.adherences(StoredPictures(collection, shown, dict.fromkeys((row.id for row in shown), words)))
    told = [[phrase for phrase in one.phrases if phrase.told] for one in judged]
    sure = [
        replace(one, evidence=", ".join(phrase.sentence for phrase in phrases))
        for one, phrases in zip(likely, told, strict=True)
        if all(phrase.shown >= _least(phrase.phrase, one.row) for phrase in phrases)
    ]
    if sure and UNTOLD.keys() & {phrase.phrase.text for phrase in told[0]}:
        notes = ["Faces are found in pictures: sex and age are not told.", *notes]
    return sure, notes


def _least(phrase: Phrase, row: ImageRow) -> float:
    photograph = max(row.width, row.height) > EMBEDDED_LARGEST
    return SURE_NOUN if photograph and phrase.text in noun_classes() else SURE


def unknown_words(
    collection: Collection, words: Sequence[str], judge: GuardedJudge | None, find: Callable[[Query], list[int]]
) -> tuple[list[str], str]:
    """The words that are written nowhere and can be told in no picture, and a sentence on them with the nearest known ones."""
    inner = judge.inner if judge is not None else None
    lexicon = inner.lexicon if isinstance(inner, AdherenceJudge) else {**noun_classes(), **PEOPLE}

    def told(word: str) -> bool:
        if not isinstance(inner, AdherenceJudge):
            # Other judges read any words.
            return inner is not None
        return any(_known_phrases(inner, wanted(word), _SIZES).values())

    nowhere = [word for word in words if not told(word) and not written(Query(), [word], find)]
    if not nowhere:
        return [], ""
    known = [*dict.fromkeys([*written_words(collection), *lexicon])]
    looked = [word.casefold() for word in nowhere[:_NAMED]]
    near = [_INSTEAD[word] for word in looked if word in _INSTEAD]
    near += [one for word in looked if word not in _INSTEAD for one in get_close_matches(word, known, 3, cutoff=0.74)]
    advice = f"the nearest known are {', '.join(map(repr, dict.fromkeys(near)))}" if near else "try other English words"
    return nowhere, f"No prompt, tag or file name has {_first(nowhere)}, and pictures cannot tell it: {advice}."


def reader_at_hand() -> str:
    """The name, as for ``--by``, of a CLIP or SigLIP model in the local cache of the hub; empty if there is none."""
    # It knows classes of diffusers too, which a search seldom needs.
    from ..models.at_hand import models_at_hand

    judges = {"clip": "clip", "siglip": "siglip", "siglip2": "siglip"}
    models = (model for model in models_at_hand() if not model.draws and model.kind in judges)
    return next((f"{judges[model.kind]}:{model.name}" for model in models), "")


def reader_of(words: str, by: str, load: Callable[[str], GuardedJudge]) -> tuple[GuardedJudge | None, list[str]]:
    """The judge that looks for some words: the one that is named, else adherence, or a model at hand if that can tell more.

    None if none can. The sentences tell the phrases that it cannot look for, or why it was taken.
    """
    # Too many words are refused before anything is loaded.
    asked = Query(words=sought(words)).words
    if asked and not to_see(asked):
        return None, []
    if not asked:
        raise JudgeError(f"There is nothing to look for in {words[:40]!r}: name what the pictures should show.")
    judge = with_faces(load(by or "adherence"))
    problem: JudgeError | None = None
    try:
        notes = check_words(wanted(words), judge)
    except JudgeError as error:
        notes, problem = [str(error)], error
    if notes and not by and (name := reader_at_hand()):
        # A download may have ended half way.
        with contextlib.suppress(SoartError):
            looks = f"Adherence cannot tell all of these words: {name}, a model on this machine, looks for them."
            return load(name), [looks]
    if problem is not None and by:
        raise problem
    return (None if problem else judge), notes


def with_faces(judge: GuardedJudge) -> GuardedJudge:
    """Adherence that knows people by their faces, too; any other judge as it is."""
    if not isinstance(judge.inner, AdherenceJudge):
        return judge
    return GuardedJudge(AdherenceJudge([*judge.inner.sources, FaceSource()], judge.name), named=judge.named)


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
        if not all(known.values()):
            return [_cannot_tell(known, "any picture")]
    return []


@dataclass(frozen=True)
class Search:
    """A search for words and filters, as the gallery's field and ``--matching`` take it."""

    text: str  # as it was given
    words: str  # what prompts, tags, names or pictures should have; may be empty
    filters: Mapping[str, str]  # by name, see ``filters_in``
    judge: GuardedJudge | None  # looks for the words in pictures; None if none can
    notes: list[str]  # sentences on words that it cannot look for

    @classmethod
    def of(cls, text: str, load: Callable[[str], GuardedJudge], by: str = "") -> Search:
        """The search of a text, with the judge ``by``."""
        words, filters = filters_in(text)
        face_range(filters.get("faces", ""))
        # A text of nothing is refused there.
        judge, notes = reader_of(words, by, load) if words or not filters else (None, [])
        return cls(text, words, filters, judge, notes)

    @property
    def kinds(self) -> list[ItemKind]:
        """Kinds of items that other processes can measure of photographs for it."""
        inner = self.judge.inner if self.judge is not None else None
        kinds = inner.item_kinds(wanted(self.words), _SIZES[-1]) if isinstance(inner, AdherenceJudge) else []
        return [*dict.fromkeys([*kinds, *([FaceSource().item_kind] if "faces" in self.filters else [])])]

    def find(
        self, collection: Collection, rows: Sequence[ImageRow], progress: Advance = silent
    ) -> tuple[list[Hit], list[str]]:
        """The pictures that fit, see ``find_pictures_for``; with filters alone all that pass them."""
        rows = with_face_count(collection, rows, self.filters.get("faces", ""))
        plain: dict[str, Any] = {name: value for name, value in self.filters.items() if name != "faces"}
        if "damage" in plain and rows and not examined(collection):
            raise JudgeError("The damage of these pictures is not known yet: run soart evaluate on their folder first.")
        if plain:
            passing = {*order(collection, Query(**plain), OWNER)}
            rows = [row for row in rows if row.id in passing]
        if self.words:
            return find_pictures_for(collection, rows, self.words, self.judge, progress)
        standing, why = _standing(collection), " ".join(f"{name}:{value}" for name, value in self.filters.items())
        rows = sorted(rows, key=lambda row: standing.get(row.id, len(standing)))
        return [Hit(row, 1.0, why) for row in rows], []


def face_range(text: str) -> tuple[int, float] | None:
    """The fewest and the most faces that a text such as ``2`` or ``2+`` asks for; None if it is empty."""
    if not text:
        return None
    if not re.fullmatch(r"\d{1,4}\+?", text):
        raise SoartError(
            f"The number of faces {text[:40]!r} is not known: give a number such as 1, or 2+ for two and more."
        )
    least = int(text.rstrip("+"))
    return least, float("inf") if text.endswith("+") else least


def with_face_count(collection: Collection, rows: Sequence[ImageRow], faces: str) -> list[ImageRow]:
    """The pictures that have as many faces as a text asks for, see ``face_range``; those not looked at yet are measured."""
    if (limits := face_range(faces)) is None:
        return [*rows]
    items, _ = measure(collection, [row for row in rows if not row.problem], FaceSource())
    return [row for row in rows if row.id in items and limits[0] <= items[row.id][0] <= limits[1]]


def pictures_showing(
    collection: Collection, rows: Sequence[ImageRow], words: str, judge: GuardedJudge, progress: Advance = silent
) -> tuple[list[Hit], list[str]]:
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
        told = [*beforehand, *_unknown(judge, words, sound), *problems[:3], *filter(None, [judge.stopped])]
        raise JudgeError(" ".join(told) or f"The judge {judge.name!r} gave no picture a value for {words!r}.")
    by_id = {row.id: row for row in sound}
    best_first = sorted(values, key=lambda image: (-values[image], by_id[image].sha256))
    pictures = [Hit(by_id[image], values[image]) for image in best_first]
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


def _first(texts: Sequence[str]) -> str:
    """The first of some texts, quoted, and the number of others."""
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(repr(text[:40]) for text in texts[:_NAMED]) + more


def _cannot_tell(known: dict[str, bool], where: str, *, advised: bool = False) -> str:
    """The sentence about the phrases that cannot be told, and what is looked for; with advice unless that was given."""
    unknown, looked_for = (_first([text for text, can in known.items() if can is told]) for told in (False, True))
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
