"""Names of judges and damages in words, for people."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from .names import DETECTORS, JUDGE, NOUNS, OVERALL, PERSON, TASTE, TECHNICAL

#: A warning to show beside suspicions of damage; the rates are those of benchmarks/score/kinds.py.
CAUTION = (
    "Up to 3 % of undamaged pictures are suspected of some damage, and style can look like damage (a soft watercolour, "
    "a grainy film)"
)
#: What the overall score is worth; the share is the mean of the sets of benchmarks/score/parts.py.
WORTH_OF_OVERALL = (
    "Of two generated pictures of one prompt, the overall score puts first the one that people prefer about two times in "
    "three, where chance is one in two."
)

#: Titles of soart's own judges besides the detectors.
_TITLES = {
    TECHNICAL: "technical quality",
    OVERALL: "overall score",
    "appeal": "general appeal",
    "rated-quality": "rated quality",
    "nima": "photographers' rating",
    "adherence": "adherence to the prompt",
    "faces": "faces",
}


def damage_noun(damage: str) -> str:
    """The damage of a detector as a noun, such as "fading" for ``fade``."""
    return NOUNS.get(damage, damage)


#: Start of a path on Linux, macOS or Windows.
_PATH = re.compile(r"[/~.\\]|[A-Za-z]:[/\\]")


def shared_name(name: str) -> str:
    """A stored name without folders: ``judge:clip:/home/ann/fine@1`` becomes ``judge:clip:fine@1``; hub names stay."""
    if not name.startswith(JUDGE):
        return name
    body, at, version = name.removeprefix(JUDGE).rpartition("@") if "@" in name else (name.removeprefix(JUDGE), "", "")
    kind, colon, argument = body.partition(":")
    # Long names are stored without their start, so that a path may begin anywhere and stand where the kind would.
    whole = argument if colon and not set("/\\") & set(kind) else body
    path = _PATH.match(whole) or "\\" in whole or whole.count("/") > 1 or (whole == body and "/" in whole)
    if not path:
        return name
    last = re.split(r"[/\\]+", whole.rstrip("/\\"))[-1] or "model"
    return f"{JUDGE}{f'{kind}:' if whole is argument else ''}{last}{at}{version}"


def title_of(name: str) -> str:
    """Title of a judge by its name: one of soart's own, a taste, or the stored name of a model."""
    if name in _TITLES:
        return _TITLES[name]
    if name.startswith(JUDGE):
        return f"judge: {shared_name(name).removeprefix(JUDGE).partition('@')[0]}"
    return f"freedom from {damage_noun(name)}" if name in DETECTORS else f"taste: {name}"


def model_title(name: str) -> str:
    """Title of a built-in judge by its label or stored name; of others their name without folder and version."""
    plain = shared_name(f"{JUDGE}{name.removeprefix(JUDGE)}").removeprefix(JUDGE).partition("@")[0]
    return _TITLES.get(plain, plain)


class Kind(StrEnum):
    """The kinds of judges, in the words of ``soart list judges``."""

    SCORE = "built in"
    TASTE = "taste"
    MODEL = "model"
    BLEND = "blend"
    PERSON = "person"
    CODE = "code"
    #: Values that soart's judges did not give, or those of several judges together.
    OTHER = "other"


class JudgeKey(NamedTuple):
    """The kind, name and version of the judge that gave stored values; nothing else reads the text they are stored under."""

    kind: Kind
    name: str
    version: str = ""

    @classmethod
    def of(cls, stored: str) -> JudgeKey:
        """The key of values that are stored under a text."""
        plain, _, version = stored.rpartition("-")
        if plain in (TECHNICAL, OVERALL, *DETECTORS) and version.isdecimal():
            return cls(Kind.SCORE, plain, version)
        if stored.startswith(JUDGE):
            name, _, version = stored.removeprefix(JUDGE).partition("@")
            return cls(Kind.MODEL, name, version)
        if stored.startswith(TASTE):
            return cls(Kind.TASTE, stored.removeprefix(TASTE))
        if stored.startswith(PERSON):
            return cls(Kind.PERSON, stored.removeprefix(PERSON))
        return cls(Kind.OTHER, stored)

    @property
    def points(self) -> bool:
        """True if the values are points, 0 to 100: those of built-in judges and tastes."""
        return self.kind in (Kind.SCORE, Kind.TASTE)


def stored_title(name: str) -> str:
    """Title of a judge by a stored name, such as ``technical-5`` or ``taste:mine``; others stay."""
    key = JudgeKey.of(name)
    return title_of(key.name if key.points else name) if key.points or key.kind is Kind.MODEL else name
