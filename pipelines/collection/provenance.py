"""Provenance of pictures: prompt, settings, name and time, also to group them by."""

from __future__ import annotations

import json
import re
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from ..support.batching import batches
from .collection import Collection
from .files import originals_first
from .png import a1111_text, sampler_name, settings_line
from .queries import metadata_of
from .ratings import STARS
from .tables import TIME, FileRow, GenerationRow, ImageRow, MetadataRow, RatingRow, ScoreRow

#: Rows read in one query.
_BLOCK = 1000
#: Fewest stars of a good picture.
LIKED = 4
#: Best pictures of each judge that are looked at.
_PICTURES = 300
SOART = "soart"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Prompt, settings and tool (``soart`` for a picture drawn here) behind a picture; None for what is not known."""

    tool: str
    size: tuple[int, int]  # width and height in pixels
    prompt: str | None = None
    negative: str | None = None
    model: str | None = None
    sampler: str | None = None
    scheduler: str | None = None
    seed: str | None = None  # text, because some tools draw seeds of more than 63 bits
    steps: int | None = None
    guidance: float | None = None
    #: further ones, as the tool writes them, with the size of the drawing if it differs
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings_line(self) -> str:
        """The known settings as AUTOMATIC1111's web UI writes them in one line."""
        return settings_line(self._a1111_settings())

    @property
    def parameters(self) -> str:
        """Prompts and settings as a ``parameters`` text of AUTOMATIC1111's web UI."""
        return a1111_text(self.prompt or "", self.negative or "", self._a1111_settings())

    def _a1111_settings(self) -> dict[str, object]:
        values = {
            "Steps": self.steps, "Sampler": self.sampler and sampler_name(self.sampler), "Schedule type": self.scheduler,
            "CFG scale": None if self.guidance is None else f"{self.guidance:g}", "Seed": self.seed,
            "Size": f"{self.size[0]}x{self.size[1]}", "Model": self.model,
        }  # fmt: skip
        return {name: value for name, value in values.items() if value is not None}


def provenance_of(collection: Collection, rows: Sequence[ImageRow]) -> dict[int, Provenance]:
    """Provenance of some hundred pictures by picture id; no key for a picture of which nothing is known."""
    metadata = metadata_of(collection, [row.id for row in rows if not row.generation])
    known = {}
    for row in rows:
        if row.generation:
            known[row.id] = _of_request(row, row.generation)
        elif row.id in metadata:
            known[row.id] = _of_metadata(row, metadata[row.id])
    return known


def _of_request(row: ImageRow, drawn: GenerationRow) -> Provenance:
    return Provenance(
        SOART, (row.width, row.height), drawn.prompt, drawn.negative or None, drawn.model, drawn.sampler,
        seed=str(drawn.seed), steps=drawn.steps, guidance=drawn.guidance,
    )  # fmt: skip


def _of_metadata(row: ImageRow, m: MetadataRow) -> Provenance:
    settings = json.loads(m.settings)
    # It would be shown twice; another one is that of the drawing, before the picture was enlarged.
    size = "".join(str(settings.get("size", "")).lower().replace("×", "x").split())
    if size == f"{row.width}x{row.height}":
        del settings["size"]
    return Provenance(
        m.tool, (row.width, row.height), m.prompt, m.negative, m.model, m.sampler, m.scheduler, m.seed, m.steps, m.guidance,
        settings,
    )  # fmt: skip


def good_prompts(collection: Collection, judges: Sequence[str], without: Names[str] = ()) -> list[str]:
    """Return the distinct prompts of the pictures with the highest ratings, then scores, best first.

    Only ratings of at least four stars count, and scores above their judge's mean, of the raters and scores named
    ``judges``; pictures with the request keys ``without`` do not count. Prompts of metadata count, too.
    """
    prompts: dict[str, None] = {}
    rated = (RatingRow, RatingRow.rater.in_(judges) & (RatingRow.kind == STARS) & (RatingRow.value >= LIKED))
    others = aliased(ScoreRow)
    mean = select(func.avg(others.value)).where(others.judge == ScoreRow.judge).scalar_subquery()
    scored = (ScoreRow, ScoreRow.judge.in_(judges) & (ScoreRow.value > mean))
    with collection.session("be read") as session:
        for table, chosen in (rated, scored):
            query = (
                select(GenerationRow.prompt, GenerationRow.request_key, MetadataRow.prompt)
                .select_from(table)
                .outerjoin(GenerationRow, GenerationRow.image_id == table.image_id)
                .outerjoin(MetadataRow, MetadataRow.image_id == table.image_id)
                .where(chosen, or_(GenerationRow.prompt.is_not(None), MetadataRow.prompt.is_not(None)))
                .order_by(table.value.desc(), table.image_id)
                .limit(_PICTURES + len(without))
            )
            for drawn, key, stored in session.execute(query):
                if key not in without and (prompt := drawn or stored):
                    prompts[prompt] = None
    return list(prompts)


