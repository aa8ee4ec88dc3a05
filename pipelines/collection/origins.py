"""Origins of pictures: prompt, settings, name and time, by which pictures are grouped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import func, select

from ..support.batching import batches
from .collection import Collection
from .tables import FileRow, GenerationRow, ImageRow, MetadataRow

#: Rows read in one query.
_BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """Prompt, settings, file and time of a picture, by which it is grouped.

    Attributes:
        prompt: of its request, or as another tool wrote it; empty if unknown.
        settings: all settings but the seed, as text that is equal for equal settings.
        seed: as text; empty if unknown.
        path: of its first file, or of the collection's own picture.
        time: at which its file was last changed or, without a scanned file, was added; seconds since 1970.
    """

    prompt: str
    settings: str
    seed: str
    path: str
    time: float


def _settings_of(text: str | None) -> dict[str, str]:
    """Other settings of a metadata row, without seeds and places in a batch."""
    values: dict[str, str] = json.loads(text or "{}")
    return {name: value for name, value in values.items() if "seed" not in name and not name.startswith("batch")}


def _origin(
    image: ImageRow,
    generation: GenerationRow | None,
    metadata: MetadataRow | None,
    path: str | None,
    changed: int | None,
) -> Origin:
    if generation is not None:
        made: list[Any] = [getattr(generation, name) for name in ("negative", "model", "sampler", "steps", "guidance")]
        made += [image.width, image.height]
        prompt, seed = generation.prompt, str(generation.seed)
    else:
        names = ("negative", "model", "sampler", "scheduler", "steps", "guidance")
        made = [getattr(metadata, name, None) for name in names]
        made.append(_settings_of(getattr(metadata, "settings", None)))
        prompt, seed = (getattr(metadata, name, None) or "" for name in ("prompt", "seed"))
    # SQLite keeps no time zone.
    added = image.created_at if image.created_at.tzinfo else image.created_at.replace(tzinfo=UTC)
    time = abs(changed) / 1e9 if changed is not None else added.timestamp()
    return Origin(prompt.strip(), json.dumps(made, sort_keys=True), seed, path or image.path, time)


def origins(collection: Collection, ids: Sequence[int]) -> dict[int, Origin]:
    """Return the origins of pictures, by id; those that are not there are left out."""
    found: dict[int, Origin] = {}
    for block in batches(ids, _BLOCK):
        file = (
            select(FileRow.image_id, func.min(FileRow.path).label("path"), func.max(func.abs(FileRow.changed)).label("changed"))
            .where(FileRow.image_id.in_(block))
            .group_by(FileRow.image_id)
            .subquery()
        )  # fmt: skip
        query = (
            select(ImageRow, GenerationRow, MetadataRow, file.c.path, file.c.changed)
            .outerjoin(GenerationRow, GenerationRow.image_id == ImageRow.id)
            .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
            .outerjoin(file, file.c.image_id == ImageRow.id)
            .where(ImageRow.id.in_(block))
        )
        with collection.session("be read") as session:
            found.update({row[0].id: _origin(*row) for row in session.execute(query)})
    return found
