"""Small versions of pictures, made once and kept beside the collection: ``FOLDER/thumbs/ab/<hash>-<side>.jpg``."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from ...files import write_whole
from ...metrics.image import read_content, read_image
from .collection import Collection
from .tables import ImageRow

#: Longest side in pixels: of those made on request, of those that every look at a file makes, and of a picture shown alone.
SIDE, SMALL, LARGE = 256, 112, 2048
#: First bytes of the formats that every browser shows.
_WEB = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


def encode_thumbnail(pixels: np.ndarray, side: int = SIDE) -> bytes:
    """JPEG of a uint8 picture (h, w, 3), reduced to ``side`` pixels where it is larger; smaller ones keep their size."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def thumbnail_path(collection: Collection, row: ImageRow, side: int = SIDE) -> Path | None:
    """Where a thumbnail is kept; None for a collection in memory."""
    return (
        None
        if collection.folder is None
        else collection.folder / "thumbs" / row.sha256[:2] / f"{row.sha256}-{side}.jpg"
    )


def thumbnail(collection: Collection, row: ImageRow, side: int = SIDE) -> bytes:
    """The thumbnail of a picture as JPEG, from the store or made now and kept there.

    Raises:
        ImageError: the picture is gone or cannot be decoded.
    """
    path = thumbnail_path(collection, row, side)
    if path is not None:
        with contextlib.suppress(OSError):
            return path.read_bytes()
    content = encode_thumbnail(read_image(collection.locate(row)).pixels, side)
    if path is not None:
        # A cache that cannot be written costs time, no picture.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    return content


def for_browser(collection: Collection, row: ImageRow, side: int = SIDE) -> tuple[bytes, str]:
    """A picture as a browser shows it: the file itself where it is a PNG or JPEG within ``side`` pixels, else its thumbnail.

    Returns:
        the content and its media type.

    Raises:
        ImageError: the picture is gone or cannot be decoded.
    """
    if max(row.width, row.height) <= side:
        content = read_content(collection.locate(row))
        for start, kind in _WEB:
            if content.startswith(start):
                return content, kind
    return thumbnail(collection, row, side), "image/jpeg"
