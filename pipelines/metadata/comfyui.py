"""ComfyUI: what its graphs say of the picture, from the sampler up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .comfygraph import Graph, Link, Node
from .comfyworkflow import graph_of_workflow
from .record import PictureMetadata, loras, read_object, record, size

# Everything above a sampler but the picture it starts from.
_NO_PICTURE = frozenset(
    {
        "positive",
        "negative",
        "conditioning",
        "model",
        "clip",
        "vae",
        "guider",
        "sigmas",
        "noise",
        "seed",
        "noise_seed",
        "sampler",
    }
    | {"control_net", "text", "prompt", "text_embeds", "steps", "cfg", "clip_vision", "style_model"}
)
_MODELS = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "model_path", "checkpoint", "gguf_name", "ckpt")
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
        for found, nested in (
            (values, values),
            (_inner(values, "prompt"), values),
            (_inner(values, "workflow"), values),
        ):
            if found and prompt is None and any(isinstance(n, dict) and "class_type" in n for n in found.values()):
                prompt = found, places[key], nested
            elif found and workflow is None and isinstance(found.get("nodes"), list):
                workflow = found, places[key]
    if prompt:
        graph = Graph.of_prompt(prompt[0])
        made = read_graph(graph, prompt[1]) if graph else None
        if made is not None:
            return _civitai(prompt[2], made)
    if workflow:
        graph = graph_of_workflow(workflow[0])
        return read_graph(graph, workflow[1]) if graph else None
    return None


def _inner(values: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    inner = values.get(name)
    return inner if isinstance(inner, dict) else read_object(inner) if isinstance(inner, str) else None


def _civitai(values: Mapping[str, Any], made: PictureMetadata) -> PictureMetadata:
    """Civitai's generator writes the final values beside its graph."""
    extra = read_object(values.get("extraMetadata")) if isinstance(values.get("extraMetadata"), str) else None
    if not extra or not isinstance(extra.get("prompt"), str):
        return made
    return record(
        "Civitai",
        made.source,
        prompt=extra["prompt"],
        negative=extra.get("negativePrompt"),
        model=made.model,
        sampler=extra.get("sampler") or made.sampler,
        scheduler=made.scheduler,
        seed=extra.get("seed", made.seed),
        steps=extra.get("steps", made.steps),
        guidance=extra.get("cfgScale", made.guidance),
        settings=made.settings,
    )


def read_graph(graph: Graph, source: str) -> PictureMetadata:
    """What is the same for every picture that the graph makes; the first sampler of a chain counts."""
    bases = [_sampled(graph, graph.nodes[name], source) for name in base_samplers(graph)]
    if not bases:
        return record("ComfyUI", source)
    agreed = {name: getattr(bases[0], name) for name in _FIELDS if len({getattr(b, name) for b in bases}) == 1}
    settings = {k: v for k, v in bases[0].settings.items() if all(b.settings.get(k) == v for b in bases)}
    return record("ComfyUI", source, settings=settings, **agreed)


def base_samplers(graph: Graph) -> list[str]:
    """Names of the samplers from which the saved pictures start: no other sampler is above them."""
    used = {v.node for node in graph.nodes.values() for v in node.inputs.values() if isinstance(v, Link)}
    ends = [name for name in graph.nodes if name not in used]
    for wanted in ("save", "preview"):
        kept = [name for name in graph.nodes if wanted in graph.nodes[name].kind.lower()]
        if kept:
            ends = kept
            break
    above = set(graph.upstream(iter(Link(name, 0) for name in ends), frozenset()))
    samplers = {name for name in graph.nodes if name in above and is_sampler(graph.nodes[name])}
    if not samplers:
        # Nodes of paid services: one call with the prompt in it.
        calls = [name for name in above if {"prompt", "seed"} <= graph.nodes[name].inputs.keys()]
        return calls if len(calls) == 1 else []
    if len(samplers) > 100:
        return []
    return [name for name in graph.nodes if name in samplers and not _starts_from(graph, name) & samplers]


def _starts_from(graph: Graph, name: str) -> set[str]:
    links = (v for k, v in graph.nodes[name].inputs.items() if isinstance(v, Link) and k not in _NO_PICTURE)
    return set(graph.upstream(links, _NO_PICTURE)) - {name}


def is_sampler(node: Node) -> bool:
    """Whether a node turns noise into a picture, by what goes in."""
    names = node.inputs.keys()
    seeded = bool({"seed", "noise_seed", "noise"} & names)
    stepped = bool({"steps", "sigmas"} & names)
    if "guider" in names and stepped:
        return True
    if "positive" in names and seeded and stepped and not re.search("presampling|loader", node.kind, re.IGNORECASE):
        return True
    kind = node.kind.lower()
    return "sampler" in kind and ((seeded and stepped and "text_embeds" in names) or "pipe" in names)


