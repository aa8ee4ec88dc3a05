"""Small versions of pictures, made once and kept beside the collection: ``FOLDER/thumbs/ab/<hash>-<side>.jpg``."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..metrics.image import read_image
from .collection import Collection
from .files import write_whole
from .schema import ImageRow

#: Longest side in pixels: of those made on request, and of those that every look at a file makes.
SIDE, SMALL = 256, 112


def encode_thumbnail(pixels: np.ndarray, side: int = SIDE) -> bytes:
    """JPEG of a uint8 picture (h, w, 3), reduced to ``side`` pixels where it is larger; smaller ones keep their size."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def thumbnail_path(store: Collection, row: ImageRow, side: int = SIDE) -> Path | None:
    """Where a thumbnail is kept; None for a collection in memory."""
    return None if store.folder is None else store.folder / "thumbs" / row.sha256[:2] / f"{row.sha256}-{side}.jpg"


def thumbnail(store: Collection, row: ImageRow, side: int = SIDE) -> bytes:
    """The thumbnail of a picture as JPEG, from the store or made now and kept there.

    Raises:
        ImageError: the picture is gone or cannot be decoded.
    """
    path = thumbnail_path(store, row, side)
    if path is not None:
        with contextlib.suppress(OSError):
            return path.read_bytes()
    content = encode_thumbnail(read_image(store.locate(row)).pixels, side)
    if path is not None:
        # A cache that cannot be written costs time, no picture.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    return content
