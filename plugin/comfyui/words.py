"""The address at which the front end asks for words that complete what is typed into soart's nodes."""

from __future__ import annotations

from .addresses import answer_get


def _words() -> dict[str, list[str]]:
    """Wildcards of prompts, judges as they are written, and tastes."""
    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.scoring.taste_store import TasteStore
    from ...prompts.space.templates import wildcard_names

    store = TasteStore()
    judges = [judge.name for judge in Catalogue(store).entries()]
    return {"wildcards": wildcard_names(), "judges": judges, "tastes": store.names()}


answer_get("/soart/words", _words)
