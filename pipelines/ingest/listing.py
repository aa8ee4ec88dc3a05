"""Lists the picture files below paths that a user names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...metrics.image import SUFFIXES
from .scan import special_problem


def find_pictures(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Picture files among ``paths`` and, recursively, in the folders among them; and a sentence for each that is not there or no regular file.

    Inside folders files are taken by suffix, hidden ones and links to folders are passed over; a file named by the user is
    taken whatever it is called.
    """
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        if path.is_dir():
            for folder, inner, names in os.walk(
                path, onerror=lambda e: problems.append(f"{e.filename!r} cannot be read: {e.strerror}.")
            ):
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
                for file in (file for file in files if file.suffix.lower() in SUFFIXES):
                    if problem := special_problem(file):
                        problems.append(problem)
                    else:
                        found[file] = None
        elif path.is_file():
            found[path] = None
        else:
            problems.append(special_problem(path) or f"{str(path)!r} does not exist.")
    return list(found), problems
