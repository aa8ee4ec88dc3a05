"""Reads flat objects of many tools and tables, under the usual names of fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .record import PictureMetadata, record, size

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
