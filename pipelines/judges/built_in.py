"""The table of built-in judges; each is imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType

from ...errors import JudgeError
from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ...metrics.damage.titles import damage_noun
from ...metrics.protocols import Judge


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in judge.

    Attributes:
        module: file of this folder that holds ``load(argument)``.
        default: argument if none is given; empty if the judge needs one.
        licence: a restriction of the usual weights, such as that commercial use is forbidden.
        prefix: put before the argument, for modules that hold several judges.
        needs: package that soart does not bring: its module, then its name; empty if there is none.
    """

    module: str
    summary: str
    argument: str = ""
    default: str = ""
    licence: str = ""
    prefix: str = ""
    needs: tuple[str, str] | tuple[()] = ()

    @property
    def missing(self) -> str:
        """Name of the package that it needs, if that is not installed; else empty."""
        return self.needs[1] if self.needs and find_spec(self.needs[0]) is None else ""

    def load(self, argument: str) -> Judge:
        """Load the judge."""
        if argument and not self.argument:
            raise JudgeError(f"This judge takes no argument, got {argument!r}: give its name alone.")
        if self.argument and not (argument or self.default):
            raise JudgeError(f"This judge needs an argument, NAME:{self.argument}, see docs/judges.md.")
        module = import_module(f".{self.module}", __package__)
        judge: Judge = module.load(self.prefix + (argument or self.default))
        return judge


def _scores(fault: str) -> BuiltIn:
    return BuiltIn("scores", f"freedom from {damage_noun(fault)}", prefix=fault)


#: By name, in the order of ``soart judges`` and docs/judges.md.
BUILT_IN: MappingProxyType[str, BuiltIn] = MappingProxyType(
    {
        OVERALL: BuiltIn(
            "scores",
            "how many people would like the picture, less deductions for poor quality and technical faults",
            prefix=OVERALL,
        ),
        TECHNICAL: BuiltIn("scores", "how well the picture is rendered; needs no network", prefix=TECHNICAL),
        "appeal": BuiltIn(
            "opinions",
            "how beautiful people in general find such a picture, rated from 1 to 7",
            prefix="appeal",
        ),
        "rated-quality": BuiltIn(
            "opinions",
            "how people in general rate its quality, from 0, lowest, to 1, highest",
            prefix="rated-quality",
        ),
        "nima": BuiltIn(
            "opinions",
            "how highly people who rate photographs would rate the picture, from 1 to 10 (NIMA)",
            prefix="nima",
        ),
        "adherence": BuiltIn(
            "adherence",
            "probability that the picture shows every phrase of its prompt that can be judged",
            argument="FOLDER",
            default="embedded",
        ),
        "faces": BuiltIn(
            "face_source", "the more, larger and sharper faces turned to the camera, the better, from 0 to 1"
        ),
        **{fault: _scores(fault) for fault in DETECTORS},
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
