"""Records of optimized pictures, as their PNG files hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import ModelError

#: Keyword of the text of a PNG file that holds the record of an optimized picture.
KEYWORD = "soart_optimized"


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
