"""The overall score: how many people would like a picture, less what its quality and its technical faults cost.

    overall = 100 · √(freedom/100) · share · quality,   share = 1 / (1 + exp(−slope · (appeal − middle)))
                                                        quality = rated quality / 0.875, cut to 0.02 … 1

Freedom from faults, 0 to 100 points, is the part of the technical score that counts faults alone. Rated quality, how people in general would
rate the quality, is that of all items, those of a network among them. It is lower for faults too, so the root of the freedom
is enough. Appeal tells what people in general find beautiful. The share is that of people who like a picture among
those who like or dislike it: ratings from 5 to 7 and from 1 to 3 of photographs whose appeal was predicted from other ones
(``benchmarks/score/build_appeal.py``). So the score starts from the percentage of people who would like the picture. A usual
photograph loses about a quarter of it by its quality, and a sound picture, which has 70 to 95 points of freedom, 3 to 16 %
by faults.
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
from ..damage.reasons import CONTENT, QUALITY, Parts, reasons_against
from ..damage.technical import TechnicalJudge, quality_model
from ..items.combined import CombinedExtractor, ItemKind, default_network, taste_extractor
from ..items.packaged import EFFICIENTNET
from ..protocols import Reason
from .appeal import VERSION as APPEAL_VERSION
from .appeal import appeal_model

#: Power of the freedom from faults; chosen, see docs/benchmarks/score.md.
POWER = 0.5
#: Appeal that half of the people like, and the logits of one point of appeal more.
MIDDLE, SLOPE = 3.84, 1.47


def stored_name() -> str:
    """Name under which overall scores are stored, with the versions of all their parts."""
    versions = (FAULTS_VERSION, *(int(name.rpartition("-")[2]) for name in (APPEAL_VERSION, RATED_QUALITY_VERSION)))
    return f"{OVERALL}-{''.join(f'{version:02d}' for version in versions)}"


def shares_of(appeal: np.ndarray) -> np.ndarray:
    """(n,) shares of people, 0 to 1, who like pictures of this (n,) appeal."""
    shares: np.ndarray = 1 / (1 + np.exp(-SLOPE * (appeal - MIDDLE)))
    return shares


def points_of(freedom: np.ndarray, shares: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """(n,) overall scores, 0 to 100.

    Args:
        freedom: (n,) points of freedom from faults, 0 to 100.
        shares: (n,) of people who like the picture, 0 to 1.
        qualities: (n,) shares that rated quality leaves, 0 to 1.
    """
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

    def _check(self, items: np.ndarray) -> None:
        if np.ndim(items) != 2 or np.shape(items)[1] != len(self.extractor.names):
            raise TasteError(
                f"Profile {self.stored_name!r} expects items of shape (n, {len(self.extractor.names)}), got "
                f"{np.shape(items)}."
            )

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) points of (n, p) items, 0 to 100; higher is better. Pictures that cannot be judged have 0.

        Raises:
            TasteError: the items are not those of the extractor, or not finite.
        """
        self._check(items)
        qualities = rated_quality_model().shares_left(self.rated(items))
        return points_of(self.technical.freedom_from_faults(items), self.shares(items), qualities)

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
        """The parts of the scores of (n, p) items: faults, rendering, quality and content; ``places`` as for ``explain``."""
        rated = self.rated(items)
        words = [UNTOLD if np.isnan(value) else "" for value in rated]
        faults = self.technical.parts_of_freedom(items, places)
        return _parts_of(
            faults, rated, self.shares(items), {**faults.words, QUALITY: words, CONTENT: [""] * len(items)}
        )

    def usual(self, items: np.ndarray) -> Parts:
        """The parts of the score of the usual picture, of the size of each of (n, p) items."""
        n = len(items)
        shares = shares_of(np.full(n, appeal_model().offset))
        return _parts_of(self.technical.usual_freedom(items), np.full(n, np.nan), shares, {})


def _parts_of(faults: Parts, rated: np.ndarray, shares: np.ndarray, words: Mapping[str, Sequence[str]]) -> Parts:
    """The parts of ``points_of``, from those of the freedom from faults, (n,) rated qualities and (n,) shares of people."""
    halvings = {name: POWER * values for name, values in faults.halvings.items()}
    halvings |= {QUALITY: -np.log2(rated_quality_model().shares_left(rated)), CONTENT: -np.log2(shares)}
    return Parts(halvings, words)


#: Judges that come with soart and know the places of faults.
BuiltInJudge: TypeAlias = TechnicalJudge | OverallJudge


def words_of(judge: object, items: np.ndarray) -> Sequence[str]:
    """The technical quality of (n, p) items in a word or two; empty for judges that tell something else."""
    if isinstance(judge, OverallJudge) or (isinstance(judge, TechnicalJudge) and not judge.fault):
        return judge.verdicts(items)
    return [""] * len(items)
