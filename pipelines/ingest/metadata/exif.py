"""EXIF texts that tools write prompts to, and no others, so that a hostile directory costs nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x4746: "Rating",
    0x927C: "MakerNote",
    0x9286: "UserComment",
    0x9C9C: "XPComment",
}
_POINTER = 0x8769
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}


def exif_texts(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Name, place (``"exif:NAME"``) and text of each EXIF field of a TIFF structure; empty for other data."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return
    seen: set[str] = set()
    pending = [struct.unpack_from(order + "I", data, 4)[0]]
    for offset in pending:
        for tag, kind, raw in _entries(data, offset, order):
            if tag == _POINTER and kind == 4 and len(pending) == 1:
                pending.append(struct.unpack(order + "I", raw[:4])[0])
            elif tag in _NAMES and _NAMES[tag] not in seen:
                text = _text(tag, kind, raw, order)
                if text:
                    seen.add(_NAMES[tag])
                    yield _NAMES[tag], f"exif:{_NAMES[tag]}", text


def _entries(data: bytes, offset: int, order: str) -> Iterator[tuple[int, int, bytes]]:
    if offset + 2 > len(data):
        return
    (count,) = struct.unpack_from(order + "H", data, offset)
    for at in range(offset + 2, min(offset + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, length = struct.unpack_from(order + "HHI", data, at)
        if (tag not in _NAMES and tag != _POINTER) or kind not in _SIZES:
            continue
        length *= _SIZES[kind]
        start = at + 8 if length <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
        if start + length <= len(data):
            yield tag, kind, data[start : start + length]


def _text(tag: int, kind: int, raw: bytes, order: str) -> str:
    if tag == 0x4746:
        return str(struct.unpack(order + "H", raw[:2])[0]) if kind == 3 and len(raw) >= 2 else ""
    if tag == 0x9C9C:
        return raw.decode("utf-16-le", "replace").strip("\0")
    if tag == 0x9286:
        return user_comment(raw, order)
    return utf8(raw)


def utf8(raw: bytes) -> str:
    """UTF-8, else Latin-1, without the NULs that pad it."""
    raw = raw.strip(b"\0")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def user_comment(raw: bytes, order: str = ">") -> str:
    """The text of a UserComment; by the standard eight bytes name its encoding, but some tools leave them out."""
    prefix, body = raw[:8], raw[8:]
    if prefix == b"UNICODE\0":
        return _utf16(body, order)
    if prefix in (b"ASCII\0\0\0", b"JIS\0\0\0\0\0", b"\0" * 8):
        return utf8(body)
    if raw[:7] == b"UNICODE":
        return _utf16(raw[7:], order)
    return utf8(raw)


def _utf16(body: bytes, order: str) -> str:
    """UTF-16 in the byte order that its NULs show (writers ignore the file's order), or UTF-8 written in its place."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace").strip("\0")
    even, odd = body[::2].count(0), body[1::2].count(0)
    if not even and not odd:
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            pass
    big = order == ">" if even == odd else even > odd
    # A last odd byte is padding, or the text was cut.
    return body[: len(body) & ~1].decode("utf-16-be" if big else "utf-16-le", "replace").strip("\0")
