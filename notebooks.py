"""Tables that notebooks show in place of a value: HTML in which all text is escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

#: Most rows of a table, and width of its pictures in pixels.
SHOWN, WIDTH = 12, 96


#: A cell: a text, the bytes of a JPEG, or several of both; an empty one for a picture that is gone.
Cell = str | bytes | Sequence[str | bytes]
T = TypeVar("T")


def html_table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], below: Iterable[str] = ()) -> str:
    """A table of texts and pictures, with paragraphs below it.

    Args:
        headings: of the columns; empty ones are allowed.
        rows: cells.
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


def first_rows(
    headings: Sequence[str],
    things: Sequence[T],
    cells: Callable[[T], Sequence[Cell]],
    below: Iterable[str] = (),
    noun: str = "",
) -> str:
    """A table with a row for each of the first ``SHOWN`` things, and below it the number of the others."""
    others = [f"{len(things) - SHOWN} more {noun}".rstrip()] if len(things) > SHOWN else []
    return html_table(headings, map(cells, things[:SHOWN]), [*others, *below])


def reasons_text(reasons: Iterable[Any]) -> str:
    """Reasons as one text, with what they name."""
    return "; ".join(str(reason.in_full) for reason in reasons)


def _cell(content: Cell) -> str:
    if not isinstance(content, str | bytes):
        return "".join(f"<div>{html.escape(part)}</div>" if isinstance(part, str) else _cell(part) for part in content)
    if isinstance(content, str) or not content:
        return html.escape(str(content or ""))
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(content).decode()}" width="{WIDTH}" alt="">'
