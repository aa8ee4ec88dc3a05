"""The built-in technical score, the detectors of faults, and the rule of suspected damage.

All scores have 0 to 100 points. The technical score tells how well a picture is rendered, not whether it is liked. Three things
cost points: every fault; a rendering unlike that of good photographs and drawings (``quality_model``); and what people would hold
against its quality, predicted from its appearance (``rated_quality``). A fault costs the more, the stronger its evidence is; hardly
anything is gained by having less of a fault than usual. The score hardly depends on the size of a picture, and not on its orientation.

The *technometric* is the sum of all that costs points: 0 or more, lower is better, without an upper limit. Points halve
at every further ``HALF``: 100·2^(−technometric / HALF).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ...errors import TasteError, expect
from ..items.combined import CombinedExtractor, taste_extractor
from ..items.quality import QualityExtractor
from ..protocols import Reason
from .fitness import JudgesItems, why_unfit
from .names import DETECTORS as DETECTORS
from .names import FAULTS_VERSION, STORED_TECHNICAL, TECHNICAL, TECHNICAL_VERSION
from .places import fault_places
from .quality_model import QualityModel, departures
from .rated_quality import UNTOLD, rated_appearance_model
from .reasons import (
    APPEARANCE,
    RENDERING,
    SLIGHT,
    SUSPECT,
    Parts,
    fault_text,
    reasons_against,
    strangeness_text,
    verdicts,
)

#: Points of a picture at the limit of a detector, and of a usual undamaged one.
LIMIT, USUAL = 50.0, 85.0
#: Evidence below which a fault costs hardly anything, and the width of the transition.
KNEE, WIDTH = 0.4, 0.2
#: Cost of a standard deviation of strangeness.
STRANGE = 0.8
#: Technometric of 50 points, which 2 % of the undamaged pictures exceed (``benchmarks/score/build_rated_appearance.py``).
HALF = 7.4
#: Logits per unit of evidence: from ``USUAL`` at 0 to ``LIMIT`` at 1.
STEEPNESS = float(np.log(USUAL / (100 - USUAL)))


@cache
def quality_model() -> QualityModel:
    """The built-in model."""
    extractor = QualityExtractor()
    return QualityModel.load(Path(__file__).with_name("quality.safetensors"), extractor.names, extractor.version)


def fault_costs(evidence: np.ndarray) -> np.ndarray:
    """Costs ≥ 0 of evidence, of the same shape, before they are weighted by the size of the picture."""
    return WIDTH * np.logaddexp(0.0, (evidence - KNEE) / WIDTH)


def costs(model: QualityModel, items: np.ndarray) -> np.ndarray:
    """(k + 1, n) costs ≥ 0 of pictures of (n, p) quality items: of every fault of the model, and of strangeness."""
    faults = model.weight[model.rung(items)] * fault_costs(model.evidence(items))
    return np.vstack([faults, STRANGE * np.logaddexp(0.0, model.strangeness(items))])


def points_of(technometric: np.ndarray, half: float) -> np.ndarray:
    """(n,) points, 0 to 100, of (n,) technometrics; they halve at every ``half``."""
    return 100 * 2 ** (-technometric / half)


def technometric_of(points: np.ndarray, half: float) -> np.ndarray:
    """(n,) technometrics of (n,) points, 0 to 100; the inverse of ``points_of``, infinite for 0 points."""
    with np.errstate(divide="ignore"):
        technometric: np.ndarray = -half * np.log2(points / 100)
    return technometric


def _freedom(evidence: np.ndarray) -> np.ndarray:
    """(n,) freedom from a fault, 0 to 1, of (n,) evidence."""
    return 1 / (1 + np.exp(np.clip(STEEPNESS * (evidence - 1), -30, 30)))


def points_at_limit(fault: str) -> float:
    """Points by the detector of a fault below which it is suspected."""
    return 100 * float(_freedom(SUSPECT[DETECTORS.index(fault)]))


def costs_of_faults(items: np.ndarray) -> np.ndarray:
    """(n,) costs of all faults and of strangeness in (n, p) quality items by the built-in model: ≥ 0."""
    total: np.ndarray = costs(quality_model(), items).sum(axis=0)
    return total


@dataclass(frozen=True)
class TechnicalJudge(JudgesItems):
    """The technical score, or the freedom from one fault; 0 to 100 points, higher is better.

    Attributes:
        fault: one of ``DETECTORS``; empty for the technical score.
        model: unit spaces and detectors.
        extractor: the extractor of all built-in items, of which the score uses the quality items.

    Examples:
        >>> import numpy as np
        >>> from scipy import ndimage
        >>> from soart import TechnicalJudge
        >>> judge = TechnicalJudge.load()
        >>> y, x = np.mgrid[:128, :128] / 128
        >>> sharp = np.stack([(x + y) / 2, x * y, (np.sin(40 * x) > np.cos(30 * y)) * 0.8], axis=2)
        >>> items = judge.extractor.extract(np.stack([sharp, ndimage.gaussian_filter(sharp, (3, 3, 0))]))
        >>> scores = judge.score(items)
        >>> bool((scores >= 0).all() and (scores <= 100).all() and scores[0] > scores[1])
        True
        >>> [[lifted], [lowered]] = TechnicalJudge.detector("blur").explain(items, among=items)
        >>> lifted.text, lowered.text
        ('sharper than the other', 'slightly soft')
    """

    fault: str
    model: QualityModel = field(repr=False)
    extractor: CombinedExtractor = field(default_factory=taste_extractor)

    @classmethod
    def load(cls) -> TechnicalJudge:
        """The built-in technical score.

        Raises:
            TasteError: its file is missing or damaged.
        """
        return cls("", quality_model())

    @classmethod
    def detector(cls, fault: str) -> TechnicalJudge:
        """The built-in detector of a fault, one of ``DETECTORS``.

        Raises:
            TasteError: there is no detector with this name.
        """
        if fault not in DETECTORS:
            raise TasteError(f"Expected a detector among {', '.join(DETECTORS)}, got {fault!r}.")
        return cls(fault, quality_model())

    @property
    def name(self) -> str:
        """``technical``, or that of the detector."""
        return self.fault or TECHNICAL

    @property
    def version(self) -> str:
        """Changes whenever values change."""
        return str(FAULTS_VERSION if self.fault else TECHNICAL_VERSION)

    @property
    def stored_name(self) -> str:
        """Name and version under which scores are stored."""
        return f"{self.fault}-{FAULTS_VERSION}" if self.fault else STORED_TECHNICAL

    @cached_property
    def columns(self) -> list[int]:
        """Numbers of the quality items among the extractor's."""
        return [self.extractor.names.index(name) for name in self.model.names]

    def _quality(self, items: np.ndarray) -> np.ndarray:
        """The quality items among (n, p) items."""
        expect("items as an array (pictures, items)", items, np.ndarray, error=TasteError)
        if items.ndim != 2 or items.shape[1] != len(self.extractor.names):
            raise TasteError(
                f"Judge {self.stored_name!r} expects items of shape (n, {len(self.extractor.names)}), got "
                f"{items.shape}."
            )
        if not np.isfinite(items).all():
            raise TasteError(f"Judge {self.stored_name!r} expects finite items, got NaN or infinity.")
        return np.asarray(items[:, self.columns], dtype=np.float64)

    def _evidence(self, quality: np.ndarray) -> np.ndarray:
        evidence: np.ndarray = self.model.evidence(quality)[self.model.detectors.index(self.fault)]
        return evidence

    def technometric(self, items: np.ndarray) -> np.ndarray:
        """(n,) technometrics of (n, p) items, ≥ 0, lower is better; of a detector the evidence of its fault."""
        if self.fault:
            return self._evidence(self._quality(items))
        total: np.ndarray = self.cost_of_faults(items) + self._cost_of(self._rated(items))
        return total

    def cost_of_faults(self, items: np.ndarray) -> np.ndarray:
        """(n,) what all faults and strangeness cost in (n, p) items, ≥ 0: the technometric without rated quality."""
        total: np.ndarray = costs(self.model, self._quality(items)).sum(axis=0)
        return total

    def freedom_from_faults(self, items: np.ndarray) -> np.ndarray:
        """(n,) points, 0 to 100, of (n, p) items by the costs of faults alone; 0 for pictures that cannot be judged.

        They halve at every further ``model.half``, so their scale is not that of the technical score.
        """
        return self._points_of(self.cost_of_faults(items), self.model.half, items)

    def _rated(self, items: np.ndarray) -> np.ndarray:
        """(n,) rated qualities of (n, p) items, 0 to 1; NaN for pictures that are too small."""
        return rated_appearance_model().scores(items, self.extractor.names)

    def _cost_of(self, rated: np.ndarray) -> np.ndarray:
        """(n,) what (n,) rated qualities cost, ≥ 0: each halving of what they leave as much as faults that halve the freedom."""
        cost: np.ndarray = -self.model.half * np.log2(rated_appearance_model().shares_left(rated))
        return cost

    def _points_of(self, technometric: np.ndarray, half: float, items: np.ndarray) -> np.ndarray:
        """(n,) points of (n,) technometrics; 0 for (n, p) items of pictures that cannot be judged."""
        fit = [not reason for reason in self.unfit(items)]
        return np.where(fit, points_of(technometric, half), 0.0)

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) points of (n, p) items, 0 to 100; higher is better. Pictures that cannot be judged have 0."""
        technometric = self.technometric(items)
        return 100 * _freedom(technometric) if self.fault else self._points_of(technometric, HALF, items)

    def unfit(self, items: np.ndarray) -> list[str]:
        """Why pictures of (n, p) items cannot be judged, such as ``"all black"``; empty for those that can."""
        return why_unfit(self._quality(items), self.model.names)

    def verdicts(self, items: np.ndarray) -> list[str]:
        """A word or two for each of (n, p) items, see ``verdicts``; the reason for pictures that cannot be judged."""
        words = verdicts(self.model.evidence(self._quality(items)))
        return [reason or word for reason, word in zip(self.unfit(items), words, strict=True)]

    def suspicion(self, scores: np.ndarray) -> np.ndarray:
        """(n,) evidence of the fault by a detector's scores: 0 is usual for an undamaged picture, 1 is at the limit."""
        share = np.clip(scores, 1e-11, 100 - 1e-11) / 100
        evidence: np.ndarray = 1 - np.log(share / (1 - share)) / STEEPNESS
        return evidence

    def places(self, pixels: np.ndarray, items: np.ndarray) -> Mapping[str, str]:
        """Places of the strongest faults of one picture, by fault.

        Args:
            pixels: (h, w, 3), uint8 or floating 0…1.
            items: (1, p) its items.
        """
        evidence = self.model.evidence(self._quality(items))[:, 0]
        sought = [fault for fault, e in zip(self.model.detectors, evidence, strict=True) if e > SLIGHT]
        return fault_places(self.model, pixels, sought)

    def explain(
        self,
        items: np.ndarray,
        among: np.ndarray | None = None,
        places: Mapping[str, str] = MappingProxyType({}),
    ) -> list[list[Reason]]:
        """The parts of each score, see ``ItemJudge.explain``; of a detector its fault alone.

        Args:
            items: (n, p).
            among: (m, p) items of the pictures to compare with; None for the usual undamaged picture.
            places: where faults are strongest, by fault, for the items of a single picture.
        """
        others = None if among is None else self.parts(among)
        reasons = reasons_against(self.parts(items, places), others, self.usual(items))
        return [[Reason(why, -100.0)] if why else row for why, row in zip(self.unfit(items), reasons, strict=True)]

    def parts(self, items: np.ndarray, places: Mapping[str, str] = MappingProxyType({})) -> Parts:
        """The parts of the scores of (n, p) items; ``places`` as for ``explain``."""
        if self.fault:
            evidence = self._evidence(self._quality(items))
            words = [fault_text(self.fault, e, places.get(self.fault, "")) if e > SLIGHT else "" for e in evidence]
            return Parts({self.fault: -np.log2(_freedom(evidence))}, {self.fault: words})
        rated, faults = self._rated(items), self.parts_of_freedom(items, places)
        halvings = {name: values * self.model.half / HALF for name, values in faults.halvings.items()}
        words = [UNTOLD if np.isnan(value) else "" for value in rated]
        return Parts(halvings | {APPEARANCE: self._cost_of(rated) / HALF}, {**faults.words, APPEARANCE: words})

    def usual(self, items: np.ndarray) -> Parts:
        """The parts of the score of a usual undamaged picture, of the size of each of (n, p) items."""
        n = len(items)
        if self.fault:
            return Parts({self.fault: np.full(n, -np.log2(USUAL / 100))}, {self.fault: [""] * n})
        faults = self.usual_freedom(items)
        halvings = {name: values * self.model.half / HALF for name, values in faults.halvings.items()}
        return Parts(halvings | {APPEARANCE: self._cost_of(np.full(n, np.nan)) / HALF}, {})

    def parts_of_freedom(self, items: np.ndarray, places: Mapping[str, str] = MappingProxyType({})) -> Parts:
        """The parts of the freedom from faults of (n, p) items: every fault, and the rendering.

        A fault that is not looked for at the size of a picture is none: its constant cost belongs to the rendering. What
        other faults cost more than usual is put down to the suspected ones. ``places`` are as for ``explain``.
        """
        quality = self._quality(items)
        evidence, strangeness = self.model.evidence(quality), self.model.strangeness(quality)
        by_cause, departed, rung = costs(self.model, quality), departures(self.model, quality), self.model.rung(quality)
        usual = self.model.weight[rung] * fault_costs(np.zeros(1))
        for n in range(len(items)):
            by_cause[:-1, n] = _put_down_to_the_suspected(by_cause[:-1, n], evidence[:, n], usual[n])
        words = {
            fault: [fault_text(fault, e, places.get(fault, "")) if e > SLIGHT else "" for e in evidence[k]]
            for k, fault in enumerate(self.model.detectors)
        }
        words[RENDERING] = [strangeness_text(s, text) for s, text in zip(strangeness, departed, strict=True)]
        return self._freedom_of(by_cause, rung, words)

    def usual_freedom(self, items: np.ndarray) -> Parts:
        """As ``parts_of_freedom``, of a usual undamaged picture of the size of each of (n, p) items."""
        rung = self.model.rung(self._quality(items))
        faults = np.tile(self.model.weight[rung] * fault_costs(np.zeros(1)), (len(self.model.detectors), 1))
        return self._freedom_of(np.vstack([faults, np.full(len(rung), STRANGE * np.log(2))]), rung, {})

    def _freedom_of(self, by_cause: np.ndarray, rung: np.ndarray, words: Mapping[str, list[str]]) -> Parts:
        """Parts of (k + 1, n) costs of faults and strangeness."""
        sought = np.isfinite(self.model.limit)[:, rung]
        rendering = by_cause[-1] + np.where(sought, 0, by_cause[:-1]).sum(axis=0)
        halvings = np.vstack([np.where(sought, by_cause[:-1], 0), rendering]) / self.model.half
        return Parts(dict(zip((*self.model.detectors, RENDERING), halvings, strict=True)), words)


