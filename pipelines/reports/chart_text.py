"""Texts of charts: cleaned, measured by estimate, because the reader's font is unknown, and shortened to a width."""

from __future__ import annotations

import math
import unicodedata

from ..support.figures import with_minus

#: Longest text that a chart takes, in characters.
LONGEST = 400
_NARROW, _WIDE = frozenset("iIljtfr.,:;'|!()[]/ "), frozenset("mwMW@%—…<>+=~#−±×&")


def plain_text(text: str) -> str:
    """The text on one line, without characters that no page may contain; words from right to left are isolated."""
    words = " ".join(text[:LONGEST].split())
    # Cc and Cs are not allowed in pages; of the formatting characters, joiners shape letters and emoji.
    kept = "".join(c for c in words if unicodedata.category(c) not in ("Cc", "Cs", "Cf", "Cn") or c in "\u200c\u200d")
    turned = any(unicodedata.bidirectional(c) in ("R", "AL") for c in kept)
    return f"\u2068{kept}\u2069" if turned else kept


def text_width(text: str, size: float) -> float:
    """Estimated width of a text in a font of ``size``, in the unit of ``size``."""
    return size * sum(_ems(character) for character in text)


def _ems(character: str) -> float:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if character in _NARROW:
        return 0.33
    if character in _WIDE or unicodedata.east_asian_width(character) in ("W", "F"):
        return 1.0
    return 0.7 if character.isupper() else 0.63


def fit_text(text: str, size: float, width: float) -> str:
    """The text, or as much of its start as fits into ``width`` with an ellipsis after it."""
    if text_width(text, size) <= width:
        return text
    isolated = text.startswith("\u2068")
    kept = text.strip("\u2068\u2069")
    while kept and text_width(f"{kept}…", size) > width:
        kept = kept[:-1]
    kept = f"{kept.rstrip()}…"
    return f"\u2068{kept}\u2069" if isolated else kept


def tick_texts(values: list[float], sign: str = "") -> list[str]:
    """Ascending, even ticks with as many decimals as their step needs; ``sign`` is a format option, but never of 0."""
    step = values[1] - values[0] if len(values) > 1 else abs(values[0]) if values else 1.0
    largest = max((abs(value) for value in values), default=0.0)
    if not 1e-6 < step < 1e9 or largest >= 1e9:
        return [f"{value:{sign}.3g}" for value in values]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, decimals) != round(step, decimals + 1):
        decimals += 1
    # A rounded zero may have a sign of its own.
    zero = f"{0:.{decimals}f}"
    texts = [f"{value:{sign}.{decimals}f}" for value in values]
    return [zero if text.lstrip("+-") == zero else with_minus(text) for text in texts]
