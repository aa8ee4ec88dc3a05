"""Records of optimized pictures, as their PNG files hold them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import ModelError

#: Keyword of the text of a PNG file that holds the record of an optimized picture.
KEYWORD = "soart_optimized"
DAMAGED = "The record of the picture is damaged: give a PNG file that soart optimize wrote."
_HASH = re.compile(r"[0-9a-f]{64}")


def record_of(file: Path) -> dict[str, Any]:
    """The record in the file of an optimized picture.

    Raises:
        ModelError: the file holds none.
    """
    try:
        with Image.open(file) as image:
            record: dict[str, Any] = json.loads(image.info[KEYWORD])
    except (OSError, KeyError, ValueError, SyntaxError) as error:
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
        parent = record_of(file)["parents"][0]
    # A file may come from anywhere.
    except (ModelError, KeyError, IndexError, TypeError):
        return None
    strength = parent.get("strength") if isinstance(parent, Mapping) else None
    return float(strength) if isinstance(strength, int | float) else None


def parents_in(record: object) -> list[Mapping[str, Any]]:
    """The parents in a record; a file may come from anywhere.

    Raises:
        ModelError: what a parent must have is missing or of another type.
    """
    parents = record.get("parents", []) if isinstance(record, Mapping) else None
    if not isinstance(parents, list) or not all(map(_is_parent, parents)):
        raise ModelError(DAMAGED)
    return parents


def _is_parent(one: object) -> bool:
    if not isinstance(one, Mapping):
        return False
    size = one.get("size")
    return (
        isinstance(one.get("sha256"), str)
        # The names of files are made of it.
        and _HASH.fullmatch(one["sha256"]) is not None
        and isinstance(one.get("seed"), int | None)
        and isinstance(one.get("way"), int)
        and isinstance(one.get("strength"), int | float | None)
        and (size is None or (isinstance(size, list) and [*map(type, size)] == [int, int]))
    )
