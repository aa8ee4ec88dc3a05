"""Looks of stored pictures, by which the best of them are chosen so that they are not all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...metrics.items.combined import taste_extractor
from ...metrics.similarity.distinct import numbered
from ...metrics.similarity.diversity import LOOKED, Seen, looks_of
from ..collection.collection import Collection
from ..collection.pictures import perceptual_hashes


def seen_in(collection: Collection, ids: Sequence[int], prompts: Mapping[int, str]) -> Seen:
    """The signs by which ranked pictures are alike, as far as they are stored; prompts are by id."""
    extractor, hashes = taste_extractor(), perceptual_hashes(collection, ids)
    items = collection.items(extractor.version, ids[:LOOKED])
    unknown = np.full(len(extractor.names), np.nan, np.float32)
    rows = np.array([items.get(image, unknown) for image in ids[:LOOKED]], dtype=np.float32).reshape(-1, len(unknown))
    return Seen(
        numbered([prompts.get(image) for image in ids]),
        np.array([hashes.get(image, 0) for image in ids], dtype=np.int64).view(np.uint64),
        looks_of(rows, extractor.names),
    )
