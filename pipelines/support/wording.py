"""Numbers of things in words."""

from __future__ import annotations


def counted(count: int, noun: str = "picture") -> str:
    """A number with its noun, such as "1 picture" or "3 pictures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
