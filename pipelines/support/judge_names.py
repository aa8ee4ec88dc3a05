"""The table of built-in judges and the names of all others, known without loading any."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ...metrics.damage.titles import Kind, damage_noun

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Group of the entry points at which packages offer judges.
GROUP = "soart.judges"

#: soart's scores of items that every picture has.
ITEM_SCORES = (OVERALL, TECHNICAL, *DETECTORS)
#: Folder of a collection that holds its raters' tastes, and the ends of the names of files of tastes and of blends with others.
TASTES_FOLDER, TASTE_SUFFIX, BLEND_SUFFIX = "tastes", ".taste.safetensors", ".blend.safetensors"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in judge."""

    module: str  # file of ``pipelines/judges`` that holds ``load(argument)``; empty for a score of items
    summary: str
    argument: str = ""
    default: str = ""  # argument if none is given; empty if the judge needs one
    licence: str = ""  # a restriction of the usual weights, such as that commercial use is forbidden
    prefix: str = ""  # put before the argument, for modules that hold several judges
    #: package that soart does not bring: its module, then its name; empty if there is none
    needs: tuple[str, str] | tuple[()] = ()
    kind: Kind = Kind.MODEL  # a score of soart, or a model of others, most of which are named with an argument

    @property
    def missing(self) -> str:
        """Name of the package that it needs, if that is not installed; else empty."""
        return self.needs[1] if self.needs and find_spec(self.needs[0]) is None else ""


_score = partial(BuiltIn, kind=Kind.SCORE)


#: The built-in judges by name, in the order of ``soart list judges`` and docs/judges.md; no taste may have one of these names.
BUILT_IN: MappingProxyType[str, BuiltIn] = MappingProxyType(
    {
        OVERALL: _score(
            "",
            "share of pictures by generators that it is ahead of, by what people like and rate highly, and by faults",
            prefix=OVERALL,
        ),
        TECHNICAL: _score("", "how well the picture is rendered; needs no network", prefix=TECHNICAL),
        "appeal": _score(
            "opinions",
            "how beautiful people in general find such a picture, rated from 1 to 7",
            prefix="appeal",
        ),
        "rated-quality": _score(
            "opinions",
            "how people in general rate its quality, from 0, lowest, to 1, highest",
            prefix="rated-quality",
        ),
        "nima": _score(
            "opinions",
            "how highly people who rate photographs would rate the picture, from 1 to 10 (NIMA)",
            prefix="nima",
        ),
        "adherence": _score(
            "adherence",
            "probability that the picture shows every phrase of its prompt that can be judged",
            argument="FOLDER",
            default="embedded",
        ),
        "faces": _score(
            "face_source", "the more, larger and sharper faces turned to the camera, the better, from 0 to 1"
        ),
        **{fault: _score("", f"freedom from {damage_noun(fault)}", prefix=fault) for fault in DETECTORS},
        "clip": BuiltIn(
            "embedding",
            "CLIP score: 100 × cosine of picture and prompt",
            argument="HUB_ID|FOLDER",
            default="openai/clip-vit-base-patch32",
            prefix="clip ",
        ),
        "siglip": BuiltIn(
            "embedding",
            "SigLIP's probability that picture and prompt belong together",
            argument="HUB_ID|FOLDER",
            default="google/siglip-base-patch16-224",
            prefix="siglip ",
        ),
        "pickscore": BuiltIn(
            "embedding",
            "PickScore, learnt from people's choices between pictures",
            argument="HUB_ID|FOLDER",
            default="yuvalkirstain/PickScore_v1",
            prefix="pickscore ",
        ),
        "aesthetic": BuiltIn(
            "aesthetic",
            "LAION aesthetic predictor v2 (on CLIP) or v2.5 (on SigLIP), from its file of weights",
            argument="HEAD[,HUB_ID|FOLDER]",
            licence="v2.5 is under the AGPL-3.0",
        ),
        "pyiqa": BuiltIn(
            "pyiqa",
            "any no-reference metric of the package pyiqa",
            argument="METRIC",
            licence="pyiqa forbids commercial use",
            needs=("pyiqa", "pyiqa"),
        ),
        "vqascore": BuiltIn(
            "vqa",
            "VQAScore: probability of yes to a question about the picture",
            argument="HUB_ID|FOLDER",
            default="Salesforce/blip-vqa-base",
        ),
        "image-reward": BuiltIn(
            "rewards",
            "ImageReward, by its own package",
            argument="MODEL",
            default="ImageReward-v1.0",
            prefix="image-reward ",
            needs=("ImageReward", "image-reward"),
        ),
        "hpsv2": BuiltIn(
            "rewards",
            "human preference score v2, by its own package",
            argument="VERSION",
            default="v2.1",
            prefix="hpsv2 ",
            needs=("hpsv2", "hpsv2"),
        ),
        "hpsv3": BuiltIn(
            "rewards",
            "human preference score v3, by its own package; needs a GPU for its 7 billion weights",
            argument="DEVICE",
            default="cuda",
            prefix="hpsv3 ",
            needs=("hpsv3", "hpsv3"),
        ),
    }
)


def offered_judges() -> Mapping[str, EntryPoint]:
    """Entry points of other packages' judges by name; the first of a name counts, and built-in judges stay."""
    # Installing a package or removing it changes its folder.
    return _offered_in(tuple((place, _changed(place)) for place in sys.path))


def names_alone(tastes: Sequence[str]) -> list[str]:
    """Names of the judges that need no argument: soart's scores, these tastes, those of other packages, and faults."""
    scores = [name for name, judge in BUILT_IN.items() if judge.kind is Kind.SCORE and name not in DETECTORS]
    own = [name for name in tastes if name not in BUILT_IN]
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
        if entry.name not in BUILT_IN:
            entries.setdefault(entry.name, entry)
    return MappingProxyType(entries)
