"""Prompts of stored pictures."""

from __future__ import annotations

from collections.abc import Sequence

from ..collection.collection import Collection
from ..collection.queries import metadata_of
from ..collection.tables import ImageRow
from ..support.batching import batches
from .makings import metadata_beside

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
            known = metadata[row.id] if row.id in metadata else metadata_beside(collection, row)
            if known and known.prompt:
                prompts[row.id] = known.prompt
    return {image: prompt for image, prompt in prompts.items() if prompt.strip()}
