"""Hooks of the documentation site: links into the repository, and roles of docstrings."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\]\(\.\./([^)]+)\)")
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):<code>(?:~?[\w.]*\.(?=\w)|~)?(\w+)</code>")


def on_page_markdown(markdown: str, *, config: Any, **_: Any) -> str:  # noqa: ANN401
    """Replace ``](../path)`` by the address of that file in the repository."""
    base = str(config["extra"]["repository"]).rstrip("/")
    return _OUTSIDE.sub(rf"]({base}/blob/main/\1)", markdown)


def on_page_content(html: str, **_: Any) -> str:  # noqa: ANN401
    """Show roles of docstrings, such as ``:class:`.Panel```, as the bare name."""
    return _ROLE.sub(r"<code>\1</code>", html)
