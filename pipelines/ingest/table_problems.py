"""Problems of the tables beside pictures, kept with a collection."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..collection.collection import Collection
from ..collection.settings import change_setting, setting
from ..support.file_stamps import file_stamp
from .metadata import TABLES, FolderTable

#: Key of the problems by folder, with the stamp of the tables that were read, as JSON.
_KEY = "table_problems"


def table_problems(collection: Collection, folders: Iterable[str]) -> list[str]:
    """Sentences on tables, or lines of them, in ``folders`` (absolute) that cannot be read, in the order of their names.

    The collection remembers them: tables that have not changed since the last call are not read again.
    """
    known: dict[str, tuple[str, list[str]]] = json.loads(setting(collection, _KEY) or "{}")
    problems, fresh = [], {}
    for folder in sorted(set(folders)):
        stamp = file_stamp(*(Path(folder, name) for name in sorted(TABLES)))
        before, sentences = known.get(folder, ("", []))
        if before != stamp:
            sentences = FolderTable.read(Path(folder)).problems
            fresh[folder] = (stamp, sentences)
        problems += sentences
    if fresh:
        change_setting(collection, _KEY, lambda stored: json.dumps(json.loads(stored or "{}") | fresh))
    return problems
