"""Turns workflows of ComfyUI's editor, with subgraphs and named widgets, into graphs and into the API format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .comfygraph import Graph, Link, Node

_MUTED, _BYPASSED = 2, 4
_INPUT, _OUTPUT = -10, -20
#: Shape of an output that hands out a list.
_LIST = 6
_DEEPEST = 12
_MOST_NODES = 10_000
_MOST_SCOPES = 500
_SAMPLING = ("steps", "cfg", "sampler_name", "scheduler", "denoise")
#: Widgets of nodes that old workflows save without names. The editor adds a word of ``_CONTROL`` after a seed.
_WIDGETS: dict[str, tuple[str, ...]] = {
    "KSampler": ("seed", *_SAMPLING),
    "KSampler (Efficient)": ("seed", *_SAMPLING),
    "KSamplerAdvanced": (
        "add_noise",
        "noise_seed",
        *_SAMPLING[:4],
        "start_at_step",
        "end_at_step",
        "return_with_leftover_noise",
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "cfg"),
    "RandomNoise": ("noise_seed",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KSamplerSelect": ("sampler_name",),
    "CFGGuider": ("cfg",),
    "FluxGuidance": ("guidance",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeSDXL": ("width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l"),
    "CLIPTextEncodeSDXLRefiner": ("ascore", "width", "height", "text"),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CLIPTextEncodeSD3": ("clip_l", "clip_g", "t5xxl", "empty_padding"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CheckpointLoader": ("config_name", "ckpt_name"),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "UnetLoaderGGUF": ("unet_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "PrimitiveNode": ("value", "control"),
    "StringConcatenate": ("string_a", "string_b", "delimiter"),
    "GetNode": ("name",),
    "SetNode": ("name",),
}
_CONTROL = ("fixed", "increment", "decrement", "randomize")
#: Nodes that the editor keeps for itself: notes, values and links on their way.
_NOTES, _PRIMITIVE, _ON_THE_WAY = ("Note", "MarkdownNote"), "PrimitiveNode", ("Reroute", "SetNode", "GetNode")
#: Names of the widgets of a class of nodes in order; an empty name is that of one whose value the API format leaves out.
Names = Callable[[str], Sequence[str]]


def _known_names(kind: str) -> Sequence[str]:
    return _WIDGETS.get(kind, ())


def graph_of_workflow(workflow: Mapping[str, Any], names: Names = _known_names) -> Graph | None:
    """The graph that a workflow saved by the editor runs as; ``None`` for other objects. ``names`` are of widgets."""
    if not isinstance(workflow.get("nodes"), list):
        return None
    definitions = workflow.get("definitions")
    listed = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    subgraphs = {str(item.get("id")): item for item in _objects(listed)}
    nodes: dict[str, Node] = {}
    for name, node in _Scope(workflow, subgraphs, "", None, {}, names).flat(0):
        nodes[name] = node
        if len(nodes) >= _MOST_NODES:
            break
    return Graph(nodes) if nodes else None


def prompt_of_workflow(workflow: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The API format of a saved workflow, as the editor exports it; ValueError for more subgraphs than are needed."""
    graph = graph_of_workflow(workflow, names)
    nodes = graph.nodes if graph else {}
    alone = {*_NOTES, _PRIMITIVE, *_ON_THE_WAY}
    return {
        number: {
            "class_type": node.kind,
            "inputs": {
                name: [value.node, value.slot] if isinstance(value, Link) else value
                for name, own in node.inputs.items()
                if name and (value := _arriving(nodes, own)) is not None
            },
            "_meta": {"title": node.title or node.kind},
        }
        for number, node in nodes.items()
        if node.kind not in alone
    }


