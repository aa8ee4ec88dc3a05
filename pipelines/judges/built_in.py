"""The table of built-in judges; each is imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from ...errors import JudgeError
from ...metrics.protocols import PictureJudge


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in judge.

    Attributes:
        module: file of this room that holds ``load(argument)``.
        summary: one line.
        argument: in words; empty if the judge takes none.
        default: argument if none is given; empty if the judge needs one.
        licence: a restriction of the usual weights, such as that commercial use is forbidden.
    """

    module: str
    summary: str
    argument: str = ""
    default: str = ""
    licence: str = ""

    def load(self, argument: str) -> PictureJudge:
        """Load the judge.

        Raises:
            JudgeError: an argument is missing, or not taken.
        """
        if argument and not self.argument:
            raise JudgeError(f"This judge takes no argument, got {argument!r}: give its name alone.")
        if self.argument and not (argument or self.default):
            raise JudgeError(f"This judge needs an argument, NAME:{self.argument}, see docs/judges.md.")
        module = import_module(f".{self.module}", __package__)
        judge: PictureJudge = module.load(argument or self.default)
        return judge


#: By name, in the order of ``soart doctor`` and docs/judges.md.
BUILT_IN: MappingProxyType[str, BuiltIn] = MappingProxyType(
    {
        "adherence": BuiltIn(
            "adherence",
            "probability that the picture shows every phrase of its prompt; knows the words of the embedded model",
            argument="FOLDER",
            default="embedded",
        ),
    }
)
