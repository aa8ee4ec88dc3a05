"""Tables that notebooks show in place of a value: HTML in which all text is escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any

#: Most rows of a table, and width of its pictures in pixels.
SHOWN, WIDTH = 12, 96


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str | bytes]], below: Iterable[str] = ()) -> str:
    """A table of texts and pictures, with paragraphs below it.

    Args:
        headings: of the columns; empty ones are allowed.
        rows: cells, texts or the bytes of a JPEG; an empty one for a picture that is gone.
        below: texts of the paragraphs.

    Examples:
        >>> from soart.notebooks import html_table
        >>> html_table(["prompt"], [["a <b>fox</b>"]], ["1 more"])
        '<table><tr><th>prompt</th></tr><tr><td>a &lt;b&gt;fox&lt;/b&gt;</td></tr></table><p>1 more</p>'
    """
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    lines = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    paragraphs = "".join(f"<p>{html.escape(text)}</p>" for text in below)
    return f"<table><tr>{head}</tr>{lines}</table>{paragraphs}"


def reasons_text(reasons: Iterable[Any]) -> str:
    """Reasons with a ``text`` as one text."""
    return "; ".join(str(reason.text) for reason in reasons)


def _cell(content: str | bytes) -> str:
    if isinstance(content, str) or not content:
        return html.escape(str(content or ""))
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(content).decode()}" width="{WIDTH}" alt="">'
