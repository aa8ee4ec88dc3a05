"""Interfaces between pictures, items and scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Extractor(Protocol):
    """What measures pictures, such as ``SoartExtractor`` or ``DeepExtractor``."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the items."""

    @property
    def version(self) -> str:
        """Identifies extractor and settings."""

    def extract(self, images: np.ndarray, /) -> np.ndarray:
        """(n, h, w, 3) pictures to (n, p) items."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One group of items and what it added to the score, against the mean clean picture."""

    text: str
    contribution: float


class Measurer(Protocol):
    """What says which items pictures need."""

    @property
    def extractor(self) -> Extractor:
        """Measures the items."""


class Scorer(Measurer, Protocol):
    """What ranks pictures: the technical score, or a taste."""

    @property
    def stored_name(self) -> str:
        """Under which scores are stored."""

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores of (n, p) items, higher is better."""

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons that moved each score most."""
