"""soart as a node pack of ComfyUI, which loads, and names what is missing, even if a package is not installed."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from . import saved_workflows as saved_workflows
from .choose import SoartChoose
from .generate import SoartGenerate
from .optimize import SoartOptimize
from .rate_and_learn import SoartRate
from .score import SoartGate, SoartJudge, SoartRank, SoartScore
from .steer import SoartFactorEffects, SoartObserve, SoartPromptChoice
from .taste import SoartExplain, SoartTaste

NODES = [
    SoartRate,
    SoartChoose,
    SoartGenerate,
    SoartTaste,
    SoartPromptChoice,
    SoartObserve,
    SoartFactorEffects,
    SoartGate,
    SoartOptimize,
    # Not listed: saved workflows hold them, and SOART Rate & learn does what they do.
    SoartScore,
    SoartRank,
    SoartJudge,
    SoartExplain,
]


class SoartExtension(ComfyExtension):
    """The node pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes."""
        return list(NODES)


def comfy_entrypoint() -> SoartExtension:
    """Return the pack; ComfyUI calls this when it loads soart."""
    return SoartExtension()