def _put_down_to_the_suspected(costs: np.ndarray, evidence: np.ndarray, usual: float) -> np.ndarray:
    """(k,) costs of faults of one picture, where those suspected take what the others cost more than ``usual``.

    One fault raises the evidence of others, because detectors see the same texture.
    """
    suspected = evidence > SUSPECT
    if not suspected.any():
        return costs
    moved = np.where(suspected, 0, np.maximum(costs - usual, 0))
    shares = np.where(suspected, costs, 0) / costs[suspected].sum()
    found: np.ndarray = costs - moved + moved.sum() * shares
    return found


@cache
def detectors() -> tuple[TechnicalJudge, ...]:
    """The built-in detectors in the order of ``DETECTORS``."""
    return tuple(TechnicalJudge.detector(damage) for damage in DETECTORS)


def suspected(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) int64 number in ``DETECTORS`` of the damage that each picture is suspected of, −1 for none.

    ``scores`` are (n,) by the ``stored_name`` of each detector; NaN does not count. Detectors have different scales. So
    a score counts by its evidence, as a share of that from which its fault is suspected; the strongest names the damage.
    """
    suspicion = np.nan_to_num(evidence_of(scores), nan=-np.inf) / SUSPECT[:, None]
    return np.where(suspicion.max(axis=0) > 1, suspicion.argmax(axis=0), -1)


def evidence_of(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """(k, n) evidence of each fault in ``DETECTORS`` by (n,) scores of every detector; NaN where there is none."""
    return np.stack([detector.suspicion(scores[detector.stored_name]) for detector in detectors()])
