"""Prompts of stored pictures."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ImageError
from ...metrics.image import read_content
from ..collection.collection import Collection
from ..collection.queries import metadata_of
from ..collection.tables import ImageRow
from ..ingest.metadata import picture_metadata
from ..support.batching import batches

#: Pictures whose metadata are read at once.
_BLOCK = 400


def prompts_of(collection: Collection, rows: Sequence[ImageRow]) -> dict[int, str]:
    """Prompts of pictures by id: of soart's own request, or as another tool wrote it; pictures without one are left out.

    Pictures that no evaluation has inspected yet are opened for the prompt in them or beside them.
    """
    prompts = {row.id: row.generation.prompt for row in rows if row.generation is not None}
    others = [row for row in rows if row.id not in prompts]
    for block in batches(others, _BLOCK):
        metadata = metadata_of(collection, [row.id for row in block])
        for row in block:
            prompt = metadata[row.id].prompt if row.id in metadata else _prompt_beside(collection, row)
            if prompt:
                prompts[row.id] = prompt
    return {image: prompt for image, prompt in prompts.items() if prompt.strip()}


def _prompt_beside(collection: Collection, row: ImageRow) -> str | None:
    try:
        path = collection.locate(row)
        metadata = picture_metadata(path, read_content(path))
    except ImageError:
        return None
    return metadata.prompt if metadata else None
