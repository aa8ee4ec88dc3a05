"""Texts beside a picture: ``NAME.json``, ``NAME.txt``, ``NAME.caption`` and ``NAME.xmp``."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .a1111 import read_parameters
from .comfyui import read_comfyui
from .common import read_flat
from .fooocus import read_fooocus_object
from .invokeai import read_invokeai_object
from .others import read_drawthings, read_swarm_object
from .record import LONGEST_PROMPT, PictureMetadata, guarded, read_object, record
from .xmp import xmp_texts

_LONGEST = 16 * 2**20


def sidecar_metadata(path: Path) -> PictureMetadata | None:
    """What a file beside the picture ``path`` says: JSON before text before XMP.

    ``NAME.png.SUFFIX`` comes before ``NAME.SUFFIX``, which several pictures may share.
    A ``.txt`` is A1111's parameters or, whatever else it holds, a caption. Never raises.
    """
    for suffix, reader in ((".json", _json), (".txt", read_note), (".caption", read_note), (".xmp", _xmp)):
        for beside in (path.with_name(path.name + suffix), path.with_suffix(suffix)):
            content = _content(beside) if beside != path else None
            if content is None:
                continue
            found = guarded(reader, content, f"sidecar:{beside.name}")
            if found:
                return found
    return None


def _content(path: Path) -> bytes | None:
    """The bytes of a plain file of bearable size."""
    try:
        state = path.stat()
        return path.read_bytes() if stat.S_ISREG(state.st_mode) and state.st_size <= _LONGEST else None
    except (OSError, ValueError):
        return None


def decoded(content: bytes) -> str:
    """UTF-8, or UTF-16 by its mark, else Latin-1."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_note(content: bytes, source: str) -> PictureMetadata | None:
    """A1111's parameters, an object of any tool, or a caption."""
    text = decoded(content)
    found = read_parameters(text, source)
    if found is None and text.lstrip().startswith("{"):
        found = _json(content, source)
    if found is None and len(text) <= LONGEST_PROMPT and "\0" not in text:
        found = record("caption", source, prompt=text)
    return found


def _json(content: bytes, source: str) -> PictureMetadata | None:
    values = read_object(decoded(content))
    return read_any_object(values, source) if values is not None else None


def read_any_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read an object of any tool, by its marks; else by the usual names of fields, which make it a ``"table"``."""
    for reader in (read_swarm_object, read_fooocus_object, read_invokeai_object):
        found = reader(values, source)
        if found is not None:
            return found
    inner = values.get("meta")
    if isinstance(inner, dict) and "prompt" in inner:
        return read_flat("table", source, inner)
    if isinstance(values.get("parameters"), str):
        return read_parameters(values["parameters"], source)
    if "num_inference_steps" in values and "prompt" in values:
        return read_flat("Easy Diffusion", source, values)
    import json

    whole = {"UserComment": json.dumps(values)}
    found = read_drawthings(whole, {"UserComment": source}) or read_comfyui(whole, {"UserComment": source})
    return found if found is not None else read_flat("table", source, values)


def _xmp(content: bytes, source: str) -> PictureMetadata | None:
    texts = {name: text for name, _, text in xmp_texts(content)}
    found = read_drawthings(texts, dict.fromkeys(texts, source))
    if found is None and "xmp:Rating" in texts:
        found = record("XMP", source, settings={"rating": texts["xmp:Rating"]})
    return found