def _sampled(graph: Graph, node: Node, source: str) -> PictureMetadata:
    def held(name: str, *names: str) -> object:
        return graph.literal(graph.find(node, name, *names), name)

    def behind(name: str) -> Node | None:
        found = graph.at(graph.find(node, name))
        return found[0] if found else None

    guider, noise, sigmas, embeds = behind("guider"), behind("noise"), behind("sigmas"), behind("text_embeds")
    asked = guider or node
    positive = graph.find(asked, "positive", "conditioning", "cond1", "prompt")
    negative = graph.find(asked, "negative", "negative_prompt")
    if embeds is not None:
        positive, negative = embeds.inputs.get("positive_prompt"), embeds.inputs.get("negative_prompt")
    for _ in range(20):
        # Sigmas are split and cut on their way.
        if sigmas is None or "steps" in sigmas.inputs:
            break
        found = graph.at(sigmas.inputs.get("sigmas"))
        sigmas = found[0] if found else None
    model, added = _model(graph, node, guider)
    scheduled = sigmas or node
    return record(
        "ComfyUI",
        source,
        prompt=_prompt(graph, positive),
        negative=_prompt(graph, negative),
        model=model,
        sampler=held("sampler_name") or _sampler(graph, behind("sampler")),
        scheduler=_schedule(graph, node, sigmas),
        seed=graph.literal(graph.find(noise, "noise_seed", "seed"), "noise_seed")
        if noise
        else held("seed", "noise_seed"),
        steps=graph.literal(graph.find(scheduled, "steps"), "steps"),
        guidance=graph.literal(graph.find(asked, "cfg"), "cfg"),
        settings={
            "size": _size(graph, node),
            "denoise": graph.literal(graph.find(scheduled, "denoise"), "denoise"),
            "distilled guidance": _distilled(graph, positive),
            "loras": loras(added),
        },
    )


def _prompt(graph: Graph, value: object) -> str | None:
    words = graph.words(value)
    return ", ".join(word.strip(" ,\n") for word in words) if words else graph.text(value) if words is None else None


def _sampler(graph: Graph, node: Node | None) -> object:
    """``euler_ancestral`` of a node with that input, or of one named ``SamplerEulerAncestral``."""
    if node is None:
        return None
    named = graph.literal(graph.find(node, "sampler_name"), "sampler_name")
    if named or not node.kind.startswith("Sampler"):
        return named
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.kind.removeprefix("Sampler")).lower().replace("__", "_") or None


def _schedule(graph: Graph, node: Node, sigmas: Node | None) -> object:
    named = graph.literal(graph.find(sigmas or node, "scheduler"), "scheduler")
    if named or sigmas is None or not sigmas.kind.endswith("Scheduler"):
        return named
    return sigmas.kind.removesuffix("Scheduler").lower() or None


def _model(graph: Graph, node: Node, guider: Node | None) -> tuple[object, list[tuple[object, object]]]:
    """The checkpoint at the head of the chain of models, and the LoRAs on it; a merge of two has no one name."""
    added: list[tuple[object, object]] = []
    value = graph.find(node, "model") or graph.find(guider, "model")
    if value is None:
        return graph.literal(graph.find(node, *_MODELS), "ckpt_name"), added
    for _ in range(100):
        found = graph.at(value)
        if found is None or "model2" in found[0].inputs:
            break
        inputs = found[0].inputs
        added[:0] = _added(graph, inputs)
        name = next((inputs[key] for key in _MODELS if inputs.get(key) is not None), inputs.get("model"))
        if not isinstance(name, Link) or any(key in inputs for key in _MODELS):
            return (
                graph.literal(name, "ckpt_name")
                if name is not None
                else graph.literal(graph.find(found[0], *_MODELS), "ckpt_name")
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
    """The size of the empty latent at the start, if it is one."""
    for name in ("latent_image", "latent", "samples"):
        found = graph.at(graph.find(node, name))
        if found and "width" in found[0].inputs:
            inputs = found[0].inputs
            return size(graph.literal(inputs["width"], "width"), graph.literal(inputs.get("height"), "height"))
    return None


def _distilled(graph: Graph, value: object) -> object:
    """Flux's own guidance on the way from the encoder."""
    for _ in range(50):
        found = graph.at(value)
        if found is None:
            return None
        if "guidance" in found[0].inputs:
            return graph.literal(found[0].inputs["guidance"], "guidance")
        value = found[0].inputs.get("conditioning") or found[0].inputs.get("positive")
    return None
