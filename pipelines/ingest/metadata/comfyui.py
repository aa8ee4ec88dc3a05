"""Reads ComfyUI's graphs, upwards from the sampler of the saved picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...support.comfygraph import Graph, base_samplers
from ...support.comfyworkflow import graph_of_workflow
from .comfysampler import read_sampler
from .comfytexts import Texts
from .record import PictureMetadata, guarded, read_object, record

_FIELDS = ("prompt", "negative", "model", "sampler", "scheduler", "seed", "steps", "guidance")


def read_comfyui(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read the graph that ran (``prompt``), else the editor's (``workflow``), from PNG text or EXIF."""
    prompt, workflow = None, None
    for key in ("prompt", "workflow", "UserComment", "ImageDescription", "Make", "Model", "Comment"):
        text = texts.get(key, "")
        # WebP and JPEG have no names: "prompt:{...}", "Workflow: {...}".
        label = re.match(r"\s*(prompt|workflow)\s*:\s*(?=\{)", text[:40], re.IGNORECASE)
        values = read_object(text[label.end() :] if label else text)
        if values is None:
            continue
        for candidate, nested in (
            (values, values),
            (_inner(values, "prompt"), values),
            (_inner(values, "workflow"), values),
        ):
            if not candidate:
                continue
            if prompt is None and any(isinstance(n, dict) and "class_type" in n for n in candidate.values()):
                prompt = candidate, places[key], nested
            elif workflow is None and isinstance(candidate.get("nodes"), list):
                workflow = candidate, places[key]
    if prompt:
        graph = Graph.of_prompt(prompt[0])
        edited = guarded(graph_of_workflow, workflow[0]) if workflow else None
        if graph and edited:
            graph.add_outputs(edited)
        metadata = read_graph(graph, prompt[1]) if graph else None
        if metadata is not None:
            return _civitai(prompt[2], metadata)
    if workflow:
        graph = graph_of_workflow(workflow[0])
        return read_graph(graph, workflow[1]) if graph else None
    return None


def _inner(values: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    inner = values.get(name)
    return inner if isinstance(inner, dict) else read_object(inner) if isinstance(inner, str) else None


def _civitai(values: Mapping[str, Any], graph: PictureMetadata) -> PictureMetadata:
    """The metadata of a graph with the final values that Civitai's generator writes beside it."""
    extra = read_object(values.get("extraMetadata")) if isinstance(values.get("extraMetadata"), str) else None
    if not extra or not isinstance(extra.get("prompt"), str):
        return graph
    return record(
        "Civitai", graph.source, prompt=extra["prompt"], negative=extra.get("negativePrompt"), model=graph.model,
        sampler=extra.get("sampler") or graph.sampler, scheduler=graph.scheduler, seed=extra.get("seed", graph.seed),
        steps=extra.get("steps", graph.steps), guidance=extra.get("cfgScale", graph.guidance),
        settings=graph.settings,
    )  # fmt: skip


def read_graph(graph: Graph, source: str) -> PictureMetadata:
    """The metadata that all pictures of a graph have in common; the first sampler of a chain counts."""
    texts = Texts(graph)
    bases = [read_sampler(graph, texts, graph.nodes[name], source) for name in base_samplers(graph)]
    if not bases:
        return record("ComfyUI", source)
    agreed = {name: getattr(bases[0], name) for name in _FIELDS if len({getattr(b, name) for b in bases}) == 1}
    guessed = any(base.guessed for base in bases)
    settings = {k: v for k, v in bases[0].settings.items() if all(b.settings.get(k) == v for b in bases)}
    return record("ComfyUI", source, settings=settings, guessed=guessed, **agreed)
