"""The overall score: how many people would like a picture, less what its quality and its technical faults cost.

    overall = freedom · share · quality,   share = 1 / (1 + exp(−slope · (appeal − middle)))
                                           quality = √(rated quality / 0.875) · √(0.75 / unlikeness), both roots at most 1

Freedom from faults, 0 to 100 points, is the part of the technical score that counts faults alone. Rated quality, how people in general would
rate the quality, is that of all items, those of a network among them. Unlikeness is the distance of all items from those of
the photographs, drawings and art that rated quality was learnt from: what generators do wrong looks like none of them.
Rated quality has learnt next to nothing of it, so its root is taken. Appeal tells what people in general find beautiful. The share is that of people who like a picture among
those who like or dislike it: ratings from 5 to 7 and from 1 to 3 of photographs whose appeal was predicted from other ones
(``benchmarks/score/build_appeal.py``). So the score starts from the percentage of people who would like the picture. A usual
photograph loses about a quarter of it by its quality, and a sound picture, which has 70 to 95 points of freedom, 5 to 30 %
by faults. The powers were chosen by pictures by generators and photographs (docs/benchmarks/score.md).
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
from ..damage.rated_quality import UNTOLD, rated_quality_model
from ..damage.rated_quality import VERSION as RATED_QUALITY_VERSION
from ..damage.reasons import CONTENT, LOOK, QUALITY, Parts, reasons_against
from ..damage.technical import TechnicalJudge, quality_model
from ..items.combined import CombinedExtractor, ItemKind, default_network, taste_extractor
from ..items.packaged import EFFICIENTNET
from ..protocols import Reason
from .appeal import VERSION as APPEAL_VERSION
from .appeal import appeal_model

#: Powers of the freedom from faults, of rated quality and of unlikeness; and the version of these choices.
POWER, QUALITY_POWER, UNLIKENESS_POWER, WEIGHTS_VERSION = 1.0, 0.5, 0.5, 2
#: Unlikeness up to which it costs nothing, which few photographs have; and the one that counts where it is not known.
ALIKE, USUAL_UNLIKENESS = 0.75, 0.9
#: Appeal that half of the people like, and the logits of one point of appeal more.
MIDDLE, SLOPE = 3.84, 1.47
#: Words for a picture that is too small to tell how unlike others it is; that counts as usual.
_LOOK_UNTOLD = "look taken as usual: too small to tell"


def stored_name() -> str:
    """Name under which overall scores are stored, with the versions of all their parts."""
    learnt = (int(name.rpartition("-")[2]) for name in (APPEAL_VERSION, RATED_QUALITY_VERSION))
    versions = (FAULTS_VERSION, *learnt, WEIGHTS_VERSION)
    return f"{OVERALL}-{''.join(f'{version:02d}' for version in versions)}"


def shares_of(appeal: np.ndarray) -> np.ndarray:
    """(n,) shares of people, 0 to 1, who like pictures of this (n,) appeal."""
    shares: np.ndarray = 1 / (1 + np.exp(-SLOPE * (appeal - MIDDLE)))
    return shares


def qualities_of(rated: np.ndarray, unlikeness: np.ndarray) -> np.ndarray:
    """(n,) shares 0…1 that the quality leaves of a score, by rated quality 0…1 and unlikeness; NaN for an unknown."""
    qualities: np.ndarray = rated_quality_model().shares_left(rated) ** QUALITY_POWER * alike_of(unlikeness)
    return qualities


def alike_of(unlikeness: np.ndarray) -> np.ndarray:
    """(n,) shares, 0 to 1, that (n,) unlikeness leaves of a score; an unknown one (NaN) counts as usual."""
    known = np.where(np.isnan(unlikeness), USUAL_UNLIKENESS, np.maximum(unlikeness, ALIKE))
    shares: np.ndarray = (ALIKE / known) ** UNLIKENESS_POWER
    return shares


def points_of(freedom: np.ndarray, shares: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """(n,) overall scores, 0 to 100, of points of freedom 0…100, shares of people 0…1 and ``qualities_of``."""
    points: np.ndarray = 100 * (freedom / 100) ** POWER * shares * qualities
    return points


@dataclass(frozen=True)
class OverallJudge(JudgesItems):
    """The overall score; 0 to 100 points, higher is better.

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
        return cls(TechnicalJudge("", quality_model(), taste_extractor(EFFICIENTNET)))

    @property
    def extractor(self) -> CombinedExtractor:
        """That of tastes with the default network; items are stored, so a picture is measured once for both."""
        return self.technical.extractor

    @property
    def item_kind(self) -> ItemKind:
        """Kind of items that an evaluation must measure for it."""
        return ItemKind(self.extractor.version, default_network())

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
        """(n,) shares of people, 0 to 1, who like what pictures of (n, p) items show.

        Raises:
            TasteError: the items are not those of the extractor.
        """
        self._check(items)
        return shares_of(appeal_model().scores(np.asarray(items, dtype=np.float64), self.extractor.names))

    def rated(self, items: np.ndarray) -> np.ndarray:
        """(n,) rated qualities of (n, p) items, 0 to 1; NaN for pictures that are too small.

        Raises:
            TasteError: the items are not those of the extractor.
        """
        self._check(items)
        return rated_quality_model().scores(items, self.extractor.names)

    def unlikeness(self, items: np.ndarray) -> np.ndarray:
        """(n,) how unlike (n, p) items are to those that rated quality was learnt from; NaN for pictures that are too small.

        Raises:
            TasteError: the items are not those of the extractor.
        """
        self._check(items)
        return rated_quality_model().unlikeness(items, self.extractor.names)

    def qualities(self, items: np.ndarray) -> np.ndarray:
        """(n,) shares that the quality of (n, p) items leaves of the score, 0 to 1.

        Raises:
            TasteError: the items are not those of the extractor.
        """
        return qualities_of(self.rated(items), self.unlikeness(items))

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
        return points_of(self.technical.freedom_from_faults(items), self.shares(items), self.qualities(items))

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
        """The parts of the scores of (n, p) items, which ``points_of`` multiplies; ``places`` as for ``explain``."""
        rated, unlikeness, faults = (
            self.rated(items),
            self.unlikeness(items),
            self.technical.parts_of_freedom(items, places),
        )
        words = {
            **faults.words,
            QUALITY: [UNTOLD if np.isnan(value) else "" for value in rated],
            LOOK: [_LOOK_UNTOLD if np.isnan(value) else "" for value in unlikeness],
            CONTENT: [""] * len(items),
        }
        return _parts_of(faults, rated, unlikeness, self.shares(items), words)

    def usual(self, items: np.ndarray) -> Parts:
        """The parts of the score of the usual picture, of the size of each of (n, p) items."""
        unknown = np.full(len(items), np.nan)
        shares = shares_of(np.full(len(items), appeal_model().offset))
        return _parts_of(self.technical.usual_freedom(items), unknown, unknown, shares, {})


def _parts_of(
    faults: Parts, rated: np.ndarray, unlikeness: np.ndarray, shares: np.ndarray, words: Mapping[str, Sequence[str]]
) -> Parts:
    """The parts of ``points_of``, from those of the freedom from faults, and (n,) values of all others."""
    halvings = {name: POWER * values for name, values in faults.halvings.items()}
    halvings |= {
        QUALITY: -QUALITY_POWER * np.log2(rated_quality_model().shares_left(rated)),
        LOOK: -np.log2(alike_of(unlikeness)),
        CONTENT: -np.log2(shares),
    }
    return Parts(halvings, words)


#: Judges that come with soart and know the places of faults.
BuiltInJudge: TypeAlias = TechnicalJudge | OverallJudge


def words_of(judge: object, items: np.ndarray) -> Sequence[str]:
    """The technical quality of (n, p) items in a word or two; empty for judges that tell something else."""
    if isinstance(judge, OverallJudge) or (isinstance(judge, TechnicalJudge) and not judge.fault):
        return judge.verdicts(items)
    return [""] * len(items)
