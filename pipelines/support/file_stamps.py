"""Stamps of files: short texts that change when a file does, from sizes and times alone."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from ...files import from_home

#: The stamp of a missing file.
MISSING = "none"
#: Suffixes of the files of a model folder, and the most of them that a stamp covers.
MODEL_FILES = {".json", ".txt", ".model", ".safetensors", ".ckpt", ".bin"}
MOST_FILES = 1000


def file_stamp(*paths: Path) -> str:
    """Times and sizes of files as one text; a missing file counts as ``MISSING``."""
    stamps = []
    for path in paths:
        try:
            state = path.stat()
            stamps.append(f"{state.st_mtime_ns}:{state.st_size}")
        except (OSError, ValueError):
            stamps.append(MISSING)
    return " ".join(stamps)


def model_stamp(model: object) -> str:
    """The stamp of a local model: a file, or a diffusers folder with its components; constant for anything else.

    A component that is overwritten leaves the times of the folders above it unchanged, so its own files count.
    """
    path = from_home(str(model).strip())
    try:
        members = [*path.glob("*"), *path.glob("*/*")] if (path / "model_index.json").is_file() else []
    except (OSError, ValueError):
        members = []
    files = sorted(member for member in members if member.suffix in MODEL_FILES)[:MOST_FILES]
    text = f"{[str(file) for file in files]} {file_stamp(path, *files)}"
    return hashlib.sha256(text.encode()).hexdigest()


def changed_at(path: Path) -> str:
    """Local time of the last change of a file, to the minute; empty for a missing file."""
    return f"{datetime.fromtimestamp(path.stat().st_mtime).astimezone():%Y-%m-%d %H:%M}" if path.is_file() else ""
