"""Reads XMP packets: the rating, and the texts that tools write prompts to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LONGEST = 4 * 2**20
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


def xmp_texts(packet: bytes) -> Iterator[tuple[str, str, str]]:
    """Name (``"xmp:NAME"``), place (the same) and text of the known fields of a packet; nothing if it cannot be read.

    Packets with a document type or NULs (UTF-16) are refused: XMP needs neither, and entities are how XML attacks.
    """
    if len(packet) > _LONGEST or not _WORTH.search(packet) or _REFUSED.search(packet):
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
