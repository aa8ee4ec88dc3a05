"""Draws with a running ComfyUI, by a graph of its example or by a workflow of yours.

Source of the interface: ``server.py`` and ``execution.py`` of ComfyUI 0.3.64 and 0.8.0.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ....errors import LoraError, ModelError
from ..external import ACCEPTS, ExternalGenerator
from ..limits import GUIDANCE, SIDE, STEPS
from ..prompt_syntax import lora_names, split_widgets
from ..request import EXTERNAL_GUIDANCE, EXTERNAL_STEPS, Lora, Request
from .comfy_workflow import MARKS, ComfyWorkflow, default_workflow, read_workflow, split_sampler, values_of
from .families import family_of
from .generator import BackendGenerator, stem
from .http import DRAW_SECONDS, SEND_SECONDS, BackendClient, Events, RefusedError, is_out_of_memory, shortened

#: Seconds between two questions whether a picture is done: the first, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
#: Questions after which the queue is looked at too.
_QUEUE_EVERY = 5
#: Sampler and scheduler of the default graph.
_SAMPLER = "euler normal"


class ComfyBackend(BackendGenerator):
    """Draws with the ComfyUI at an address, which may name a checkpoint, or the file of a workflow.

    The ``scheduler`` of a request is a sampler of ComfyUI, alone or with a scheduler, such as ``"dpmpp_2m karras"``.
    """

    def __init__(self, client: BackendClient) -> None:
        choice, title = client.address.choice, client.address.title
        facts = client.json("/system_stats")
        if not isinstance(facts, dict) or "system" not in facts:
            raise ModelError(f"{title} answers something unknown: is this the address of a ComfyUI?")
        self._is_yours = choice.lower().endswith(".json")
        if self._is_yours:
            self._workflow, size = read_workflow(Path(choice), cache(partial(_node_facts, client))), None
            name = stem(self._workflow.weights) or Path(choice).stem
            sides = [_within(self._workflow.own(side), SIDE) for side in ("width", "height")]
            size = (int(sides[0]), int(sides[1])) if sides[0] and sides[1] else None
        else:
            checkpoint = _checkpoint(client)
            family = family_of(_architecture(client, checkpoint), stem(checkpoint))
            self._workflow, name = default_workflow(checkpoint, family), stem(checkpoint)
            size = family.side, family.side
        workflow = self._workflow
        if "seed" not in workflow.places:
            raise ModelError(
                f"The seed of the workflow {choice!r} cannot be found: give its sampler a seed of its own."
            )
        guidance = _within(workflow.own("guidance"), GUIDANCE)
        sampler = " ".join(str(workflow.own(key)) for key in ("sampler", "schedule") if workflow.own(key))
        described = ExternalGenerator(
            f"comfyui:{name}@{_digest(client, workflow, sized=size is not None)}",
            int(_within(workflow.own("steps"), STEPS) or EXTERNAL_STEPS),
            EXTERNAL_GUIDANCE if guidance is None else guidance,
            size,
            sampler or _SAMPLER,
            ACCEPTS
            - ({"negative_prompt"} if "negative" not in workflow.places else set())
            - ({"width", "height"} if not {"width", "height"} <= workflow.places.keys() else set())
            | ({"true_cfg_scale"} if "true_cfg" in workflow.places else set()),
        )
        super().__init__(client, described.model, name)
        own = workflow.own("negative")
        if isinstance(own, str) and own.strip() and MARKS["negative"] not in own:
            self._settings = {"negative": own}
        self._known: dict[str, list[str]] | None = None
        self._readers: dict[str, bool] = {}
        # Some versions tell only named clients of pictures that they have cached.
        self._name = uuid.uuid4().hex
        #: False where steps cannot be listened to.
        self._tells_steps = True

    @property
    def settable(self) -> dict[str, Any]:
        """Present values of the workflow by the names that ``<set:NAME:VALUE>`` in a prompt sets them by."""
        return self._workflow.settable()

    def request(self, prompt: str, seed: int, **settings: Any) -> Request:  # noqa: ANN401
        """As ``ImageGenerator.request``; settings that the workflow does not take are refused."""
        for name, place in (("steps", "steps"), ("guidance", "guidance"), ("scheduler", "sampler")):
            if settings.get(name) is not None and place not in self._workflow.places:
                raise ModelError(f"The workflow {self.client.address.choice!r} does not take {name}: leave it out.")
        request = super().request(prompt, seed, **settings)
        self._workflow.check(values_of(request, None, None))
        return request

    def _read(self, request: Request) -> tuple[tuple[Lora, ...], bool]:
        """Nothing: ComfyUI reads word weights itself. LoRAs are nodes, unless a node of others reads them in texts."""
        for setting, text in (("prompt", request.prompt), ("negative", request.negative)):
            if (names := lora_names(text)) and not self._reads_loras(setting):
                where = f"the workflow {self.client.address.choice!r}" if self._is_yours else self.client.address.name
                raise LoraError(
                    f"No node of {where} reads the LoRA {names[0]!r} in the {setting} text: put a node that loads it into a workflow."
                )
        return (), False

    def _check_widgets(self, request: Request) -> None:
        """Refuse widgets that the workflow does not have, and values that they cannot take."""
        self._workflow.widget_values(split_widgets(request.prompt)[1])
        for name in split_widgets(request.negative)[1]:
            raise ModelError(f"The negative prompt sets {name!r}: set it in the prompt.")

    def _reads_loras(self, setting: str) -> bool:
        """True if a text passes a node that may read LoRAs in it, which those of ComfyUI itself do not."""
        if setting not in self._readers:
            kinds = self._workflow.readers(setting)
            self._readers[setting] = not all(_is_own_node(self.client, kind) for kind in kinds)
        return self._readers[setting]

    def _scheduler(self, name: str | None) -> tuple[str | None, str | None]:
        """Sampler and scheduler of a request; None for those of the workflow."""
        if name is None:
            return None, None
        if self._known is None:
            self._known = {key: _choices(self.client, "KSampler", key) for key in ("sampler_name", "scheduler")}
        known = self._known
        if name in known["sampler_name"]:
            return name, None
        sampler, schedule = split_sampler(name, known["sampler_name"], known["scheduler"], self.client.address.title)
        if "schedule" not in self._workflow.places:
            raise ModelError(
                f"The workflow {self.client.address.choice!r} takes no schedule such as {schedule!r}: name the sampler alone, "
                f"as {sampler!r}."
            )
        return sampler, schedule

    def _draw(self, request: Request) -> bytes:
        text, widgets = split_widgets(request.prompt)
        values = values_of(replace(request, prompt=text), *self._scheduler(request.scheduler))
        graph = self._workflow.filled(values, self._workflow.widget_values(widgets))
        with self._listening() as events:
            history = self._run_of(graph, events)
        self._check(history)
        place = urlencode(_picture(history, graph) or self._no_picture())
        return self.client.content(f"/view?{place}", seconds=SEND_SECONDS)

    def _run_of(self, graph: Mapping[str, Any], events: Events | None) -> Mapping[str, Any]:
        """Queue a run and wait for its end; returns its entry in the history."""
        try:
            answer = self.client.json("/prompt", {"prompt": graph, "client_id": self._name})
        except RefusedError as error:
            raise self._failed(_refusal(error)) from error
        name = answer.get("prompt_id") if isinstance(answer, dict) else None
        if not isinstance(name, str):
            raise self._failed("it does not say which run draws the picture")
        try:
            return self._finished(name, _Course(name, graph, events))
        except BaseException:
            # Ctrl-C, or too long a wait: ComfyUI need not go on.
            for path, document in (("/queue", {"delete": [name]}), ("/interrupt", {"prompt_id": name})):
                with contextlib.suppress(ModelError):
                    self.client.json(path, document, 3)
            raise

    @contextmanager
    def _listening(self) -> Iterator[Events | None]:
        """The events of ComfyUI's runs; only for one picture, because a server may wait for clients that do not read."""
        events = self.client.events(f"/ws?{urlencode({'clientId': self._name})}") if self._tells_steps else None
        # A proxy that lets no such connection through will not for the next picture.
        self._tells_steps = events is not None
        try:
            yield events
        finally:
            if events is not None:
                events.close()

    def _finished(self, name: str, course: _Course) -> Mapping[str, Any]:
        """Wait for the end of a run; returns its entry in the history."""
        pause, start = _FIRST_PAUSE, time.monotonic()
        questions = 0
        while True:
            known = self.client.json(f"/history/{quote(name)}")
            history = known.get(name) if isinstance(known, dict) else None
            if isinstance(history, dict):
                return history
            # Whoever waits may end the picture.
            self._tell(*course.at)
            questions += 1
            if questions % _QUEUE_EVERY == 0 and not self._waits(name):
                # It may have ended between the two questions.
                known = self.client.json(f"/history/{quote(name)}")
                if isinstance(known, dict) and isinstance(known.get(name), dict):
                    continue
                raise self._failed(
                    "it no longer knows the picture that it was to draw, perhaps because its queue was cleared"
                )
            if time.monotonic() - start > DRAW_SECONDS:
                raise self._failed(f"it did not draw a picture within {DRAW_SECONDS / 60:.0f} minutes")
            for step in course.steps(pause):
                self._tell(*step)
            pause = min(pause * 1.3, _LONGEST_PAUSE)

    def _waits(self, name: str) -> bool:
        """True if a run is in the queue, or runs."""
        queue = self.client.json("/queue")
        lists = [queue.get(key) for key in ("queue_running", "queue_pending")] if isinstance(queue, dict) else []
        return any(
            name in entry for runs in lists if isinstance(runs, list) for entry in runs if isinstance(entry, list)
        )

    def _check(self, history: Mapping[str, Any]) -> None:
        """Refuse a run that failed."""
        status = history.get("status")
        messages = status.get("messages") if isinstance(status, dict) else None
        events = {
            entry[0]: entry[1]
            for entry in (messages if isinstance(messages, list) else [])
            if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], dict)
        }
        if "execution_interrupted" in events:
            raise self._failed("the picture was interrupted there")
        if error := events.get("execution_error"):
            reason = shortened(str(error.get("exception_message", ""))) or shortened(
                str(error.get("exception_type", ""))
            )
            if is_out_of_memory(f"{error.get('exception_type')} {error.get('exception_message')}"):
                raise self._out_of_memory()
            raise self._failed(f"its node {error.get('node_type')} says: {reason or 'no reason given'}")

    def _no_picture(self) -> dict[str, str]:
        raise self._failed("the workflow made no picture: end it with Save Image or Preview Image")


