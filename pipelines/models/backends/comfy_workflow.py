"""Graphs of ComfyUI that draw requests: where each setting goes, and the values that they have of their own."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ....errors import ModelError, first_line
from ....files import from_home, read_text
from ...support.comfygraph import DEEPEST, ENCODED, VALUES, Graph, Link, base_samplers
from ...support.comfyworkflow import prompt_of_workflow
from ..request import Request
from .families import UNKNOWN, Family

#: Inputs of nodes by setting, the usual name first.
_INPUTS = {
    "seed": ("seed", "noise_seed"),
    "steps": ("steps",),
    "guidance": ("cfg", "guidance"),
    "true_cfg": ("cfg",),
    "sampler": ("sampler_name",),
    "schedule": ("scheduler",),
}
#: Marks in texts of a workflow that stand for the prompt and the negative prompt.
MARKS = {"prompt": "%prompt%", "negative": "%negative%"}
_MARK = re.compile("|".join(MARKS.values()))
_ANY_MARK = re.compile(r"%[^%\s]+%")
#: Inputs on the way from a sampler to its texts that do not lead to one.
_NO_TEXT = frozenset(
    {"clip", "model", "vae", "image", "pixels", "latent", "control_net", "clip_vision", "style_model", "mask"}
)
#: Inputs that take a text after it was encoded, or what was drawn with it.
_ENCODED_TEXT = frozenset(
    {"positive", "negative", "conditioning", "conditioning_1", "conditioning_to", "samples", "images", "guider"}
)
#: Inputs that name the weights, the usual name first.
_WEIGHTS = ("ckpt_name", "unet_name", "model_name", "gguf_name", "model")
Place = tuple[str, str]
#: Types of inputs that the editor shows as widgets, besides lists of choices, and options that add a button to one.
_WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
_UPLOADS = ("image_upload", "video_upload", "audio_upload", "file_upload")


@dataclass(frozen=True, slots=True)
class ComfyWorkflow:
    """A graph in ComfyUI's API format that draws one picture, with the node and input of each setting that it takes.

    Settings are ``prompt``, ``negative``, ``seed``, ``steps``, ``guidance``, ``true_cfg``, ``sampler``, ``schedule``,
    ``width`` and ``height``.
    """

    nodes: Mapping[str, Any]
    places: Mapping[str, tuple[Place, ...]]

    def own(self, setting: str) -> Any:  # noqa: ANN401
        """The value that the graph itself has for a setting; None if it does not take it."""
        for node, name in self.places.get(setting, ()):
            return self.nodes[node]["inputs"][name]
        return None

    def check(self, values: Mapping[str, Any]) -> None:
        """Raise ModelError if one input would take different values of two settings."""
        taken: dict[Place, str] = {}
        for setting, value in values.items():
            for node, name in self.places.get(setting, ()) if value is not None else ():
                own = self.nodes[node]["inputs"][name]
                if setting in MARKS and isinstance(own, str) and MARKS[setting] in own:
                    continue
                other = taken.setdefault((node, name), setting)
                if values[other] != value:
                    raise ModelError(
                        f"The workflow takes {other} and {setting} from one input, {name!r} of its node {node}, which cannot "
                        f"be {values[other]!r} and {value!r}: give each a node of its own."
                    )

    def widgets(self) -> dict[str, list[Place]]:
        """Node and input of all values that no setting takes, by ``NODE.INPUT``, NODE being number, title or class of a node."""
        taken = {place for places in self.places.values() for place in places}
        found: dict[str, list[Place]] = {}
        for number, node in self.nodes.items():
            meta = node.get("_meta")
            title = str(meta.get("title") or "") if isinstance(meta, dict) else ""
            for key, value in node["inputs"].items():
                if not isinstance(value, str | int | float) or (number, key) in taken:
                    continue
                for name in dict.fromkeys(filter(None, (number, title, node["class_type"]))):
                    found.setdefault(f"{name}.{key}", []).append((number, key))
        return found

    def settable(self) -> dict[str, Any]:
        """Present values of all widgets that no setting takes, by the shortest clear name, and marks ``%NAME%`` with their texts."""
        known = self.widgets()
        names: dict[Place, list[str]] = {}
        for name, places in known.items():
            if len(set(places)) == 1:
                names.setdefault(places[0], []).append(name)
        # By title if it has one, else by class, else by number.
        found = {
            options[1 if len(options) > 1 else 0]: self.nodes[number]["inputs"][key]
            for (number, key), options in names.items()
        }
        texts = [value for node in self.nodes.values() for value in node["inputs"].values() if isinstance(value, str)]
        marks = {mark: text for text in texts for mark in _ANY_MARK.findall(text) if mark not in MARKS.values()}
        return found | marks

    def widget_values(self, values: Mapping[str, str]) -> dict[Place, Any]:
        """The graph's inputs for values of widgets by name, or by the mark ``%NAME%`` in a text of the graph."""
        filled: dict[Place, Any] = {}
        known = self.widgets() if values else {}
        for name, text in values.items():
            mark = f"%{name.strip('%')}%"
            marked = [
                (number, key)
                for number, node in self.nodes.items()
                for key, value in node["inputs"].items()
                if isinstance(value, str) and mark in value and mark not in MARKS.values()
            ]
            for place in marked:
                own = filled.get(place, self.nodes[place[0]]["inputs"][place[1]])
                filled[place] = str(own).replace(mark, text)
            if not marked:
                place = _only(name, known)
                filled[place] = _like(self.nodes[place[0]]["inputs"][place[1]], text, name)
        return filled

    def filled(self, values: Mapping[str, Any], widgets: Mapping[Place, Any] = MappingProxyType({})) -> dict[str, Any]:
        """The graph with other values of some settings and widgets; settings that are None stay."""
        nodes = deepcopy(dict(self.nodes))
        for (number, key), value in widgets.items():
            nodes[number]["inputs"][key] = value
        texts = {mark: values[setting] for setting, mark in MARKS.items() if values.get(setting) is not None}
        before = deepcopy(nodes)
        for setting, value in values.items():
            for node, name in self.places.get(setting, ()) if value is not None else ():
                own, mark = before[node]["inputs"][name], MARKS.get(setting)
                marked = mark and isinstance(own, str) and mark in own
                # All marks at once: a prompt may hold the characters of a mark.
                nodes[node]["inputs"][name] = (
                    _MARK.sub(lambda found: texts.get(found[0], found[0]), own) if marked else value
                )
        return nodes

    def readers(self, setting: str) -> set[str]:
        """Classes of the nodes that a text passes: those that hold it, and those that take texts on its way."""
        reached = {node for node, _ in self.places.get(setting, ())}
        pending = list(reached)
        while pending:
            source = pending.pop()
            for name, node in self.nodes.items():
                takes = any(
                    isinstance(value, list)
                    and value[:1] == [source]
                    and key not in _NO_TEXT
                    and key not in _ENCODED_TEXT
                    for key, value in node["inputs"].items()
                )
                if takes and name not in reached:
                    reached.add(name)
                    pending.append(name)
        return {self.nodes[name]["class_type"] for name in reached}

    @property
    def weights(self) -> str:
        """Name of the first checkpoint or other weights that the graph loads; empty if it names none."""
        named = (
            node["inputs"][key]
            for key in _WEIGHTS
            for node in self.nodes.values()
            if isinstance(node["inputs"].get(key), str) and node["inputs"][key]
        )
        return next(named, "")

    def digest(self, settings: Collection[str]) -> str:
        """Hash of everything in the graph but the values of settings that every request names itself; 12 hex digits.

        A value that a request may leave to the graph counts, or pictures of other samplers would be taken for the same.
        """
        blank = self.filled(dict.fromkeys(settings, ""))
        return hashlib.sha256(json.dumps(blank, sort_keys=True).encode()).hexdigest()[:12]


