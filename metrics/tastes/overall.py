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
from ..damage.rated_quality import VERSION as RATED_QUALITY_VERSION
from ..damage.rated_quality import rated_quality_model, rated_text
from ..damage.reasons import as_reasons, causes_with_rated
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
#: What unlikeness costs in words.
_UNLIKE = "unlike photographs, drawings and art"
#: Least shares of people who would like a picture, and what it costs in words.
_DISLIKED_BY = (
    (0.85, "what it shows: a few people would not like it"),
    (0.65, "what it shows: some people would not like it"),
    (0.35, "what it shows: about half of all people would not like it"),
    (0.15, "what it shows: most people would not like it"),
    (0.0, "what it shows: hardly anyone would like it"),
)


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
    """(n,) shares that the quality leaves of a score, 0 to 1.

    Args:
        rated: (n,) rated qualities, 0 to 1, NaN where they are not known.
        unlikeness: (n,) to what rated quality was learnt from, NaN where it is not known.
    """
    qualities: np.ndarray = rated_quality_model().shares_left(rated) ** QUALITY_POWER * alike_of(unlikeness)
    return qualities


def alike_of(unlikeness: np.ndarray) -> np.ndarray:
    """(n,) shares, 0 to 1, that (n,) unlikeness leaves of a score; an unknown one (NaN) counts as usual."""
    known = np.where(np.isnan(unlikeness), USUAL_UNLIKENESS, np.maximum(unlikeness, ALIKE))
    shares: np.ndarray = (ALIKE / known) ** UNLIKENESS_POWER
    return shares


def points_of(freedom: np.ndarray, shares: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """(n,) overall scores, 0 to 100.

    Args:
        freedom: (n,) points of freedom from faults, 0 to 100.
        shares: (n,) of people who like the picture, 0 to 1.
        qualities: (n,) shares that the quality leaves, 0 to 1, see ``qualities_of``.
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
                f"Profile {self.stored_name!r} expects items of shape (n, {len(self.extractor.names)}), got "
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

    def explain_picture(self, pixels: np.ndarray, items: np.ndarray, top: int = 2) -> list[Reason]:
        """The ``top`` reasons for the score of one picture, with the places of faults that are not all over it.

        Args:
            pixels: (h, w, 3), uint8 or floating 0…1.
            items: (1, p) its items.
            top: most reasons to give.
        """
        return self.explain(items, top, self.technical.places(pixels, items))[0]

    def explain(
        self, items: np.ndarray, top: int = 2, places: Mapping[str, str] = MappingProxyType({})
    ) -> list[list[Reason]]:
        """The ``top`` reasons that cost each of (n, p) items most, the costliest first.

        The contributions of all sum to the score less 100. Each is in proportion to the halvings of the points that its
        cause costs. Faults share what a low rated quality costs, see ``causes_with_rated``. What a picture loses because
        it is too small to tell how its quality would be rated, or how unlike others it is, is no reason: all causes share
        it.

        Args:
            items: (n, p).
            top: most reasons to give.
            places: where faults are strongest, by fault, for the items of a single picture.
        """
        self._check(items)
        shares, rated, freedom = self.shares(items), self.rated(items), self.technical.freedom_from_faults(items)
        unrated = -QUALITY_POWER * np.log2(rated_quality_model().shares_left(rated))
        unlikeness = self.unlikeness(items)
        unlike = -np.log2(alike_of(unlikeness))
        scores, unfit, rows = self.score(items), self.technical.unfit(items), []
        for n, faults in enumerate(self.technical.causes(items, places)):
            if unfit[n]:
                rows.append([Reason(unfit[n], -100.0)][:top])
                continue
            scale = POWER / self.technical.model.half
            text = "" if np.isnan(rated[n]) else rated_text(rated[n])
            causes = causes_with_rated(faults, scale, float(freedom[n]), float(rated[n]), float(unrated[n]), text)
            text = next(words for least, words in _DISLIKED_BY if shares[n] >= least)
            causes.append((text, -float(np.log2(shares[n]))))
            if np.isfinite(unlikeness[n]) and unlike[n] > 0:
                causes.append((_UNLIKE, float(unlike[n])))
            rows.append(as_reasons(causes, float(scores[n]), top))
        return rows


#: Judges that come with soart and know the places of faults.
BuiltInJudge: TypeAlias = TechnicalJudge | OverallJudge


def words_of(judge: object, items: np.ndarray) -> Sequence[str]:
    """The technical quality of (n, p) items in a word or two; empty for judges that tell something else."""
    if isinstance(judge, OverallJudge) or (isinstance(judge, TechnicalJudge) and not judge.fault):
        return judge.verdicts(items)
    return [""] * len(items)
