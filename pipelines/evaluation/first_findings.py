"""First findings of an evaluation, while its folders are still read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.damage.names import DETECTORS
from ..ingest.inspection import Inspection
from ..support.wording import counted

if TYPE_CHECKING:
    from ...metrics.damage.technical import TechnicalJudge

#: Pictures that are scored at once.
_BATCH = 32


class FirstFindings:
    """Scores the pictures that a run inspects, and sums up in ``sentence``, which is empty at the start."""

    sentence = ""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, np.ndarray]] = []
        self._pictures = 0
        self._faults: Counter[str] = Counter()
        self._best, self._weakest = (-1.0, ""), (101.0, "")
        self._judge: TechnicalJudge | None = None

    def add(self, inspection: Inspection) -> None:
        """Take in a file that was inspected; one without items is passed over."""
        from ...metrics.damage.technical import TechnicalJudge

        self._judge = self._judge or TechnicalJudge.load()
        items = dict(inspection.items).get(self._judge.extractor.version)
        if items is None:
            return
        self._waiting.append((inspection.path, np.frombuffer(items, "<f4")))
        if len(self._waiting) == _BATCH:
            self._score(self._judge)

    def _score(self, judge: TechnicalJudge) -> None:
        from ...metrics.damage.technical import detectors, suspected
        from ...metrics.damage.titles import damage_noun

        paths, rows = zip(*self._waiting, strict=True)
        self._waiting = []
        items = np.stack(rows).astype(np.float64)
        # Black and plain pictures cannot be judged.
        fit = np.array([not reason for reason in judge.unfit(items)])
        scores = [
            (score, path) for score, path, fits in zip(judge.score(items).tolist(), paths, fit, strict=True) if fits
        ]
        self._pictures += len(paths)
        self._best, self._weakest = max([self._best, *scores]), min([self._weakest, *scores])
        damage = suspected({detector.stored_name: detector.score(items) for detector in detectors()})
        self._faults.update(DETECTORS[number] for number in damage[fit & (damage >= 0)])
        kinds = ", ".join(f"{damage_noun(fault)} {count}" for fault, count in self._faults.most_common())
        suspects = self._faults.total()
        self.sentence = f"of {counted(self._pictures)} {suspects} {'is' if suspects == 1 else 'are'} suspected of damage{f' ({kinds})' if kinds else ''}"
        if self._best[1]:
            best, weakest = ((Path(path).name, round(score)) for score, path in (self._best, self._weakest))
            self.sentence += f"; by technical quality the best is {best[0]!r} with {best[1]} points, the weakest {weakest[0]!r} with {weakest[1]}"
