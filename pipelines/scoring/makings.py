"""Makings of pictures, for tastes: by soart's own request, or as another tool wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import ImageError
from ...metrics.image import read_content
from ...metrics.protocols import Making
from ..collection.collection import Collection
from ..collection.makes import loras_in
from ..collection.pictures import perceptual_hashes
from ..collection.provenance import Provenance, provenance_of
from ..collection.queries import written_prompts
from ..collection.tables import ImageRow
from ..ingest.metadata import PictureMetadata, picture_metadata
from ..ingest.metadata.words import prompt_words
from ..support.batching import batches

#: Pictures whose prompts or metadata are read at once.
_BLOCK = 400
#: Most words of a prompt, of which tastes leave out those of all prompts.
_MOST_WORDS = 400
_SIZE = re.compile(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*")


def making_of(known: Provenance | PictureMetadata) -> Making | None:
    """The making of a picture, from its request or the metadata of another tool; None if they tell nothing of it."""
    size = (np.nan, np.nan)
    if isinstance(known, Provenance) and known.settings.get("size") is None:
        size = known.size
    elif written := _SIZE.fullmatch(str(known.settings.get("size", ""))):
        size = float(written[1]), float(written[2])
    told = known.prompt is not None or known.model or known.sampler or known.steps
    if not told:
        return None
    return Making(
        model=(known.model or "").partition("@")[0],
        loras=loras_in(known.prompt or "", known.settings.get("loras", "")),
        sampler=known.sampler or "",
        scheduler=known.scheduler or "",
        seed="" if known.seed is None else str(known.seed),
        steps=np.nan if known.steps is None else float(known.steps),
        guidance=np.nan if known.guidance is None else float(known.guidance),
        width=float(size[0]),
        height=float(size[1]),
        words=_words(known.prompt),
        # Tools that write a prompt leave an empty negative one out.
        negative=_words(known.negative or (None if known.prompt is None else "")),
    )


def _words(prompt: str | None) -> tuple[str, ...] | None:
    return None if prompt is None else tuple(prompt_words(prompt)[:_MOST_WORDS])


def makings_of(collection: Collection, rows: Sequence[ImageRow]) -> dict[int, Making]:
    """Makings of pictures of a collection by id; those of which nothing is known are left out.

    Pictures that no evaluation has inspected yet are opened for what is written in them or beside them.
    """
    found: dict[int, Making | None] = {}
    for block in batches(rows, _BLOCK):
        known: Mapping[int, Provenance | PictureMetadata] = provenance_of(collection, block)
        rest = [row for row in block if row.id not in known]
        seen = perceptual_hashes(collection, [row.id for row in rest])
        fresh = {row.id: metadata_beside(collection, row) for row in rest if row.id not in seen}
        found |= {image: making_of(one) for image, one in {**known, **fresh}.items() if one is not None}
    return {image: making for image, making in found.items() if making is not None}


def metadata_beside(collection: Collection, row: ImageRow) -> PictureMetadata | None:
    """The metadata in the file of a picture or beside it; None if there are none, or if the file is gone."""
    try:
        path = collection.locate(row)
        return picture_metadata(path, read_content(path))
    except ImageError:
        return None


def making_in(path: Path) -> Making | None:
    """The making of a picture, from what is written in its file or beside it; None if nothing is known."""
    metadata = picture_metadata(path, read_content(path))
    return None if metadata is None else making_of(metadata)


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
