"""Reads the ``parameters`` text of AUTOMATIC1111's web UI and of its relatives."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

from .record import LONGEST_PROMPT, PictureMetadata, loras, record

_NEGATIVE = re.compile(r"^[^\S\n]*Negative prompt:", re.MULTILINE)
_KEY = re.compile(r"\s*([A-Za-z][\w \-/+.()]{0,60}):\s*")
_LORA = re.compile(r"<(?:lora|lyco):([^:<>\n]{1,200})(?::([-+\d.]{1,12}))?[^<>\n]{0,80}>")
_JSON = json.JSONDecoder()
_MOST_PAIRS = 1_000
# Characters from the line of settings to the end of a text: some values are tried in full, one after the other.
_LONGEST_END = 400_000

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
    A prompt may be of any length, but one that no record takes is unknown; at most 400,000 characters may follow it.
    """
    text = text.replace("\r\n", "\n").strip("\0")
    found = _settings(text)
    if found is None:
        return None
    start, pairs = found
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), value)
    # Without the new line before the settings.
    body = text[: max(start - 1, 0)]
    marks = list(islice(_NEGATIVE.finditer(body), 2))
    prompt = negative = None
    if not marks:
        prompt = body
    elif len(marks) == 1:
        prompt = body[: max(marks[0].start() - 1, 0)]
        # The one space after the mark is the mark's.
        negative = body[marks[0].end() :].removeprefix(" ")
    fields: dict[str, Any] = {}
    settings: dict[str, object] = {}
    for name, value in values.items():
        if name in _FIELDS:
            fields.setdefault(_FIELDS[name], value)
        else:
            settings[_RENAMED.get(name, name)] = value
    known = prompt if prompt and len(prompt) <= LONGEST_PROMPT else ""
    used = loras((match[1], match[2]) for match in _LORA.finditer(known))
    if used:
        settings.setdefault("loras", used)
    return record(_tool(values), source, prompt=prompt, negative=negative, settings=settings, **fields)


def _settings(text: str) -> tuple[int, list[tuple[str, str]]] | None:
    """Start and values of the line of settings, which is looked for at the end of a long text."""
    end, least = len(text), max(len(text) - _LONGEST_END, 0)
    while end >= least:
        start = text.rfind("\n", least, end) + 1
        if start == 0 and least > 0:
            break
        line = text[start:end]
        if line.lstrip().startswith("Steps:"):
            pairs = read_pairs(line)
            if len(pairs) >= 3 and sum(name.lower() in _FIELDS for name, _ in pairs) >= 2:
                return start, pairs
        end = start - 1
    return None


def read_pairs(line: str) -> list[tuple[str, str]]:
    """Names and values of ``Name: value, Name: "quoted, value", Name: {"a": 1}``, in one pass."""
    pairs: list[tuple[str, list[str]]] = []
    at = 0
    while at < len(line) and len(pairs) < _MOST_PAIRS:
        match = _KEY.match(line, at)
        if match is None:
            # A comma inside a bare value: the rest belongs to it.
            end = _comma(line, at)
            if pairs:
                pairs[-1][1].append(line[at:end])
            at = end + 1
            continue
        at = match.end()
        value, end = _value(line, at)
        pairs.append((match[1].strip(), [value]))
        at = end + 1
    return [(name, ",".join(parts)) for name, parts in pairs]


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