def _arriving(nodes: Mapping[str, Node], value: object) -> object:
    """The link or value that arrives at an input past the nodes that the editor keeps for itself; ``None`` for nothing."""
    for _ in range(10 * _DEEPEST):
        node = nodes.get(value.node) if isinstance(value, Link) else None
        if node is None:
            return None if isinstance(value, Link) else value
        if node.kind == _PRIMITIVE:
            return node.inputs.get("value")
        if node.kind not in _ON_THE_WAY:
            return value
        value = next((one for one in node.inputs.values() if isinstance(one, Link)), None)
    return None


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _Scope:
    """One level of a workflow: the whole, or a subgraph that stands for node ``instance`` of its parent."""

    def __init__(
        self,
        graph: Mapping[str, Any],
        subgraphs: Mapping[str, Any],
        prefix: str,
        parent: _Scope | None,
        instance: Mapping[str, Any],
        names: Names,
    ) -> None:
        self.names = names
        self.graph, self.subgraphs, self.prefix, self.parent, self.instance = graph, subgraphs, prefix, parent, instance
        self.root: _Scope = parent.root if parent else self
        self.scopes = 0
        self.nodes = {str(node.get("id")): node for node in _objects(graph.get("nodes"))}
        self.links: dict[str, tuple[str, int]] = {}
        self.outputs: dict[int, str] = {}
        self._children: dict[str, _Scope] = {}
        listed = graph.get("links")
        for link in listed if isinstance(listed, list) else []:
            if isinstance(link, dict):
                link = [link.get(k) for k in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
            if isinstance(link, list) and len(link) >= 5 and isinstance(link[2], int):
                self.links[str(link[0])] = str(link[1]), link[2]
                if link[3] == _OUTPUT and isinstance(link[4], int):
                    self.outputs[link[4]] = str(link[0])

    def child(self, name: str) -> _Scope | None:
        """The subgraph that node ``name`` stands for."""
        node = self.nodes[name]
        inner = self.subgraphs.get(str(node.get("type")))
        if inner is None:
            return None
        if name not in self._children:
            self.root.scopes += 1
            if self.root.scopes > _MOST_SCOPES:
                raise ValueError("more subgraphs than any picture needs")
            self._children[name] = _Scope(inner, self.subgraphs, f"{self.prefix}{name}:", self, node, self.names)
        return self._children[name]

    def flat(self, depth: int) -> Iterator[tuple[str, Node]]:
        """The nodes that are neither muted nor bypassed, those of subgraphs among them, by their names in the API format."""
        for name, node in self.nodes.items():
            if node.get("mode") in (_MUTED, _BYPASSED) or depth > _DEEPEST:
                continue
            inner = self.child(name)
            if inner is not None:
                yield from inner.flat(depth + 1)
                continue
            inputs = self._widgets(node)
            for item in _objects(node.get("inputs")):
                if item.get("link") is not None:
                    value = self.origin(str(item["link"]), 0)
                    # A link from an unused input of a subgraph leaves the widget's own value.
                    if value is not None or not isinstance(item.get("widget"), dict):
                        inputs[str(item.get("name"))] = value
            lists = (slot for slot, out in enumerate(_objects(node.get("outputs"))) if out.get("shape") == _LIST)
            kind, title = str(node.get("type")), str(node.get("title") or "")
            yield f"{self.prefix}{name}", Node(kind, inputs, title, frozenset(lists), _shown(node))

    def origin(self, link: str, depth: int) -> Any:  # noqa: ANN401 - a link, or a literal of a stranger
        """The source of a link: a link to the node that runs, the literal of a promoted widget, or ``None``."""
        if link not in self.links or depth > 10 * _DEEPEST:
            return None
        name, slot = self.links[link]
        if name == str(_INPUT):
            return self._inbound(slot, depth)
        node = self.nodes.get(name)
        if node is None or node.get("mode") == _MUTED:
            return None
        if node.get("mode") == _BYPASSED:
            return self._through(node, slot, depth)
        if node.get("type") == "GetNode":
            return self._named(self._widgets(node).get("name"), depth)
        inner = self.child(name) if depth < _DEEPEST else None
        if inner is not None:
            return inner.origin(inner.outputs.get(slot, ""), depth + 1)
        return Link(f"{self.prefix}{name}", slot)

    def _inbound(self, slot: int, depth: int) -> Any:  # noqa: ANN401
        """The value at an input slot of this subgraph."""
        declared = _objects(self.graph.get("inputs"))
        if self.parent is None or not 0 <= slot < len(declared):
            return None
        name = declared[slot].get("name")
        outer = next((item for item in _objects(self.instance.get("inputs")) if item.get("name") == name), None)
        if outer is not None and outer.get("link") is not None:
            return self.parent.origin(str(outer["link"]), depth + 1)
        return self._widgets(self.instance).get(str(name))

    def _through(self, node: Mapping[str, Any], slot: int, depth: int) -> Any:  # noqa: ANN401
        """The input that a bypassed node hands on: one of the output's type, preferably in the same place."""
        outputs, inputs = _objects(node.get("outputs")), _objects(node.get("inputs"))
        if not 0 <= slot < len(outputs):
            return None
        order = [*inputs[slot : slot + 1], *inputs]
        fit = next((item for item in order if item.get("type") == outputs[slot].get("type")), None)
        return self.origin(str(fit["link"]), depth + 1) if fit and fit.get("link") is not None else None

    def _named(self, name: object, depth: int) -> Any:  # noqa: ANN401
        """The value that the ``SetNode`` of this name holds."""
        setters = [
            n for n in self.nodes.values() if n.get("type") == "SetNode" and self._widgets(n).get("name") == name
        ]
        inputs = _objects(setters[0].get("inputs")) if len(setters) == 1 else []
        return self.origin(str(inputs[0].get("link")), depth + 1) if inputs else None

    def _widgets(self, node: Mapping[str, Any]) -> dict[str, Any]:
        kind = str(node.get("type"))
        return _widgets(node, self.names(kind) or _known_names(kind))


def _shown(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that a node showed when it ran: they are written as one list, where the editor writes each alone."""
    values = node.get("widgets_values")
    texts = values[0] if isinstance(values, list) and len(values) == 1 else None
    return tuple(texts) if isinstance(texts, list) and all(isinstance(text, str) for text in texts) else ()


def _widgets(node: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The values typed into a node by name; empty if the names are uncertain."""
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return {str(name): value for name, value in values.items()}
    if not isinstance(values, list):
        return {}
    named = [
        item["widget"].get("name") for item in _objects(node.get("inputs")) if isinstance(item.get("widget"), dict)
    ]
    for names in (known, [str(name) for name in named]):
        typed: dict[str, Any] = {}
        rest = list(values)
        for name in names:
            if not rest:
                break
            typed[name] = rest.pop(0)
            if "seed" in name and rest and rest[0] in _CONTROL:
                rest.pop(0)
        typed.pop("", None)
        if typed and not rest:
            return typed
    texts = [value for value in values if isinstance(value, str)]
    return {"text": texts[0]} if len(values) == 1 and texts else {}