class _Course:
    """Progress of a run; ``at`` is the latest step and the number of steps, 0 of 0 before the first."""

    def __init__(self, name: str, graph: Mapping[str, Any], events: Events | None) -> None:
        self._name, self._graph, self._events = name, graph, events
        self.at = (0, 0)

    def steps(self, seconds: float) -> Iterator[tuple[int, int]]:
        """The steps that are told in some seconds; ends when the run does."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._events is None or not self._events.open:
                time.sleep(left)
                return
            event = self._events.read(left) or {}
            data = event.get("data")
            if not isinstance(data, dict) or data.get("prompt_id", self._name) != self._name:
                continue
            if event.get("type") == "executing" and data.get("node", "") is None:
                return
            if event.get("type") == "progress" and self._is_step(data):
                self.at = data["value"], data["max"]
                yield self.at

    def _is_step(self, data: Mapping[str, Any]) -> bool:
        """False for the progress of other nodes than samplers, such as those that enlarge."""
        node, number, total = self._graph.get(str(data.get("node"))), data.get("value"), data.get("max")
        if node is None or not isinstance(number, int) or not isinstance(total, int):
            return False
        return "sampler" in str(node.get("class_type")).lower() and 0 <= number <= total


def _picture(history: Mapping[str, Any], graph: Mapping[str, Any]) -> dict[str, str] | None:
    """The file of the picture of a run: the first that is saved, else the first that is shown."""
    outputs = history.get("outputs")
    shown = [
        image
        for name in graph
        for image in _images(outputs.get(name) if isinstance(outputs, dict) else None)
        if isinstance(image, dict) and isinstance(image.get("filename"), str)
    ]
    shown.sort(key=lambda image: image.get("type") != "output")
    return {key: str(shown[0].get(key, "")) for key in ("filename", "subfolder", "type")} if shown else None


def _images(output: object) -> list[Any]:
    images = output.get("images") if isinstance(output, dict) else None
    return images if isinstance(images, list) else []


def _refusal(error: RefusedError) -> str:
    """The first mistake of a graph that ComfyUI does not run."""
    document = error.document if isinstance(error.document, dict) else {}
    nodes = document.get("node_errors")
    for node in nodes.values() if isinstance(nodes, dict) else ():
        mistakes = node.get("errors") if isinstance(node, dict) else None
        for mistake in mistakes if isinstance(mistakes, list) else ():
            if isinstance(mistake, dict):
                details = shortened(str(mistake.get("details", "")))
                return f"its node {node.get('class_type')} refuses the graph: {shortened(str(mistake.get('message')))} ({details})"
    return f"it {error.reason}"


def _node_facts(client: BackendClient, kind: str) -> Mapping[str, Any]:
    """ComfyUI's description of a class of nodes; empty for one that it does not have."""
    facts = client.json(f"/object_info/{quote(kind, safe='')}")
    known = facts.get(kind) if isinstance(facts, dict) else None
    return known if isinstance(known, dict) else {}


