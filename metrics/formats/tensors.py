"""Reads safetensors files that a stranger may have put there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors.numpy import load

from ...errors import first_line
from ...files import MOST, open_regular

#: Most bytes of a header; other readers of the format refuse more, too.
MOST_HEADER = 100_000_000


def read_header(path: Path | str, *, most: int = MOST) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """The metadata of a safetensors file of at most ``most`` bytes, and the shapes of its arrays, which are not read."""
    with open_regular(path, most=most) as stream:
        return _header(stream)


def read_tensors(path: Path | str, *, most: int = MOST) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the arrays of a file, by name; arguments and errors as for ``read_header``."""
    with open_regular(path, most=most) as stream:
        metadata, _ = _header(stream)
        stream.seek(0)
        content = stream.read(most)
    try:
        return metadata, load(content)
    # NumPy lacks some types of numbers that a file may hold, such as bfloat16.
    except Exception as error:
        raise ValueError(first_line(error)) from error


def _header(stream: BinaryIO) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    length = int.from_bytes(stream.read(8), "little")
    if not 0 < length <= MOST_HEADER:
        raise ValueError("it has no header")
    entries = parse_json(stream.read(length))
    if not isinstance(entries, Mapping):
        raise ValueError("its header is not an object")
    try:
        metadata = {name: str(text) for name, text in entries.get("__metadata__", {}).items()}
        shapes = {name: tuple(map(int, one["shape"])) for name, one in entries.items() if name != "__metadata__"}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("its header is damaged") from error
    return metadata, shapes


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401
    """The value of a JSON text from a stranger; ``ValueError`` also for one nested more deeply than Python follows."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
