"""Soart as a node pack of ComfyUI; a clone of the repository in ``custom_nodes`` is one.

The heavy parts are imported when a node runs, so that the pack is there, and says what is missing, even where a package is not installed.
"""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .generate import SoartGenerate
from .score import SoartGate, SoartRank, SoartScore
from .steer import SoartFactorEffects, SoartObserve, SoartPromptChoice
from .taste import SoartExplain, SoartTaste

NODES = [
    SoartGenerate,
    SoartScore,
    SoartRank,
    SoartTaste,
    SoartExplain,
    SoartPromptChoice,
    SoartObserve,
    SoartFactorEffects,
    SoartGate,
]


class SoartExtension(ComfyExtension):
    """The pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes."""
        return list(NODES)


def comfy_entrypoint() -> SoartExtension:
    """What ComfyUI calls when it loads the pack."""
    return SoartExtension()
