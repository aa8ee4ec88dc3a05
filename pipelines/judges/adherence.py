"""Adherence: the probability that a picture shows what its prompt asks, phrase by phrase."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...files import from_home
from ...prompts.phrases.cutting import Phrase, cut_prompt
from ..ingest.metadata import plain_prompt
from .calibration import Calibration
from .colours import ColourSource
from .phrase_judgements import Adherence, PhraseJudgement
from .phrase_sources import Brief, PhraseSource, TowerSource
from .quoted_text import TextSource, missing_extra

#: The two towers that come with soart; they know the words of the embedded model.
EMBEDDED_TOWERS = Path(__file__).parents[1] / "tiny" / "clip"
#: Longest side in pixels of pictures that those towers can see: it draws at 64. Larger ones are judged as photographs.
EMBEDDED_LARGEST = 96
#: Increased whenever the values change their meaning.
VERSION = "2"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Measurements by which the phrases of a picture are judged.

    Attributes:
        size: width and height of the picture in pixels.
        items: (p,) by the version of the source that asked for them.
    """

    size: tuple[int, int]
    items: Mapping[str, np.ndarray]


class AdherenceJudge:
    """Judges how probably pictures show what their prompts ask.

    Args:
        sources: tell phrases; the first one that knows a phrase judges it.
        name: of the judge.
    """

    range, higher_is_better, needs_prompt = (0.0, 1.0), True, True

    def __init__(self, sources: Sequence[PhraseSource], name: str = "adherence") -> None:
        self.sources, self.name = tuple(sources), name
        digest = hashlib.sha256(" ".join(source.version for source in sources).encode()).hexdigest()[:12]
        self.version = f"{VERSION}-{digest}"

    @cached_property
    def lexicon(self) -> dict[str, str]:
        """Kinds of the phrases that the sources know; those of the first sources go before."""
        return {text: kind for source in reversed(self.sources) for text, kind in source.lexicon.items()}

    def phrases(self, prompt: str, size: tuple[int, int]) -> list[tuple[Phrase, PhraseSource | None]]:
        """The phrases of a prompt, each with the source that judges it in a picture of a size (width, height)."""
        brief = Brief(plain_prompt(prompt), size)
        phrases = cut_prompt(brief.prompt, self.lexicon)
        return [(p, next((source for source in self.sources if source.knows(p, brief)), None)) for p in phrases]

    def needed(self, prompt: str, size: tuple[int, int]) -> list[PhraseSource]:
        """The sources whose items are needed to judge a picture of a size (width, height)."""
        used = {id(source) for _, source in self.phrases(prompt, size)}
        return [source for source in self.sources if id(source) in used]

    def measure(self, pixels: np.ndarray, prompt: str) -> Evidence:
        """The evidence of a picture (h, w, 3) uint8 for a prompt."""
        size = (pixels.shape[1], pixels.shape[0])
        items = {source.version: source.extractor.extract(pixels)[0] for source in self.needed(prompt, size)}
        return Evidence(size, items)

    def judge(self, pictures: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """(n,) adherence 0…1 of pictures; NaN where no phrase of the prompt can be told."""
        return self.judge_items(map(self.measure, pictures, prompts), prompts)

    def judge_items(self, evidence: Iterable[Evidence], prompts: Sequence[str]) -> np.ndarray:
        """(n,) adherence by the evidence of n pictures for their prompts."""
        pairs = zip(evidence, prompts, strict=True)
        return np.array([self.adherence(measured, prompt).value for measured, prompt in pairs])

    def adherence(self, evidence: Evidence, prompt: str) -> Adherence:
        """The adherence of a picture to a prompt."""
        return Adherence.of(
            [
                PhraseJudgement.untold(phrase, missing_extra(phrase))
                if source is None
                else source.judge(evidence.items[source.version], phrase)
                for phrase, source in self.phrases(prompt, evidence.size)
            ]
        )


def load(argument: str) -> AdherenceJudge:
    """Load the judge for a folder of towers with a calibration; ``embedded`` for those that come with soart.

    Raises:
        ModelError: a network cannot be loaded.
        JudgeError: the towers read no text, or have no calibration.
    """
    # PyTorch and transformers, which a ranking by stored values need not wait for.
    from .nouns import NounSource
    from .towers import Towers

    embedded = argument == "embedded"
    folder = EMBEDDED_TOWERS if embedded else from_home(argument)
    calibration = Calibration.load(folder)
    towers = TowerSource(Towers.load(str(folder)), calibration, EMBEDDED_LARGEST if embedded else None)
    name = "adherence" if embedded else f"adherence:{folder.name}"
    return AdherenceJudge([towers, TextSource.load(), NounSource.load(), ColourSource.load()], name)
