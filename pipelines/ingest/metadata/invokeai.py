"""Reads InvokeAI's texts ``invokeai_metadata`` (3 and later), ``sd-metadata`` (2.x) and ``Dream`` (1.x and 2.x)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .record import LONGEST_PROMPT, PictureMetadata, loras, read_object, record, size

_TOOL = "InvokeAI"
_DREAM = re.compile(r'\s*"(.*)"((?:\s+-[^"]*)?)\s*\Z', re.DOTALL)
_FLAG = re.compile(r"\s-([A-Za-z]\w{0,30})[ =]?([^\s]*)")
# 1.x and 2.x write the negative prompt in square brackets inside the prompt.
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


def read_invokeai(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read the newest of the three texts that is present."""
    for key in ("invokeai_metadata", "sd-metadata"):
        values = read_object(texts.get(key))
        if values is not None:
            metadata = read_invokeai_object(values, places[key])
            if metadata is not None:
                return metadata
    for key in ("Dream", "dream"):
        if key in texts:
            return _dream(texts[key], places[key])
    return None


def read_invokeai_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read an object of either JSON form; ``None`` if it is neither."""
    if isinstance(values.get("image"), dict) and ("app_id" in values or "model_weights" in values):
        return _version2(values, values["image"], source)
    # 2.3 and 3.0 nightlies nest the invocation one deeper.
    core = values.get("core_metadata") or values.get("metadata")
    values = core if isinstance(core, dict) else values
    if "positive_prompt" in values:
        return _version3(values, source)
    return None


def _version3(values: Mapping[str, Any], source: str) -> PictureMetadata:
    return record(
        _TOOL,
        source,
        prompt=values["positive_prompt"],
        negative=values.get("negative_prompt"),
        model=_model(values.get("model")),
        sampler=values.get("scheduler"),
        seed=values.get("seed"),
        steps=values.get("steps"),
        guidance=values.get("cfg_scale"),
        settings={
            "size": size(values.get("width"), values.get("height")),
            "loras": loras(_loras(values.get("loras"))),
            "denoise": values.get("strength"),
            "vae": _model(values.get("vae")),
            "clip skip": values.get("clip_skip") or None,
            "distilled guidance": values.get("guidance"),
            "refiner": _model(values.get("refiner_model")),
            "style prompt": values.get("positive_style_prompt"),
            "mode": values.get("generation_mode"),
            "version": values.get("app_version"),
        },
    )


def _model(value: object) -> object:
    if isinstance(value, dict):
        return value.get("model_name") or value.get("name")
    return value


def _loras(values: object) -> list[tuple[object, object]]:
    listed = values[:50] if isinstance(values, list) else []
    return [(_model(i.get("lora") or i.get("model")), i.get("weight")) for i in listed if isinstance(i, dict)]


def _version2(values: Mapping[str, Any], image: Mapping[str, Any], source: str) -> PictureMetadata:
    prompt = image.get("prompt")
    if isinstance(prompt, list):
        parts = [part.get("prompt") for part in prompt if isinstance(part, dict)]
        prompt = parts[0] if len(parts) == 1 else None
    positive, negative = _split(prompt if isinstance(prompt, str) else "")
    return record(
        _TOOL,
        source,
        prompt=positive,
        negative=negative or image.get("negative_prompt"),
        model=values.get("model_weights"),
        sampler=image.get("sampler"),
        seed=image.get("seed"),
        steps=image.get("steps"),
        guidance=image.get("cfg_scale"),
        settings={
            "size": size(image.get("width"), image.get("height")),
            "denoise": image.get("strength"),
            "model hash": values.get("model_hash"),
            "mode": image.get("type"),
            "version": values.get("app_version"),
        },
    )


def _dream(text: str, source: str) -> PictureMetadata | None:
    match = _DREAM.match(text) if len(text) <= LONGEST_PROMPT else None
    if match is None:
        return None
    prompt, negative = _split(match[1])
    flags = dict(_FLAG.findall(match[2]))
    return record(
        _TOOL,
        source,
        prompt=prompt,
        negative=negative,
        sampler=flags.get("A"),
        seed=flags.get("S"),
        steps=flags.get("s"),
        guidance=flags.get("C"),
        settings={"size": size(flags.get("W"), flags.get("H")), "denoise": flags.get("f")},
    )


def _split(prompt: str) -> tuple[str, str]:
    """Prompt and negative prompt of a text that may hold the latter in brackets; without any it stays as it is."""
    if not _BRACKETS.search(prompt):
        return prompt, ""
    negative = ", ".join(part.strip(" ,") for part in _BRACKETS.findall(prompt) if part.strip(" ,"))
    return re.sub(r"[ \t]+", " ", _BRACKETS.sub("", prompt)).strip(" ,"), negative
