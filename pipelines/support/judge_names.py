"""Names of judges, known without loading any."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Group of the entry points at which packages offer judges.
GROUP = "soart.judges"

#: Judges that need no model of others; models of others, most of which are named with an argument.
SCORES = (OVERALL, TECHNICAL, "appeal", "rated-quality", "nima", "adherence", "faces", *DETECTORS)
MODELS = ("clip", "siglip", "pickscore", "aesthetic", "pyiqa", "vqascore", "image-reward", "hpsv2", "hpsv3")
#: The built-in judges, in the order in which they are listed; no taste may have one of these names.
JUDGES = (*SCORES, *MODELS)

#: Folder of a collection that holds its raters' tastes, and the end of the name of a taste's file.
TASTES_FOLDER, TASTE_SUFFIX = "tastes", ".taste.safetensors"


def offered_judges() -> Mapping[str, EntryPoint]:
    """Entry points of other packages' judges by name; the first of a name counts, and built-in judges stay."""
    # Installing a package or removing it changes its folder.
    return _offered_in(tuple((place, _changed(place)) for place in sys.path))


def names_alone(tastes: Sequence[str]) -> list[str]:
    """Names of the judges that need no argument: soart's scores, these tastes, those of other packages, and faults."""
    scores = [name for name in SCORES if name not in DETECTORS]
    own = [name for name in tastes if name not in JUDGES]
    return [*scores, *own, *(name for name in offered_judges() if name not in own), *DETECTORS]


def _changed(place: str) -> int:
    """When a folder or file was last changed, in ns; 0 if there is none."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _offered_in(places: tuple[tuple[str, int], ...]) -> Mapping[str, EntryPoint]:
    """As ``offered_judges``, where packages are in these ``places``; reading all of them takes tens of milliseconds."""
    # Not every command that scores needs this import.
    from importlib.metadata import entry_points

    entries: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in JUDGES:
            entries.setdefault(entry.name, entry)
    return MappingProxyType(entries)
