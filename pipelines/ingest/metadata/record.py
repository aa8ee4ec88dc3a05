"""Metadata of a picture, cleaned so that any database and page can take it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from ...support.wording import BIDI_CONTROLS

#: Names of each field, in the spelling of ``_key``; the first that holds a value counts.
_ALIASES = {
    "prompt": ("prompt", "positiveprompt", "positive", "text", "caption", "additionalfeature", "tagstring"),
    "negative": ("negativeprompt", "negative", "uc"),
    "model": (
        "model", "modelname", "basemodel", "checkpoint", "ckptname", "sdmodelname", "usestablediffusionmodel",
        "stablediffusionmodel",
    ),
    "sampler": ("sampler", "samplername"),
    "scheduler": ("scheduler", "scheduletype", "schedulername", "noiseschedule"),
    "seed": ("seed", "noiseseed"),
    "steps": ("steps", "numinferencesteps", "inferencesteps"),
    "guidance": ("guidance", "guidancescale", "cfgscale", "cfg"),
}  # fmt: skip
_ALIAS = {alias for aliases in _ALIASES.values() for alias in aliases}
_IGNORED = {"filename", "width", "height", "file"}
_RENAMED = {"clipskip": "clip skip", "strength": "denoise", "denoisingstrength": "denoise", "resolution": "size"}
P = ParamSpec("P")
T = TypeVar("T")

#: Increased whenever the readers find something else in a file; the metadata of known pictures are then read again.
READERS = 1
#: Name for the tool of a record that holds a rating, and nothing on how the picture was made.
RATING_ONLY = "XMP"
#: Most characters of a prompt; a longer text is treated as unknown, not cut.
LONGEST_PROMPT = 100_000
_LONGEST_VALUE = 4_000
_MOST_SETTINGS = 64
# A few bytes of JSON take a hundred in memory.
_MOST_VALUES = 500_000

# Controls except tab and newline; lone surrogates; bidirectional controls, which disguise a text; noncharacters.
_UNWANTED = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{BIDI_CONTROLS}\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class PictureMetadata:
    """Facts about the making of a picture, as its tool wrote them; ``None`` if unknown or empty."""

    tool: str  # the writer: ``"AUTOMATIC1111"``, ``"ComfyUI"``, …, ``"caption"`` for a bare text beside the picture
    prompt: str | None  # description of the picture to be made, with every space and comma as written
    negative: str | None  # description of everything to be avoided, likewise
    model: str | None  # the name of the checkpoint, as written
    sampler: str | None  # the sampler's name, as written
    scheduler: str | None  # the noise schedule's name, as written
    seed: int | None  # 0 … 2**64 − 1 (more than a signed 64-bit column holds)
    steps: int | None  # sampling steps, above 0
    guidance: float | None  # scale of classifier-free guidance, finite and not negative
    #: other plain values by name in lower case: ``size``, ``clip skip``, ``loras``, ``denoise``, …
    settings: Mapping[str, str]
    source: str  # place of the prompt: ``"png:parameters"``, ``"exif:UserComment"``, ``"sidecar:a.txt"``, …
    #: True if the prompt is a guess: the tool wrote a list of prompts, and not which of them it used
    guessed: bool = False

    def __bool__(self) -> bool:
        """True if anything but the tool is known."""
        known = (
            self.prompt,
            self.negative,
            self.model,
            self.sampler,
            self.scheduler,
            self.seed,
            self.steps,
            self.guidance,
        )
        return any(value is not None for value in known) or bool(self.settings)


def maker(tool: str) -> str | None:
    """The tool that made a picture; None where a record holds a rating alone.

    >>> from soart.pipelines.ingest.metadata import maker
    >>> maker("ComfyUI"), maker("XMP")
    ('ComfyUI', None)
    """
    return None if tool == RATING_ONLY else tool


def clean(text: object, longest: int = _LONGEST_VALUE) -> str | None:
    """A text as valid Unicode without controls and bidirectional marks; ``None`` if empty, too long or not a text."""
    known = _valid(text, longest)
    return known.strip() or None if known else None


def _valid(text: object, longest: int) -> str | None:
    """A text as ``clean`` returns it, but with the spaces at its ends; ``None`` if there is nothing but spaces."""
    if not isinstance(text, str) or len(text) > longest:
        return None
    if not text.isprintable():
        text = _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return None if not text or text.isspace() else str(text)


def number(value: object) -> float | None:
    """A finite number, also from text; ``None`` for anything else."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str)
        or (isinstance(value, str) and len(value) > 40)
    ):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def whole(value: object, least: int, most: int) -> int | None:
    """A whole number within bounds, also from text, exact also beyond 2**53; ``None`` for anything else."""
    if isinstance(value, str):
        try:
            value = int(value) if len(value) <= 24 else None
        except ValueError:
            value = number(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else None


def plain(value: object) -> str | None:
    """A setting's value as a short text; ``None`` for containers and other types."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        known = number(value)
        return None if known is None else format(value, "g" if isinstance(value, float) else "d")
    return clean(value)


def record(
    tool: str,
    source: str,
    *,
    prompt: object = None,
    negative: object = None,
    model: object = None,
    sampler: object = None,
    scheduler: object = None,
    seed: object = None,
    steps: object = None,
    guidance: object = None,
    settings: Mapping[str, object] | None = None,
    guessed: bool = False,
) -> PictureMetadata:
    """Clean the values of a reader, whatever their types; a value that does not fit becomes unknown."""
    texts: dict[str, str] = {}
    for name, value in (settings or {}).items():
        key, text = clean(name, 80), plain(value)
        if key and text and len(texts) < _MOST_SETTINGS:
            texts[key.lower()] = text
    scale, known = number(guidance), _valid(prompt, LONGEST_PROMPT)
    return PictureMetadata(
        tool=clean(tool, 80) or "unknown", prompt=known, negative=_valid(negative, LONGEST_PROMPT),
        model=clean(model), sampler=clean(sampler), scheduler=clean(scheduler), seed=whole(seed, 0, 2**64 - 1),
        steps=whole(steps, 1, 1_000_000), guidance=scale if scale is not None and scale >= 0 else None,
        settings=texts, source=clean(source) or "unknown", guessed=guessed and known is not None,
    )  # fmt: skip


def guarded(reader: Callable[P, T | None], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """The result of ``reader``, or ``None`` if it fails in any way, because a stranger's data must not stop a scan."""
    try:
        return reader(*args, **kwargs)
    except Exception:
        return None


def read_json(text: str) -> Any:  # noqa: ANN401 - whatever a stranger wrote
    """The value of a JSON text; ``None`` if it is malformed, too deep, or has too many values or too long numbers."""
    if sum(map(text.count, ",[{")) > _MOST_VALUES:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_object(text: str | None) -> dict[str, Any] | None:
    """The object of a JSON text; ``None`` if it holds none."""
    if not text or not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return None
    value = read_json(text.lstrip("\ufeff"))
    return value if isinstance(value, dict) else None


def size(width: object, height: object) -> str | None:
    """``WIDTHxHEIGHT`` if both are known."""
    known = whole(width, 1, 1_000_000), whole(height, 1, 1_000_000)
    return f"{known[0]}x{known[1]}" if None not in known else None


def loras(pairs: Iterable[tuple[object, object]]) -> str | None:
    """``name:weight, …`` of the LoRAs of a picture."""
    parts = []
    for name, weight in pairs:
        text, value = clean(name), number(weight)
        if text:
            parts.append(text if value is None else f"{text}:{value:g}")
    return ", ".join(parts) or None


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name[:80]).lower()


