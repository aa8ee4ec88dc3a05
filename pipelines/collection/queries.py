"""Queries for browsing a collection, by the database: sorted, filtered, a part at a time."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from ...errors import CollectionError, MissingPictureError
from ...metrics.damage.technical import DETECTORS
from ...metrics.percentiles import percentiles_in
from ...prompts.phrases.cutting import singular
from ..support.batching import batches
from ..support.wording import printable
from .collection import Collection
from .damage import examined, suspected
from .labels import ALBUM, FAVOURITE, TAG, is_labelled
from .makes import NAMED_LORAS, place_effects
from .pictures import hidden_ids
from .ratings import OPINIONS, REJECT
from .tables import HERE, FingerprintRow, GenerationRow, ImageRow, LabelRow, MetadataRow, RatingRow, ScoreRow

SORTS = ("score", "date", "rating", "name")
#: Values of ``Query.rated`` besides the stars 1…5.
RATED = ("", "any", "none", "liked", "disliked", "rejected")
#: Most pictures to read at once.
WINDOW = 400
#: Values of ``Query.damage``.
DAMAGE = ("", "any", "none", *DETECTORS)
#: Most words of a query: each is searched in every prompt.
MOST_WORDS = 50
#: Characters that names of files have in place of spaces.
SPACES = str.maketrans("-_", "  ")
#: Nouns with an irregular plural that people look for.
_PLURALS = (
    ("woman", "women"), ("man", "men"), ("person", "people"), ("child", "children"), ("city", "cities"), ("body", "bodies"),
    ("lady", "ladies"), ("baby", "babies"), ("leaf", "leaves"), ("wolf", "wolves"), ("foot", "feet"), ("mouse", "mice"),
)  # fmt: skip
#: Names that may stand before a word and a colon, as in "model:sdxl", and where the word is looked for then.
FIELDS: dict[str, Any] = {
    name: func.coalesce(getattr(GenerationRow, name, None), getattr(MetadataRow, name), "")
    for name in ("model", "sampler", "negative", "scheduler", "tool")
} | {"lora": func.coalesce(GenerationRow.prompt, MetadataRow.prompt, "") + NAMED_LORAS}
_UNSEARCHABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class Query:
    """A choice of pictures and their order; by default all that are ``HERE``, newest first."""

    judge: str = ""  # stored score to sort and filter by, such as ``technical-5`` or ``taste:mine``
    sort: str = "date"  # one of ``SORTS``
    ascending: bool = False  # lowest, oldest, or last in the alphabet, first
    low: float = 0.0  # low, high: percentiles under the judge between which pictures lie, 0–100
    high: float = 100.0
    #: stored score that ``at_least`` and ``below`` limit; pictures without it are left out. Empty for none.
    judged_by: str = ""
    at_least: float | None = None
    below: float | None = None
    #: at most ``MOST_WORDS`` texts that the prompt (of soart or another tool) must contain, or the path of a picture
    #: without a prompt; with a leading ``-`` it must not. One such as ``model:sdxl`` is looked for in that of
    #: ``FIELDS``.
    words: tuple[str, ...] = ()
    #: words may also be in a tag, in the name of the model, or in that of a file that soart has not drawn
    names: bool = False
    whole: bool = False  # words of letters must be whole ones, in the singular or plural
    longer: bool = False  # or up to two letters longer
    damage: str = ""  # suspected damage, one of ``DAMAGE``; ``none`` chooses pictures that all detectors have scored
    rated: str = ""  # the rater's judgement: one of ``RATED``, or ``1`` … ``5``
    tag: str = ""
    album: str = ""
    favourite: bool = False
    since: dt.date | None = None  # since, until: first and last day on which the pictures were added
    until: dt.date | None = None
    zone: dt.tzinfo | None = None  # time zone of these days; None for that of this machine
    sound: bool = False  # leave out pictures with a problem
    scored: bool = False  # leave out pictures without a score under the judge

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise CollectionError(f"Expected pictures sorted by {', '.join(SORTS)}, got {self.sort!r}.")
        if self.rated not in (*RATED, *"12345"):
            raise CollectionError(f"Expected a rating 1–5 or one of {', '.join(RATED[1:])}, got {self.rated!r}.")
        if self.damage not in DAMAGE:
            raise CollectionError(f"Expected a damage among {', '.join(DAMAGE[1:])}, got {self.damage!r}.")
        if not 0 <= self.low <= self.high <= 100:
            raise CollectionError(f"Expected percentiles within 0…100, got {self.low:g} to {self.high:g}.")
        check_words(self.words)


def check_words(words: Sequence[str]) -> None:
    """Refuse more words than can be searched at once, and those that no database holds."""
    if len(words) > MOST_WORDS:
        raise CollectionError(f"Expected at most {MOST_WORDS} words to search for, got {len(words):,}.")
    if bad := [word for word in words if _UNSEARCHABLE.search(word)]:
        raise CollectionError(f"Expected words to search for, got {bad[0][:40]!r}.")


def order(collection: Collection, query: Query, rater: str) -> list[int]:
    """Ids of the pictures in order: those without a score or rating come last, newest first; ties by content hash.

    The order of scores is that of places, in which models have an effect.
    """
    stars, score = RatingRow.value, ScoreRow.value
    of_rater = and_(RatingRow.image_id == ImageRow.id, RatingRow.rater == rater)
    pictures: Select[Any] = select(ImageRow.id).where(HERE)
    hidden = hidden_ids(collection)
    if query.rated or query.sort == "rating":
        pictures = pictures.outerjoin(RatingRow, of_rater).where(*_rated(query.rated))
    if query.words:
        pictures = pictures.outerjoin(GenerationRow, GenerationRow.image_id == ImageRow.id)
        pictures = pictures.outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
        root = len(common_folder(collection)) if query.names else 0
        pictures = pictures.where(*(_contains(word, query, root) for word in query.words))
    limits = query.low > 0 or query.high < 100
    if query.sort == "score" or limits or query.scored:
        of_picture = and_(ScoreRow.image_id == ImageRow.id, ScoreRow.judge == query.judge)
        pictures = pictures.outerjoin(ScoreRow, of_picture)
    if limits:
        scale = ScoreScale.of(collection, query.judge)
        pictures = pictures.where(score >= scale.value_at(query.low), score <= scale.value_at(query.high))
    if query.judged_by:
        limited = aliased(ScoreRow)
        of_judge = and_(limited.image_id == ImageRow.id, limited.judge == query.judged_by)
        pictures = pictures.join(limited, of_judge)
        if query.at_least is not None:
            pictures = pictures.where(limited.value >= query.at_least)
        if query.below is not None:
            pictures = pictures.where(limited.value < query.below)
    if query.since is not None:
        pictures = pictures.where(ImageRow.created_at >= _instant(query.since, dt.time.min, query.zone))
    if query.until is not None:
        pictures = pictures.where(ImageRow.created_at <= _instant(query.until, dt.time.max, query.zone))
    labels = {TAG: query.tag, ALBUM: query.album, FAVOURITE: rater if query.favourite else ""}
    pictures = pictures.where(*(is_labelled(kind, name) for kind, name in labels.items() if name))
    if query.scored:
        pictures = pictures.where(score.is_not(None))
    if query.sound:
        pictures = pictures.where(ImageRow.problem.is_(None))
    effects = place_effects(collection, query.judge if query.sort == "score" else "")
    with collection.session("be read") as session:
        if len(effects.ids):
            scored = session.connection().execute(_sorted(pictures.add_columns(score), query, score, stars)).all()
            ids = effects.in_places([(row[0], row[1]) for row in scored], ascending=query.ascending)
        elif query.sort == "name":
            paths = session.execute(pictures.add_columns(ImageRow.path)).all()
            ids = [image for image, _ in sorted(paths, key=by_name, reverse=query.ascending)]
        else:
            ids = list(session.connection().scalars(_sorted(pictures, query, score, stars)).all())
    if hidden:
        ids = [image for image in ids if image not in hidden]
    if not query.damage:
        return ids
    damages = suspected(collection)
    if query.damage == "none":
        sound = examined(collection) - damages.keys()
        return [i for i in ids if i in sound]
    return [i for i in ids if i in damages and query.damage in ("any", damages[i])]


def _instant(day: dt.date, time: dt.time, zone: dt.tzinfo | None) -> dt.datetime:
    """A time of a day of a time zone in UTC; None for the zone of this machine."""
    combined = dt.datetime.combine(day, time, zone)
    try:
        return combined.astimezone(dt.UTC)
    except (OSError, OverflowError, ValueError):
        # The ends of the calendar; Windows knows local time only since 1970.
        return combined.replace(tzinfo=dt.UTC)


def _sorted(pictures: Select[Any], query: Query, score: Any, stars: Any) -> Select[Any]:  # noqa: ANN401
    if query.sort == "date":
        return pictures.order_by(ImageRow.id if query.ascending else ImageRow.id.desc())
    value = score if query.sort == "score" else stars
    newest = case((value.is_(None), ImageRow.id)).desc()
    return pictures.order_by(value.is_(None), value if query.ascending else value.desc(), newest, ImageRow.sha256)


def by_name(picture: Any) -> tuple[str, int]:  # noqa: ANN401
    """Key of an (id, path) by folders and file name, with numbers in them by their size."""
    # No path holds NUL, and no character comes before it: a name ends, or goes on with a number, before any other.
    return _NUMBER.sub(lambda number: f"\0{int(number[0]):018}", picture[1].casefold()), picture[0]


def _rated(rated: str) -> list[Any]:
    kind, value = RatingRow.kind, RatingRow.value
    stars = kind.in_(OPINIONS)
    conditions: dict[str, list[Any]] = {
        "": [],
        "any": [stars],
        "none": [kind.is_(None)],
        "liked": [stars, value >= 4],
        "disliked": [stars, value <= 2],
        "rejected": [kind == REJECT],
    }
    return conditions[rated] if rated in conditions else [stars, value >= int(rated), value < int(rated) + 1]


def _file_name() -> ColumnElement[str]:
    """The part of a path behind its last separator."""
    path = func.replace(ImageRow.path, "\\", "/")
    folder = func.rtrim(path, func.replace(path, "/", ""))
    return func.substr(path, func.length(folder) + 1)


def common_folder(collection: Collection) -> str:
    """The folder, with its last separator, in which all pictures of a collection lie that have no prompt by soart; else empty."""
    paths = select(func.min(ImageRow.path), func.max(ImageRow.path)).where(HERE, ~ImageRow.generation.has())
    with collection.session("be read") as session:
        ends = session.execute(paths).one()
    return re.sub(r"[^/\\]*$", "", os.path.commonprefix([path or "" for path in ends]))  # noqa: RUF071


def _contains(word: str, query: Query, root: int) -> ColumnElement[bool]:
    # Pictures of soart have meaningless file names: hashes of their content.
    path = func.substr(ImageRow.path, root + 1)
    text: ColumnElement[str] = func.coalesce(GenerationRow.prompt, MetadataRow.prompt, path)
    if query.names:
        file = case((GenerationRow.prompt.is_(None), _file_name()), else_="")
        text = text + "\n" + file + "\n" + func.coalesce(GenerationRow.model, MetadataRow.model, "")
    plain = word.removeprefix("-").lower()
    dashes = SPACES if " " in plain else {}
    plain = plain.translate(dashes)

    def within(text: Any) -> ColumnElement[bool]:  # noqa: ANN401
        lower: ColumnElement[str] = func.lower(text)
        for dash in dashes:
            lower = func.replace(lower, chr(dash), " ")
        # Numbers are parts of names.
        if query.whole and plain.replace(" ", "").isalpha():
            # The pattern alone takes many times as long.
            parts = or_(*(lower.contains(form, autoescape=True) for form in _forms(plain)))
            return and_(parts, lower.regexp_match(whole_word(plain, longer=query.longer)))
        return lower.contains(plain, autoescape=True)

    if field := field_of(word):
        value = func.lower(FIELDS[field]).contains(plain.partition(":")[2], autoescape=True)
        return ~value if word.startswith("-") else value
    contained = within(text)
    if query.names:
        contained |= exists().where(LabelRow.image_id == ImageRow.id, LabelRow.kind == TAG, within(LabelRow.name))
    return ~contained if word.startswith("-") else contained


def field_of(word: str) -> str:
    """The name of ``FIELDS`` that a word has before a colon; else empty."""
    name, _, value = word.removeprefix("-").partition(":")
    return name.lower() if value and name.lower() in FIELDS else ""


def _forms(word: str) -> set[str]:
    """A word in lower case, its singular, and an irregular plural or singular of it."""
    forms = {word, singular(word)}
    return forms | {other for pair in _PLURALS for other in pair if forms & {*pair}}


def whole_word(word: str, *, longer: bool = False) -> str:
    """A pattern, of Python as of PostgreSQL, of a word in lower case, in the singular or plural or up to two letters longer."""
    forms = "|".join(map(re.escape, sorted(_forms(word))))
    return rf"(^|\W|_|\d)({forms}){'[a-z]{0,2}' if longer else '(s|es)?'}(\W|_|\d|$)"


@dataclass(frozen=True)
class ScoreScale:
    """All (n,) scores of a judge, ascending, from which percentiles are read."""

    values: np.ndarray

    @classmethod
    def of(cls, collection: Collection, judge: str) -> ScoreScale:
        """The scale of the stored scores under a judge."""
        with collection.session("be read") as session:
            query = select(ScoreRow.value).where(ScoreRow.judge == judge, ScoreRow.value.is_not(None))
            # As the whole collection is read, without the work of the ORM on each row.
            values = session.connection().scalars(query).all()
        return cls(np.sort(np.array(values, dtype=np.float64)))

    def percentile(self, value: float) -> float:
        """Percentage of scores below ``value``, ties counted half."""
        return float(percentiles_in(np.array([value]), self.values)[0])

    def value_at(self, percentile: float) -> float:
        """Score at a percentile."""
        return float(np.quantile(self.values, percentile / 100)) if len(self.values) else 0.0


def rows_of(collection: Collection, ids: Sequence[int]) -> list[ImageRow]:
    """Pictures by id, in the order of ``ids``; those that do not exist, or may not be shown now, are left out."""
    if len(ids) > WINDOW:
        raise CollectionError(f"Expected at most {WINDOW} pictures at once, got {len(ids)}.")
    with collection.session("be read") as session:
        rows = {row.id: row for row in session.scalars(select(ImageRow).where(ImageRow.id.in_(ids)))}
    hidden = hidden_ids(collection, ids)
    return [rows[i] for i in ids if i in rows and i not in hidden]


def row_of(collection: Collection, image: int) -> ImageRow:
    """One picture; MissingPictureError if it does not exist."""
    rows = rows_of(collection, [image])
    if not rows:
        raise MissingPictureError(f"There is no picture {image} in the collection {collection.name!r}.")
    return rows[0]


def rows_by_hash(collection: Collection, starts: Sequence[str]) -> dict[str, ImageRow]:
    """Pictures by the start of the hash of their file, 16 hexadecimal digits; those that are not there are left out."""
    start = func.substr(ImageRow.sha256, 1, 16)
    with collection.session("be read") as session:
        rows = session.scalars(select(ImageRow).where(start.in_(starts))).all()
    hidden = hidden_ids(collection, [row.id for row in rows])
    return {row.sha256[:16]: row for row in rows if row.id not in hidden}


def scores_of(collection: Collection, judge: str, ids: Sequence[int]) -> dict[int, float]:
    """Stored scores of pictures under a judge, by id; those without one are left out."""
    return scores_and_reasons(collection, judge, ids)[0]


def scores_and_reasons(
    collection: Collection, judge: str, ids: Sequence[int]
) -> tuple[dict[int, float], dict[int, str]]:
    """Stored scores of pictures under a judge, and why others can have none, by id."""
    query = select(ScoreRow.image_id, ScoreRow.value, ScoreRow.why).where(ScoreRow.judge == judge)
    scores: dict[int, float] = {}
    why: dict[int, str] = {}
    with collection.session("be read") as session:
        for block in batches(ids, WINDOW):
            for image, value, reason in session.execute(query.where(ScoreRow.image_id.in_(block))):
                if value is None:
                    why[image] = reason or ""
                else:
                    scores[image] = value
    return scores, why


def metadata_of(collection: Collection, ids: Sequence[int]) -> dict[int, MetadataRow]:
    """Metadata of pictures by id, as the tools that made them wrote it."""
    with collection.session("be read") as session:
        return {row.image_id: row for row in session.scalars(select(MetadataRow).where(MetadataRow.image_id.in_(ids)))}


def written_prompts(collection: Collection, ids: Sequence[int]) -> dict[int, str]:
    """Prompts by id that other tools wrote, empty for none, of those pictures whose metadata were read."""
    query = (
        select(ImageRow.id, func.coalesce(MetadataRow.prompt, ""))
        .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
        .outerjoin(FingerprintRow, FingerprintRow.image_id == ImageRow.id)
        .where(ImageRow.id.in_(ids), or_(MetadataRow.image_id.is_not(None), FingerprintRow.image_id.is_not(None)))
    )
    with collection.session("be read") as session:
        return dict(session.execute(query).all())


def written_words(collection: Collection) -> list[str]:
    """The words of all prompts and tags, in lower case, the most frequent first."""
    pictures = select(ImageRow.id, func.coalesce(GenerationRow.prompt, MetadataRow.prompt, "")).where(HERE)
    pictures = pictures.outerjoin(GenerationRow, GenerationRow.image_id == ImageRow.id)
    pictures = pictures.outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
    tags, hidden = select(LabelRow.image_id, LabelRow.name).where(LabelRow.kind == TAG), hidden_ids(collection)
    with collection.session("be read") as session:
        texts = {text for query in (pictures, tags) for image, text in session.execute(query) if image not in hidden}
    counts = Counter(word for text in texts for word in re.findall(r"[^\W\d_]{3,}", text.casefold()))
    return [word for word, _ in counts.most_common()]


def known_prompts(collection: Collection, ids: Sequence[int] | None = None) -> dict[int, str]:
    """Prompts of pictures (default: all) by id, by soart's own request or another tool; those without are left out."""
    prompt = func.trim(func.coalesce(GenerationRow.prompt, MetadataRow.prompt))
    query = (
        select(ImageRow.id, prompt)
        .outerjoin(GenerationRow, GenerationRow.image_id == ImageRow.id)
        .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
        .where(prompt != "")
    )
    parts = [query] if ids is None else [query.where(ImageRow.id.in_(some)) for some in batches(ids, WINDOW)]
    with collection.session("be read") as session:
        return {image: text for part in parts for image, text in session.execute(part)}


def title_of(row: ImageRow, metadata: MetadataRow | None = None) -> str:
    """Title of a picture: its prompt, from soart or another tool, or else the name of its file."""
    if row.generation:
        return printable(row.generation.prompt, lines=True)
    return printable((metadata and metadata.prompt) or row.path.replace("\\", "/").rsplit("/", 1)[-1], lines=True)
