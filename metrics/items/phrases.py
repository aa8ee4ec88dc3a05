"""Plain words for what an item measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SCALES = {"s0": "the finest", "s1": "fine", "s2": "coarse", "s3": "the coarsest"}
_TURNS = {"line-h": "horizontal", "line-v": "vertical", "line-d": "diagonal", "line-u": "diagonal"}
_COLOURS = {"redgreen": "red–green", "blueyellow": "blue–yellow"}
_PRIORS = {
    "technical": ("technically better", "technically worse"),
    "others": ("more to others' liking", "less to others' liking"),
}
_PLAIN = {
    ("luma", "level"): ("lighter", "darker"),
    ("luma", "spread"): ("more contrast between light and dark", "less contrast between light and dark"),
    ("redgreen", "level"): ("colours redder", "colours greener"),
    ("redgreen", "spread"): ("more variety between red and green", "less variety between red and green"),
    ("blueyellow", "level"): ("colours yellower", "colours bluer"),
    ("blueyellow", "spread"): ("more variety between blue and yellow", "less variety between blue and yellow"),
    ("chroma", "level"): ("colours more saturated", "colours less saturated"),
    ("chroma", "spread"): ("saturation more uneven", "saturation more even"),
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a group of items is called when there is more of it, and when there is less."""

    more: str
    less: str

    def direction(self, difference: np.ndarray, columns: np.ndarray, names: Sequence[str]) -> str:
        """The phrase for (c,) deviations of the group's items from what they are compared with."""
        # Sensitivity and gamma of a part say how it relates to the mean, not how much there is of it: energies decide.
        energies = [k for k, column in enumerate(columns) if _is_amount(names[column] if column < len(names) else "")]
        amount = float(np.mean(difference[energies] if energies else difference))
        return self.more if amount >= 0 else self.less


def _is_amount(name: str) -> bool:
    """Whether more of an item means more of the property: error variances, and levels and spreads of colour."""
    return not name or name.startswith(("colour/", "deep/")) or name.endswith("/Y2")


def _soart(name: str) -> Phrase:
    parts = name.split("/")
    if len(parts) < 5:
        return Phrase(f"more of {name}", f"less of {name}")
    representation, channel, scale, part = parts[:4]
    size = _SCALES.get(scale, scale)
    of = "of " if size.startswith("the ") else ""
    if channel in _COLOURS:
        what = f"{size} {_COLOURS[channel]} {'contrast' if representation == 'raw' else 'pattern'}"
        return Phrase(f"more {of}{what}", f"less {of}{what}")
    turn = _TURNS.get(part, "angular")
    if representation == "raw":
        return Phrase(f"more {of}{size} {turn} detail", f"less {of}{size} {turn} detail")
    return Phrase(f"{size} texture rougher", f"{size} texture smoother")


def _colour(name: str) -> Phrase:
    _, plane, what = name.split("/")
    if plane == "hue":
        return Phrase(f"more {what}", f"less {what}")
    kind = "spread" if what == "deviation" else "level"
    return Phrase(*_PLAIN[plane, kind])


def phrases_of(names: Sequence[str], priors: Sequence[str] = ()) -> list[Phrase]:
    """The phrase of every item, then of every prior score."""
    found = []
    for name in names:
        head = name.split("/", 1)[0]
        if head == "colour":
            found.append(_colour(name))
        elif head == "deep":
            found.append(
                Phrase(
                    "content, as a network sees it, more to your taste",
                    "content, as a network sees it, less to your taste",
                )
            )
        else:
            found.append(_soart(name))
    return found + [Phrase(*_PRIORS.get(name, (f"more {name}", f"less {name}"))) for name in priors]