def read_flat(tool: str, source: str, values: Mapping[str, Any]) -> PictureMetadata | None:
    """Read an object of plain values under their usual names; ``None`` if it has no prompt.

    The first name of a prompt counts (a table may have a ``caption`` beside it); where two names of another field hold
    different values, the field is unknown.
    """
    flat = {_key(str(name)): value for name, value in list(values.items())[:500] if value not in (None, "")}
    fields: dict[str, Any] = {}
    for field, aliases in _ALIASES.items():
        candidates = [_name(flat[alias]) for alias in aliases if alias in flat]
        if candidates and (field in ("prompt", "negative") or all(value == candidates[0] for value in candidates)):
            fields[field] = candidates[0]
    if not isinstance(fields.get("prompt"), str):
        return None
    settings: dict[str, object] = {"size": size(flat.get("width"), flat.get("height"))}
    for name, value in list(values.items())[:500]:
        key = _key(str(name))
        if key not in _ALIAS and key not in _IGNORED:
            settings[_RENAMED.get(key, str(name).replace("_", " "))] = value
    return record(tool, source, settings=settings, **fields)


def _name(value: object) -> object:
    """The name of a model that an object describes; any other value as it is."""
    if not isinstance(value, Mapping):
        return value
    return next((value[name] for name in ("model_name", "name", "Model", "model") if value.get(name)), None)
