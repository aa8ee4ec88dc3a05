"""Reads the metadata of a picture from its file, beside it and in tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from ...support.file_stamps import file_stamp
from .a1111 import read_parameters
from .comfyui import read_comfyui
from .containers import Text, rating_of, texts_of
from .invokeai import read_invokeai
from .others import (
    read_demo,
    read_demo_object,
    read_drawthings,
    read_easy_diffusion,
    read_fooocus_object,
    read_midjourney,
    read_novelai,
    read_swarm_object,
    read_tensorart,
)
from .record import RATING_ONLY, PictureMetadata, guarded, read_object, record
from .sidecars import SUFFIXES, TABLES, FolderTable, sidecar_metadata, sidecar_rating, texts_beside
from .stealth import stealth_text
from .words import prompt_words

#: Words that tools write in place of a value they do not know.
_UNKNOWN = frozenset({"unknown", "n/a", "none", "null", "undefined"})
#: Beginnings of the ``source`` of metadata from files beside a picture.
BESIDE = ("sidecar:", "table:")
#: Suffixes of files that describe pictures beside them.
SIDECARS = SUFFIXES | {Path(name).suffix for name in TABLES}


def picture_metadata(path: Path, content: bytes) -> PictureMetadata | None:
    """The metadata of a picture, from its content and the files beside it; ``None`` if there is none.

    The sources in order: the file itself, a text beside it, the table of its folder, the table of the folder above. If
    the file does not tell its prompt, or leaves it to be guessed, that of the next source counts, and the file fills
    its gaps. A rating in the file, or else in an XMP file beside it, is added to what these hold.
    """
    embedded = embedded_metadata(content)
    metadata = _more_than_a_rating(embedded)
    if metadata is None or metadata.prompt is None or metadata.guessed:
        beside = _more_than_a_rating(sidecar_metadata(path))
        for folder in (path.parent, path.parent.parent):
            beside = beside or _table(folder).get(path.relative_to(folder).as_posix())
        if metadata is None:
            metadata = beside
        elif beside is not None and beside.prompt is not None and not _is_unknown(beside.prompt):
            metadata = _with_graph(beside, dataclasses.replace(metadata, prompt=None, guessed=False))
    rated = embedded if embedded is not None and "rating" in embedded.settings else sidecar_rating(path)
    if metadata is None or rated is None:
        return metadata or rated
    return metadata if "rating" in metadata.settings else _rated(metadata, rated.settings["rating"])


def source_of(sidecar: Path) -> str:
    """The ``source`` of the metadata that a sidecar holds."""
    return f"{'table' if sidecar.name in TABLES else 'sidecar'}:{sidecar.name}"


def sidecars_of(path: Path) -> Iterator[Path]:
    """Paths of all files that may describe a picture: those beside it, and the tables of its folder and the one above."""
    yield from texts_beside(path)
    for folder in (path.parent, path.parent.parent):
        yield from (folder / name for name in TABLES)


def _table(folder: Path) -> FolderTable:
    # A server lives longer than its tables.
    return _table_as_of(folder, file_stamp(*(folder / name for name in TABLES)))


@lru_cache(maxsize=4)
def _table_as_of(folder: Path, stamp: str) -> FolderTable:
    return FolderTable.read(folder)


def embedded_metadata(content: bytes) -> PictureMetadata | None:
    """The metadata inside a PNG, JPEG, WebP, AVIF, HEIC or JPEG XL file; ``None`` if there is none.

    Pixels are decoded only if they may hold a hidden text. Never raises, whatever the bytes; time and memory are
    bounded.
    """
    metadata = guarded(lambda: read_texts(texts_of(content)))
    if metadata is None or metadata.tool == RATING_ONLY:
        hidden = guarded(stealth_text, content)
        found = guarded(read_hidden, *hidden) if hidden else None
        metadata = _rated(found, metadata.settings["rating"]) if found and metadata else found or metadata
    return metadata


def read_hidden(place: str, text: str) -> PictureMetadata | None:
    """Read a hidden text: A1111's parameters, or an object of texts that a PNG could have."""
    values = read_object(text)
    if values is None:
        return read_texts([("parameters", place, text)])
    return read_texts((name, place, value) for name, value in values.items() if isinstance(value, str))


