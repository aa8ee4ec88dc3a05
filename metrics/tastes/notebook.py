"""A taste as notebooks show it."""

from __future__ import annotations

from ...notebooks import html_table
from .trust import Trust


def taste_table(name: str, trust: Trust, method: str, network: str | None) -> str:
    """HTML: how reliable a taste is, its method and its network."""
    rows = [["reliability", trust.in_full], ["method", method], ["network", network or "none"]]
    return html_table(["taste", name], rows, [trust.advice] if trust.advice else [])
