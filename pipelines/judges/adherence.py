"""Adherence: the probability that a picture shows what its prompt asks, phrase by phrase."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ImageError
from ...files import from_home
from ...metrics.items.combined import ItemKind
from ...metrics.protocols import Pictures, Reason, Scale
from ...prompts.phrases.cutting import Phrase, cut_prompt
from ..ingest.metadata import plain_prompt
from ..scoring.pictures import StoredPictures
from ..support.batching import batches
from .calibration import Calibration
from .colours import ColourSource
from .nouns import NounSource
from .phrase_judgements import Adherence, PhraseJudgement
from .phrase_sources import Brief, EmbeddedTowers, PhraseSource, TowerSource
from .quoted_text import TextSource, missing_extra

if TYPE_CHECKING:
    from .towers import Towers

#: The two towers that come with soart; they know the words of the embedded model.
EMBEDDED_TOWERS = Path(__file__).parents[1] / "tiny" / "clip"
#: Longest side in pixels of pictures that those towers can see: it draws at 128. Larger ones are judged as photographs.
EMBEDDED_LARGEST = 128
#: Increased whenever the values change their meaning.
VERSION = "2"
#: Pictures whose items are read at once.
_BATCH = 256


class AdherenceJudge:
    """Judges how probably pictures show their prompts, each phrase by the first of ``sources`` that knows it."""

    scale, needs = Scale(0.0, 1.0, "probability"), ("prompt",)

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

    def item_kinds(self, prompt: str, size: tuple[int, int]) -> list[ItemKind]:
        """Kinds of the items among those of ``needed`` that other processes can measure."""
        return [source.item_kind for source in self.needed(prompt, size) if hasattr(source, "item_kind")]

    def values(self, pictures: Pictures) -> np.ndarray:
        """(n,) adherence 0…1 of pictures; NaN where no phrase of the prompt can be told."""
        return np.array([adherence.value for adherence in self.adherences(pictures)])

    def reasons(self, pictures: Pictures, among: Pictures | None = None) -> list[list[Reason]]:
        """The phrases of each picture, see ``Adherence.reasons``; others are asked for other phrases."""
        return [list(adherence.reasons()) for adherence in self.adherences(pictures)]

    def adherences(self, pictures: Pictures) -> list[Adherence]:
        """The adherence of each picture to its prompt, phrase by phrase."""
        sought = [self.phrases(*asked) for asked in zip(pictures.prompts(), pictures.sizes(), strict=True)]
        items: dict[str, dict[int, np.ndarray]] = {}
        for source in self.sources:
            ids = [n for n, phrases in zip(pictures.ids, sought, strict=True) if any(s is source for _, s in phrases)]
            if ids:
                rows = pictures.part({*ids}).items(source.extractor)
                items[source.version] = dict(zip(ids, rows, strict=True))
        return [
            _adherence(phrases, {version: rows[number] for version, rows in items.items() if number in rows})
            for number, phrases in zip(pictures.ids, sought, strict=True)
        ]

    def adherence(self, prompt: str, size: tuple[int, int], items: Mapping[str, np.ndarray]) -> Adherence:
        """The adherence of a picture to a prompt.

        ``size`` is (width, height) in pixels; ``items`` (p,) are by the version of each source that is ``needed``.
        """
        return _adherence(self.phrases(prompt, size), items)

    def missing_extras(self, pictures: Pictures) -> list[str]:
        """A sentence for each extra of soart without which a phrase cannot be judged."""
        sought = [self.phrases(*asked) for asked in zip(pictures.prompts(), pictures.sizes(), strict=True)]
        extras = {missing_extra(phrase) for phrases in sought for phrase, source in phrases if source is None} - {""}
        return [f"Quoted text in prompts cannot be judged: pip install '{extra}'." for extra in sorted(extras)]


def _adherence(phrases: Sequence[tuple[Phrase, PhraseSource | None]], items: Mapping[str, np.ndarray]) -> Adherence:
    """The adherence to phrases, each with the source that judges it, by items (p,) of each source's version."""
    return Adherence.of(
        [
            PhraseJudgement.untold(phrase, missing_extra(phrase))
            if source is None
            else source.judge(items[source.version], phrase)
            for phrase, source in phrases
        ]
    )


def load(argument: str) -> AdherenceJudge:
    """Load the judge for a folder of towers with a calibration; ``embedded`` for those that come with soart."""
    embedded = argument == "embedded"
    folder = EMBEDDED_TOWERS if embedded else from_home(argument)
    calibration = Calibration.load(folder)
    towers = EmbeddedTowers(folder) if embedded else _towers(folder)
    source = TowerSource(towers, calibration, EMBEDDED_LARGEST if embedded else None)
    name = "adherence" if embedded else f"adherence:{folder.name}"
    return AdherenceJudge([source, TextSource.load(), NounSource.load(), ColourSource.load()], name)


def _towers(folder: Path) -> Towers:
    # PyTorch and transformers, which others need not wait for.
    from .towers import Towers

    return Towers.load(str(folder))


def adherences_of(pictures: StoredPictures, judge: AdherenceJudge) -> tuple[dict[int, Adherence], list[str]]:
    """Adherence of the sound pictures that have a prompt, by id, and sentences on those that cannot be read."""
    prompts = dict(zip(pictures.ids, pictures.prompts(), strict=True))
    asked = pictures.part({row.id for row in pictures.rows if prompts[row.id] and not row.problem})
    found: dict[int, Adherence] = {}
    problems = judge.missing_extras(asked)
    for block in batches(asked.ids, _BATCH):
        try:
            found |= zip(block, judge.adherences(asked.part({*block})), strict=True)
        except ImageError:
            for image in block:
                try:
                    found[image] = judge.adherences(asked.part({image}))[0]
                except ImageError as error:
                    problems.append(str(error))
    return found, problems
