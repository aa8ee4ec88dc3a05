"""Reads how pictures were made: prompts and settings in their files, beside them, and in tables of folders."""

from __future__ import annotations

from .read import BESIDE, SIDECARS, embedded_metadata, picture_metadata, sidecars_of, source_of
from .record import READERS, PictureMetadata, maker
from .sidecars import TABLES, FolderTable, sidecar_metadata
from .words import plain_prompt, prompt_words

__all__ = [
    "BESIDE",
    "READERS",
    "SIDECARS",
    "TABLES",
    "FolderTable",
    "PictureMetadata",
    "embedded_metadata",
    "maker",
    "picture_metadata",
    "plain_prompt",
    "prompt_words",
    "sidecar_metadata",
    "sidecars_of",
    "source_of",
]
