"""Groups of pictures from which one is to be kept: by prompt, by burst, or by folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...metrics.similarity.distinct import numbered
from ..collection.provenance import Origin

#: Seconds between two pictures of a burst, at most.
GAP = 300.0
#: A number at the start of a name, such as that of A1111, or at its end, such as that of ComfyUI.
_LEADING, _TRAILING = re.compile(r"(\d{1,15})(?![0-9A-Za-z])"), re.compile(r"(.*?)(\d{1,15})(\D*)")


def by_prompt(pictures: Sequence[Origin]) -> np.ndarray:
    """(n,) group of each picture: those of one prompt whose settings differ in the seed at most; −1 for none or a guess."""
    return numbered([(one.prompt, one.settings) if one.prompt and not one.guessed else None for one in pictures])


def _numbers_in(path: str) -> Iterable[tuple[tuple[str, str, str], int]]:
    """Numbers in the name of a file, each with the folder and what surrounds it."""
    name = PurePath(path)
    folder, stem = str(name.parent), name.stem
    if leading := _LEADING.match(stem):
        yield (folder, "", ""), int(leading[1])
    if trailing := _TRAILING.fullmatch(stem):
        yield (folder, f"{trailing[1]}#", trailing[3]), int(trailing[2])


def by_burst(pictures: Sequence[Origin]) -> np.ndarray:
    """(n,) group of each picture: those of one prompt that were saved one after the other; −1 for none.

    One picture follows another if at most ``GAP`` seconds lie between them, or if their file numbers are consecutive in
    one folder. Pictures without a prompt are in no burst.
    """
    prompt = by_prompt(pictures)
    rows = np.flatnonzero(prompt >= 0)
    times = np.array([one.time for one in pictures])
    order = rows[np.lexsort((times[rows], prompt[rows]))]
    earlier, later = order[:-1], order[1:]
    follows = (prompt[later] == prompt[earlier]) & (times[later] - times[earlier] <= GAP)
    pairs = list(zip(earlier[follows].tolist(), later[follows].tolist(), strict=True))
    places: dict[tuple[int, tuple[str, str, str], int], int] = {}
    for row in rows.tolist():
        for place, number in _numbers_in(pictures[row].path):
            pairs.append((places.setdefault((int(prompt[row]), place, number), row), row))
    for (group, place, number), row in places.items():
        if (group, place, number + 1) in places:
            pairs.append((row, places[group, place, number + 1]))
    links = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(pictures), len(pictures)))
    return numbered(connected_components(graph, directed=False)[1].tolist()) if len(pictures) else prompt


def grouped_by(way: str, pictures: Sequence[Origin]) -> np.ndarray:
    """(n,) group of each picture by ``"prompt"``, ``"burst"`` or ``"folder"``; −1 for none."""
    if way == "folder":
        return numbered([str(PurePath(one.path).parent) if one.path else None for one in pictures])
    return by_prompt(pictures) if way == "prompt" else by_burst(pictures)
