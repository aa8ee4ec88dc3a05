"""What the bytes of a picture file say of how it was made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .a1111 import read_parameters
from .comfyui import read_comfyui
from .containers import Text, texts_of
from .fooocus import read_fooocus_object
from .invokeai import read_invokeai
from .novelai import read_novelai
from .others import read_drawthings, read_easy_diffusion, read_midjourney, read_swarm_object
from .record import PictureMetadata, guarded, read_object, record
from .stealth import stealth_text


def embedded_metadata(content: bytes) -> PictureMetadata | None:
    """What a PNG, JPEG, WebP or AVIF file says of how it was made; ``None`` if nothing is known.

    Pixels are decoded only where a hidden text may be. Never raises, whatever the bytes; time and memory are bounded.
    """
    found = guarded(lambda: read_texts(texts_of(content)))
    if found is None or found.tool == "XMP":
        hidden = guarded(stealth_text, content)
        found = (guarded(read_hidden, *hidden) if hidden else None) or found
    return found


def read_hidden(place: str, text: str) -> PictureMetadata | None:
    """Read a hidden text: A1111's parameters, or an object of what would be texts of a PNG."""
    values = read_object(text)
    if values is None:
        return read_texts([("parameters", place, text)])
    return read_texts((name, place, value) for name, value in values.items() if isinstance(value, str))


def read_texts(found: Iterable[Text]) -> PictureMetadata | None:
    """Read the texts of one picture; of several with one name the first counts."""
    texts: dict[str, str] = {}
    places: dict[str, str] = {}
    for name, place, text in found:
        if name not in texts:
            texts[name], places[name] = text, place
    if not texts:
        return None
    made = None
    for reader in (
        read_invokeai,
        _read_parameters,
        read_comfyui,
        read_novelai,
        read_drawthings,
        read_easy_diffusion,
        read_midjourney,
    ):
        made = guarded(reader, texts, places)
        if made is not None:
            break
    if made is not None and made.tool in ("AUTOMATIC1111", "ComfyUI") and made.source == places.get("parameters"):
        made = _with_graph(made, texts, places)
    rating = _rating(texts)
    if rating is None:
        return made
    if made is None:
        place = places.get("xmp:Rating") or places["Rating"]
        return record("XMP", place, settings={"rating": rating})
    return dataclasses.replace(made, settings={**made.settings, "rating": rating})


def _read_parameters(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """``parameters`` and its places in other containers: A1111's text, or the JSON of SwarmUI and Fooocus."""
    for key in ("parameters", "UserComment", "Comment", "XPComment", "ImageDescription", "Make", "Model"):
        text = texts.get(key)
        if text is None:
            continue
        values = read_object(text)
        if values is None:
            found = read_parameters(text, places[key])
        else:
            found = read_swarm_object(values, places[key]) or read_fooocus_object(values, places[key])
        if found is not None:
            scheme = texts.get("fooocus_scheme") or texts.get("MakerNote")
            fooocus = scheme == "a1111" or texts.get("Software", "").startswith("Fooocus")
            return dataclasses.replace(found, tool="Fooocus") if fooocus and found.tool == "AUTOMATIC1111" else found
    return None


def _with_graph(made: PictureMetadata, texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata:
    """Fill what a ``parameters`` text beside a graph leaves out; a number on which they disagree is unknown."""
    graph = read_comfyui({k: t for k, t in texts.items() if k in ("prompt", "workflow")}, places)
    if graph is None:
        return made
    changes: dict[str, object] = {"tool": "ComfyUI"}
    for name in ("prompt", "negative", "model", "sampler", "scheduler", "seed", "steps", "guidance"):
        own, other = getattr(made, name), getattr(graph, name)
        if own is None:
            changes[name] = other
        elif name in ("seed", "steps", "guidance") and other is not None and own != other:
            changes[name] = None
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def _rating(texts: Mapping[str, str]) -> str | None:
    value = (texts.get("xmp:Rating") or texts.get("Rating") or "").strip()
    # -1 is "rejected" in XMP; 0 is "not rated".
    return value if value in ("-1", "1", "2", "3", "4", "5") else None
