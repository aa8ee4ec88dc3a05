"""Chunks of PNG files, and texts and profiles above 1 MiB, for which Pillow would refuse a picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
#: Bytes above which Pillow refuses a text or profile.
_REFUSED = 2**20
#: Bytes of a profile above which it is ignored, and of all texts of a file that are left in.
LONGEST_PROFILE, _ALL_TEXTS = 16 * 2**20, 32 * 2**20
_MOST_CHUNKS = 100_000


@dataclass(frozen=True, slots=True)
class TrimmedPng:
    """A PNG that Pillow decodes: without texts and profiles above the limit."""

    content: bytes
    #: a colour profile that was taken out, of at most ``LONGEST_PROFILE`` bytes; None for any other
    profile: bytes | None = None
    ignored: bool = False  # True if a larger profile was left out


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the data of each chunk of a PNG; a chunk cut off by the end of the file is left out."""
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        if at + 8 + length > len(content):
            return
        yield kind, at + 8, at + 8 + length
        at += length + 12


def inflate(data: bytes, longest: int) -> bytes | None:
    """The content of compressed data; empty if it is broken, None if it is longer than ``longest`` bytes."""
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(data, longest)
    except zlib.error:
        return b""
    return None if stream.unconsumed_tail else content


def _text_length(kind: bytes, data: bytes) -> int:
    """Bytes of the text in a chunk, unpacked; more than ``_REFUSED`` for any longer one."""
    packed = data.partition(b"\0")[2]
    if kind == b"zTXt":
        packed = packed[1:]
    elif kind == b"iTXt" and packed[:1] == b"\1":
        packed = packed[2:].split(b"\0", 2)[-1]
    else:
        return len(packed)
    text = inflate(packed, _REFUSED)
    return _REFUSED + 1 if text is None else len(text)


def trim_png(content: bytes) -> TrimmedPng:
    """Take the texts and the colour profile out of a PNG that are too long for Pillow."""
    pieces: list[bytes] = []
    kept_until, texts = 0, 0
    profile, ignored = None, False
    for kind, start, end in png_chunks(content):
        if kind in _TEXTS:
            # Beyond the limit nothing is unpacked any more.
            length = _text_length(kind, content[start:end]) if texts <= _ALL_TEXTS else _REFUSED + 1
            texts += length
            dropped = length > _REFUSED or texts > _ALL_TEXTS
        elif kind == b"iCCP":
            packed = content[start:end].partition(b"\0")[2][1:]
            dropped = inflate(packed, _REFUSED) is None
            if dropped:
                profile = inflate(packed, LONGEST_PROFILE)
                ignored = profile is None
        else:
            continue
        if dropped:
            # With length and type before the data, and the checksum after it.
            pieces.append(content[kept_until : start - 8])
            kept_until = end + 4
    return TrimmedPng(b"".join([*pieces, content[kept_until:]]) if pieces else content, profile, ignored)
