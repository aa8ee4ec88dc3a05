"""Results of an evaluation, as arrays and plain values that can be stored."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...metrics.damage.reasons import verdicts
from ...metrics.damage.technical import DETECTORS, HALF, TechnicalJudge, evidence_of, technometric_of
from ...metrics.percentiles import percentiles
from .associations import Association
from .contents import Part
from .trends import Trend

#: Attributes that are arrays, by the names under which they are stored.
_ARRAYS = {
    "ids": "ids",
    "distance": "distance",
    "mode": "damage",
    "group": "group",
    "best": "best",
    "unfit": "unfit",
    "faces": "faces",
}


@dataclass(frozen=True)
class Evaluation:
    """Results of an evaluation; all arrays are (n,), in the same order of pictures."""

    main: str  # stored name of the judge that ranks
    ids: np.ndarray
    scores: Mapping[str, np.ndarray]  # by stored name of the judge, higher is better; NaN for pictures without one
    #: MT distance from the collection's own unit space, about 1 inside; NaN if there are too few pictures
    distance: np.ndarray
    outlier_limit: float  # distance beyond which a picture is an outlier
    damage: np.ndarray  # number in ``DETECTORS`` of the suspected damage, −1 for none
    group: np.ndarray  # number of the group of near-duplicates, −1 for none
    best: np.ndarray  # True for the picture to keep of each group
    #: why the picture cannot be judged, such as ``"all black"``; empty for those that can. It has no scores.
    unfit: np.ndarray
    faces: np.ndarray  # number of faces that are found, −1 where nobody looked
    parts: tuple[Part, ...]
    #: of words, models and settings with the main score, the most certain of each kind first
    associations: tuple[Association, ...]
    trends: tuple[Trend, ...]

    @cached_property
    def judged(self) -> np.ndarray:
        """(n,) bool: True for pictures that the main judge gave a value."""
        return np.asarray(np.isfinite(self.scores[self.main]))

    @cached_property
    def standing(self) -> np.ndarray:
        """(n,) main scores to order pictures by: −∞ for those without one."""
        return np.where(self.judged, self.scores[self.main], -np.inf)

    @cached_property
    def percentile(self) -> np.ndarray:
        """(n,) percentage of the judged pictures with a lower main score, ties counted half; NaN for those not judged."""
        percentage = np.full(len(self.ids), np.nan)
        if self.judged.any():
            percentage[self.judged] = percentiles(self.scores[self.main][self.judged])
        return percentage

    @cached_property
    def outlier(self) -> np.ndarray:
        """(n,) bool: True for pictures far from the rest."""
        return np.asarray(self.distance > self.outlier_limit)

    @cached_property
    def place(self) -> dict[int, int]:
        """Row of each picture by its id."""
        return {image: row for row, image in enumerate(self.ids.tolist())}

    @cached_property
    def verdicts(self) -> list[str]:
        """(n,) technical quality in a word or two, such as ``"no fault found"`` and ``"slightly soft"``, or why there is none."""
        words = verdicts(evidence_of(self.scores))
        return [reason or word for reason, word in zip(self.unfit.tolist(), words, strict=True)]

    @cached_property
    def technometric(self) -> np.ndarray:
        """(n,) technometrics behind the technical score, ≥ 0, lower is better; NaN for pictures that cannot be judged."""
        return technometric_of(self.scores[TechnicalJudge.load().stored_name], HALF)

    def damage_name(self, row: int) -> str:
        """Name of the damage suspected of the picture in a row; empty for none."""
        return DETECTORS[self.damage[row]] if self.damage[row] >= 0 else ""

    def part(self, rows: np.ndarray) -> Evaluation:
        """The pictures in some rows (n,) alone; of near-duplicates there are at least two."""
        arrays = {name: getattr(self, name)[rows] for name in _ARRAYS.values()}
        group = arrays["group"]
        arrays["group"] = np.where(np.bincount(group + 1, minlength=1)[group + 1] > 1, group, -1)
        return replace(self, scores={name: values[rows] for name, values in self.scores.items()}, **arrays)

    def packed(self) -> bytes:
        """The evaluation as bytes, without pickle."""
        plain = {
            "main": self.main,
            "outlier_limit": self.outlier_limit,
            "profiles": list(self.scores),
            **{name: [asdict(value) for value in getattr(self, name)] for name in _LISTS},
        }
        buffer = io.BytesIO()
        arrays = {name: getattr(self, attribute) for name, attribute in _ARRAYS.items() if attribute != "unfit"}
        arrays |= {"unfit": self.unfit} if (self.unfit != "").any() else {}
        arrays |= {f"score{k}": values for k, values in enumerate(self.scores.values())}
        np.savez(buffer, plain=np.frombuffer(json.dumps(plain).encode(), np.uint8), allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> Evaluation:
        """The evaluation from the bytes of ``packed``."""
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            values: dict[str, Any] = json.loads(stored["plain"].tobytes())
            values["scores"] = {name: stored[f"score{k}"] for k, name in enumerate(values.pop("profiles"))}
            values |= {attribute: stored[name] for name, attribute in _ARRAYS.items() if name in stored}
        # Mostly there is nothing to store.
        values.setdefault("unfit", np.full(len(values["ids"]), ""))
        values |= {name: tuple(kind(**_tuples(fields)) for fields in values[name]) for name, kind in _LISTS.items()}
        return cls(**values)


_LISTS: dict[str, type] = {"parts": Part, "associations": Association, "trends": Trend}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Turn JSON lists back into tuples."""
    return {
        k: tuple(tuple(x) if isinstance(x, list) else x for x in v) if isinstance(v, list) else v
        for k, v in values.items()
    }
