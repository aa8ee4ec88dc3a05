"""Hooks of the documentation site: the package to document, and links into the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
#: What the package consists of. The repository root is the package, but holds environments too, which take minutes to
#: search.
_PACKAGE = (
    "metrics",
    "pipelines",
    "plugin",
    "prompts",
    "__init__.py",
    "errors.py",
    "files.py",
    "notebooks.py",
    "threads.py",
    "version.py",
)


def on_startup(**_: Any) -> None:  # noqa: ANN401
    """Make the folder ``soart`` of links to the package, which mkdocs.yml names, before anything looks for it."""
    folder = _ROOT / ".typing" / "site" / "soart"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PACKAGE:
        if not (folder / name).exists():
            (folder / name).symlink_to(_ROOT / name)


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:  # noqa: ANN401
    """Replace links out of ``docs/``, such as ``](../path)``, by the addresses of those files in the repository."""
    base = str(config["extra"]["repository"]).rstrip("/")
    up = re.escape("../" * (page.file.src_uri.count("/") + 1))
    return re.sub(rf"\]\({up}([^)]+)\)", rf"]({base}/blob/main/\1)", markdown)
