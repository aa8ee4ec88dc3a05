"""Reads the ``parameters`` text of AUTOMATIC1111's web UI and of its relatives."""

from __future__ import annotations

import json
import re

from .record import LONGEST_PROMPT, PictureMetadata, loras, record

_NEGATIVE = "Negative prompt:"
_KEY = re.compile(r"\s*([A-Za-z][\w \-/+.()]{0,60}):\s*")
_LORA = re.compile(r"<(?:lora|lyco):([^:<>\n]{1,200})(?::([-+\d.]{1,12}))?[^<>\n]{0,80}>")
_JSON = json.JSONDecoder()
_MOST_PAIRS = 1_000

#: Field of the record for each name in the line of settings.
_FIELDS = {
    "steps": "steps",
    "sampler": "sampler",
    "schedule type": "scheduler",
    "scheduler": "scheduler",
    "cfg scale": "guidance",
    "guidance scale": "guidance",
    "seed": "seed",
    "model": "model",
}
_RENAMED = {"denoising strength": "denoise"}


def read_parameters(text: str, source: str) -> PictureMetadata | None:
    """Read a ``parameters`` text; ``None`` if it has no line of settings, without which it could be any text.

    The last line that begins with ``Steps:`` and holds three settings or more counts, so a prompt may quote such lines.
    Lines after it (templates of dynamic prompts) are left out.
    With two lines that begin with ``Negative prompt:`` the end of the prompt is ambiguous: prompt and negative are then
    unknown.
    """
    if len(text) > 4 * LONGEST_PROMPT or ":" not in text:
        return None
    lines = text.replace("\r\n", "\n").strip("\0").split("\n")
    pairs: list[tuple[str, str]] = []
    at = 0
    for at in range(len(lines) - 1, -1, -1):
        if lines[at].lstrip().startswith("Steps:"):
            pairs = read_pairs(lines[at])
            if len(pairs) >= 3 and sum(name.lower() in _FIELDS for name, _ in pairs) >= 2:
                break
    else:
        return None
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), value)
    marks = [index for index in range(at) if lines[index].lstrip().startswith(_NEGATIVE)]
    prompt = negative = None
    if not marks:
        prompt = "\n".join(lines[:at])
    elif len(marks) == 1:
        prompt = "\n".join(lines[: marks[0]])
        # The one space after the mark is the mark's.
        negative = "\n".join(lines[marks[0] : at]).lstrip()[len(_NEGATIVE) :].removeprefix(" ")
    fields: dict[str, object] = {}
    settings: dict[str, object] = {}
    for name, value in values.items():
        if name in _FIELDS:
            fields.setdefault(_FIELDS[name], value)
        else:
            settings[_RENAMED.get(name, name)] = value
    used = loras((match[1], match[2]) for match in _LORA.finditer(prompt or ""))
    if used:
        settings.setdefault("loras", used)
    return record(_tool(values), source, prompt=prompt, negative=negative, settings=settings, **fields)


def read_pairs(line: str) -> list[tuple[str, str]]:
    """Names and values of ``Name: value, Name: "quoted, value", Name: {"a": 1}``, in one pass."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(line) and len(pairs) < _MOST_PAIRS:
        match = _KEY.match(line, at)
        if match is None:
            # A comma inside a bare value: the rest belongs to it.
            end = _comma(line, at)
            if pairs:
                pairs[-1] = pairs[-1][0], f"{pairs[-1][1]},{line[at:end]}"
            at = end + 1
            continue
        at = match.end()
        value, end = _value(line, at)
        pairs.append((match[1].strip(), value))
        at = end + 1
    return pairs


def _comma(line: str, at: int) -> int:
    end = line.find(",", at)
    return len(line) if end < 0 else end


def _value(line: str, at: int) -> tuple[str, int]:
    if line[at : at + 1] in ('"', "{", "["):
        try:
            value, end = _JSON.raw_decode(line, at)
        except (ValueError, RecursionError):
            value, end = None, at
        rest = line[end : end + 1]
        if value is not None and rest in ("", ",", " "):
            return (value if isinstance(value, str) else line[at:end]), _comma(line, end)
    end = _comma(line, at)
    return line[at:end].strip(), end


def _tool(values: dict[str, str]) -> str:
    version, app = values.get("version", ""), values.get("app", "")
    if app.startswith("SD.Next"):
        return "SD.Next"
    for name in ("soart", "ComfyUI", "Fooocus", "RuinedFooocus"):
        if version.startswith(name):
            return name
    # Forge prefixes its own version: f0.0.17v1.8.0rc, f2.0.1v1.10.1; its successor says neo.
    return "Forge" if re.match(r"f\d|neo", version) else "AUTOMATIC1111"
