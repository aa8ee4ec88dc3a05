"""Reads texts beside a picture: ``NAME.json``, ``.txt``, ``.caption``, ``.xmp``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ....files import open_regular
from .a1111 import read_parameters
from .comfyui import read_comfyui
from .containers import rating_of, xmp_texts
from .fooocus import read_fooocus_object
from .invokeai import read_invokeai_object
from .others import read_drawthings, read_swarm_object
from .record import LONGEST_PROMPT, RATING_ONLY, PictureMetadata, guarded, read_flat, read_object, record

_LONGEST = 16 * 2**20


def sidecar_metadata(path: Path) -> PictureMetadata | None:
    """The metadata in a file beside the picture ``path``: JSON before text before XMP.

    ``NAME.png.SUFFIX`` comes before ``NAME.SUFFIX``, which several pictures may share.
    A ``.txt`` holds A1111's parameters, or else a caption. Never raises.
    """
    return next(filter(None, (_first(path, suffix, reader) for suffix, reader in _READERS.items())), None)


def sidecar_rating(path: Path) -> PictureMetadata | None:
    """The rating, and nothing else, in an XMP file beside the picture ``path``. Never raises."""
    return _first(path, ".xmp", _xmp_rating)


def _first(path: Path, suffix: str, reader: Callable[[bytes, str], PictureMetadata | None]) -> PictureMetadata | None:
    """The metadata from the first file of a suffix beside a picture in which the reader finds any."""
    for beside in _beside(path, suffix):
        content = _content(beside) if beside != path else None
        metadata = None if content is None else guarded(reader, content, f"sidecar:{beside.name}")
        if metadata:
            return metadata
    return None


def _beside(path: Path, suffix: str) -> tuple[Path, Path]:
    return path.with_name(path.name + suffix), path.with_suffix(suffix)


def texts_beside(path: Path) -> Iterator[Path]:
    """Paths of all files beside a picture that may describe it."""
    for suffix in _READERS:
        yield from _beside(path, suffix)


def _content(path: Path) -> bytes | None:
    """The bytes of a regular file of at most 16 MiB; ``None`` for any other."""
    try:
        with open_regular(path) as stream:
            content = stream.read(_LONGEST + 1)
        return content if len(content) <= _LONGEST else None
    except (OSError, ValueError):
        return None


def decoded(content: bytes) -> str:
    """The text of bytes in UTF-8, or in UTF-16 by its mark, else in Latin-1."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_note(content: bytes, source: str) -> PictureMetadata | None:
    """Read A1111's parameters, an object of any tool, or a caption."""
    text = decoded(content)
    metadata = read_parameters(text, source)
    if metadata is None and text.lstrip().startswith("{"):
        metadata = _json(content, source)
    if metadata is None and len(text) <= LONGEST_PROMPT and "\0" not in text:
        # Editors end a file with a new line, which is not of the caption.
        metadata = record("caption", source, prompt=text.strip("\r\n"))
    return metadata


def _json(content: bytes, source: str) -> PictureMetadata | None:
    values = read_object(decoded(content))
    return read_any_object(values, source) if values is not None else None


def read_any_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read an object by the marks of its tool, else as a ``"table"`` by the usual names of fields."""
    for reader in (read_swarm_object, read_fooocus_object, read_invokeai_object):
        metadata = reader(values, source)
        if metadata is not None:
            return metadata
    inner = values.get("meta")
    if isinstance(inner, dict) and "prompt" in inner:
        return read_flat("table", source, inner)
    if isinstance(values.get("parameters"), str):
        return read_parameters(values["parameters"], source)
    if "num_inference_steps" in values and "prompt" in values:
        return read_flat("Easy Diffusion", source, values)
    texts, places = {"UserComment": json.dumps(values)}, {"UserComment": source}
    metadata = read_drawthings(texts, places) or read_comfyui(texts, places)
    return metadata if metadata is not None else read_flat("table", source, values)


def _xmp(content: bytes, source: str) -> PictureMetadata | None:
    texts = _xmp_texts(content)
    return read_drawthings(texts, dict.fromkeys(texts, source)) or _xmp_rating(content, source)


def _xmp_rating(content: bytes, source: str) -> PictureMetadata | None:
    rating = rating_of(_xmp_texts(content))
    return None if rating is None else record(RATING_ONLY, source, settings={"rating": rating})


def _xmp_texts(content: bytes) -> dict[str, str]:
    return {name: text for name, _, text in xmp_texts(content)}


_READERS = {".json": _json, ".txt": read_note, ".caption": read_note, ".xmp": _xmp}
#: Suffixes of texts beside a picture.
SUFFIXES = frozenset(_READERS)