def read_texts(named: Iterable[Text]) -> PictureMetadata | None:
    """Read the texts of one picture; of several texts with the same name the first counts."""
    texts: dict[str, str] = {}
    places: dict[str, str] = {}
    for name, place, text in named:
        if name not in texts:
            texts[name], places[name] = text, place
    if not texts:
        return None
    metadata = None
    for reader in (
        _read_text_and_graph,
        read_comfyui,
        read_novelai,
        read_drawthings,
        read_easy_diffusion,
        read_midjourney,
        read_demo,
    ):
        metadata = guarded(reader, texts, places)
        if metadata is not None:
            break
    rating = rating_of(texts)
    if rating is None:
        return metadata
    if metadata is None:
        place = places.get("xmp:Rating") or places["Rating"]
        return record(RATING_ONLY, place, settings={"rating": rating})
    return _rated(metadata, rating)


def _more_than_a_rating(metadata: PictureMetadata | None) -> PictureMetadata | None:
    return None if metadata is None or metadata.tool == RATING_ONLY else metadata


def _rated(metadata: PictureMetadata, rating: str) -> PictureMetadata:
    """The metadata with a rating among the settings."""
    return dataclasses.replace(metadata, settings={**metadata.settings, "rating": rating})


def _read_text_and_graph(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read a text that may stand beside a ComfyUI graph, and the graph; ``None`` if there is no such text."""
    for reader in (read_invokeai, _read_parameters, read_tensorart):
        metadata = guarded(reader, texts, places)
        if metadata is not None:
            graph = guarded(read_comfyui, {k: t for k, t in texts.items() if places[k] != metadata.source}, places)
            return metadata if graph is None else _with_graph(metadata, graph)
    return None


def _read_parameters(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read ``parameters`` or its equivalent in other containers: A1111's text, or JSON of several tools."""
    for key in ("parameters", "UserComment", "Comment", "XPComment", "ImageDescription", "Make", "Model"):
        text = texts.get(key)
        if text is None:
            continue
        values = read_object(text)
        if values is None:
            metadata = read_parameters(text, places[key])
        else:
            metadata = read_swarm_object(values, places[key]) or read_fooocus_object(values, places[key])
            if metadata is None and key == "parameters":
                metadata = read_demo_object(values, places[key])
        if metadata is not None:
            scheme = texts.get("fooocus_scheme") or texts.get("MakerNote")
            fooocus = scheme == "a1111" or texts.get("Software", "").startswith("Fooocus")
            renamed = fooocus and metadata.tool == "AUTOMATIC1111"
            return dataclasses.replace(metadata, tool="Fooocus") if renamed else metadata
    return None


def _with_graph(text: PictureMetadata, graph: PictureMetadata) -> PictureMetadata:
    """Fill the gaps of a text from the graph beside it; a number on which they disagree is unknown.

    The text was written last: what it knows otherwise counts.
    A text that does not know the prompt is a tool's that did not understand the graph: then the graph alone counts.
    """
    if _is_unknown(text.prompt) and graph.prompt is not None:
        return graph
    prompt, negative = _prompts(text, graph)
    changes: dict[str, object] = {
        "tool": graph.tool if text.tool in ("AUTOMATIC1111", "caption", "table") else text.tool,
        "prompt": prompt,
        "guessed": text.prompt is None and graph.guessed,
        "negative": negative,
        "settings": {**graph.settings, **{k: v for k, v in text.settings.items() if not _is_unknown(v)}},
    }
    for name in ("model", "sampler", "scheduler", "seed", "steps", "guidance"):
        written, other = getattr(text, name), getattr(graph, name)
        if written is None or _is_unknown(written):
            changes[name] = other
        elif name in ("seed", "steps", "guidance") and other is not None and written != other:
            changes[name] = None
    return dataclasses.replace(text, **changes)  # type: ignore[arg-type]


def _prompts(text: PictureMetadata, graph: PictureMetadata) -> tuple[str | None, str | None]:
    """Prompt and negative prompt, which belong together, of a text and the graph beside it."""
    prompt, negative = (None if _is_unknown(value) else value for value in (text.prompt, text.negative))
    if prompt is None:
        return (
            (None, negative or graph.negative) if graph.prompt is None else (graph.prompt, graph.negative or negative)
        )
    if negative is None and text.negative is None and graph.prompt is not None:
        # A text leaves out a negative prompt that is empty: the graph's is that of another prompt.
        same = prompt_words(prompt) == prompt_words(graph.prompt)
        return prompt, graph.negative if same else None
    return prompt, negative or graph.negative


def _is_unknown(value: object) -> bool:
    """True of a word for what is not known, also as a side of a size."""
    if not isinstance(value, str):
        return False
    sides = [side.strip() for side in value.lower().split("x")]
    return any(side in _UNKNOWN for side in sides) and all(side in _UNKNOWN or side.isdigit() for side in sides)
