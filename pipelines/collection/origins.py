"""Origins of pictures: prompt, settings, name and time, by which pictures are grouped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from ..support.batching import batches
from .collection import Collection
from .files import originals_first
from .tables import TIME, FileRow, GenerationRow, ImageRow, MetadataRow

#: Rows read in one query.
_BLOCK = 1000


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
