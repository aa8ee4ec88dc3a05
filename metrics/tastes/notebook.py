"""A taste as notebooks show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...notebooks import html_table

if TYPE_CHECKING:
    from .blend import Taste


def taste_table(taste: Taste) -> str:
    """HTML: how reliable a taste is, its method and its network."""
    rows = [["reliability", taste.trust.sentence], ["method", taste.method], ["network", taste.network or "none"]]
    return html_table(["taste", taste.name], rows, [taste.trust.advice] if taste.trust.advice else [])
