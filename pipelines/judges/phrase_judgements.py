"""Judgements of phrases: is each shown by a picture, or by the pictures of a collection?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ...metrics.damage.reasons import contributions, largest_first
from ...metrics.protocols import Reason
from ...prompts.phrases.cutting import Phrase

#: Half width of 90 % intervals in standard deviations.
_Z = 1.645
#: P(shown) below which a phrase, or all of a prompt, counts as asked for and not shown.
MISSED = 0.15
#: P(shown) from which on a phrase, or all of a prompt, counts as shown; in between it is uncertain.
SEEN = 0.5


@dataclass(frozen=True, slots=True)
class PhraseJudgement:
    """The probability that a picture shows a phrase as asked."""

    phrase: Phrase
    shown: float  # P(shown), or P(not shown) for a negated phrase; NaN if the model cannot tell
    low: float  # low, high: its 90 % interval
    high: float
    deviation: float
    missing: str = ""  # what would have to be installed to tell; empty if nothing would help, or if it is told

    @classmethod
    def of(cls, phrase: Phrase, log_odds: float, deviation: float) -> PhraseJudgement:
        """The judgement of a phrase from the log-odds that its words are shown, and their standard deviation."""
        sign = -1.0 if phrase.negated else 1.0
        low, shown, high = expit(sign * log_odds + _Z * deviation * np.array([-1.0, 0.0, 1.0])).tolist()
        return cls(phrase, shown, low, high, deviation)

    @classmethod
    def untold(cls, phrase: Phrase, missing: str = "") -> PhraseJudgement:
        """The judgement "cannot tell"."""
        nan = float("nan")
        return cls(phrase, nan, nan, nan, nan, missing)

    @property
    def told(self) -> bool:
        """False if the model cannot tell."""
        return bool(np.isfinite(self.shown))

    @property
    def missed(self) -> bool:
        """True if the phrase is not shown as asked, as far as the source can tell."""
        return self.shown < MISSED

    @property
    def seen(self) -> bool:
        """True if the phrase is more likely shown as asked than not."""
        return self.shown >= SEEN

    @property
    def sentence(self) -> str:
        """The judgement in words, such as "no boat seen: 0.07"."""
        text, share = self.phrase.text, f"{self.shown:.2f}"
        if not self.told:
            if self.missing:
                return f"cannot tell {text!r}: install {self.missing}"
            return f"cannot tell {text!r}"
        if self.phrase.negated:
            if self.missed:
                return f"{text} seen, unwanted: {share}"
            if self.seen:
                return f"no {text}: {share}"
            return f"{text} uncertain, unwanted: {share}"
        if self.missed:
            return f"no {text} seen: {share}"
        if self.seen:
            return f"{text} seen: {share}"
        return f"{text} uncertain: {share}"


@dataclass(frozen=True, slots=True)
class Adherence:
    """A picture's adherence to its prompt: the product over the phrases that the model can tell.

    A phrase of which the picture gives no sign either way counts with about ½, so that a picture in which it is missing,
    but not surely, does not overtake one that shows it.
    """

    phrases: tuple[PhraseJudgement, ...]
    value: float  # 0…1; NaN if the model can tell no phrase
    low: float  # low, high: 90 % interval
    high: float

    @classmethod
    def of(cls, phrases: Sequence[PhraseJudgement]) -> Adherence:
        """The product, with an interval by the delta method on its logarithm, phrases taken as independent."""
        told = [phrase for phrase in phrases if phrase.told]
        if not told:
            return cls(tuple(phrases), float("nan"), float("nan"), float("nan"))
        shown = np.array([phrase.shown for phrase in told])
        deviation = float(np.linalg.norm((1 - shown) * [phrase.deviation for phrase in told]))
        log = float(np.log(np.maximum(shown, 1e-300)).sum())
        low, high = np.exp(log - _Z * deviation), min(1.0, np.exp(log + _Z * deviation))
        return cls(tuple(phrases), float(np.exp(log)), float(low), float(high))

    @property
    def not_shown(self) -> list[str]:
        """Phrases that are not shown as asked, in words, the least probable first."""
        missed = sorted((p for p in self.phrases if p.missed), key=lambda phrase: phrase.shown)
        return [phrase.sentence for phrase in missed]

    def reasons(self) -> tuple[Reason, ...]:
        """The phrases, those that count most first: those more likely shown than not lift the value, others lower it.

        They add up to the value less that of a picture in which every phrase is as likely shown as not.
        """
        told = [phrase for phrase in self.phrases if phrase.told]
        halvings = -np.log2([[max(phrase.shown, 1e-300)] for phrase in told]).reshape(-1, 1)
        added = contributions(halvings, np.full((len(told), 1), -np.log2(SEEN)))[:, 0] / 100
        return tuple(largest_first(Reason(p.sentence, float(a)) for p, a in zip(told, added, strict=True)))


@dataclass(frozen=True, slots=True)
class PhraseShare:
    """The share of pictures asked for a phrase that show it."""

    phrase: str
    kind: str
    #: number of pictures whose prompt asks for it and in which it can be judged; if it can be judged in none, of all
    #: whose prompt asks for it
    pictures: int
    shown: float  # mean P(shown) over the pictures in which it can be judged; NaN if there are none
    low: float  # low, high: 90 % interval of the mean, over these pictures
    high: float


def phrase_shares(judged: Mapping[int, Adherence]) -> list[PhraseShare]:
    """Every phrase asked for in a collection: those most ignored first, those that cannot be told last."""
    values: dict[tuple[str, str], list[float]] = {}
    for adherence in judged.values():
        for judgement in adherence.phrases:
            text = f"no {judgement.phrase.text}" if judgement.phrase.negated else judgement.phrase.text
            values.setdefault((text, judgement.phrase.kind), []).append(judgement.shown)
    shares = []
    for (text, kind), column in values.items():
        # Small pictures, for example, tell less than large ones.
        told = [shown for shown in column if np.isfinite(shown)]
        mean, count = (float(np.mean(told)), len(told)) if told else (float("nan"), 1)
        # Of a share of n independent pictures; wide for few, and never narrower than a binomial's.
        half = _Z * float(np.sqrt(max(mean * (1 - mean), 1 / (4 * count)) / count))
        shares.append(PhraseShare(text, kind, len(told or column), mean, max(0.0, mean - half), min(1.0, mean + half)))
    return sorted(shares, key=lambda share: (not np.isfinite(share.shown), share.shown, share.phrase))
