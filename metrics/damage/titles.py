"""Words for groups of items, so that an explanation can be read by somebody who knows no item.

A group is one property of a picture that has a more and a less: fine horizontal detail, saturation, lightness, a hue. Its direction is the
sign of the items that measure it.
"""

from __future__ import annotations

from .scorer import DETECTORS

#: What belongs beside suspicions of damage; the rates are those of benchmarks/damage_modes.py and build_detectors.py.
CAUTION = "Of undamaged pictures 6 to 11 in a hundred are suspected of something, and style can look like damage (a soft watercolour, a grainy film)"
#: What detectors find, where their names are no nouns.
_DAMAGES = {"jpeg": "JPEG artefacts", "fade": "fading", "saturate": "over-saturation", "pixelate": "pixelation"}


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
