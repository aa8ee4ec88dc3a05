"""What an evaluation found, in plain arrays and values that can be stored."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...metrics.damage.scorer import DETECTORS
from ...metrics.percentiles import percentiles
from .associations import Association, Trend

#: Attributes that are arrays, by the names they are stored under.
_ARRAYS = {"ids": "ids", "distance": "distance", "mode": "damage", "group": "group", "best": "best", "style": "style"}


@dataclass(frozen=True, slots=True)
class Style:
    """A group of pictures that measure alike.

    Attributes:
        number: largest first, counting from 0.
        pictures: how many.
        score: their mean.
        typical: ids of those nearest its centre.
    """

    number: int
    pictures: int
    score: float
    typical: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """A part of the time line.

    Attributes:
        name: such as ``2026-11``.
        pictures: whose files last changed then.
        score: their mean.
    """

    name: str
    pictures: int
    score: float


@dataclass(frozen=True)
class Evaluation:
    """An evaluated collection; all arrays are (n,), in the same order.

    Attributes:
        main: name of the profile that ranks.
        ids: of the pictures, int64.
        scores: by profile, higher is better.
        distance: MT distance from the collection's own unit space, about 1 inside; NaN where there are too few pictures.
        outlier_limit: distance beyond which a picture is an outlier.
        damage: number of the detector whose damage is suspected, −1 for none.
        group: number of the group of near-duplicates, −1 for none.
        best: whether it is the one to keep of its group.
        style: number of its style.
        styles: facts of each.
        associations: of words, models and settings with the main score, the most certain of each kind first.
        trends: of numbers with the main score.
        timeline: in order.
    """

    main: str
    ids: np.ndarray
    scores: Mapping[str, np.ndarray]
    distance: np.ndarray
    outlier_limit: float
    damage: np.ndarray
    group: np.ndarray
    best: np.ndarray
    style: np.ndarray
    styles: tuple[Style, ...]
    associations: tuple[Association, ...]
    trends: tuple[Trend, ...]
    timeline: tuple[Period, ...]

    @cached_property
    def percentile(self) -> np.ndarray:
        """Share of the pictures that each one beats by the main score, 0–100."""
        return percentiles(self.scores[self.main])

    @cached_property
    def outlier(self) -> np.ndarray:
        """(n,) bool: far from the rest."""
        return np.asarray(self.distance > self.outlier_limit)

    @cached_property
    def place(self) -> dict[int, int]:
        """Row of each picture by its id."""
        return {image: row for row, image in enumerate(self.ids.tolist())}

    def damage_name(self, row: int) -> str:
        """Damage that a picture is suspected of; empty for none."""
        return DETECTORS[self.damage[row]] if self.damage[row] >= 0 else ""

    def packed(self) -> bytes:
        """As bytes, without pickle."""
        plain = {
            "main": self.main,
            "outlier_limit": self.outlier_limit,
            "profiles": list(self.scores),
            **{name: [asdict(one) for one in getattr(self, name)] for name in _LISTS},
        }
        buffer = io.BytesIO()
        arrays = {name: getattr(self, attribute) for name, attribute in _ARRAYS.items()}
        arrays |= {f"score{k}": values for k, values in enumerate(self.scores.values())}
        np.savez(buffer, plain=np.frombuffer(json.dumps(plain).encode(), np.uint8), allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> Evaluation:
        """From ``packed``."""
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            values: dict[str, Any] = json.loads(stored["plain"].tobytes())
            values["scores"] = {name: stored[f"score{k}"] for k, name in enumerate(values.pop("profiles"))}
            values |= {attribute: stored[name] for name, attribute in _ARRAYS.items()}
        values |= {name: tuple(kind(**_tuples(one)) for one in values[name]) for name, kind in _LISTS.items()}
        return cls(**values)


_LISTS: dict[str, type] = {"styles": Style, "associations": Association, "trends": Trend, "timeline": Period}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON lists as the tuples they were."""
    return {
        k: tuple(tuple(x) if isinstance(x, list) else x for x in v) if isinstance(v, list) else v
        for k, v in values.items()
    }
