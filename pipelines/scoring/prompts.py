"""Prompts of stored pictures."""

from __future__ import annotations

from collections.abc import Sequence

from ..collection.collection import Collection
from ..collection.queries import written_prompts
from ..collection.tables import ImageRow
from ..support.batching import batches
from .makings import metadata_beside

#: Pictures whose prompts are read at once.
_BLOCK = 400


def stored_prompts(collection: Collection, rows: Sequence[ImageRow]) -> dict[int, str]:
    """Prompts of pictures by id: of soart's own request, or as another tool wrote it; empty where there is none.

    Pictures of another tool that no evaluation has inspected yet are left out.
    """
    prompts = {row.id: row.generation.prompt for row in rows if row.generation is not None}
    for block in batches([row.id for row in rows if row.id not in prompts], _BLOCK):
        prompts |= written_prompts(collection, block)
    return prompts


def prompts_of(collection: Collection, rows: Sequence[ImageRow]) -> dict[int, str]:
    """As ``stored_prompts``, but pictures that no evaluation has inspected yet are opened; those without one are left out."""
    prompts = stored_prompts(collection, rows)
    for row in rows:
        if row.id not in prompts and (known := metadata_beside(collection, row)) is not None:
            prompts[row.id] = known.prompt or ""
    return {image: prompt for image, prompt in prompts.items() if prompt.strip()}
