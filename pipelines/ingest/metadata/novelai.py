"""Reads NovelAI's ``Description`` and JSON ``Comment``, in PNG text or hidden in the picture (see ``stealth``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record import PictureMetadata, read_object, record, size


def read_novelai(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read the ``Comment``, and the ``Description`` if the comment has no prompt."""
    values = read_object(texts.get("Comment"))
    signed = texts.get("Software", "").startswith("NovelAI")
    if values is None or not (signed or {"uc", "steps", "sampler"} <= values.keys()):
        if signed and "Description" in texts:
            return record("NovelAI", places["Description"], prompt=texts["Description"], model=texts.get("Source"))
        return None
    negative = values.get("uc")
    base, characters = _caption(values.get("v4_prompt"))
    negative_base, negative_characters = _caption(values.get("v4_negative_prompt"))
    return record(
        "NovelAI",
        places["Comment"],
        prompt=values.get("prompt") or base or texts.get("Description"),
        negative=negative if negative is not None else negative_base,
        model=texts.get("Source"),
        sampler=values.get("sampler"),
        scheduler=values.get("noise_schedule"),
        seed=values.get("seed"),
        steps=values.get("steps"),
        guidance=values.get("scale"),
        settings={
            "size": size(values.get("width"), values.get("height")),
            "characters": characters,
            "negative characters": negative_characters,
            # Written for every picture, but meaningful only for those made from another one.
            "denoise": values.get("strength") if "Img2Img" in str(values.get("request_type")) else None,
            "cfg rescale": values.get("cfg_rescale"),
            "smea": values.get("sm"),
            "smea dyn": values.get("sm_dyn"),
            "request": values.get("request_type"),
        },
    )


def _caption(value: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - of a stranger's JSON
    """The base caption and the captions of the characters, in version 4 and later."""
    caption = value.get("caption") if isinstance(value, dict) else None
    if not isinstance(caption, dict):
        return None, None
    listed = caption.get("char_captions")
    parts = [item.get("char_caption") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    base = caption.get("base_caption")
    return base if isinstance(base, str) else None, " | ".join(
        part for part in parts if isinstance(part, str) and part
    ) or None
