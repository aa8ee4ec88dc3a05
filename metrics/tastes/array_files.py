"""Files of tastes: safetensors with a JSON header, never pickle.

The metadata hold the header under a key that names the kind of file, and a SHA-256 over the header and all arrays, which
detects changes and damage. Reading checks both before anything else is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as to_bytes

from ...errors import TasteError
from ...files import write_whole
from ..formats.decoders import SUFFIXES
from ..formats.tensors import parse_json, read_header, read_tensors

#: Most bytes of a file: a taste of very many pictures has a few dozen MB.
MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        noun: its name in messages; ``soart_`` before it is the key of the header.
        format: increased whenever the contents of a file change their meaning.
        remedy, source: advice to the reader of a file of another format, and of another kind.
    """

    noun: str
    format: int
    remedy: str
    source: str

    @property
    def key(self) -> str:
        """Key of the header in the metadata of safetensors."""
        return f"soart_{self.noun}"


def digest_of(header: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over the header and every array with its name, type and shape."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def header_text(kind: FileKind, header: Mapping[str, Any]) -> str:
    """The header with its format, as JSON; a number that is not finite is a ``ValueError``."""
    return json.dumps({"format": kind.format, **header}, allow_nan=False)


def write_arrays(
    path: Path, kind: FileKind, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], *, private: bool = False
) -> Path:
    """Write a file, whole or not at all, in a folder made if missing; numbers are stored as 8-byte floats.

    Only the user may read a ``private`` one.
    """
    if path.suffix.lower() in SUFFIXES:
        raise TasteError(f"The {kind.noun} {str(path)!r} would have the name of a picture: name another file.")
    stored = {name: np.ascontiguousarray(values, dtype="<f8") for name, values in arrays.items()}
    text = header_text(kind, header)
    content = to_bytes(stored, metadata={kind.key: text, "sha256": digest_of(text, stored)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, private=private)
    except OSError as error:
        raise TasteError(
            f"The {kind.noun} cannot be written to {str(path)!r}: {error.strerror or error} (is the disk full, or the "
            "folder read-only?)."
        ) from error
    return path


def read_arrays(path: Path, kind: FileKind) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays, as 8-byte floats, of a file of this kind, which may come from anybody."""
    with _damage_named(path, kind):
        metadata, arrays = read_tensors(path, most=MOST_BYTES)
    header = _checked(path, kind, metadata)
    if metadata.get("sha256") != digest_of(metadata[kind.key], arrays):
        raise TasteError(
            f"The {kind.noun} {str(path)!r} was changed or damaged after it was written: get another copy."
        )
    return header, {name: values.astype(np.float64, copy=False) for name, values in arrays.items()}


def read_facts(path: Path, kind: FileKind) -> dict[str, Any]:
    """The header of a file without its arrays, so that damage to them is not seen; errors as for ``read_arrays``."""
    with _damage_named(path, kind):
        metadata, _ = read_header(path, most=MOST_BYTES)
    return _checked(path, kind, metadata)


@contextmanager
def _damage_named(path: Path, kind: FileKind) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TasteError(f"The {kind.noun} {str(path)!r} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise TasteError(f"{str(path)!r} is not a {kind.noun}, or is damaged: {error}.") from error


def _checked(path: Path, kind: FileKind, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The header among the metadata of a file of this kind and format."""
    text = metadata.get(kind.key)
    if text is None:
        other = next((key.removeprefix("soart_") for key in metadata if key.startswith("soart_")), None)
        found = f"a {other}, not a {kind.noun}" if other else f"not a {kind.noun}"
        raise TasteError(f"{str(path)!r} is {found}: {kind.source}.")
    try:
        header: dict[str, Any] = parse_json(text)
        form = header["format"]
    except (KeyError, TypeError, ValueError) as error:
        raise TasteError(f"The {kind.noun} {str(path)!r} is incomplete: {error}.") from error
    if form != kind.format:
        raise TasteError(
            f"The {kind.noun} {str(path)!r} has format {form}, this version of soart reads format {kind.format}: "
            f"{kind.remedy}."
        )
    return header
