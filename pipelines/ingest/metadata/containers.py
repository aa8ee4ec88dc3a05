"""Texts inside picture files, without decoding a pixel: chunks of PNG and WebP, JPEG segments, ISO boxes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping

from ....metrics.formats.decoders import is_avif, is_heic, is_jxl, iso_boxes, register_decoder
from ....metrics.formats.png import SIGNATURE, inflate, png_chunks

#: Bytes of an XMP packet, and what one that is read must and must not hold.
_LONGEST_PACKET = 4 * 2**20
_XMP, _EXIF, _DC = (
    "{http://ns.adobe.com/xap/1.0/}",
    "{http://ns.adobe.com/exif/1.0/}",
    "{http://purl.org/dc/elements/1.1/}",
)
_FIELDS = {
    f"{_XMP}Rating": "xmp:Rating",
    f"{_XMP}CreatorTool": "xmp:CreatorTool",
    f"{_EXIF}UserComment": "xmp:UserComment",
    f"{_DC}description": "xmp:Description",
}
_WORTH = re.compile(b"Rating|UserComment|CreatorTool|description")
_REFUSED = re.compile(b"<!DOCTYPE|<!ENTITY|\0")
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
#: Bytes of one text, and of all texts of one file, beyond which they count as an attack.
LONGEST_TEXT = 16 * 2**20
_ALL_TEXTS = 48 * 2**20
_MOST_CHUNKS = 100_000
_MOST_TEXTS = 200

#: A text's name, its place ("png:parameters"), and the text itself.
Text = tuple[str, str, str]


def xmp_texts(packet: bytes) -> Iterator[tuple[str, str, str]]:
    """Name (``"xmp:NAME"``), place (the same) and text of the known fields of a packet; nothing if it cannot be read.

    Packets with a document type or NULs (UTF-16) are refused: XMP needs neither, and entities are how XML attacks.
    """
    if len(packet) > _LONGEST_PACKET or not _WORTH.search(packet) or _REFUSED.search(packet):
        return
    # Parsing XML costs more than reading the rest of a file: it is done only if a field is present.
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        root = fromstring(packet[packet.find(b"<") : packet.rfind(b">") + 1])
    except (ParseError, ValueError, LookupError):
        return
    for element in root.iter():
        # A field is an attribute, a plain element, or an element with a list whose first entry counts.
        first = element.find("*/*") if element.tag in _FIELDS else None
        value = element.text if first is None else first.text
        for tag, text in [*element.attrib.items(), (element.tag, value)]:
            if tag in _FIELDS and text and text.strip():
                yield _FIELDS[tag], _FIELDS[tag], text.strip()


def rating_of(texts: Mapping[str, str]) -> str | None:
    """The rating among texts by name: 1–5, or −1 for rejected; ``None`` if there is none."""
    value = (texts.get("xmp:Rating") or texts.get("Rating") or "").strip()
    # 0 is "not rated".
    return value if value in ("-1", "1", "2", "3", "4", "5") else None


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


def texts_of(content: bytes) -> Iterator[Text]:
    """The texts of a picture file with their names and places, in file order, bounded in number and size."""
    if content.startswith(SIGNATURE):
        texts = _png(content)
    elif content.startswith(b"\xff\xd8"):
        texts = _jpeg(content)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        texts = _webp(content)
    elif is_avif(content):
        texts = _by_pillow(content, "AVIF")
    elif is_heic(content):
        texts = _by_pillow(content, "HEIF")
    elif is_jxl(content):
        texts = _jxl(content)
    else:
        return
    total = 0
    for count, text in enumerate(texts):
        total += len(text[2])
        if count >= _MOST_TEXTS or total > _ALL_TEXTS:
            return
        yield text


def _png(content: bytes) -> Iterator[Text]:
    for kind, start, end in png_chunks(content):
        if end - start > LONGEST_TEXT:
            continue
        if kind == b"tEXt":
            name, _, text = content[start:end].partition(b"\0")
        elif kind == b"zTXt":
            name, _, text = content[start:end].partition(b"\0")
            text = inflate(text[1:], LONGEST_TEXT) or b""
        elif kind == b"iTXt":
            name, _, rest = content[start:end].partition(b"\0")
            _language, _, tail = rest[2:].partition(b"\0")
            _translated, _, text = tail.partition(b"\0")
            text = (inflate(text, LONGEST_TEXT) or b"") if rest[:1] == b"\1" else text
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


def _jxl(content: bytes) -> Iterator[Text]:
    for kind, start, end in iso_boxes(content):
        if end - start > LONGEST_TEXT:
            continue
        if kind == b"Exif":
            # Four bytes with the offset of the TIFF structure come before it, but some tools leave them out.
            bare = content[start : start + 2] in (b"II", b"MM")
            first = start if bare else start + 4 + int.from_bytes(content[start : start + 4], "big")
            yield from exif_texts(content[first:end].removeprefix(b"Exif\0\0"))
        elif kind == b"xml ":
            yield from xmp_texts(content[start:end])


def _by_pillow(content: bytes, format_name: str) -> Iterator[Text]:
    """Texts of an AVIF or HEIC file: their libraries read the item tables, without decoding the picture."""
    head = content[: 2**18]
    if b"Exif" not in head and b"application/rdf+xml" not in head:
        return
    import io
    import warnings

    from PIL import Image

    register_decoder(content, "The picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=[format_name]) as image:
            exif, xmp = image.info.get("exif"), image.info.get("xmp")
    if isinstance(exif, bytes) and len(exif) <= LONGEST_TEXT:
        yield from exif_texts(exif.removeprefix(b"Exif\0\0"))
    if isinstance(xmp, bytes):
        yield from xmp_texts(xmp)
