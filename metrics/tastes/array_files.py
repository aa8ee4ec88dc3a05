"""Files of tastes: safetensors with a JSON header, never pickle.

The metadata hold the header, and a SHA-256 over the header and all arrays, which
detects changes and damage. Reading checks both before anything else is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
#: Key of the header in the metadata of safetensors, and its format, increased whenever the contents change their meaning.
_KEY, FORMAT = "soart_taste", 1


def digest_of(header: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over the header and every array with its name, type and shape."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def header_text(header: Mapping[str, Any]) -> str:
    """The header with its format, as JSON; a number that is not finite is a ``ValueError``."""
    return json.dumps({"format": FORMAT, **header}, allow_nan=False)


def write_arrays(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write a file that only the user may read, whole or not at all, in a folder made if missing, of 8-byte floats."""
    if path.suffix.lower() in SUFFIXES:
        raise TasteError(f"The taste {str(path)!r} would have the name of a picture: name another file.")
    stored = {name: np.ascontiguousarray(values, dtype="<f8") for name, values in arrays.items()}
    text = header_text(header)
    content = to_bytes(stored, metadata={_KEY: text, "sha256": digest_of(text, stored)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, private=True)
    except OSError as error:
        raise TasteError(
            f"The taste cannot be written to {str(path)!r}: {error.strerror or error} (is the disk full, or the "
            "folder read-only?)."
        ) from error
    return path


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays, as 8-byte floats, of a file, which may come from anybody."""
    with _damage_named(path):
        metadata, arrays = read_tensors(path, most=MOST_BYTES)
    header = _checked(path, metadata)
    if metadata.get("sha256") != digest_of(metadata[_KEY], arrays):
        raise TasteError(f"The taste {str(path)!r} was changed or damaged after it was written: get another copy.")
    return header, {name: values.astype(np.float64, copy=False) for name, values in arrays.items()}


def read_facts(path: Path) -> dict[str, Any]:
    """The header of a file without its arrays, so that damage to them is not seen; errors as for ``read_arrays``."""
    with _damage_named(path):
        metadata, _ = read_header(path, most=MOST_BYTES)
    return _checked(path, metadata)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TasteError(f"The taste {str(path)!r} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise TasteError(f"{str(path)!r} is not a taste, or is damaged: {error}.") from error


def _checked(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The header among the metadata of a file."""
    text = metadata.get(_KEY)
    if text is None:
        raise TasteError(f"{str(path)!r} is not a taste: choose a file of soart taste show --export.")
    try:
        header: dict[str, Any] = parse_json(text)
        form = header["format"]
    except (KeyError, TypeError, ValueError) as error:
        raise TasteError(f"The taste {str(path)!r} is incomplete: {error}.") from error
    if form != FORMAT:
        raise TasteError(
            f"The taste {str(path)!r} has format {form}, this version of soart reads format {FORMAT}: "
            "learn it again, or use the version that wrote it."
        )
    return header