@dataclass(frozen=True, slots=True)
class Origin:
    """Prompt, settings, file and time of a picture, by which it is grouped; texts are empty if unknown."""

    prompt: str
    settings: str  # all but the seed, as text that is equal for equal ones
    seed: str
    path: str  # of its file, of exact copies by ``originals_first``
    time: float  # at which its file was last changed or, without a scanned file, added, in seconds since 1970
    guessed: bool = False


#: Names of what tools and tables note beside settings, and what differs between pictures that are made alike: seeds,
#: places in a batch, jobs, times, addresses, and what people think of them.
_NO_SETTING = re.compile(
    r"seed|^batch|created|timestamp|\b(?:date|rating|likes)\b"
    r"|^(?:(?:job|image|picture|file) ?)?(?:id|uuid|url|hash|sha256|md5)$|^(?:job|time|time taken)$"
)


# Pictures of a batch have the same settings.
@lru_cache(maxsize=1024)
def _settings_of(text: str | None) -> dict[str, str]:
    """Other settings of a metadata row, as far as they tell how the picture was made."""
    values: dict[str, str] = json.loads(text or "{}")
    return {name: value for name, value in values.items() if not _NO_SETTING.search(name)}


#: What is read of a picture, of its request, and of its metadata: columns alone, because objects would take twice as long.
_IMAGE = (ImageRow.id, ImageRow.path, ImageRow.created_at, ImageRow.width, ImageRow.height)
_DRAWN = tuple(
    getattr(GenerationRow, name)
    for name in ("image_id", "prompt", "seed", "negative", "model", "sampler", "steps", "guidance")
)
_WRITTEN = (
    MetadataRow.guessed,
    *(
        getattr(MetadataRow, name)
        for name in ("prompt", "seed", "settings", "negative", "model", "sampler", "scheduler", "steps", "guidance")
    ),
)


def _origin(values: Sequence[Any], files: Sequence[tuple[str, int]]) -> tuple[int, Origin]:
    """Id and origin of a picture from the columns above, and the paths and times of its files."""
    (image, own, created, width, height), rest = values[:5], values[5:]
    (drawn, *request), written = rest[: len(_DRAWN)], rest[len(_DRAWN) :]
    made: list[Any]
    guessed = False
    if drawn is not None:
        prompt, seed, *made = request
        made += [width, height]
        seed = str(seed)
    else:
        guessed, prompt, seed, settings, *made = written
        made.append(_settings_of(settings))
    time = max(changed for _, changed in files) / 1e9 if files else created.timestamp()
    path = originals_first([one for one, _ in files])[0] if files else own
    text = json.dumps(made, sort_keys=True)
    return image, Origin((prompt or "").strip(), text, seed or "", path, time, bool(guessed))


def origins(collection: Collection, ids: Sequence[int]) -> dict[int, Origin]:
    """Return the origins of pictures, by id; those that are not there are left out."""
    found: dict[int, Origin] = {}
    for block in batches(ids, _BLOCK):
        files: dict[int, list[tuple[str, int]]] = {}
        query = (
            select(*_IMAGE, *_DRAWN, *_WRITTEN)
            .outerjoin(GenerationRow, GenerationRow.image_id == ImageRow.id)
            .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
            .where(ImageRow.id.in_(block))
        )
        with collection.session("be read") as session:
            for image, path, changed in session.execute(
                select(FileRow.image_id, FileRow.path, TIME).where(FileRow.image_id.in_(block))
            ):
                files.setdefault(image, []).append((path, changed))
            found.update(_origin(row, files.get(row[0], ())) for row in session.execute(query))
    return found
