"""Reads how pictures were made: the prompt and settings that image tools write into files and beside them."""

from __future__ import annotations

from .foldertable import FolderTable
from .read import embedded_metadata
from .record import PictureMetadata
from .sidecars import sidecar_metadata
from .words import prompt_words

__all__ = ["FolderTable", "PictureMetadata", "embedded_metadata", "prompt_words", "sidecar_metadata"]
