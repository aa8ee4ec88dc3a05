"""One look at a picture file: read and decoded once, everything that is wanted is taken from it.

What happens in a worker process; see ``local_engine`` for who keeps workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from ...errors import ImageError
from ...metrics.image import read_content, read_image
from ...metrics.items.combined import taste_extractor
from ...metrics.protocols import Extractor
from ...metrics.similarity.near_duplicates import perceptual_hash
from ..collection.thumbnails import SMALL, encode_thumbnail
from .metadata import FolderTable, PictureMetadata, embedded_metadata, sidecar_metadata


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at a file found.

    Attributes:
        path: of the file.
        sha256: of its content; empty if that could not be read.
        problem: why it holds no picture that can be measured; None for a sound one.
        lasting: whether the problem lies in the content, so that another look at the same content is useless.
        width, height: in pixels; 0 without a picture.
        format: found in the content.
        notes: what decoding had to do.
        phash: perceptual hash, 0 … 2⁶⁴ − 1.
        thumbnail: JPEG of at most ``SMALL`` pixels a side.
        items: (p,) float32 little-endian, as bytes, by version of the extractor.
        metadata: what the tool that made it wrote; None if nothing is known.
    """

    path: str
    sha256: str = ""
    problem: str | None = None
    lasting: bool = True
    width: int = 0
    height: int = 0
    format: str = ""
    notes: tuple[str, ...] = ()
    phash: int = 0
    thumbnail: bytes = b""
    items: tuple[tuple[str, bytes], ...] = ()
    metadata: PictureMetadata | None = None


#: What readers call metadata that holds a rating and nothing of how the picture was made.
RATING_ONLY = "XMP"


@cache
def _extractor(network: str | None) -> Extractor:
    return taste_extractor(network)


def inspect_file(path: str, networks: Sequence[str | None] = (None,)) -> Inspection:
    """Look at a file; never raises for what it may hold.

    Args:
        path: of the file.
        networks: what ``taste_extractor`` takes, for each kind of items that is wanted.
    """
    try:
        content = read_content(path)
    except ImageError as error:
        return Inspection(path, problem=str(error), lasting=False)
    digest = hashlib.sha256(content).hexdigest()
    try:
        picture = read_image(content, label=path)
        items = []
        for network in networks:
            extractor = _extractor(network)
            items.append((extractor.version, extractor.extract(picture.pixels)[0].astype("<f4").tobytes()))
        return Inspection(
            path, digest, None, True, picture.pixels.shape[1], picture.pixels.shape[0], picture.format, picture.notes,
            perceptual_hash(picture.pixels), encode_thumbnail(picture.pixels, SMALL), tuple(items),
            metadata_of(Path(path), content),
        )  # fmt: skip
    except ImageError as error:
        return Inspection(path, digest, str(error))
    # Whatever strangers' pixels set off, the run goes on.
    except Exception as error:
        return Inspection(path, digest, f"{path!r} cannot be measured: {error or type(error).__name__}.", lasting=False)


@lru_cache(maxsize=4)
def _table(folder: Path) -> FolderTable:
    return FolderTable.read(folder)


def metadata_of(path: Path, content: bytes) -> PictureMetadata | None:
    """What is known of how a picture was made: by itself, by a file beside it, or by a table in its folder or the one above."""
    own = embedded_metadata(content)
    if own is not None and own.tool != RATING_ONLY:
        return own
    beside = sidecar_metadata(path)
    for folder in (path.parent, path.parent.parent):
        beside = beside or _table(folder).get(path.relative_to(folder).as_posix())
    return beside or own


def sha256_of(path: Path | str) -> str | None:
    """SHA-256 of a file; None if it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
