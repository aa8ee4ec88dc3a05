"""Reads workflows that earlier versions saved: inputs that have another name now.

Graphs in API form are read here, before ComfyUI checks them; those of the front end in ``web/saved_workflows.js``.
"""

from __future__ import annotations

from typing import Any

from server import PromptServer

#: Present names of inputs by their earlier ones, of every node of soart.
RENAMED = {"profile": "by", "judge": "by"}


def _read(document: dict[str, Any]) -> dict[str, Any]:
    """Rename the inputs of a graph that is to run; ComfyUI calls this with every one."""
    prompt = document.get("prompt")
    for node in prompt.values() if isinstance(prompt, dict) else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if not isinstance(inputs, dict) or not str(node.get("class_type")).startswith("Soart"):
            continue
        for earlier, name in RENAMED.items():
            if earlier in inputs:
                inputs.setdefault(name, inputs.pop(earlier))
    return document


PromptServer.instance.add_on_prompt_handler(_read)
