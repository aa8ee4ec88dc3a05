"""Quoted text in prompts, such as a sign that says "open": is it written in the picture, letter by letter?

The margin is the number of letters and digits in which the best reading differs, with its sign changed. One wrong
letter of twenty makes a misspelt sign as one of four does, so it is not divided by the length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ...metrics.items.text import TextExtractor, can_read_text, lines_of
from ...prompts.phrases.cutting import Phrase
from .calibration import Curve, load_curves
from .phrase_judgements import PhraseJudgement
from .phrase_sources import Brief

#: Differences above which all readings are equally wrong.
_MOST = 6
#: Shortest side in pixels of pictures in which letters can be read.
SMALLEST = 97


def letters(text: str) -> str:
    """Letters and digits of a text, in one case: spaces and marks are read less surely."""
    return "".join(character for character in text.casefold() if character.isalnum())


def edit_distance(a: str, b: str) -> int:
    """Fewest insertions, deletions and replacements of characters between two texts (Levenshtein 1966)."""
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]


def reading_error(quoted: str, lines: Sequence[str]) -> int:
    """Fewest differences in letters between a quoted text and consecutive words of some lines, at most 6."""
    wanted = letters(quoted)
    words = [word for word in (letters(part) for line in lines for part in line.split()) if word]
    best = min(_MOST, len(wanted))
    for start in range(len(words)):
        text = ""
        for word in words[start:]:
            text += word
            if len(text) - len(wanted) >= best:
                break
            if len(wanted) - len(text) < best:
                best = min(best, edit_distance(wanted, text))
    return best


def missing_extra(phrase: Phrase) -> str:
    """The extra that would have to be installed to tell a phrase; empty if none would help."""
    return "soart[text]" if phrase.kind == "text" and not can_read_text() else ""


class TextSource:
    """Tells quoted text by reading the picture."""

    lexicon: Mapping[str, str] = MappingProxyType({})

    def __init__(self, curve: Curve) -> None:
        self.extractor, self._curve, self._reads = TextExtractor(), curve, can_read_text()
        digest = hashlib.sha256(f"{self.extractor.version} {self._reads} {curve}".encode()).hexdigest()
        self.version = f"text-{digest[:12]}"

    @classmethod
    def load(cls) -> TextSource:
        """Load the curve; the reader is loaded when there is something to read."""
        return cls(load_curves()["text"])

    def knows(self, phrase: Phrase, brief: Brief) -> bool:
        """True for quoted text, in pictures that are large enough."""
        return self._reads and phrase.kind == "text" and bool(letters(phrase.text)) and min(brief.size) >= SMALLEST

    def judge(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        """The judgement from text items (400,)."""
        margin = -reading_error(phrase.text, lines_of(item))
        log_odds, deviation = self._curve.log_odds(np.array([float(margin)]))
        return PhraseJudgement.of(phrase, float(log_odds[0]), float(deviation[0]))
