"""Inspects files, in a worker process: reads and decodes each once, within a time limit, and takes everything from it."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ImageError, MissingDecoderError
from ...metrics.image import read_content, read_image
from ...metrics.items.combined import CombinedExtractor, ItemKind, taste_extractor
from ...metrics.items.faces import FACES, FaceExtractor
from ...metrics.items.nima import NIMA, NimaExtractor
from ...metrics.items.packaged import CLASSES, EFFICIENTNET
from ...metrics.items.packaged_items import class_extractor
from ...metrics.protocols import Extractor
from ...metrics.similarity.near_duplicates import perceptual_hash
from ..collection.png import picture_digest
from ..collection.thumbnails import SMALL, encode_thumbnail
from .metadata import PictureMetadata, picture_metadata

#: Seconds that one file may take.
TIME_LIMIT = 120.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of opening one file."""

    path: str
    sha256: str = ""  # of its content without an annotation; empty if it could not be read
    problem: str | None = None  # why it holds no picture that can be measured; None for a sound one
    #: True if the problem lies in the content, so that inspecting the same content again is useless
    lasting: bool = True
    width: int = 0  # width, height: in pixels; 0 without a picture
    height: int = 0
    format: str = ""  # as the content shows it, whatever the suffix
    notes: tuple[str, ...] = ()  # sentences on what decoding had to correct
    phash: int = 0  # perceptual hash, 0 … 2⁶⁴ − 1
    thumbnail: bytes = b""  # JPEG of at most ``SMALL`` pixels a side
    items: tuple[tuple[str, bytes], ...] = ()  # (p,) float32 little-endian, as bytes, by version of the extractor
    metadata: PictureMetadata | None = None  # how the picture was made, as the tool that made it wrote; None if unknown


@dataclass(frozen=True, slots=True)
class MeasuredFile(os.PathLike[str]):
    """A file of which some items, of content with this SHA-256, are stored, so that only the others are measured."""

    path: str
    sha256: str
    items: tuple[tuple[str, bytes], ...]

    def __fspath__(self) -> str:
        """The path of the file."""
        return self.path


#: A file to inspect: its path, or that with what is stored of it.
FileToInspect = str | MeasuredFile


@cache
def extractor_of(kind: ItemKind | None) -> Extractor:
    """The extractor of a kind of items; of those that every picture has for None."""
    network = None if kind is None else kind.network
    if network in (NIMA, FACES):
        return NimaExtractor() if network == NIMA else FaceExtractor()
    return class_extractor() if network == CLASSES else taste_extractor(network)


def _canonical(pixels: np.ndarray) -> np.ndarray:
    # PyTorch comes when a picture does.
    from ...metrics.items.efficientnet import canonical

    return canonical(pixels)


def inspect_file(file: FileToInspect, kinds: Sequence[ItemKind | None] = (None,)) -> Inspection:
    """Inspect a file, measuring the ``kinds`` of items that are not stored yet; never raises, whatever its content.

    A kind of None stands for the items that every picture has. Without any the file is hashed and its metadata read,
    but it is not decoded, so that it need not hold a picture.
    """
    path = os.fspath(file)
    try:
        content = read_content(path)
    except ImageError as error:
        return Inspection(path, problem=str(error), lasting=False)
    digest = picture_digest(content)
    if not kinds:
        return Inspection(path, digest, metadata=picture_metadata(Path(path), content))
    stored = dict(file.items) if isinstance(file, MeasuredFile) and file.sha256 == digest else {}
    try:
        picture = read_image(content, label=path)
        items = list(stored.items())
        measured = {version: np.frombuffer(values, dtype="<f4")[None] for version, values in stored.items()}
        reduced: np.ndarray | None = None
        for kind, extractor in zip(kinds, map(extractor_of, kinds), strict=True):
            if extractor.version in stored:
                continue
            pixels = picture.pixels
            if kind is not None and kind.network in (EFFICIENTNET, NIMA):
                # Both see the same of it.
                pixels = reduced = _canonical(pixels) if reduced is None else reduced
            if isinstance(extractor, CombinedExtractor):
                # Kinds that differ by a network share all other items.
                if (head := extractor.without_network).version not in measured:
                    measured[head.version] = head.extract(picture.pixels)
                rows = extractor.extend(measured[head.version], [pixels])
            else:
                rows = extractor.extract(pixels)
            items.append((extractor.version, rows[0].astype("<f4").tobytes()))
        return Inspection(
            path, digest, None, True, picture.pixels.shape[1], picture.pixels.shape[0], picture.format, picture.notes,
            perceptual_hash(picture.pixels), encode_thumbnail(picture.pixels, SMALL), tuple(items),
            picture_metadata(Path(path), content),
        )  # fmt: skip
    except ImageError as error:
        return Inspection(path, digest, str(error), lasting=not isinstance(error, MissingDecoderError))
    # An unexpected failure on a stranger's pixels must not stop the run.
    except Exception as error:
        return Inspection(path, digest, f"{path!r} cannot be measured: {error or type(error).__name__}.", lasting=False)


#: Functions of one's own may take paths alone, which are all that a collection without stored items sends.
InspectFile = Callable[[Any, Sequence[ItemKind | None]], Inspection]


def lost_worker(file: FileToInspect) -> Inspection:
    """The inspection of a file that no worker survived."""
    path = os.fspath(file)
    return Inspection(path, problem=f"Decoding {path!r} crashed or timed out; skipped.")


@cache
def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def inspect_all(
    files: Sequence[FileToInspect], kinds: Sequence[ItemKind | None], limit: float, inspect: InspectFile = inspect_file
) -> list[Inspection]:
    """Inspect several files in this process, which *ends* if one of them takes longer than ``limit`` seconds."""
    inspections = []
    for file in files:
        # Nothing else ends a decoder that hangs in C code.
        faulthandler.dump_traceback_later(limit, exit=True, file=_nowhere())
        inspections.append(inspect(file, kinds))
        faulthandler.cancel_dump_traceback_later()
    return inspections
