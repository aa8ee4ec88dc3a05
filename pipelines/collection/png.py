"""Writes PNG files with prompt and settings as AUTOMATIC1111 does, and annotations in a first text ``soart``."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin

from ...errors import ImageError
from ...files import open_regular
from ...metrics.formats.png import SIGNATURE
from ...metrics.image import read_content
from ...version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models.request import Request

#: Samplers as A1111 names them.
_SAMPLER_NAMES = {
    "DPMSolverMultistep": "DPM++ 2M", "DDIM": "DDIM", "EulerDiscrete": "Euler", "EulerAncestralDiscrete": "Euler a",
    "PNDM": "PLMS", "UniPCMultistep": "UniPC", "HeunDiscrete": "Heun", "LMSDiscrete": "LMS",
}  # fmt: skip


#: Position of the first chunk after the header, and the type and keyword of an annotation.
NOTE_AT = len(SIGNATURE) + 25
_NOTE = b"iTXt" + b"soart\0"


def note_chunk(text: str) -> bytes:
    """The chunk of an annotation, which belongs at ``NOTE_AT``."""
    body = _NOTE + b"\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def note_length(content: bytes) -> int:
    """Bytes of the chunk that annotates a PNG; 0 for a file without."""
    if not content.startswith(SIGNATURE) or content[NOTE_AT + 4 : NOTE_AT + 4 + len(_NOTE)] != _NOTE:
        return 0
    return int.from_bytes(content[NOTE_AT : NOTE_AT + 4], "big") + 12


def picture_digest(content: bytes) -> str:
    """SHA-256 by which the picture in a file is known: that of its content without an annotation."""
    digest = hashlib.sha256(content[:NOTE_AT])
    digest.update(memoryview(content)[NOTE_AT + note_length(content) :])
    return digest.hexdigest()


def digest_of_file(path: Path | str) -> str | None:
    """``picture_digest`` of a file, of which little is held in memory; None if it cannot be read."""
    try:
        with open_regular(path) as stream:
            head = stream.read(NOTE_AT + 4 + len(_NOTE))
            digest = hashlib.sha256(head[:NOTE_AT])
            stream.seek(NOTE_AT + note_length(head))
            while block := stream.read(2**20):
                digest.update(block)
            return digest.hexdigest()
    except OSError:
        return None


def holds_picture(content: bytes, sha256: str) -> bool:
    """True if a file holds the picture that was written or added with this SHA-256, annotated since or not."""
    # Earlier versions of soart knew a picture that was annotated before it was added by its whole content.
    return sha256 in (picture_digest(content), hashlib.sha256(content).hexdigest())


def unchanged_content(path: Path, sha256: str, within: Iterable[Path] | None = None) -> bytes:
    """The content of a file that still holds the picture of this SHA-256; ImageError for anything else."""
    content = read_content(path, within)
    if not holds_picture(content, sha256):
        raise ImageError(f"{str(path)!r} no longer holds the picture that was added: evaluate its folder again.")
    return content


def parameters_text(request: Request, shape: tuple[int, ...], model: str, sampler: str) -> str:
    """The ``parameters`` text of AUTOMATIC1111's web UI for a picture of ``shape`` (height, width, …)."""
    settings: dict[str, object] = {
        "Steps": request.steps, "Sampler": sampler_name(sampler), "CFG scale": f"{request.guidance:g}",
        "Seed": request.seed, "Size": f"{shape[1]}x{shape[0]}", "Model": model,
    }  # fmt: skip
    if request.true_cfg is not None:
        settings["True CFG scale"] = f"{request.true_cfg:g}"
    if request.loras:
        settings["Lora hashes"] = ", ".join(f"{lora.name}: {lora.digest}" for lora in request.loras)
    if request.optimized:
        # Seed and settings alone do not draw it again; its record does.
        settings["Optimized by"] = json.loads(request.optimized)["judge"]
    settings["Version"] = f"soart {__version__}"
    return a1111_text(request.prompt, request.negative, settings)


def sampler_name(sampler: str) -> str:
    """The name of a sampler of diffusers in AUTOMATIC1111's web UI; its own name if it has none there."""
    return _SAMPLER_NAMES.get(sampler, sampler)


def a1111_text(prompt: str, negative: str, settings: Mapping[str, object]) -> str:
    """Prompts and settings as a ``parameters`` text of AUTOMATIC1111's web UI."""
    lines = [prompt]
    # A line of the prompt may look like the mark of the negative prompt; with two marks readers see the ambiguity.
    if negative or re.search(r"^[ \t]*Negative prompt:", prompt, re.MULTILINE):
        lines.append(f"Negative prompt: {negative}")
    lines.append(settings_line(settings))
    return "\n".join(lines)


def settings_line(settings: Mapping[str, object]) -> str:
    """Settings as the last line of a ``parameters`` text."""
    return ", ".join(f"{name}: {_quoted(str(value))}" for name, value in settings.items())


def _quoted(value: str) -> str:
    """A value as A1111 writes it: one with a comma, a colon or a quote, which would split it, as JSON does."""
    return json.dumps(value, ensure_ascii=False) if any(c in value for c in ',:"\n') else value


def encode_png(pixels: np.ndarray, texts: Mapping[str, str]) -> bytes:
    """Encode (height, width, 3) uint8 pixels with texts by keyword; the same input gives the same bytes."""
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        if text.isascii():
            info.add_text(keyword, text)
        else:
            info.add_itxt(keyword, text)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()
