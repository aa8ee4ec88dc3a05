"""The address at which the front end asks for words that complete what is typed into text fields."""

from __future__ import annotations

import folder_paths

from .addresses import answer_get


def _words() -> dict[str, list[str]]:
    """Wildcards of prompts, judges as they are written, tastes, and the names of LoRAs without their endings."""
    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.scoring.taste_store import TasteStore
    from ...prompts.space.templates import wildcard_names

    store = TasteStore()
    judges = [judge.name for judge in Catalogue(store).entries()]
    loras = [name.rpartition(".")[0] for name in folder_paths.get_filename_list("loras")]
    return {"wildcards": wildcard_names(), "judges": judges, "tastes": store.names(), "loras": loras}


answer_get("/soart/words", _words)
