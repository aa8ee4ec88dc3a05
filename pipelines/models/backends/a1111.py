"""Draws with Automatic1111's web UI, or with another that has its interface: Forge, reForge, SD.Next.

Source of the interface: its own description at ``/docs`` of a web UI that was started with ``--api``.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from ....errors import LoraError, ModelError, first_line
from ....files import from_home, read_text
from ..external import ACCEPTS, ExternalGenerator
from ..prompt_syntax import lora_names
from ..request import Lora, Request
from .families import Family, family_of
from .generator import BackendGenerator, stem
from .http import DRAW_SECONDS, BackendClient, RefusedError, is_out_of_memory, reason_of, shortened

#: Most seconds that a question how far a picture is, and an interrupt, may take.
_LOOK_SECONDS = 3.0
#: Sampler of requests that name none, which is also that of the interface.
SAMPLER = "Euler"
#: Options that change the pictures of a checkpoint.
_OPTIONS = ("sd_vae", "CLIP_stop_at_last_layers", "randn_source", "eta_noise_seed_delta", "forge_additional_modules")

#: Fields of a request that soart sets itself, and how to set them.
_OWN_FIELDS = {
    "prompt": "write it into the prompt", "negative_prompt": "use the negative prompt", "seed": "use the seed",
    "steps": "use --steps", "cfg_scale": "use --guidance, or true_cfg in a prompt space",
    "distilled_cfg_scale": "use --guidance", "sampler_name": "use --sampler", "sampler_index": "use --sampler",
    "scheduler": "use --sampler", "width": "use --size", "height": "use --size",
    "batch_size": "soart draws one picture at a time", "n_iter": "soart draws one picture at a time",
    "send_images": "soart takes the picture from the answer", "save_images": "soart keeps the pictures itself",
    "override_settings": "name the checkpoint in the address, and choose the rest there",
}  # fmt: skip
#: Fields after which the answer is something else than one picture of the prompt and settings that are stored with it.
_OTHER_ANSWERS = {
    "script_name": "name scripts that always run in alwayson_scripts",
    "script_args": "name scripts that always run in alwayson_scripts",
    "infotext": "use soart's own options",
    "disable_extra_networks": "leave the LoRA out of the prompt",
}
#: Option of Forge alone, which also takes a distilled guidance.
_PRESET = "forge_preset"


class Checkpoint(NamedTuple):
    """A checkpoint of the web UI: its title for requests, and the names that answers may have for it, see ``stem``."""

    title: str
    names: frozenset[str]
    digest: str  # empty if the web UI has not computed it

    @property
    def name(self) -> str:
        """Its name for people."""
        return stem(self.title)


class A1111Backend(BackendGenerator):
    """Draws with the web UI at an address, with more ``fields`` in every request, such as ``{"enable_hr": True}``.

    The ``scheduler`` of a request is a sampler of the web UI, alone or with a schedule type: ``"DPM++ 2M Karras"``. A
    LoRA is named in the prompt as ``<lora:NAME:WEIGHT>`` and read by the web UI.
    """

    def __init__(self, client: BackendClient, fields: Mapping[str, Any] | None = None) -> None:
        options = _get(client, "options")
        if not isinstance(options, dict):
            raise ModelError(f"{client.address.title} answers something unknown: is this the address of a web UI?")
        checkpoints = [_checkpoint(entry) for entry in _objects(_get(client, "sd-models"))]
        self._chosen = _chosen(client, options, checkpoints)
        # Sent with every request, because somebody may change them there while pictures are drawn.
        self._options = {name: options[name] for name in _OPTIONS if options.get(name) is not None}
        identity = f"a1111:{self._chosen.name}" + (f"@{self._chosen.digest[:10]}" if self._chosen.digest else "")
        family = _family(self._chosen, options)
        # Other web UIs than Forge have one guidance, which SD.Next sends to the one that Flux was distilled to take.
        self._true_cfg = family.true_cfg if _PRESET in options else None
        # Of versions that drew with classifier-free guidance alone, and of pictures with the losses of JPEG.
        identity += "+distilled" if self._true_cfg is not None else ""
        lossy = str(options.get("samples_format") or "png").lower()
        identity += "" if lossy == "png" else f"+{lossy}"
        if self._options:
            identity += f"+{hashlib.sha256(json.dumps(self._options, sort_keys=True).encode()).hexdigest()[:8]}"
        self._fields = dict(fields or {})
        if self._fields:
            _check_fields(client, self._fields)
            identity += f"+request:{hashlib.sha256(json.dumps(self._fields, sort_keys=True).encode()).hexdigest()[:8]}"
        described = ExternalGenerator(
            identity, family.steps, family.guidance, (family.side, family.side), SAMPLER,
            ACCEPTS if self._true_cfg is None else ACCEPTS | {"true_cfg_scale"},
        )  # fmt: skip
        super().__init__(client, described.model, self._chosen.name)
        self._loras: frozenset[str] | None = None
        self._samplers: dict[str, str] | None = None
        self._schedules: frozenset[str] = frozenset()

    png_advice = "choose png there, in Settings, Saving images, File format for images"

    def _read(self, request: Request) -> tuple[tuple[Lora, ...], bool]:
        """Nothing: the web UI reads its own syntax. LoRAs that it would leave out without a word are refused."""
        if names := lora_names(request.negative):
            raise LoraError(f"The negative prompt names the LoRA {names[0]!r}: name it in the prompt.")
        names = lora_names(request.prompt)
        if any(name not in (self._loras or ()) for name in names):
            # Read anew, because files may have been added.
            self._loras = _loras(self.client)
        if self._loras is not None and (unknown := [name for name in names if name not in self._loras]):
            near = get_close_matches(unknown[0], sorted(self._loras), 3) or sorted(self._loras)[:5]
            raise LoraError(
                f"{self.client.address.title} has no LoRA {unknown[0]!r}: choose one such as {', '.join(near) or 'none there yet'}, "
                "or put its file there and refresh the list of LoRAs."
            )
        return (), False

    def _scheduler(self, name: str | None) -> tuple[str, str]:
        """Sampler and schedule type of a request; an empty schedule type is the sampler's own."""
        if name is None:
            return SAMPLER, ""
        samplers = self._known_samplers()
        if name in samplers:
            return samplers[name], ""
        for schedule in sorted(self._schedules, key=len, reverse=True):
            if name.endswith(f" {schedule}") and (sampler := name.removesuffix(schedule).rstrip()) in samplers:
                return samplers[sampler], schedule
        raise ModelError(
            f"{self.client.address.title} has no sampler {name!r}: choose among {', '.join(sorted(set(samplers.values())))}."
        )

    def _known_samplers(self) -> dict[str, str]:
        """The name of each sampler by its names; also reads the schedule types, which old versions do not list."""
        if self._samplers is None:
            known: dict[str, str] = {}
            for entry in _objects(_get(self.client, "samplers")):
                name = str(entry.get("name"))
                aliases = entry.get("aliases")
                known |= {str(alias): name for alias in (aliases if isinstance(aliases, list) else [])} | {name: name}
            try:
                listed = _objects(_get(self.client, "schedulers"))
            except ModelError:
                listed = []
            self._schedules = frozenset(
                str(entry[key]) for entry in listed for key in ("name", "label") if entry.get(key)
            )
            self._samplers = known
        return self._samplers

    def _draw(self, request: Request) -> bytes:
        sampler, schedule = self._scheduler(request.scheduler)
        payload: dict[str, Any] = {
            **self._fields,
            "prompt": request.prompt,
            "negative_prompt": request.negative,
            "seed": request.seed,
            "steps": request.steps,
            "cfg_scale": request.guidance,
            **self._guidance(request),
            "sampler_name": sampler,
            "batch_size": 1,
            "n_iter": 1,
            "send_images": True,
            "save_images": False,
            "override_settings": {"sd_model_checkpoint": self._chosen.title, **self._options},
        }
        payload |= {"scheduler": schedule} if schedule else {}
        payload |= {side: getattr(request, side) for side in ("width", "height") if getattr(request, side)}
        try:
            answer = self._beside(
                lambda: self.client.json("/sdapi/v1/txt2img", payload, DRAW_SECONDS), self._look, self._interrupt
            )
        except RefusedError as error:
            text = f"{reason_of(error.document)} {error.document}"
            if is_out_of_memory(text):
                raise self._out_of_memory() from error
            raise self._failed(shortened(reason_of(error.document)) or f"it {error.reason}") from error
        images = answer.get("images") if isinstance(answer, dict) else None
        if not isinstance(images, list) or not images or not isinstance(images[0], str):
            raise self._failed("it answered without a picture")
        self._check_checkpoint(answer.get("info"))
        # The answer of a picture that somebody ended there looks like any other.
        state = self._state()
        if state.get("interrupted") is True or state.get("skipped") is True:
            raise self._failed("it was interrupted there, so the picture is not stored")
        try:
            return base64.b64decode(images[0].rpartition(",")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._failed("the picture in its answer is damaged") from error

    def _state(self) -> dict[str, Any]:
        """The state of the picture that is drawn, or of the last one; empty if it is not told."""
        # It is asked again soon, and the picture itself tells what is wrong.
        with contextlib.suppress(ModelError):
            answer = self.client.json("/sdapi/v1/progress?skip_current_image=true", seconds=_LOOK_SECONDS)
            state = answer.get("state") if isinstance(answer, dict) else None
            return state if isinstance(state, dict) else {}
        return {}

    def _look(self) -> None:
        """Ask how far the picture is."""
        state = self._state()
        numbers = [state.get(name) for name in ("sampling_step", "sampling_steps")]
        known = all(isinstance(number, int) and number >= 0 for number in numbers)
        self._tell(*(numbers if known else ()))

    def _interrupt(self) -> None:
        with contextlib.suppress(ModelError):
            self.client.json("/sdapi/v1/interrupt", {}, _LOOK_SECONDS)

    def _guidance(self, request: Request) -> dict[str, float]:
        """Both guidances of a request to a model that was distilled to take one of them; none for others."""
        if self._true_cfg is None:
            return {}
        cfg = self._true_cfg if request.true_cfg is None else request.true_cfg
        return {"cfg_scale": cfg, "distilled_cfg_scale": request.guidance}

    def _check_checkpoint(self, info: object) -> None:
        """Refuse a picture of another checkpoint: some versions do not follow the one that is asked for."""
        try:
            facts = json.loads(info) if isinstance(info, str) else info
        except (ValueError, RecursionError):
            return
        if not isinstance(facts, dict):
            return
        name, digest = facts.get("sd_model_name"), facts.get("sd_model_hash")
        expected = self._chosen.digest
        if isinstance(name, str) and name:
            same = stem(name) in self._chosen.names
        elif isinstance(digest, str) and digest and expected:
            same = expected.startswith(digest) or digest.startswith(expected)
        else:
            return
        if not same:
            raise self._failed(
                f"it drew with the checkpoint {shortened(str(name or digest))!r} and not with {self._chosen.name!r}, so the "
                "picture is not stored"
            )


def request_fields(texts: Sequence[str]) -> dict[str, Any]:
    """More fields of a web UI's requests, from texts ``FIELD=VALUE``, VALUE as JSON or words, and names of JSON files."""
    fields: dict[str, Any] = {}
    for text in texts:
        name, split, value = text.partition("=")
        if split and name.strip().isidentifier():
            try:
                fields[name.strip()] = json.loads(value)
            except (ValueError, RecursionError):
                fields[name.strip()] = value
            continue
        if not text.lower().endswith(".json"):
            raise ModelError(
                f"Expected FIELD=VALUE or the name of a .json file as a part of the request, got {text!r}."
            )
        try:
            document = json.loads(read_text(from_home(Path(text))))
        except OSError as error:
            raise ModelError(f"The request {text!r} cannot be read: {error.strerror or error}.") from error
        except (ValueError, RecursionError) as error:
            raise ModelError(f"The request {text!r} is not valid JSON: {first_line(error)}.") from error
        if not isinstance(document, dict):
            raise ModelError(f"Expected one JSON object in the request {text!r}.")
        fields |= document
    return fields


def _check_fields(client: BackendClient, fields: Mapping[str, Any]) -> None:
    """Refuse what JSON cannot hold, soart's own fields, and unknown ones, which the web UI would leave out silently."""
    for name, value in fields.items():
        try:
            holds = isinstance(name, str) and bool(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            holds = False
        if not holds:
            raise ModelError(
                f"The field {name!r} of a request cannot be sent: expected a text as its name, and JSON as its value, got {value!r:.40}."
            )
        if name in _OWN_FIELDS:
            raise ModelError(f"The field {name!r} of a request is set by soart itself: {_OWN_FIELDS[name]}.")
        if name in _OTHER_ANSWERS:
            raise ModelError(
                f"The field {name!r} of a request would make something else than the picture asked for: {_OTHER_ANSWERS[name]}."
            )
    known = _known_fields(client)
    if known and (unknown := [name for name in fields if name not in known]):
        near = get_close_matches(unknown[0], sorted(known), 3)
        advice = f": did you mean {', '.join(near)}?" if near else "."
        raise ModelError(f"{client.address.title} knows no field {unknown[0]!r} of a request{advice}")


def _known_fields(client: BackendClient) -> frozenset[str]:
    """Fields of a request by the web UI's own description; empty if it gives none."""
    try:
        document = client.json("/openapi.json")
        content = document["paths"]["/sdapi/v1/txt2img"]["post"]["requestBody"]["content"]
        schema = content["application/json"]["schema"]
        named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return frozenset(named["properties"])
    except (ModelError, KeyError, TypeError, AttributeError):
        return frozenset()


def _get(client: BackendClient, name: str) -> Any:  # noqa: ANN401
    try:
        document = client.json(f"/sdapi/v1/{name}")
    except RefusedError as error:
        if error.status == 404:
            raise ModelError(f"{client.address.title} has its API switched off: start it with --api.") from error
        raise
    if not isinstance(document, dict | list):
        raise ModelError(f"{client.address.title} answers something unknown: is this the address of a web UI?")
    return document


def _objects(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _loras(client: BackendClient) -> frozenset[str] | None:
    """Names and aliases of the LoRAs of a web UI; None if it does not list them."""
    try:
        listed = _objects(client.json("/sdapi/v1/loras"))
    except RefusedError:
        return None
    return frozenset(str(entry[key]) for entry in listed for key in ("name", "alias") if entry.get(key))


def _family(checkpoint: Checkpoint, options: dict[str, Any]) -> Family:
    """The family that a checkpoint's name tells, else the preset of Forge if it is the loaded one, with Forge's defaults."""
    loaded = stem(str(options.get("sd_model_checkpoint") or "")) in checkpoint.names
    preset = str(options.get(_PRESET) or "")
    family = family_of(checkpoint.name, preset if loaded else "")
    if family.true_cfg is None or not preset:
        return family
    # What the owner has set there for every new page.
    guidance, cfg = options.get("flux_t2i_d_cfg"), options.get("flux_t2i_cfg")
    return family._replace(
        guidance=float(guidance) if isinstance(guidance, int | float) and 0 <= guidance <= 100 else family.guidance,
        true_cfg=float(cfg) if isinstance(cfg, int | float) and 0 <= cfg <= 100 else family.true_cfg,
    )


def _checkpoint(entry: dict[str, Any]) -> Checkpoint:
    title = str(entry.get("title") or entry.get("model_name") or "")
    names = {stem(str(entry[key])) for key in ("title", "model_name", "filename") if entry.get(key)}
    return Checkpoint(title, frozenset(names), str(entry.get("sha256") or entry.get("hash") or ""))


def _chosen(client: BackendClient, options: dict[str, Any], checkpoints: list[Checkpoint]) -> Checkpoint:
    """The checkpoint that the address names, else the one that the web UI has loaded."""
    wanted = client.address.choice or str(options.get("sd_model_checkpoint") or "")
    exact = [one for one in checkpoints if wanted and wanted == one.title]
    if found := exact or [one for one in checkpoints if wanted and stem(wanted) in one.names]:
        return found[0]
    title, names = client.address.title, sorted(one.name for one in checkpoints)
    if client.address.choice:
        near = get_close_matches(stem(wanted), names, 3) or names[:5]
        raise ModelError(
            f"{title} has no checkpoint {wanted!r}: choose one such as {', '.join(near) or 'none there yet'}."
        )
    if wanted:
        return Checkpoint(wanted, frozenset({stem(wanted)}), str(options.get("sd_checkpoint_hash") or ""))
    if len(checkpoints) == 1:
        return checkpoints[0]
    raise ModelError(
        f"{title} has no checkpoint loaded: choose one there, or name it as {client.address.kind}:…#CHECKPOINT."
    )
