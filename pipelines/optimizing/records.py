"""Records of optimized pictures, as their PNG files hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ImageError, ModelError
from ...metrics.formats.tensors import parse_json
from ...metrics.image import read_content
from ..ingest.metadata.containers import texts_of
from ..models.limits import SEED_LIMIT, SIDE, STRENGTHS

#: Keyword of the text of a PNG file that holds the record of an optimized picture.
KEYWORD = "soart_optimized"
DAMAGED = "The record of the picture is damaged: give a PNG file that soart optimize wrote."
_HASH = re.compile(r"[0-9a-f]{64}")


def record_of(file: Path) -> dict[str, Any]:
    """The record in the file of an optimized picture; a file without one is refused."""
    try:
        text = next((text for name, _, text in texts_of(read_content(file)) if name == KEYWORD), "")
        record: dict[str, Any] = parse_json(text)
    except (ImageError, ValueError) as error:
        raise ModelError(
            f"{str(file)!r} holds no record of an optimized picture: give a PNG file that soart optimize wrote."
        ) from error
    return record


def is_optimized(file: Path) -> bool:
    """True if a file is that of an optimized picture."""
    try:
        record_of(file)
    except ModelError:
        return False
    return True


def strength_of(file: Path) -> float | None:
    """The strength with which a picture was drawn on another one; None for all others."""
    try:
        return float(record_of(file)["parents"][0]["strength"])
    # A file may come from anywhere.
    except (ModelError, LookupError, TypeError, ValueError, OverflowError):
        return None


def parents_in(record: object) -> list[Mapping[str, Any]]:
    """The parents in a record, which may come from anywhere: what is missing or of another type is refused."""
    parents = record.get("parents", []) if isinstance(record, Mapping) else None
    if not isinstance(parents, list) or not all(map(_is_parent, parents)):
        raise ModelError(DAMAGED)
    return parents


def _is_parent(one: object) -> bool:
    if not isinstance(one, Mapping):
        return False
    seed, strength, size = one.get("seed"), one.get("strength"), one.get("size")
    return (
        isinstance(one.get("sha256"), str)
        # The names of files are made of it.
        and _HASH.fullmatch(one["sha256"]) is not None
        and (seed is None or _is_seed(seed))
        and _is_seed(one.get("way"))
        and (strength is None or (isinstance(strength, int | float) and STRENGTHS[0] <= strength <= STRENGTHS[1]))
        and (
            size is None
            or (
                isinstance(size, list)
                and [*map(type, size)] == [int, int]
                and SIDE[0] <= min(size) <= max(size) <= SIDE[1]
            )
        )
    )


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < SEED_LIMIT
