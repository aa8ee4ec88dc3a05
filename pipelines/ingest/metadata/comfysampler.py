"""Reads the settings of one sampler from the ComfyUI graph above it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...support.comfygraph import EMBEDDED, Graph, Link, Node
from .comfytexts import Texts
from .record import PictureMetadata, loras, record, size

_MODELS = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "model_path", "checkpoint", "gguf_name", "ckpt")


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
    model, added = _model(graph, node, guider)
    scheduled = sigmas or node
    denoise = graph.literal(graph.find(scheduled, "denoise"), "denoise")
    return record(
        "ComfyUI",
        source,
        prompt=_prompt(texts, positive),
        negative=_prompt(texts, negative),
        model=model,
        sampler=literal("sampler_name") or _sampler(graph, node_at("sampler")),
        scheduler=_schedule(graph, node, sigmas),
        seed=graph.literal(graph.find(noise, "noise_seed", "seed"), "noise_seed")
        if noise
        else literal("seed", "noise_seed"),
        steps=graph.literal(graph.find(scheduled, "steps"), "steps"),
        guidance=graph.literal(graph.find(guided, "cfg"), "cfg"),
        settings={
            "size": _size(graph, node),
            # 1 is a picture from noise alone.
            "denoise": None if denoise == 1 else denoise,
            "distilled guidance": _distilled(graph, positive),
            "loras": loras(added),
        },
    )


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
    return words[0] if len(words) == 1 else ", ".join(word for word in words if word.strip())


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
    """The checkpoint at the head of the chain of models, and the LoRAs on it; a merge of two models has no name."""
    added: list[tuple[object, object]] = []
    value = graph.find(node, "model") or graph.find(guider, "model")
    if value is None:
        return graph.literal(graph.find(node, *_MODELS), "ckpt_name"), added
    for _ in range(100):
        origin = graph.at(value)
        if origin is None or "model2" in origin[0].inputs:
            break
        inputs = origin[0].inputs
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
        origin = graph.at(graph.find(node, name))
        if origin and "width" in origin[0].inputs:
            inputs = origin[0].inputs
            return size(graph.literal(inputs["width"], "width"), graph.literal(inputs.get("height"), "height"))
    return None


def _distilled(graph: Graph, value: object) -> object:
    """Flux's distilled guidance, on the way from the encoder."""
    for _ in range(50):
        origin = graph.at(value)
        if origin is None:
            return None
        inputs = origin[0].inputs
        if "guidance" in inputs:
            return graph.literal(inputs["guidance"], "guidance")
        value = inputs.get("conditioning") or inputs.get("positive")
    return None
