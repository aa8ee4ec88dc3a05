"""Numbers in words."""

from __future__ import annotations


def counted(count: int, noun: str = "picture") -> str:
    """A number with its noun, such as "1 picture" or "3 pictures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def percent(part: int, whole: int) -> str:
    """A share such as "12 %"; below one percent with a figure that is not 0, such as "0.4 %"."""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 or not part else f"{share:.1g} %"
