"""Thumbnails of pictures, made once and kept as ``FOLDER/thumbs/ab/<hash>-<side>.jpg``."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...errors import ImageError
from ...files import read_regular, write_whole
from ...metrics.image import read_image
from .names import THUMBNAILS

if TYPE_CHECKING:
    from .collection import Collection
    from .tables import ImageRow

#: Longest side in pixels: of thumbnails made on request, of those that every inspection makes, and of a picture shown
#: alone.
SIDE, SMALL, LARGE = 256, 112, 2048
_PNG = b"\x89PNG\r\n\x1a\n"
#: First bytes of the formats that every browser shows.
_WEB = ((_PNG, "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


def encode_thumbnail(pixels: np.ndarray, side: int = SIDE) -> bytes:
    """JPEG of a uint8 picture (h, w, 3), reduced to ``side`` pixels if it is larger; smaller ones keep their size."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def thumbnail_of_file(path: Path) -> bytes:
    """The thumbnail of a picture file as JPEG; nothing for a picture that is gone."""
    try:
        return encode_thumbnail(read_image(path).pixels)
    except ImageError:
        return b""


def thumbnail_path(collection: Collection, row: ImageRow, side: int = SIDE) -> Path | None:
    """Path of a thumbnail; None for a collection in memory."""
    if collection.folder is None:
        return None
    return collection.folder / THUMBNAILS / row.sha256[:2] / f"{row.sha256}-{side}.jpg"


def thumbnail(collection: Collection, row: ImageRow, side: int = SIDE) -> bytes:
    """The thumbnail of a picture as JPEG, from its file or made now and kept there."""
    path = thumbnail_path(collection, row, side)
    if path is not None:
        with contextlib.suppress(OSError):
            return read_regular(path)
    content = encode_thumbnail(collection.pixels(row), side)
    if path is not None:
        # A cache that cannot be written costs time only.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    return content


def _may_be_transparent(content: bytes) -> bool:
    """True if a PNG has alpha values or transparent colours; False for other files."""
    if not content.startswith(_PNG):
        return False
    # Greys and colours with alpha have the types 4 and 6.
    return content[25:26] in (b"\4", b"\6") or b"tRNS" in content[: content.find(b"IDAT")]


def for_browser(collection: Collection, row: ImageRow, side: int | None = SIDE) -> tuple[bytes, str]:
    """A picture and its media type for a browser: a PNG or JPEG within ``side`` pixels as it is, else a thumbnail.

    ``side`` is None for all pixels, as PNG if the browser may not know the format. A PNG that may be transparent is
    drawn anew on white, as it is measured: a page may lie dark under it.
    """
    if side is None or max(row.width, row.height) <= side:
        content = collection.content(row)
        transparent = _may_be_transparent(content)
        for start, kind in _WEB:
            if content.startswith(start) and not transparent:
                return content, kind
        if side is None or transparent:
            buffer = io.BytesIO()
            Image.fromarray(collection.decode(content, str(collection.locate(row))).pixels).save(
                buffer, "PNG", compress_level=1
            )
            return buffer.getvalue(), "image/png"
    return thumbnail(collection, row, side), "image/jpeg"
