"""The text of XMP sidecars: sets ratings and adds keywords, and leaves everything else as it is.

Source: Adobe XMP Specification Part 1–3 (2016).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, unescape

#: The namespace of ratings; most sidecars call it "xmp", old ones "xap".
_PREFIX = re.compile(r"""\bxmlns:([\w.-]+)\s*=\s*["']http://ns\.adobe\.com/xap/1\.0/["']""")
#: The start tag of the first description, with its end apart.
_DESCRIPTION_TAG = re.compile(r"""(<rdf:Description\b(?:[^>"'/]|"[^"]*"|'[^']*')*)(/?>)""")
_SUBJECT = re.compile(r"(<dc:subject\b[^>]*>\s*<rdf:(Bag|Seq|Alt)>)(.*?)(\s*</rdf:\2>\s*</dc:subject>)", re.DOTALL)
_EMPTY_SUBJECT = re.compile(r"<dc:subject\b[^<>]*(?:/>|>\s*(?:<rdf:(?:Bag|Seq|Alt)\s*/>\s*)?</dc:subject\s*>)")
_KEYWORD = re.compile(r"<rdf:li\b[^>]*>([^<]*)</rdf:li>")
_EMPTY = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{stars}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def with_rating(xmp: str | None, stars: int) -> str | None:
    """The text of a sidecar, or of a new one, rated 1–5, or −1 for rejected; None if it has no place for a rating."""
    if xmp is None:
        return _EMPTY.format(stars=stars)
    changed, count = _ratings(xmp).subn(lambda match: _rated(match, stars), xmp)
    if count:
        return changed
    if not (tag := _DESCRIPTION_TAG.search(xmp)):
        return None
    # Another description may give the prefix a meaning, but only for itself.
    space = "" if re.search(r"\bxmlns:xmp\s*=", tag[1]) else ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    at = tag.start() + len("<rdf:Description")
    return f'{xmp[:at]}{space} xmp:Rating="{stars}"{xmp[at:]}'


def _ratings(xmp: str) -> re.Pattern[str]:
    """Matches the ratings of a sidecar, under every prefix of their namespace."""
    prefixes = "|".join(map(re.escape, dict.fromkeys(["xmp", *_PREFIX.findall(xmp)])))
    name = rf"(?:{prefixes}):Rating"
    return re.compile(
        rf"""(?<![\w.:-])({name}\s*=\s*)("[^"]*"|'[^']*')"""
        rf"""|(<{name}\b[^<>]*(?<!/)>)[^<]*(</{name}\s*>)|<({name})\b[^<>]*/>"""
    )


def _rated(match: re.Match[str], stars: int) -> str:
    """A rating as attribute, as element, or as empty element, with other stars."""
    if match[1]:
        return f'{match[1]}"{stars}"'
    return f"{match[3]}{stars}{match[4]}" if match[3] else f"<{match[5]}>{stars}</{match[5]}>"


def with_keywords(xmp: str, keywords: Sequence[str]) -> str | None:
    """The text of a sidecar with keywords (``dc:subject``) added, none twice; None if it has no place for them."""
    if subject := _SUBJECT.search(xmp):
        known = {unescape(text.strip()) for text in _KEYWORD.findall(subject[3])}
        return xmp[: subject.end(3)] + _items(k for k in keywords if k not in known) + xmp[subject.end(3) :]
    if not keywords:
        return xmp
    xmp = _EMPTY_SUBJECT.sub("", xmp)
    if not (tag := _DESCRIPTION_TAG.search(xmp)):
        return None
    bag = (
        f'\n   <dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/">\n    <rdf:Bag>{_items(keywords)}'
        "\n    </rdf:Bag>\n   </dc:subject>"
    )
    end = "\n  </rdf:Description>" if tag[2] == "/>" else ""
    return f"{xmp[: tag.start()]}{tag[1]}>{bag}{end}{xmp[tag.end() :]}"


def _items(keywords: Iterable[str]) -> str:
    return "".join(f"\n     <rdf:li>{escape(keyword)}</rdf:li>" for keyword in keywords)
