"""The two towers that come with soart, without PyTorch until a picture that they can see comes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ModelError
from ...metrics.protocols import Extractor

if TYPE_CHECKING:
    from .towers import Towers


@dataclass(frozen=True)
class EmbeddedTowers:
    """Two towers of soart's own, see ``Towers``, loaded when they are first needed because that takes seconds."""

    folder: Path

    @cached_property
    def version(self) -> str:
        """Changes with the files of the folder."""
        digest = hashlib.sha256()
        try:
            for path in sorted(self.folder.iterdir()):
                digest.update(path.name.encode())
                digest.update(path.read_bytes())
        except OSError as error:
            raise ModelError(f"{str(self.folder)!r} cannot be read ({error.strerror}): reinstall soart.") from error
        return f"embedded-{digest.hexdigest()[:16]}"

    @cached_property
    def loaded(self) -> Towers:
        """The towers, loaded when they are first needed."""
        from .towers import Towers

        return Towers.load(str(self.folder))

    @property
    def extractor(self) -> Extractor:
        """The picture tower, see ``Towers``."""
        return self.loaded.extractor

    @property
    def scale(self) -> float:
        """The factor of a cosine, see ``Towers``."""
        return self.loaded.scale

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) embeddings of texts, see ``Towers.texts``."""
        return self.loaded.texts(texts)
