"""Numbers in words, and names that were mistyped."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from ...errors import CollectionError

#: Characters that show a text in another order than it has (Unicode's Bidi_Control): a name with them looks like another.
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = re.compile(f"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ufeff{BIDI_CONTROLS}]")
#: Characters that steer a terminal, or show a text in another order or on another line; tab and line breaks stand alone.
_STEERING = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff{BIDI_CONTROLS}]|([\t\n\r])"
)


def counted(count: int, noun: str = "picture") -> str:
    """A number with its noun, such as "1 picture" or "3 pictures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def composed(name: str) -> str:
    """A name with composed accents, as most keyboards write them: decomposed ones look the same and are other texts."""
    return unicodedata.normalize("NFC", name)


def printable(text: str, *, lines: bool = False) -> str:
    """Escape what would steer a terminal or disguise a name, such as control characters and bidirectional marks."""
    if text.isprintable():
        return text
    return _STEERING.sub(lambda c: c[0] if lines and c[1] else repr(c[0])[1:-1], text)


def check_visible(name: str, noun: str = "name") -> str:
    """Check that a name holds nothing that steers or reorders text; letters of every script are fine."""
    if control := _INVISIBLE.search(name):
        raise CollectionError(
            f"The {noun} {name[:100]!r} holds an invisible character, U+{ord(control[0]):04X}: remove it."
        )
    return name


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that a mistyped one probably means; empty if none is near.

    >>> from soart.pipelines.support.wording import meant
    >>> meant("Rated_Quality", ["appeal", "rated-quality"]), meant("clipp", ["clip"]), meant("cats", ["appeal"])
    ('rated-quality', 'clip', '')
    """
    plain = {_plain(one): one for one in known}
    near = get_close_matches(_plain(name), plain, n=1, cutoff=0.75)
    return plain[near[0]] if near else ""


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "-").replace(" ", "-")


def percent(part: int, whole: int) -> str:
    """A share such as "12 %"; below one percent with a figure that is not 0, such as "0.4 %"."""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 or not part else f"{share:.1g} %"


def first_and_last(text: str, width: int) -> str:
    """A text of at most about ``width`` characters: its first and its last words if it is longer.

    >>> from soart.pipelines.support.wording import first_and_last
    >>> first_and_last("a fox in the snow at night with a red scarf", 24)
    'a fox in … a red scarf'
    """
    if len(text) <= width:
        return text
    half = width // 2
    first, last = text[:half], text[-half:]
    return f"{first.rpartition(' ')[0] or first} … {last.partition(' ')[2] or last}"


def stored_text(value: Any) -> str:  # noqa: ANN401
    """A stored text; collections of soart 0.2.0 and older hold a template, its values, and a plural with its number.

    >>> from soart.pipelines.support.wording import stored_text
    >>> stored_text("as it is"), stored_text(["similar to %(option)s", {"option": "fog"}, "", 1])
    ('as it is', 'similar to fog')
    """
    if isinstance(value, str):
        return value
    one, values, many, number = value
    return str((many if many and number != 1 else one) % {name: stored_text(part) for name, part in values.items()})
