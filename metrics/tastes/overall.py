"""The overall score: how good a picture is beside others by generators; what people like and rate highly, less faults.

    overall = 100 · the share of reference pictures whose product is smaller
    product = freedom^0.85 · share · quality · likeness · mark,   share    = 1 / (1 + exp(−slope · (appeal − middle)))
                                                                  quality  = √(rated quality / 0.875)
                                                                  likeness = √(0.75 / unlikeness)
                                                                  mark     = exp((NIMA − 7) / 4),   no factor above 1

Freedom from faults is the part of the technical score that counts faults alone. The share is that of people who like a
picture among those who like or dislike it: ratings from 5 to 7 and from 1 to 3 of photographs whose appeal was predicted from
other ones (``benchmarks/score/build_appeal.py``). Rated quality, how people in general would rate the quality, is that of all
items, those of a network among them. Unlikeness is the distance of texture and colours from those of photographs and drawings:
what generators do wrong looks like none of them; rated quality has learnt next to nothing of it, so its root is taken. NIMA is
the mark that people who rate photographs would give. Powers and weight were chosen by pictures by generators, faces and
photographs (docs/benchmarks/score.md).

The reference are 4,225 pictures by generators of 2019 to 2025 (``benchmarks/score/parts.py``). Of their products quantiles alone are
kept; between them, and beyond, the logit of the share is linear in the logarithm of the product, so that no two products have
the same points. A share saturates: what adds to scores or compares them should take their logits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from ...errors import TasteError
from ..damage.fitness import JudgesItems
from ..damage.names import FAULTS_VERSION, OVERALL
from ..damage.rated_quality import APPEARANCE_VERSION, UNTOLD, rated_appearance_model, rated_quality_model
from ..damage.rated_quality import VERSION as RATED_QUALITY_VERSION
from ..damage.reasons import CONTENT, LOOK, MARK, QUALITY, Parts, reasons_against
from ..damage.technical import TechnicalJudge, quality_model, technometric_of
from ..items.combined import CombinedExtractor, ItemKind, kinds_of_parts, taste_extractor, with_nima
from ..items.frame import columns_of
from ..items.nima import ITEMS, nima_values
from ..items.nima import VERSION as NIMA_VERSION
from ..items.packaged import EFFICIENTNET
from ..protocols import Reason
from .appeal import VERSION as APPEAL_VERSION
from .appeal import appeal_model

#: Powers of the freedom from faults, of rated quality and of unlikeness; and the version of these choices.
POWER, QUALITY_POWER, UNLIKENESS_POWER, WEIGHTS_VERSION = 0.85, 0.5, 0.5, 3
#: Mark of NIMA from which on it costs nothing, what a mark less costs, in logs, and the one that counts where it is not known.
BEST_MARK, MARK_WEIGHT, USUAL_MARK = 7.0, 0.25, 5.0
#: Shares of the reference pictures, and how often the products of such a share are halved at most, from 1.
SHARES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
HALVINGS = (0.443, 0.641, 0.787, 0.862, 1.003, 1.166, 1.395, 1.669, 1.963, 2.276, 2.748, 3.471, 4.031, 5.282, 6.513)
#: Unlikeness up to which it costs nothing, which few photographs have; and the one that counts where it is not known.
ALIKE, USUAL_UNLIKENESS = 0.75, 0.9
#: Appeal that half of the people like, and the logits of one point of appeal more.
MIDDLE, SLOPE = 3.84, 1.47
#: Words for a picture that is too small to tell how unlike others it is, and for one that NIMA cannot tell; both count as usual.
_LOOK_UNTOLD, _MARK_UNTOLD = (
    "look taken as usual: too small to tell",
    "composition and light taken as usual: too small or long",
)


def stored_name() -> str:
    """Name under which overall scores are stored, with the versions of all their parts."""
    names = (APPEAL_VERSION, RATED_QUALITY_VERSION, APPEARANCE_VERSION, NIMA_VERSION)
    learnt = (int(name.rpartition("-")[2]) for name in names)
    versions = (FAULTS_VERSION, *learnt, WEIGHTS_VERSION)
    return f"{OVERALL}-{''.join(f'{version:02d}' for version in versions)}"


def shares_of(appeal: np.ndarray) -> np.ndarray:
    """(n,) shares of people, 0 to 1, who like pictures of this (n,) appeal."""
    return 1 / (1 + np.exp(-SLOPE * (appeal - MIDDLE)))


def alike_of(unlikeness: np.ndarray) -> np.ndarray:
    """(n,) shares, 0 to 1, that (n,) unlikeness leaves of a score; an unknown one (NaN) counts as usual."""
    known = np.where(np.isnan(unlikeness), USUAL_UNLIKENESS, np.maximum(unlikeness, ALIKE))
    return (ALIKE / known) ** UNLIKENESS_POWER


def ratings_of(marks: np.ndarray) -> np.ndarray:
    """(n,) shares, 0 to 1, that (n,) marks of NIMA leave of a score; an unknown one (NaN) counts as usual."""
    known = np.minimum(np.where(np.isnan(marks), USUAL_MARK, marks), BEST_MARK)
    return np.exp(MARK_WEIGHT * (known - BEST_MARK))


def lines_at(halvings: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of (n,) sums of halvings a sum near each, the logit of the share of reference pictures there, and the slope of it."""
    sums, logits = np.array(HALVINGS), -_logit(np.array(SHARES))
    number = np.clip(np.searchsorted(sums, halvings), 1, len(sums) - 1)
    return sums[number], logits[number], (np.diff(logits) / np.diff(sums))[number - 1]


