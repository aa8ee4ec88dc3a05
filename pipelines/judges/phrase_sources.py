"""Sources of adherence: each tells some phrases of a prompt from some items of a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy.special import logsumexp

from ...errors import ModelError
from ...metrics.protocols import Extractor
from ...prompts.phrases.cutting import Phrase
from .calibration import Calibration
from .phrase_judgements import PhraseJudgement

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


class Brief(NamedTuple):
    """Facts that decide which source can tell a phrase."""

    prompt: str  # without the syntax of tools
    size: tuple[int, int]  # width and height of the picture in pixels


class PhraseSource(Protocol):
    """Tells how probably pictures show the phrases that it knows."""

    @property
    def version(self) -> str:
        """Changes whenever a judgement changes."""

    @property
    def lexicon(self) -> Mapping[str, str]:
        """Kinds of phrases by phrase in lower case, for cutting prompts; see ``prompts.phrases.cutting``."""

    @property
    def extractor(self) -> Extractor:
        """Measures the items that ``judge`` takes; used only for pictures of which a phrase is known."""

    def knows(self, phrase: Phrase, brief: Brief) -> bool:
        """True if the source judges a phrase, be it only to say what is missing."""

    def judge(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        """The judgement of a phrase that it knows, from the items (p,) of a picture."""


class TowerSource:
    """Two towers, as of CLIP: a phrase competes with others of its kind; ``largest`` is the longest side they see."""

    def __init__(self, towers: Towers | EmbeddedTowers, calibration: Calibration, largest: int | None = None) -> None:
        self.towers, self.calibration, self._largest = towers, calibration, largest
        self.lexicon = calibration.lexicon
        digest = hashlib.sha256(f"{towers.version} {calibration} {largest}".encode()).hexdigest()
        self.version = f"towers-{digest[:12]}"

    @property
    def extractor(self) -> Extractor:
        """The picture tower."""
        return self.towers.extractor

    def knows(self, phrase: Phrase, brief: Brief) -> bool:
        """True for the phrases of the calibration, in pictures that are not too large."""
        seen = self._largest is None or max(brief.size) <= self._largest
        return seen and self.lexicon.get(phrase.text) == phrase.kind

    def judge(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        """The judgement from an embedding (d,)."""
        margin = self.margin(np.asarray(item, dtype=np.float64), phrase.text, phrase.kind)
        log_odds, deviation = self.calibration.kinds[phrase.kind].curve.log_odds(np.array([margin]))
        return PhraseJudgement.of(phrase, float(log_odds[0]), float(deviation[0]))

    def margin(self, item: np.ndarray, text: str, kind: str) -> float:
        """Log-odds of a phrase against the other options of its kind, for a picture with embedding (d,)."""
        others = [option[0] for option in self.calibration.kinds[kind].options if text not in option]
        similarity = self.towers.scale * self.towers.texts([text, *others]) @ item
        return float(similarity[0] - logsumexp(similarity[1:]))
