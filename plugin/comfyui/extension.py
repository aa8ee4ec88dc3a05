"""soart as a node pack of ComfyUI, which loads, and names what is missing, even if a package is not installed."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import ComfyExtension, io
from server import PromptServer

from .choose import SoartChoose
from .generate import SoartGenerate
from .optimize import SoartOptimize
from .rate_and_learn import SoartRate
from .score import SoartGate, SoartJudge, SoartRank, SoartScore
from .steer import SoartFactorEffects, SoartObserve, SoartPromptChoice
from .taste import SoartExplain, SoartTaste

#: Present names of inputs by their earlier ones, of every node of soart.
RENAMED = {"profile": "by", "judge": "by"}
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


def _rename_inputs(document: dict[str, Any]) -> dict[str, Any]:
    """Rename the inputs of a graph in API form that an earlier version saved; ComfyUI calls this with every one that is to run.

    Those of the front end are read in ``web/saved_workflows.js``.
    """
    prompt = document.get("prompt")
    for node in prompt.values() if isinstance(prompt, dict) else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if not isinstance(inputs, dict) or not str(node.get("class_type")).startswith("Soart"):
            continue
        for earlier, name in RENAMED.items():
            if earlier in inputs:
                inputs.setdefault(name, inputs.pop(earlier))
    return document


PromptServer.instance.add_on_prompt_handler(_rename_inputs)


class SoartExtension(ComfyExtension):
    """The node pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes."""
        return list(NODES)


def comfy_entrypoint() -> SoartExtension:
    """Return the pack; ComfyUI calls this when it loads soart."""
    return SoartExtension()
