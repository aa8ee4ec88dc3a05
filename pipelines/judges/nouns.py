"""Nouns that EfficientNet-Lite0 can tell in photographs, by the 1,000 ImageNet classes that it was trained on.

A noun is shown if any class is likely that it stands for: "dog" has 118 of them. The margin of a noun is the log-odds of
its classes against all others, less the same log-odds of a network that has no idea, so that "animal" and "teapot" can
share a curve. Everything that the table does not hold cannot be told, nor can anything in pictures that a prompt asks to
be drawn or painted: there the network misses most things.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import numpy as np
from scipy.special import logsumexp

from ...metrics.items.combined import ItemKind
from ...metrics.items.nouns import TABLE, noun_classes
from ...metrics.items.packaged import CLASSES
from ...metrics.items.packaged_items import class_extractor
from ...metrics.protocols import Extractor
from ...prompts.phrases.cutting import Phrase
from .calibration import Curve, load_curves
from .phrase_judgements import PhraseJudgement
from .phrase_sources import Brief

#: Shortest side in pixels of pictures in which the network sees things.
SMALLEST = 97
#: Prompts that ask for no photograph.
_DRAWN = re.compile(
    r"\b(?:(?:oil|acrylic|tempera|ink) on|painterly|paint(?:ings?|ed)|drawn|drawings?|illustrat\w+|sketch\w*|cartoon\w*|comics?|anime|manga|"
    r"watercolou?rs?|gouache|charcoal|engravings?|etchings?|lithographs?|woodcuts?|linocuts?|screen ?prints?|ink wash|line ?art|"
    r"pixel art|low poly|vectors?|clip ?art|mosaics?|fresco(?:e?s)?|stained glass|tapestr(?:y|ies)|embroidery|collages?|origami|"
    r"(?:cub|fauv|pointill|impression|expression)is[mt]\w*|ukiyo-e|pop art|concept art|folk art|naive art|art brut|flat design|"
    r"illuminated manuscripts?|logos?|icons?|doodles?)\b"
)


#: Classes of landscapes and buildings. They run into each other, so that several are no easier to hit than one.
_PLACES = frozenset({410, 425, 449, 460, 483, 497, 498, 500, 525, 580, 598, 624, 663, 668, 698, 718, 727, 762, 821, 832, 839, 888, *range(970, 981)})  # fmt: skip


def noun_margin(item: np.ndarray, classes: frozenset[int]) -> float:
    """Log-odds of some ImageNet classes against all others, by (1000,) log-probabilities, less that of chance."""
    inside = np.zeros(len(item), dtype=bool)
    inside[list(classes)] = True
    count = 1 if classes <= _PLACES else len(classes)
    chance = np.log(count / (len(item) - count))
    return float(logsumexp(item[inside]) - logsumexp(item[~inside]) - chance)


class NounSource:
    """Tells the nouns of ImageNet: those of one class, and places, by the curve ``narrow``, others by ``broad``."""

    def __init__(self, extractor: Extractor, narrow: Curve, broad: Curve) -> None:
        self.extractor, self.narrow, self.broad = extractor, narrow, broad
        self.lexicon: Mapping[str, str] = dict.fromkeys(noun_classes(), "subject")
        digest = hashlib.sha256(
            f"{extractor.version} {narrow} {broad} {_DRAWN.pattern}".encode() + TABLE.read_bytes()
        ).hexdigest()
        self.version = f"nouns-{digest[:12]}"
        self.item_kind = ItemKind(extractor.version, CLASSES)

    @classmethod
    def load(cls) -> NounSource:
        """Load the table and the curves; the network is loaded when there is a picture to measure."""
        curves = load_curves()
        return cls(class_extractor(), curves["noun/narrow"], curves["noun/broad"])

    def knows(self, phrase: Phrase, brief: Brief) -> bool:
        """True for the nouns of the table, in photographs that are large enough."""
        # Tags have underscores for spaces.
        drawn = _DRAWN.search(brief.prompt.casefold().replace("_", " "))
        seen = min(brief.size) >= SMALLEST and not drawn
        return seen and phrase.kind == "subject" and phrase.text in self.lexicon

    def judge(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        """The judgement from log-probabilities (1000,) of the classes."""
        classes = noun_classes()[phrase.text]
        margin = noun_margin(np.asarray(item, dtype=np.float64), classes)
        curve = self.narrow if len(classes) == 1 or classes <= _PLACES else self.broad
        log_odds, deviation = curve.log_odds(np.array([margin]))
        return PhraseJudgement.of(phrase, float(log_odds[0]), float(deviation[0]))
