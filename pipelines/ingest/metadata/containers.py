"""Texts inside picture files: PNG and WebP chunks, JPEG segments, AVIF boxes.

No pixel is decoded.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from .exif import exif_texts, utf8
from .xmp import xmp_texts

#: Bytes of one text, and of all texts of one file, beyond which they count as an attack.
LONGEST_TEXT = 16 * 2**20
_ALL_TEXTS = 48 * 2**20
_MOST_CHUNKS = 100_000
_MOST_TEXTS = 200

#: A text's name, its place ("png:parameters"), and the text itself.
Text = tuple[str, str, str]


def texts_of(content: bytes) -> Iterator[Text]:
    """The texts of a picture file with their names and places, in file order, bounded in number and size."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        texts = _png(content)
    elif content.startswith(b"\xff\xd8"):
        texts = _jpeg(content)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        texts = _webp(content)
    elif content[4:8] == b"ftyp" and content[8:12] in (b"avif", b"avis", b"mif1", b"miaf"):
        texts = _avif(content)
    else:
        return
    total = 0
    for count, text in enumerate(texts):
        total += len(text[2])
        if count >= _MOST_TEXTS or total > _ALL_TEXTS:
            return
        yield text


def _inflate(data: bytes) -> bytes:
    """The text of compressed data; empty if it is longer than the bound, as of a decompression bomb."""
    try:
        stream = zlib.decompressobj()
        text = stream.decompress(data, LONGEST_TEXT)
    except zlib.error:
        return b""
    return b"" if stream.unconsumed_tail else text


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the data of each chunk of a PNG; a chunk cut off by the end of the file is left out."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        if at + 8 + length > len(content):
            return
        yield kind, at + 8, at + 8 + length
        at += length + 12


def _png(content: bytes) -> Iterator[Text]:
    for kind, start, end in png_chunks(content):
        if end - start > LONGEST_TEXT:
            continue
        if kind == b"tEXt":
            name, _, text = content[start:end].partition(b"\0")
        elif kind == b"zTXt":
            name, _, text = content[start:end].partition(b"\0")
            text = _inflate(text[1:])
        elif kind == b"iTXt":
            name, _, rest = content[start:end].partition(b"\0")
            _language, _, tail = rest[2:].partition(b"\0")
            _translated, _, text = tail.partition(b"\0")
            text = _inflate(text) if rest[:1] == b"\1" else text
        elif kind == b"eXIf":
            yield from exif_texts(content[start:end])
            continue
        else:
            continue
        key = name.decode("latin-1")
        if key == "XML:com.adobe.xmp":
            yield from xmp_texts(text)
        elif text:
            yield key, f"png:{key}", utf8(text)


def _jpeg(content: bytes) -> Iterator[Text]:
    at = 2
    for _ in range(_MOST_CHUNKS):
        if at + 4 > len(content) or content[at] != 0xFF:
            return
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 2
            continue
        if marker in (0xD9, 0xDA):
            return
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        data = content[at + 4 : at + 2 + length]
        if marker == 0xE1 and data.startswith(b"Exif\0"):
            yield from exif_texts(data[6:])
        elif marker == 0xE1 and data.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            yield from xmp_texts(data[29:])
        elif marker == 0xFE and data:
            yield "Comment", "jpeg:comment", utf8(data)
        at += 2 + max(length, 2)


def _webp(content: bytes) -> Iterator[Text]:
    for kind, start, end in webp_chunks(content):
        if end - start > LONGEST_TEXT:
            continue
        if kind == b"EXIF":
            yield from exif_texts(content[start:end].removeprefix(b"Exif\0\0"))
        elif kind == b"XMP ":
            yield from xmp_texts(content[start:end])


def webp_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the data of each chunk of a WebP."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(content):
            return
        kind, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > len(content):
            return
        yield kind, at + 8, at + 8 + length
        at += 8 + length + (length & 1)


def _avif(content: bytes) -> Iterator[Text]:
    # libavif reads the item tables, without decoding the picture.
    head = content[: 2**18]
    if b"Exif" not in head and b"application/rdf+xml" not in head:
        return
    import io
    import warnings

    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=["AVIF"]) as image:
            exif, xmp = image.info.get("exif"), image.info.get("xmp")
    if isinstance(exif, bytes) and len(exif) <= LONGEST_TEXT:
        yield from exif_texts(exif.removeprefix(b"Exif\0\0"))
    if isinstance(xmp, bytes):
        yield from xmp_texts(xmp)
