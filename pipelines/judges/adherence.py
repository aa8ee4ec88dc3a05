"""Adherence: the probability that a picture shows what its prompt asks, phrase by phrase."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logsumexp

from ...metrics.protocols import Extractor, Reason
from ...prompts.phrases.cutting import Phrase, cut_prompt
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..ingest.metadata import plain_prompt
from ..scoring.measuring import measure
from .calibration import Calibration
from .storing import prompts_of

if TYPE_CHECKING:
    from .towers import Towers

#: The two towers that come with soart; they know the words of the embedded model.
EMBEDDED_TOWERS = Path(__file__).parents[1] / "tiny" / "clip"
#: Increased whenever the values change their meaning.
VERSION = "1"
#: Half width of 90 % intervals in standard deviations.
_Z = 1.645
#: P(shown) below which a phrase counts as asked for, not shown.
MISSED = 0.5


@dataclass(frozen=True, slots=True)
class PhraseJudgement:
    """The probability that a picture shows a phrase as asked.

    Attributes:
        phrase: the phrase.
        shown: P(shown), or P(not shown) for a negated phrase; NaN if the model cannot tell.
        low, high: its 90 % interval.
        deviation: standard deviation of the log-odds.
    """

    phrase: Phrase
    shown: float
    low: float
    high: float
    deviation: float

    @property
    def told(self) -> bool:
        """False if the model cannot tell."""
        return bool(np.isfinite(self.shown))

    @property
    def sentence(self) -> str:
        """The judgement in words, such as "no boat seen: 0.07"."""
        text = self.phrase.text
        if not self.told:
            return f"cannot tell {text!r}"
        if self.phrase.negated:
            return f"{text} seen, unwanted: {self.shown:.2f}" if self.shown < MISSED else f"no {text}: {self.shown:.2f}"
        return f"no {text} seen: {self.shown:.2f}" if self.shown < MISSED else f"{text} seen: {self.shown:.2f}"


@dataclass(frozen=True, slots=True)
class Adherence:
    """A picture's adherence to its prompt: the product over the phrases that the model can tell.

    Attributes:
        phrases: in the order of the prompt.
        value: 0…1; NaN if the model can tell no phrase.
        low, high: 90 % interval.
    """

    phrases: tuple[PhraseJudgement, ...]
    value: float
    low: float
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
        """Phrases that are probably not shown as asked, in words, the least probable first."""
        missed = sorted((p for p in self.phrases if p.told and p.shown < MISSED), key=lambda phrase: phrase.shown)
        return [phrase.sentence for phrase in missed]

    def reasons(self, top: int = 3) -> tuple[Reason, ...]:
        """The phrases that cost most, then what is seen; each adds the logarithm of its probability."""
        told = sorted((phrase for phrase in self.phrases if phrase.told), key=lambda phrase: phrase.shown)
        return tuple(Reason(p.sentence, float(np.log(max(p.shown, 1e-6)))) for p in told[:top])


class AdherenceJudge:
    """Judges how probably pictures show what their prompts ask.

    Args:
        towers: embed pictures and phrases.
        calibration: the phrases that the towers can tell.
        name: of the judge.
    """

    range, higher_is_better, needs_prompt = (0.0, 1.0), True, True

    def __init__(self, towers: Towers, calibration: Calibration, name: str = "adherence") -> None:
        self.towers, self.calibration, self.name = towers, calibration, name
        digest = hashlib.sha256(f"{towers.extractor.version} {calibration}".encode()).hexdigest()[:12]
        self.version = f"{VERSION}-{digest}"

    @property
    def extractor(self) -> Extractor:
        """The picture tower; its embeddings are stored as items, so that a picture is decoded once."""
        return self.towers.extractor

    def judge(self, pictures: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """(n,) adherence 0…1 of pictures; NaN where no phrase of the prompt can be told."""
        return self.judge_items(self.towers.extractor.extract(list(pictures)), prompts)

    def judge_items(self, items: Sequence[np.ndarray] | np.ndarray, prompts: Sequence[str]) -> np.ndarray:
        """(n,) adherence of n embeddings."""
        return np.array([self.adherence(row, prompt).value for row, prompt in zip(items, prompts, strict=True)])

    def adherence(self, item: np.ndarray, prompt: str) -> Adherence:
        """The adherence of a picture with embedding (d,) to a prompt."""
        phrases = cut_prompt(plain_prompt(prompt), self.calibration.lexicon)
        return Adherence.of([self._judged(np.asarray(item, dtype=np.float64), phrase) for phrase in phrases])

    def _judged(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        name = self.calibration.lexicon.get(phrase.text)
        if name is None or phrase.kind != name:
            return PhraseJudgement(phrase, *[float("nan")] * 4)
        kind = self.calibration.kinds[name]
        log_odds, deviation = kind.curve.log_odds(np.array([self.margin(item, phrase.text, name)]))
        sign = -1.0 if phrase.negated else 1.0
        ends = expit(sign * log_odds[0] + _Z * deviation[0] * np.array([-1.0, 0.0, 1.0]))
        return PhraseJudgement(phrase, float(ends[1]), float(ends[0]), float(ends[2]), float(deviation[0]))

    def margin(self, item: np.ndarray, text: str, kind: str) -> float:
        """Log-odds of a phrase against the other options of its kind, for a picture with embedding (d,)."""
        others = [option[0] for option in self.calibration.kinds[kind].options if text not in option]
        similarity = self.towers.scale * self.towers.texts([text, *others]) @ item
        return float(similarity[0] - logsumexp(similarity[1:]))


def load(argument: str) -> AdherenceJudge:
    """Load the judge for a folder of towers with a calibration; ``embedded`` for those that come with soart.

    Raises:
        ModelError: the towers cannot be loaded.
        JudgeError: they read no text, or have no calibration.
    """
    # PyTorch and transformers, which a ranking by stored values need not wait for.
    from .towers import Towers

    folder = EMBEDDED_TOWERS if argument == "embedded" else Path(argument).expanduser()
    calibration = Calibration.load(folder)
    name = "adherence" if argument == "embedded" else f"adherence:{folder.name}"
    return AdherenceJudge(Towers.load(str(folder)), calibration, name)


def adherences(
    collection: Collection,
    rows: Sequence[ImageRow],
    judge: AdherenceJudge,
    progress: Callable[[], None] = lambda: None,
) -> tuple[dict[int, Adherence], list[str]]:
    """Adherence of the sound pictures that have a prompt, by id, and sentences on those that cannot be read."""
    prompts = prompts_of(collection, rows)
    asked = [row for row in rows if row.id in prompts and not row.problem]
    items, problems = measure(collection, asked, judge, progress=progress)
    return {image: judge.adherence(item, prompts[image]) for image, item in items.items()}, problems


@dataclass(frozen=True, slots=True)
class PhraseShare:
    """The share of pictures asked for a phrase that show it.

    Attributes:
        phrase: its text, with "no" before a negated one.
        kind: of the phrase.
        pictures: number of pictures that were asked for it.
        shown: mean P(shown); NaN if the model cannot tell.
        low, high: 90 % interval of the mean, over pictures.
    """

    phrase: str
    kind: str
    pictures: int
    shown: float
    low: float
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
        mean = float(np.mean(column))
        # Of a share of n independent pictures; wide for few, and never narrower than a binomial's.
        half = _Z * float(np.sqrt(max(mean * (1 - mean), 1 / (4 * len(column))) / len(column)))
        shares.append(PhraseShare(text, kind, len(column), mean, max(0.0, mean - half), min(1.0, mean + half)))
    return sorted(shares, key=lambda share: (not np.isfinite(share.shown), share.shown, share.phrase))