def points_of(halvings: np.ndarray) -> np.ndarray:
    """(n,) overall scores, 0 to 100, of (n,) sums of halvings."""
    near, logits, slope = lines_at(halvings)
    with np.errstate(over="ignore"):
        points: np.ndarray = 100 / (1 + np.exp(-logits - (halvings - near) * slope))
    return points


def _logit(shares: np.ndarray) -> np.ndarray:
    logits: np.ndarray = np.log(shares / (1 - shares))
    return logits


@dataclass(frozen=True)
class OverallJudge(JudgesItems):
    """The overall score; 0 to 100 points, the share of reference pictures that a picture beats.

    Attributes:
        technical: the technical score of the same items.

    Examples:
        >>> import numpy as np
        >>> from soart import OverallJudge
        >>> judge = OverallJudge.load()
        >>> y, x = np.mgrid[:128, :128] / 128
        >>> items = judge.extractor.extract(np.stack([(x + y) / 2, x * y, (np.sin(40 * x) > 0) * 0.8], axis=2))
        >>> bool(0 <= judge.score(items)[0] <= 100)
        True
    """

    technical: TechnicalJudge

    @classmethod
    def load(cls) -> OverallJudge:
        """The built-in score.

        Raises:
            TasteError: a file of a model is missing or damaged.
            ModelError: the weights of the default network are missing or damaged.
        """
        return cls(TechnicalJudge("", quality_model(), with_nima(taste_extractor(EFFICIENTNET))))

    @property
    def extractor(self) -> CombinedExtractor:
        """That of tastes with the default network, whose items are stored, so a picture is measured once for both, and NIMA's."""
        return self.technical.extractor

    @property
    def kinds(self) -> tuple[ItemKind, ...]:
        """Kinds of items that an evaluation must measure for it."""
        return kinds_of_parts(self.extractor)

    @property
    def name(self) -> str:
        """``overall``."""
        return OVERALL

    @property
    def version(self) -> str:
        """The versions of all parts."""
        return self.stored_name.removeprefix(f"{OVERALL}-")

    @property
    def stored_name(self) -> str:
        """Name under which scores are stored, with the versions of all parts."""
        return stored_name()

    def shares(self, items: np.ndarray) -> np.ndarray:
        """(n,) shares of people, 0 to 1, who like what pictures of (n, p) items show."""
        self._check(items)
        return shares_of(appeal_model().scores(np.asarray(items, dtype=np.float64), self.extractor.names))

    def rated(self, items: np.ndarray) -> np.ndarray:
        """(n,) rated qualities of (n, p) items, 0 to 1; NaN for pictures that are too small."""
        self._check(items)
        return rated_quality_model().scores(items, self.extractor.names)

    def unlikeness(self, items: np.ndarray) -> np.ndarray:
        """(n,) how unlike texture and colours are to those that rated quality was learnt from; NaN for too small pictures."""
        self._check(items)
        return rated_appearance_model().unlikeness(items, self.extractor.names)

    def marks(self, items: np.ndarray) -> np.ndarray:
        """(n,) marks of NIMA of (n, p) items, 1 to 10; NaN for pictures that it cannot tell."""
        self._check(items)
        return nima_values(items[:, columns_of("NIMA", ITEMS, self.extractor.names)]).values

    def _check(self, items: np.ndarray) -> None:
        if np.ndim(items) != 2 or np.shape(items)[1] != len(self.extractor.names):
            raise TasteError(
                f"Judge {self.stored_name!r} expects items of shape (n, {len(self.extractor.names)}), got "
                f"{np.shape(items)}."
            )

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) points of (n, p) items, 0 to 100; higher is better. Pictures that cannot be judged have 0.

        Raises:
            TasteError: the items are not those of the extractor, or not finite.
        """
        self._check(items)
        of_faults = technometric_of(self.technical.freedom_from_faults(items), POWER)
        costs = _costs_of(self.rated(items), self.unlikeness(items), self.marks(items), self.shares(items))
        return points_of(of_faults + np.sum([*costs.values()], axis=0))

    def verdicts(self, items: np.ndarray) -> list[str]:
        """The technical quality in a word or two for each of (n, p) items."""
        return self.technical.verdicts(items)

    def places(self, pixels: np.ndarray, items: np.ndarray) -> Mapping[str, str]:
        """As ``TechnicalJudge.places``."""
        return self.technical.places(pixels, items)

    def explain(
        self,
        items: np.ndarray,
        among: np.ndarray | None = None,
        places: Mapping[str, str] = MappingProxyType({}),
    ) -> list[list[Reason]]:
        """The parts of each score, see ``ItemJudge.explain``.

        Args:
            items: (n, p).
            among: (m, p) items of the pictures to compare with; None for the usual picture, which is undamaged, of mean
                appeal and usual quality.
            places: where faults are strongest, by fault, for the items of a single picture.
        """
        self._check(items)
        others = None if among is None else self.parts(among)
        reasons = reasons_against(self.parts(items, places), others, self.usual(items))
        unfit = self.technical.unfit(items)
        return [[Reason(why, -100.0)] if why else row for why, row in zip(unfit, reasons, strict=True)]

    def parts(self, items: np.ndarray, places: Mapping[str, str] = MappingProxyType({})) -> Parts:
        """The parts of the scores of (n, p) items; ``places`` as for ``explain``."""
        rated, unlikeness, marks = self.rated(items), self.unlikeness(items), self.marks(items)
        faults = self.technical.parts_of_freedom(items, places)
        words = {
            **faults.words,
            QUALITY: [UNTOLD if np.isnan(value) else "" for value in rated],
            LOOK: [_LOOK_UNTOLD if np.isnan(value) else "" for value in unlikeness],
            MARK: [_MARK_UNTOLD if np.isnan(value) else "" for value in marks],
            CONTENT: [""] * len(items),
        }
        costs = _costs_of(rated, unlikeness, marks, self.shares(items))
        return Parts({**_weighed(faults), **costs}, words, points_of)

    def usual(self, items: np.ndarray) -> Parts:
        """The parts of the score of the usual picture, of the size of each of (n, p) items."""
        unknown = np.full(len(items), np.nan)
        shares = shares_of(np.full(len(items), appeal_model().offset))
        costs = _costs_of(unknown, unknown, unknown, shares)
        return Parts({**_weighed(self.technical.usual_freedom(items)), **costs}, {}, points_of)


def _weighed(faults: Parts) -> dict[str, np.ndarray]:
    """(n,) halvings of the product by each fault and the rendering."""
    return {name: POWER * values for name, values in faults.halvings.items()}


def _costs_of(
    rated: np.ndarray, unlikeness: np.ndarray, marks: np.ndarray, shares: np.ndarray
) -> dict[str, np.ndarray]:
    """(n,) halvings of the product by all parts but faults, from (n,) values of each."""
    return {
        QUALITY: -QUALITY_POWER * np.log2(rated_quality_model().shares_left(rated)),
        LOOK: -np.log2(alike_of(unlikeness)),
        MARK: -np.log2(ratings_of(marks)),
        CONTENT: -np.log2(shares),
    }


#: Judges that come with soart and know the places of faults.
BuiltInJudge: TypeAlias = TechnicalJudge | OverallJudge


def words_of(judge: object, items: np.ndarray) -> Sequence[str]:
    """The technical quality of (n, p) items in a word or two; empty for judges that tell something else."""
    if isinstance(judge, OverallJudge) or (isinstance(judge, TechnicalJudge) and not judge.fault):
        return judge.verdicts(items)
    return [""] * len(items)
