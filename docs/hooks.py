"""Hook of the documentation site: links into the repository."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, *, config: Any, **_: Any) -> str:  # noqa: ANN401
    """Replace ``](../path)`` by the address of that file in the repository."""
    base = str(config["extra"]["repository"]).rstrip("/")
    return _OUTSIDE.sub(rf"]({base}/blob/main/\1)", markdown)