def _choices(client: BackendClient, node: str, name: str) -> list[str]:
    """The choices of an input of a node; empty if ComfyUI does not tell them."""
    try:
        kind, *more = _node_facts(client, node)["input"]["required"][name]
        listed = kind if isinstance(kind, list) else more[0]["options"]
    except (KeyError, IndexError, TypeError, ValueError):
        return []
    return [choice for choice in listed if isinstance(choice, str)] if isinstance(listed, list) else []


def _checkpoint(client: BackendClient) -> str:
    """The checkpoint that the address names, else ComfyUI's first."""
    known, wanted = _choices(client, "CheckpointLoaderSimple", "ckpt_name"), client.address.choice
    title = client.address.title
    if not known:
        raise ModelError(
            f"{title} has no checkpoint: put one into its folder models/checkpoints, or name a workflow as "
            f"{client.address.kind}:…#WORKFLOW.json."
        )
    found = [name for name in known if not wanted or wanted == name] or [
        name for name in known if stem(wanted) == stem(name)
    ]
    if not found:
        near = get_close_matches(wanted, known, 3) or known[:5]
        raise ModelError(f"{title} has no checkpoint {wanted!r}: choose one such as {', '.join(near)}.")
    return found[0]


def _is_own_node(client: BackendClient, kind: str) -> bool:
    """True if a class of nodes is one of ComfyUI itself, and not of a pack of others."""
    module = _node_facts(client, kind).get("python_module")
    return isinstance(module, str) and module.partition(".")[0] in ("nodes", "comfy_extras", "comfy_api_nodes")


def _architecture(client: BackendClient, checkpoint: str) -> str:
    """The architecture that a checkpoint's file names, such as ``flux-1-dev``; empty if ComfyUI does not tell it."""
    try:
        facts = client.json(f"/view_metadata/checkpoints?{urlencode({'filename': checkpoint})}")
    except ModelError:
        return ""
    return str(facts.get("modelspec.architecture") or "") if isinstance(facts, dict) else ""


def _digest(client: BackendClient, workflow: ComfyWorkflow, *, sized: bool) -> str:
    """Hash of a graph and the size of its checkpoint, if known; ``sized`` if every request names width and height."""
    named = ("prompt", "negative", "seed", "steps", "guidance", *(("width", "height") if sized else ()))
    size = None
    with contextlib.suppress(ModelError):
        listed = client.json("/experiment/models/checkpoints") if workflow.weights else None
        files = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        size = next((entry.get("size") for entry in files if entry.get("name") == workflow.weights), None)
    return hashlib.sha256(f"{workflow.digest(named)} {size}".encode()).hexdigest()[:12]


def _within(value: object, limits: tuple[int, int]) -> float | None:
    """A number within some limits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if limits[0] <= value <= limits[1] else None
