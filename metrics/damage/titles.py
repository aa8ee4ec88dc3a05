"""Names of profiles and damages in words, for people."""

from __future__ import annotations

from .scorer import DETECTORS, NOUNS

#: A warning to show beside suspicions of damage; the rates are those of benchmarks/kinds.py.
CAUTION = (
    "Up to 2 % of undamaged pictures are suspected of some damage, and style can look like damage (a soft watercolour, a "
    "grainy film)"
)


#: Start of the names under which values of judges by others are stored.
JUDGE = "judge:"


def damage_noun(damage: str) -> str:
    """The damage of a detector as a noun, such as "fading" for ``fade``."""
    return NOUNS.get(damage, damage)


def profile_title(name: str) -> str:
    """Title of a profile by its name: ``technical``, a detector or a taste."""
    if name == "technical":
        return "technical quality"
    if name.startswith(JUDGE):
        return f"judge: {name.removeprefix(JUDGE).partition('@')[0]}"
    return f"freedom from {damage_noun(name)}" if name in DETECTORS else f"taste: {name}"


def stored_title(name: str) -> str:
    """Title of a profile by the name that its scores are stored under; other names stay as they are.

    Such names are ``technical-5``, ``taste:mine`` and ``judge:clip@1``.
    """
    plain, _, version = name.rpartition("-")
    if plain in ("technical", *DETECTORS) and version.isdecimal():
        return profile_title(plain)
    if name.startswith(JUDGE):
        return profile_title(name)
    return profile_title(name.removeprefix("taste:")) if name.startswith("taste:") else name


def has_points(name: str) -> bool:
    """True if scores stored under a name are points, 0 to 100: those of the technical score, detectors and tastes."""
    return stored_title(name) != name and not name.startswith(JUDGE)
