"""Palettes and light that the statistics of a picture's colours can tell, such as pastel or dark.

A phrase stands for a term. The margin of a term says how far the colour items of a picture are on its side: it is the
smooth minimum of a few conditions, each a difference from a limit in units of its usual spread. A logistic curve for each
term turns margins into P(shown). Words that name a thing's colour ("a red car") are not told, because the items know
no places. Nor is a bare word before a noun ("a dark horse").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType

import numpy as np
from scipy.special import logsumexp

from ...metrics.items.colour import HUES, ColourExtractor
from ...prompts.phrases.cutting import Phrase
from .calibration import Curve, load_curves
from .phrase_judgements import PhraseJudgement
from .phrase_sources import Brief

#: Increased whenever a margin changes its meaning.
_VERSION = 1
#: Mean chroma below which a hue does not count.
_GREY = 0.01


@cache
def _places() -> tuple[list[int], list[int]]:
    """Places of the levels and of the hues among the colour items."""
    names = ColourExtractor().names
    levels = ("luma/mean", "luma/deviation", "chroma/mean", "chroma/q95")
    return [names.index(f"colour/{level}") for level in levels], [names.index(f"colour/hue/{hue}") for hue in HUES]


@dataclass(frozen=True)
class Colours:
    """Statistics of the colours of one picture or of several, in 0…1."""

    light: np.ndarray  # mean luma
    contrast: np.ndarray  # standard deviation of luma
    chroma: np.ndarray  # mean chroma
    strongest: np.ndarray  # chroma that 5 % of the pixels exceed
    hues: np.ndarray  # (…, 12) mean chroma near each of the hues of ``metrics.items.colour``; their sum is ``chroma``

    @classmethod
    def of(cls, items: np.ndarray) -> Colours:
        """The statistics in colour items (…, 40)."""
        levels, hues = _places()
        values = np.asarray(items, dtype=np.float64)
        light, contrast, chroma, strongest = np.moveaxis(values[..., levels], -1, 0)
        return cls(light, contrast, chroma, strongest, values[..., hues])

    def near(self, *hues: str) -> np.ndarray:
        """Mean chroma near some hues."""
        near: np.ndarray = self.hues[..., [HUES.index(hue) for hue in hues]].sum(axis=-1)
        return near

    def mostly(self, *hues: str) -> np.ndarray:
        """Logarithm of the chroma near some hues over that of all others."""
        near = self.near(*hues)
        return np.asarray(np.log((near + _GREY) / (np.maximum(self.chroma - near, 0.0) + _GREY)))

    def balance(self, hues: Sequence[str], others: Sequence[str]) -> np.ndarray:
        """Logarithm of the chroma near some hues over that near others."""
        return np.asarray(np.log((self.near(*hues) + _GREY) / (self.near(*others) + _GREY)))

    @property
    def beside_one_hue(self) -> np.ndarray:
        """Mean chroma outside of the two neighbouring hues that have most."""
        beside: np.ndarray = np.maximum(self.chroma - (self.hues + np.roll(self.hues, -1, axis=-1)).max(axis=-1), 0.0)
        return beside


def _all(*conditions: np.ndarray) -> np.ndarray:
    """The smooth minimum of conditions: below the least one, and close to it where the others are far above."""
    return np.asarray(-logsumexp(-np.array(conditions), axis=0))


_WARM = ("rose", "red", "orange", "yellow")
_COOL = ("green", "mint", "cyan", "azure", "blue", "violet")
_GOLD = ("orange", "yellow")
#: Margins by term.
TERMS: Mapping[str, Callable[[Colours], np.ndarray]] = MappingProxyType(
    {
        "black and white": lambda c: -np.log(c.chroma + 0.004),
        "sepia": lambda c: _all(
            c.mostly(*_GOLD),
            (0.33 - c.strongest) / 0.06,
            (c.chroma - 0.04) / 0.015,
            (0.02 - c.beside_one_hue) / 0.006,
        ),
        "warm": lambda c: c.balance(_WARM, _COOL),
        "cool": lambda c: c.balance(_COOL, _WARM),
        "pastel": lambda c: _all(
            (c.light - 0.66) / 0.05, (0.36 - c.strongest) / 0.06, (c.chroma - 0.05) / 0.02, (0.2 - c.contrast) / 0.03
        ),
        "vibrant": lambda c: np.log(c.chroma + _GREY),
        "muted": lambda c: _all((0.28 - c.strongest) / 0.05, (0.14 - c.chroma) / 0.03, (c.chroma - 0.015) / 0.005),
        "earthy": lambda c: _all(
            c.mostly("red", *_GOLD, "lime"), (0.45 - c.strongest) / 0.06, (c.chroma - 0.05) / 0.02
        ),
        "dark": lambda c: (0.3 - c.light) / 0.05,
        "bright": lambda c: (c.light - 0.65) / 0.05,
        "high contrast": lambda c: (c.contrast - 0.27) / 0.03,
        "low contrast": lambda c: (0.12 - c.contrast) / 0.02,
        "golden": lambda c: _all(c.mostly(*_GOLD), (c.chroma - 0.15) / 0.04, (c.light - 0.3) / 0.05),
        "blue hour": lambda c: _all(
            c.mostly("azure", "blue", "violet"), (c.chroma - 0.05) / 0.02, (0.4 - c.light) / 0.05
        ),
        "red": lambda c: c.mostly("rose", "red"),
        "orange": lambda c: c.mostly("red", "orange"),
        "yellow": lambda c: c.mostly("orange", "yellow"),
        "green": lambda c: c.mostly("lime", "green", "mint"),
        "cyan": lambda c: c.mostly("mint", "cyan", "azure"),
        "blue": lambda c: c.mostly("azure", "blue"),
        "purple": lambda c: c.mostly("violet", "magenta"),
        "pink": lambda c: c.mostly("magenta", "rose"),
        "brown": lambda c: _all(c.mostly("red", *_GOLD), (0.45 - c.light) / 0.05, (c.chroma - 0.06) / 0.02),
    }
)
_COLOURS = (
    "color", "colour", "tone", "hue", "shade", "palette", "color palette", "colour palette", "color scheme",
    "colour scheme",
)  # fmt: skip
_LIGHTS = ("light", "lighting")
#: Adjectives by term that name a palette before a word for colours, such as "pastel tones".
_PALETTES = {
    "black and white": ("monochrome", "monochromatic"), "sepia": ("sepia",), "warm": ("warm",), "cool": ("cool", "cold"),
    "pastel": ("pastel",), "vibrant": ("vibrant", "vivid", "saturated"),
    "muted": ("muted", "desaturated", "subdued"), "earthy": ("earthy", "earth"), "dark": ("dark", "dark moody"),
    "bright": ("light airy",), "golden": ("golden",),
    "red": ("red",), "orange": ("orange",), "yellow": ("yellow",), "green": ("green",),
    "cyan": ("cyan", "teal", "turquoise"), "blue": ("blue",), "purple": ("purple", "violet"), "pink": ("pink", "magenta"),
    "brown": ("brown",),
}  # fmt: skip
#: The same before a word for light.
_LIGHTING = {
    "warm": ("warm",), "cool": ("cool", "cold"), "golden": ("golden",), "dark": ("low-key", "low key", "dim"),
    "bright": ("high-key", "high key"),
}  # fmt: skip
#: Phrases by term that need nothing behind them.
_WHOLE = {"golden": ("golden hour",), "blue hour": ("blue hour",)}
#: Words by term that mean the whole picture only where no noun follows.
_BARE = {
    "black and white": ("black and white", "grayscale", "greyscale", "monochrome", "monochromatic"),
    "sepia": ("sepia", "sepia-toned"), "vibrant": ("colorful", "colourful", "vibrant", "vivid"),
    "muted": ("muted", "desaturated"), "earthy": ("earthy",), "dark": ("dark", "dimly lit"), "bright": ("bright",),
    "high contrast": ("high contrast", "high-contrast", "strong contrast"),
    "low contrast": ("low contrast", "low-contrast"),
}  # fmt: skip
#: Bare words that may be cut out of a prompt wherever they stand, because they seldom belong to a noun.
_CUT = ("black and white", "sepia", "high contrast", "low contrast")
#: What may follow a bare word.
_AFTER = r"(?=\s*(?:$|[,.;:|)\n]|(?:photo\w*|picture|image|painting|drawing|illustration|portrait|print|film|style)\b))"
#: Terms whose adjectives also stand in "shades of".
_HUES = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown")
#: Terms whose phrases are of the kind ``light``; all others are of the kind ``palette``.
_LIGHT_TERMS = ("dark", "bright", "high contrast", "low contrast", "golden", "blue hour")


@cache
def colour_words() -> Mapping[str, str]:
    """Terms by phrase in lower case, for phrases that name colours or light."""
    words = {phrase: term for term, phrases in _WHOLE.items() for phrase in phrases}
    for table, nouns in ((_PALETTES, _COLOURS), (_LIGHTING, _LIGHTS)):
        for term, adjectives in table.items():
            for adjective in adjectives:
                words |= {f"{adjective} {noun}{end}": term for noun in nouns for end in ("", "s")}
    for hue in (word for term in _HUES for word in _PALETTES[term]):
        words |= {f"{noun} of {hue}": words[f"{hue} tone"] for noun in ("shades", "tones", "hues")}
    return MappingProxyType(words)


@cache
def bare_words() -> Mapping[str, str]:
    """Terms by word in lower case, for words that name no colours or light where a noun follows."""
    return MappingProxyType({word: term for term, words in _BARE.items() for word in words})


def stands_alone(word: str, prompt: str) -> bool:
    """True if a word means the whole picture somewhere in a prompt, as in "a dog, dark" and not in "a dark horse"."""
    return bool(re.search(rf"(?<![\w-]){re.escape(word)}{_AFTER}", prompt.casefold().replace("_", " ")))


class ColourSource:
    """Tells palettes and light."""

    def __init__(self, curves: Mapping[str, Curve]) -> None:
        self.extractor, self.curves = ColourExtractor(), curves
        cut = {word: term for word, term in bare_words().items() if term in _CUT}
        self.lexicon: Mapping[str, str] = {
            phrase: "light" if term in _LIGHT_TERMS else "palette" for phrase, term in {**cut, **colour_words()}.items()
        }
        known = f"{_VERSION} {self.extractor.version} {sorted(curves.items())} {sorted(self._terms.items())}"
        self.version = f"colours-{hashlib.sha256(known.encode()).hexdigest()[:12]}"

    @classmethod
    def load(cls) -> ColourSource:
        """Load the curves."""
        curves = load_curves()
        return cls({term: curves[f"colour/{term}"] for term in TERMS if f"colour/{term}" in curves})

    @cached_property
    def _terms(self) -> dict[str, str]:
        return {word: term for word, term in {**bare_words(), **colour_words()}.items() if term in self.curves}

    def knows(self, phrase: Phrase, brief: Brief) -> bool:
        """True for phrases of colours and light, and for bare words that stand alone in the prompt."""
        if phrase.kind in ("text", "count", "attribute") or phrase.text not in self._terms:
            return False
        return phrase.text in colour_words() or stands_alone(phrase.text, brief.prompt)

    def judge(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        """The judgement from colour items (40,)."""
        term = self._terms[phrase.text]
        log_odds, deviation = self.curves[term].log_odds(TERMS[term](Colours.of(item[None])))
        return PhraseJudgement.of(phrase, float(log_odds[0]), float(deviation[0]))
