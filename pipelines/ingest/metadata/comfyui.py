"""Reads ComfyUI's graphs, upwards from the sampler of the saved picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...support.comfygraph import EMBEDDED, Graph, Link, Node, base_samplers
from ...support.comfyswitch import agreed
from ...support.comfyworkflow import graph_of_workflow
from .comfytexts import Guess, Texts, join
from .record import PictureMetadata, guarded, loras, read_object, record, size

_MODELS = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "model_path", "checkpoint", "gguf_name", "ckpt")
_MOST_SWITCHES = 20
_FIELDS = ("prompt", "negative", "model", "sampler", "scheduler", "seed", "steps", "guidance")


def read_sampler(graph: Graph, texts: Texts, node: Node, source: str) -> PictureMetadata:
    """The texts, numbers and names that arrive at a sampler; each is unknown if a node on the way computes it."""

    def literal(name: str, *names: str) -> object:
        return graph.literal(graph.find(node, name, *names), name)

    def node_at(name: str) -> Node | None:
        origin = graph.at(graph.find(node, name))
        return origin[0] if origin else None

    guider, noise, sigmas = node_at("guider"), node_at("noise"), node_at("sigmas")
    embeds = _encoder(graph, graph.find(node, *EMBEDDED))
    guided = guider or node
    positive = graph.find(guided, "positive", "conditioning", "cond1", "prompt")
    negative = graph.find(guided, "negative", "negative_prompt")
    if embeds is not None:
        positive = graph.find(embeds, "positive_prompt", "positive", "prompt")
        negative = graph.find(embeds, "negative_prompt", "negative")
    for _ in range(20):
        # Sigmas are split and cut on their way.
        if sigmas is None or "steps" in sigmas.inputs:
            break
        origin = graph.at(sigmas.inputs.get("sigmas"))
        sigmas = origin[0] if origin else None
    chain = graph.find(node, "model") or graph.find(guider, "model")
    model, added = (
        (graph.literal(graph.find(node, *_MODELS), "ckpt_name"), []) if chain is None else _model(graph, chain)
    )
    scheduled = sigmas or node
    denoise = graph.literal(graph.find(scheduled, "denoise"), "denoise")
    prompt = _prompt(texts, positive)
    return record(
        "ComfyUI",
        source,
        prompt=prompt,
        guessed=isinstance(prompt, Guess),
        negative=_prompt(texts, negative),
        model=model,
        sampler=literal("sampler_name") or _behind(graph, graph.find(node, "sampler"), lambda n: _sampler(graph, n)),
        scheduler=_schedule(graph, node, sigmas),
        seed=_behind(
            graph, graph.find(node, "noise"), lambda n: graph.literal(graph.find(n, "noise_seed", "seed"), "noise_seed")
        )
        if noise
        else literal("seed", "noise_seed"),
        steps=graph.literal(graph.find(scheduled, "steps"), "steps"),
        guidance=graph.literal(graph.find(guided, "cfg"), "cfg"),
        settings={
            "size": _size(graph, node),
            # 1 is a picture from noise alone.
            "denoise": None if denoise == 1 else denoise,
            "distilled guidance": _distilled(graph, positive),
            "loras": loras(added or ()),
        },
    )


def _behind(graph: Graph, value: object, read: Callable[[Node], object], depth: int = 0) -> object:
    """Result of ``read`` at the node behind a link; behind a switch, that on which all branches agree."""
    origin = graph.at(value)
    if origin is None or depth > _MOST_SWITCHES:
        return None
    branches = graph.branches(origin[0])
    if not branches:
        return read(origin[0])
    return agreed([_behind(graph, branch, read, depth + 1) for branch in branches])


def _encoder(graph: Graph, value: object) -> Node | None:
    """The node that encodes the texts of a video sampler, past those that change its embeddings."""
    for _ in range(50):
        origin = graph.at(value)
        inside = graph.find(origin[0], *EMBEDDED, "original_text_embeds") if origin else None
        if origin is None or inside is None:
            return origin[0] if origin else None
        value = inside
    return None


def _prompt(texts: Texts, value: object) -> str | None:
    words = texts.words(value)
    if words is None:
        return texts.text(value)
    parts = [word for word in words if word.strip()] if len(words) > 1 else words
    return join([text for part in parts[:-1] for text in (part, _separator(part))] + parts[-1:], "")


def _separator(text: str) -> str:
    """The text between ``text`` and the next one: a comma and a space, as far as it does not end with them."""
    if not text.rstrip().endswith(","):
        return ", "
    return "" if text[-1].isspace() else " "


def _sampler(graph: Graph, node: Node) -> object:
    """``euler_ancestral`` of a node with that input, or of one named ``SamplerEulerAncestral``."""
    named = graph.literal(graph.find(node, "sampler_name"), "sampler_name")
    if named or not node.kind.startswith("Sampler"):
        return named
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.kind.removeprefix("Sampler")).lower().replace("__", "_") or None


def _schedule(graph: Graph, node: Node, sigmas: Node | None) -> object:
    named = graph.literal(graph.find(sigmas or node, "scheduler"), "scheduler")
    if named or sigmas is None or not sigmas.kind.endswith("Scheduler"):
        return named
    return sigmas.kind.removesuffix("Scheduler").lower() or None


def _model(graph: Graph, value: object, depth: int = 0) -> tuple[object, list[tuple[object, object]] | None]:
    """The checkpoint at the head of the chain of models, and the LoRAs on it; None behind merges and open switches."""
    added: list[tuple[object, object]] = []
    for _ in range(100):
        origin = graph.at(value)
        if origin is None:
            break
        inputs = origin[0].inputs
        branches = None if {*_MODELS, "model"} & inputs.keys() else graph.branches(origin[0])
        if branches:
            if depth > _MOST_SWITCHES:
                return None, None
            names, before = zip(*(_model(graph, branch, depth + 1) for branch in branches), strict=True)
            common = agreed(before)
            return agreed(names), None if common is None else [*common, *added]
        if "model2" in inputs:
            break
        added[:0] = _added(graph, inputs)
        name = next((inputs[key] for key in _MODELS if inputs.get(key) is not None), inputs.get("model"))
        if not isinstance(name, Link) or any(key in inputs for key in _MODELS):
            return (
                graph.literal(name, "ckpt_name")
                if name is not None
                else graph.literal(graph.find(origin[0], *_MODELS), "ckpt_name")
            ), added
        value = name
    return None, added


def _added(graph: Graph, inputs: Mapping[str, Any]) -> list[tuple[object, object]]:
    if "lora_name" in inputs:
        name = graph.literal(inputs["lora_name"], "lora_name")
        weight = inputs.get("strength_model", inputs.get("lora_model_strength", inputs.get("strength")))
        return [] if name == "None" else [(name, graph.literal(weight, "strength_model"))]
    # A stack in one node: {"lora_1": {"on": true, "lora": "a.safetensors", "strength": 0.8}}.
    stack = [value for name, value in inputs.items() if name.lower().startswith("lora_") and isinstance(value, dict)]
    return [(item.get("lora"), item.get("strength")) for item in stack if item.get("on")]


def _size(graph: Graph, node: Node) -> str | None:
    """The size of the latent that the sampler starts from, if it is an empty one."""
    for name in ("latent_image", "latent", "samples"):
        found = _behind(graph, graph.find(node, name), lambda latent: _empty_size(graph, latent))
        if isinstance(found, str):
            return found
    return None


def _empty_size(graph: Graph, latent: Node) -> str | None:
    if "width" not in latent.inputs:
        return None
    width, height = (graph.literal(latent.inputs.get(name), name) for name in ("width", "height"))
    return size(width, height)


def _distilled(graph: Graph, value: object, depth: int = 0) -> object:
    """Flux's distilled guidance, on the way from the encoder."""
    for _ in range(50):
        origin = graph.at(value)
        if origin is None:
            return None
        inputs = origin[0].inputs
        if "guidance" in inputs:
            return graph.literal(inputs["guidance"], "guidance")
        branches = graph.branches(origin[0])
        if branches:
            if depth > _MOST_SWITCHES:
                return None
            return agreed([_distilled(graph, branch, depth + 1) for branch in branches])
        value = inputs.get("conditioning") or inputs.get("positive")
    return None


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
