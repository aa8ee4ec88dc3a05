"""Words for groups of items, so that an explanation can be read by somebody who knows no item.

A group is one property of a picture that has a more and a less: fine horizontal detail, saturation, lightness, a hue. Its direction is the
sign of the items that measure it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .technical import DETECTORS

_SCALES = {"s0": "the finest", "s1": "fine", "s2": "coarse", "s3": "the coarsest"}
_TURNS = {"line-h": "horizontal", "line-v": "vertical", "line-d": "diagonal", "line-u": "diagonal"}
_COLOURS = {"redgreen": "red–green", "blueyellow": "blue–yellow"}
_PRIORS = {
    "technical": ("technically better", "technically worse"),
    "others": ("more to others' liking", "less to others' liking"),
}
#: What belongs beside suspicions of damage; the rates are those of benchmarks/damage_modes.py and build_detectors.py.
CAUTION = "Of undamaged pictures 6 to 11 in a hundred are suspected of something, and style can look like damage (a soft watercolour, a grainy film)"
#: What detectors find, where their names are no nouns.
_DAMAGES = {"jpeg": "JPEG artefacts", "fade": "fading", "saturate": "over-saturation", "pixelate": "pixelation"}
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


def damage_noun(damage: str) -> str:
    """What a detector finds, as a noun."""
    return _DAMAGES.get(damage, damage)


def profile_title(name: str) -> str:
    """What people call a profile, by its own name: ``technical``, a detector's, or else a taste's."""
    if name == "technical":
        return "technical quality"
    return f"freedom from {damage_noun(name)}" if name in DETECTORS else f"taste: {name}"


def stored_title(name: str) -> str:
    """What people call the profile whose scores are stored under a name: ``technical-2``, ``taste:mine``; other names are left as they are."""
    plain, _, version = name.rpartition("-")
    if plain in ("technical", *DETECTORS) and version.isdecimal():
        return profile_title(plain)
    return profile_title(name.removeprefix("taste:")) if name.startswith("taste:") else name
