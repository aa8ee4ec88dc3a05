"""Reads Fooocus and its descendants: JSON in ``parameters`` or EXIF, and its log; its other scheme is A1111's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .record import PictureMetadata, loras, record, size

# The log has labels ("Guidance Scale"), pictures have names ("guidance_scale").
_MARKS = {"metadata_scheme", "guidance_scale", "performance", "sharpness", "adm_guidance", "base_model", "styles"}


def read_fooocus_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read an object of Fooocus's scheme or log; ``None`` if it is another tool's."""
    flat = {re.sub(r"[\s-]+", "_", str(name)[:80].strip().lower()): value for name, value in list(values.items())[:300]}
    ruined = str(flat.get("software")).startswith("RuinedFooocus")
    if "prompt" not in flat or not (ruined or len(_MARKS & flat.keys()) >= 3):
        return None
    numbers = re.findall(r"\d{1,6}", str(flat.get("resolution", ""))[:40])
    return record(
        "RuinedFooocus" if ruined else "Fooocus",
        source,
        prompt=flat["prompt"],
        negative=flat.get("negative_prompt", flat.get("negative")),
        model=flat.get("base_model", flat.get("base_model_name")),
        sampler=flat.get("sampler", flat.get("sampler_name")),
        scheduler=flat.get("scheduler"),
        seed=flat.get("seed"),
        steps=flat.get("steps"),
        guidance=flat.get("guidance_scale", flat.get("cfg")),
        settings={
            "size": "x".join(numbers) if len(numbers) == 2 else size(flat.get("width"), flat.get("height")),
            "styles": _listed(flat.get("styles")),
            "performance": flat.get("performance"),
            "sharpness": flat.get("sharpness"),
            "clip skip": flat.get("clip_skip"),
            "vae": flat.get("vae"),
            "refiner": None if flat.get("refiner_model") == "None" else flat.get("refiner_model"),
            "refiner switch": flat.get("refiner_switch"),
            "loras": loras(_loras(flat)),
            "model hash": flat.get("base_model_hash"),
            "version": flat.get("version"),
        },
    )


def _listed(value: object) -> object:
    """Styles as text, from a list or from a string that spells one in Python."""
    if isinstance(value, str):
        return re.sub(r"[\[\]'\"]", "", value)
    return ", ".join(item for item in value if isinstance(item, str)) if isinstance(value, list) else None


def _loras(flat: Mapping[str, Any]) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    listed = flat.get("loras")
    for item in listed[:50] if isinstance(listed, list) else []:
        if isinstance(item, list) and len(item) >= 2:
            pairs.append((item[0], item[1]))
        elif isinstance(item, dict):
            pairs.append((item.get("name") or item.get("model_name"), item.get("weight")))
    for name, value in flat.items():
        # "lora_combined_1" in pictures and "LoRA 1" in the log: "name.safetensors : 0.5".
        if re.fullmatch(r"lora(_combined)?_\d{1,2}", name) and isinstance(value, str):
            label, _, weight = value[:400].rpartition(" : ")
            pairs.append((label or weight, weight if label else None))
    return pairs
