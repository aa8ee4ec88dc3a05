"""Nouns and the ImageNet classes that they stand for; "dog" stands for 118 of them.

Words and groups come from WordNet, so that the classes of one noun among those of another make it a kind of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

#: The table of nouns; benchmarks/adherence/build_nouns.py writes it.
TABLE = Path(__file__).with_name("nouns.txt")
#: Number of ImageNet classes.
CLASSES = 1000


@cache
def noun_classes() -> Mapping[str, frozenset[int]]:
    """Numbers of the ImageNet classes by noun, in lower case."""
    table = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            noun, _, ranges = line.partition("\t")
            ends = [part.split("-") for part in ranges.split(",")]
            table[noun] = frozenset(n for end in ends for n in range(int(end[0]), int(end[-1]) + 1))
    return MappingProxyType(table)


@cache
def _groups() -> tuple[np.ndarray, np.ndarray]:
    """(g, 1000) True where a group of classes holds a class, and (g,) what each group tells, −log of its share of them."""
    groups = sorted({*noun_classes().values()}, key=lambda classes: (-len(classes), sorted(classes)))
    holds = np.zeros((len(groups), CLASSES), dtype=bool)
    for row, classes in zip(holds, groups, strict=True):
        row[sorted(classes)] = True
    return holds, np.log(CLASSES / holds.sum(axis=1))


@cache
def noun_meaning(noun: str) -> Mapping[int, float]:
    """The kinds that a noun of the table is of: weights by number of the group of classes, of length 1.

    With the mean share m_g of its classes that lie in group g, a weight is in proportion to √(−log p_g) m_g, so that the product of two
    nouns is the more, the narrower the groups are that hold both: "poodle" is like "beagle", less like "cat", and not like
    "teapot".

    Source: Resnik, "Using information content to evaluate semantic similarity in a taxonomy", IJCAI (1995).

    >>> from soart.metrics.items.nouns import noun_meaning
    >>> def alike(first, second):
    ...     other = noun_meaning(second)
    ...     return round(sum(weight * other.get(group, 0) for group, weight in noun_meaning(first).items()), 1)
    >>> alike("poodle", "beagle") > alike("poodle", "persian cat") > alike("poodle", "teapot")
    True
    """
    holds, told = _groups()
    weights = np.sqrt(told) * holds[:, sorted(noun_classes()[noun])].mean(axis=1)
    weights /= np.linalg.norm(weights)
    return MappingProxyType({int(group): float(weights[group]) for group in np.flatnonzero(weights > 1e-6)})