def _only(name: str, known: Mapping[str, Sequence[Place]]) -> Place:
    """The only widget of a name."""
    places = list(dict.fromkeys(known.get(name, ())))
    if len(places) == 1:
        return places[0]
    if places:
        numbers = ", ".join(f"{number}.{key}" for number, key in places)
        raise ModelError(
            f"The workflow has several widgets {name!r}: name one by the number of its node, among {numbers}."
        )
    near = get_close_matches(name, known, 5, 0.4) or list(known)[:12]
    raise ModelError(f"The workflow has no widget {name!r}: name one such as {', '.join(near) or 'none there'}.")


def _like(own: object, text: str, name: str) -> Any:  # noqa: ANN401
    """A value of the kind of the widget's own."""
    if isinstance(own, str):
        return text
    if isinstance(own, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ModelError(f"The widget {name!r} is a switch: expected true or false, got {text!r}.")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    # A whole number may stand for any number: its place does not tell.
    if not math.isfinite(number):
        raise ModelError(f"The widget {name!r} holds the number {own}: expected a number, got {text!r}.")
    return int(number) if number.is_integer() and isinstance(own, int) else number


def default_workflow(checkpoint: str, family: Family = UNKNOWN) -> ComfyWorkflow:
    """The graph of ComfyUI's own example, for models that were distilled to take guidance that for Flux."""
    nodes = {
        "4": _node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "5": _node("EmptyLatentImage", width=family.side, height=family.side, batch_size=1),
        "6": _node("CLIPTextEncode", text="", clip=["4", 1]),
        "7": _node("CLIPTextEncode", text="", clip=["4", 1]),
        "3": _node(
            "KSampler", seed=0, steps=family.steps, cfg=family.guidance, sampler_name="euler", scheduler="normal", denoise=1.0,
            model=["4", 0], positive=["6", 0], negative=["7", 0], latent_image=["5", 0],
        ),
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        # Pictures are kept by soart, so that ComfyUI's own folder need not fill up.
        "9": _node("PreviewImage", images=["8", 0]),
    }  # fmt: skip
    if family.true_cfg is not None:
        nodes["10"] = _node("FluxGuidance", guidance=family.guidance, conditioning=["6", 0])
        nodes["5"]["class_type"] = "EmptySD3LatentImage"
        nodes["3"]["inputs"] |= {"cfg": family.true_cfg, "positive": ["10", 0], "scheduler": "simple"}
    return workflow_of(nodes, "the default graph")


def _node(kind: str, **inputs: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"class_type": kind, "inputs": inputs}


#: What ComfyUI tells of a class of nodes; empty for one that it does not have.
Facts = Callable[[str], Mapping[str, Any]]


def read_workflow(path: Path, facts: Facts) -> ComfyWorkflow:
    """The workflow in a file, in the format of the API, or of the editor, whose values get their names by ``facts``."""
    label = f"the workflow {str(path)!r}"
    try:
        document = json.loads(read_text(from_home(path)))
    except OSError as error:
        raise ModelError(f"{_upper(label)} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{_upper(label)} is not valid JSON: {first_line(error)}.") from error
    if isinstance(document, dict) and isinstance(document.get("nodes"), list):
        document = _exported(document, facts, label)
    if isinstance(document, dict) and isinstance(document.get("prompt"), dict):
        document = document["prompt"]
    return workflow_of(document, label)


def _exported(document: Mapping[str, Any], facts: Facts, label: str) -> dict[str, Any]:
    """A workflow in the format of the editor as the editor exports it for the API."""
    advice = "save it again by Workflow, Export (API)"
    try:
        prompt = prompt_of_workflow(document, lambda kind: widget_names(facts(kind)))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{_upper(label)} cannot be read: {first_line(error)}.") from error
    for number, node in prompt.items():
        kind = node["class_type"]
        known = facts(kind)
        if not known:
            raise ModelError(
                f"ComfyUI has no node {kind!r}, which {label} needs: install it there. If it is part of the editor alone, {advice}."
            )
        needed = _section(known, "required")
        if missing := [name for name in needed if name not in node["inputs"]]:
            raise ModelError(
                f"The value of {missing[0]!r} of the node {kind} ({number}) in {label} cannot be found: {advice}."
            )
    return prompt


def _section(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The required or the optional inputs of a class of nodes, in order."""
    inputs = facts.get("input")
    section = inputs.get(name) if isinstance(inputs, dict) else None
    return section if isinstance(section, dict) else {}


def widget_names(facts: Mapping[str, Any]) -> list[str]:
    """Names of the widgets of a class of nodes in the order in which the editor saves them, by ``/object_info``.

    An empty name stands for a value that belongs to the editor alone: what follows a number that changes after a run,
    and the button of an upload.
    """
    names = []
    for name, described in [*_section(facts, "required").items(), *_section(facts, "optional").items()]:
        kind, options = ([*described, {}, {}] if isinstance(described, list) else [None, {}])[:2]
        options = options if isinstance(options, dict) else {}
        if options.get("forceInput") or not (isinstance(kind, list) or kind in _WIDGET_TYPES):
            continue
        names.append(name)
        # After a seed the reader expects it anyhow.
        after = options.get("control_after_generate") and "seed" not in name
        if after or any(options.get(upload) for upload in _UPLOADS):
            names.append("")
    return names


def workflow_of(document: object, label: str) -> ComfyWorkflow:
    """Find the places of the settings in a graph in ComfyUI's API format, which messages call ``label``."""
    graph = Graph.of_prompt(document) if isinstance(document, dict) else None
    if graph is None or not isinstance(document, dict):
        raise ModelError(f"{_upper(label)} is not a graph in ComfyUI's API format: save it by Workflow, Export (API).")
    nodes = {name: deepcopy(document[name]) for name in graph.nodes}
    samplers = base_samplers(graph)
    marked = {setting: tuple(_marked(graph, mark)) for setting, mark in MARKS.items()}
    if len(samplers) != 1:
        raise ModelError(
            f"{_upper(label)} starts from {len(samplers) or 'no'} samplers: give one that draws one picture with one sampler."
        )
    places = _places(graph, samplers[0])
    places |= {setting: found for setting, found in marked.items() if found}
    if not places.get("prompt"):
        raise ModelError(
            f"The text of {label} cannot be found: write {MARKS['prompt']} where the prompt goes, and {MARKS['negative']} "
            "where the negative prompt goes."
        )
    for node in nodes.values():
        if isinstance(node["inputs"].get("batch_size"), int):
            node["inputs"]["batch_size"] = 1
    return ComfyWorkflow(nodes, {setting: found for setting, found in places.items() if found})


def _upper(label: str) -> str:
    return label[:1].upper() + label[1:]


def _marked(graph: Graph, mark: str) -> Iterator[Place]:
    for name, node in graph.nodes.items():
        for key, value in node.inputs.items():
            if isinstance(value, str) and mark in value:
                yield name, key


def _places(graph: Graph, sampler: str) -> dict[str, tuple[Place, ...]]:
    """Places of the settings above a sampler, those of its texts included where they are certain."""

    def node_at(name: str, *keys: str) -> str | None:
        origin = next(filter(None, (graph.origin(graph.nodes[name].inputs.get(key)) for key in keys)), None)
        return origin.node if origin else None

    guider, noise, sigmas = node_at(sampler, "guider"), node_at(sampler, "noise"), node_at(sampler, "sigmas")
    chosen = node_at(sampler, "sampler")
    for _ in range(DEEPEST):
        # Sigmas are split and cut on their way.
        if sigmas is None or "steps" in graph.nodes[sigmas].inputs:
            break
        sigmas = node_at(sigmas, "sigmas")
    holders = {
        "seed": noise,
        "steps": sigmas,
        "guidance": guider,
        "true_cfg": guider,
        "sampler": chosen,
        "schedule": sigmas,
    }
    found: dict[str, tuple[Place, ...]] = {}
    for setting, keys in _INPUTS.items():
        options = (_literal(graph, name, keys) for name in (holders[setting], sampler) if name)
        found[setting] = tuple(filter(None, [next(filter(None, options), None)]))
    latent = node_at(sampler, "latent_image", "latent", "samples") or sampler
    for side in ("width", "height"):
        place = _literal(graph, latent, (side,))
        found[side] = (place,) if place else ()
    guided = graph.nodes[guider or sampler].inputs
    positive = next((guided[key] for key in ("positive", "conditioning") if key in guided), None)
    prompt, distilled = _encoders(graph, positive)
    negative, _ = _encoders(graph, guided.get("negative"))
    if distilled:
        # Models such as Flux were distilled to take guidance beside the text, and are drawn with cfg 1.
        found["guidance"] = (distilled,)
    else:
        found["true_cfg"] = ()
    found["prompt"] = _texts(graph, prompt)
    found["negative"] = () if negative == prompt else _texts(graph, negative)
    if not prompt:
        # A node that draws by itself has its texts as inputs.
        own = graph.nodes[sampler].inputs
        names = {"prompt": ("prompt",), "negative": ("negative", "negative_prompt")}
        for setting, keys in names.items():
            place = _literal(graph, sampler, keys) if any(key in own for key in keys) else None
            found[setting] = (place,) if place else ()
    return found


def _literal(graph: Graph, name: str, keys: Collection[str]) -> Place | None:
    """Node and input of the value that arrives at the first of some inputs that a node has; None if it is computed."""
    for _ in range(DEEPEST):
        inputs = graph.nodes[name].inputs
        key = next((key for key in keys if key in inputs), None)
        if key is None:
            return None
        if not isinstance(inputs[key], Link):
            return name, key
        origin = graph.origin(inputs[key])
        if origin is None:
            return None
        name, keys = origin.node, (key, *VALUES)
    return None


def _encoders(graph: Graph, value: object) -> tuple[list[str], Place | None]:
    """Nodes that encode the texts behind a conditioning, and the place of distilled guidance on the way."""
    pending, seen = [value], set[str]()
    found: list[str] = []
    distilled: Place | None = None
    while pending and len(seen) < DEEPEST:
        origin = graph.origin(pending.pop())
        if origin is None or origin.node in seen:
            continue
        seen.add(origin.node)
        inputs = graph.nodes[origin.node].inputs
        if distilled is None and "guidance" in inputs:
            distilled = _literal(graph, origin.node, ("guidance",))
        if any(key in inputs for key in ENCODED):
            found.append(origin.node)
            continue
        # Nodes such as ControlNet's hand both conditionings on, each at its own output.
        other = ("negative" if origin.slot == 0 else "positive") if {"positive", "negative"} <= inputs.keys() else ""
        pending += [
            item for key, item in inputs.items() if isinstance(item, Link) and key not in _NO_TEXT and key != other
        ]
    return found, distilled


def _texts(graph: Graph, encoders: list[str]) -> tuple[Place, ...]:
    """Places of the text of one encoder; empty if there are several, or a node computes the text."""
    if len(encoders) != 1:
        return ()
    [name] = encoders
    keys = [key for key in ENCODED if isinstance(graph.nodes[name].inputs.get(key), str | Link)]
    places = [_literal(graph, name, (key,)) for key in keys]
    found = tuple(dict.fromkeys(place for place in places if place is not None))
    texts = all(isinstance(graph.nodes[node].inputs[key], str) for node, key in found)
    return found if texts and None not in places else ()


def split_sampler(
    name: str, samplers: Collection[str], schedules: Collection[str], where: str = "ComfyUI"
) -> tuple[str, str]:
    """Sampler and schedule of one text such as ``"dpmpp_2m karras"``; ``where`` names the program in messages."""
    sampler, _, schedule = name.partition(" ")
    if sampler not in samplers or schedule not in schedules:
        raise ModelError(f"Expected a sampler and a scheduler of {where}, such as 'dpmpp_2m karras', got {name!r}.")
    return sampler, schedule


def values_of(request: Request, sampler: str | None, schedule: str | None) -> dict[str, Any]:
    """The values of a request by setting, as ``ComfyWorkflow.filled`` takes them."""
    return {
        "prompt": request.prompt,
        "negative": request.negative,
        "seed": request.seed,
        "steps": request.steps,
        "guidance": request.guidance,
        "true_cfg": request.true_cfg,
        "sampler": sampler,
        "schedule": schedule,
        "width": request.width,
        "height": request.height,
    }
