"""The command ``soart doctor``."""

from __future__ import annotations

import typer

from .options import (
    Json,
)
from .terminal import emit, say


def doctor(as_json: Json = False) -> None:
    """Say what is installed, which device will be used, and what is missing."""
    from ...pipelines.doctor import run_checks

    checks = run_checks()
    if as_json:
        emit({"checks": [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks]})
    else:
        for c in checks:
            mark = "ok     " if c.ok else ("missing" if c.optional else "PROBLEM")
            say(f"{mark}  {c.name}: {c.found}" + (f" → {c.advice}" if c.advice else ""))
    if not all(c.ok or c.optional for c in checks):
        raise typer.Exit(1)
