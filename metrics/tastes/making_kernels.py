"""Kernels over how pictures were made, for ``mixture``: products of features that are the same for every picture.

A *facet* is one fact of a picture's making. Its features φ are

| facet                                    | features                                                                       |
|------------------------------------------|--------------------------------------------------------------------------------|
| model                                    | its name, and the words in it, which models of one family share                |
| LoRAs                                    | the weight of each                                                             |
| sampler, scheduler, seed                 | the value                                                                      |
| steps, guidance, pixels, width ÷ height  | u and (u² − 1)/√2 of the standardised logarithm u: a curve with a peak         |
| words, negative words                    | what a noun is a kind of (``items.nouns``); any other word as it is written    |

With the mean φ̄ and the mean squared length p of the learning pictures whose facet is known, k = ⟨φ − φ̄, φ' − φ̄⟩/p, and
the kernel of some facets is the mean over those that differ between the learning pictures. Where a facet of a picture is
unknown, its effect is integrated out: it has covariance 0 with all other pictures, and its own variance is that of a usual
picture. A facet of which no feature occurs in two learning pictures, such as a seed for each, has no part in the kernels.

Where all learning pictures are made alike, or nothing is known of them, there is no kernel.

Source: additive kernels over factors, as in Durrande, Ginsbourger & Roustant, "Additive covariance kernels for
high-dimensional Gaussian process modeling", *Annales de la Faculté de Sciences de Toulouse* 21 (2012).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

import numpy as np

from ..items.nouns import noun_classes, noun_meaning
from ..protocols import Making

#: Facets by group; kernels are of a group, and of all groups together.
GROUPS = {
    "model": ("model", "LoRAs"),
    "settings": ("sampler", "scheduler", "steps", "guidance", "pixels", "aspect", "seed"),
    "words": ("words", "negative words"),
}
#: Name of the kernel of all groups.
ALL = "making"
#: Words of a prompt that count. Where one has more, words in more than this share of the prompts do not, as they tell nothing.
MOST_WORDS, NEARLY_ALL = 100, 0.9
#: Standardised logarithms are cut here, so that no odd number decides alone.
CUT = 3.0
#: Letters in a row, also of words written together: "dreamshaperXL_v10" is "dreamshaper", "XL", "v".
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: What says nothing of a model's family.
_COMMON = frozenset(
    ["v", "fp", "bf", "safetensors", "ckpt", "pruned", "ema", "emaonly", "final", "model", "version", "vae"]
)

#: How each of some pictures was made; None where nothing is known.
Made: TypeAlias = Sequence[Making | None] | np.ndarray
_Features = Mapping[str, float]


@lru_cache(maxsize=4096)
def family_words(model: str) -> frozenset[str]:
    """The words in the name of a model that its family shares: juggernaut and xl of ``juggernautXL_v9.safetensors``."""
    words = (word.lower() for word in _WORDS.findall(model.rpartition("/")[2]))
    return frozenset(word for word in words if len(word) > 1 and word not in _COMMON)


def _model(making: Making) -> _Features | None:
    if not making.model:
        return None
    words = family_words(making.model)
    return {f"={making.model}": 0.5**0.5} | dict.fromkeys(words, (0.5 / max(len(words), 1)) ** 0.5)


@lru_cache(maxsize=16384)
def _meaning(word: str) -> _Features:
    """Features of a word, of length 1."""
    table = noun_classes()
    for noun in (word, word.removesuffix("s"), word.removesuffix("es")):
        if noun in table:
            return {f"kind {group}": weight for group, weight in noun_meaning(noun).items()}
    return {f"={word}": 1.0}


@lru_cache(maxsize=4096)
def _meanings(words: tuple[str, ...] | None) -> _Features | None:
    """Features of a prompt's words; phrases count where they are nouns, otherwise their words do."""
    if words is None:
        return None
    total = dict[str, float]()
    for word in words:
        if " " not in word or word in noun_classes():
            for feature, weight in _meaning(word).items():
                total[feature] = total.get(feature, 0.0) + weight
    length = sum(weight**2 for weight in total.values()) ** 0.5 or 1.0
    return {feature: weight / length for feature, weight in total.items()}


def _value(text: str) -> _Features | None:
    return {re.sub(r"[\W_]+", "", text.lower()): 1.0} if text else None


_TEXTS: dict[str, Callable[[Making, frozenset[str]], _Features | None]] = {
    "model": lambda making, _: _model(making),
    "LoRAs": lambda making, _: None if making.loras is None else dict(making.loras),
    "sampler": lambda making, _: _value(making.sampler),
    "scheduler": lambda making, _: _value(making.scheduler),
    "seed": lambda making, _: _value(making.seed),
    "words": lambda making, common: _meanings(_telling(making.words, common)),
    "negative words": lambda making, common: _meanings(_telling(making.negative, common)),
}
_NUMBERS: dict[str, Callable[[Making], float]] = {
    "steps": lambda making: making.steps,
    "guidance": lambda making: 1 + making.guidance,
    "pixels": lambda making: making.width * making.height,
    "aspect": lambda making: making.width / making.height if making.height else np.nan,
}


def _known(makings: Made, facet: str, common: frozenset[str]) -> list[_Features | None]:
    """Features of a facet of text by picture, without the words that are common; None where it is unknown."""
    return [None if making is None else _TEXTS[facet](making, common) for making in makings]


def _telling(words: tuple[str, ...] | None, common: frozenset[str]) -> tuple[str, ...] | None:
    return None if words is None else tuple(word for word in words if word not in common)[:MOST_WORDS]


def _common(makings: Made, facet: str) -> frozenset[str]:
    """Words that nearly all prompts have, if there is one from which they push others out."""
    told = [{"words": making.words, "negative words": making.negative}.get(facet) for making in makings if making]
    prompts = [words for words in told if words is not None]
    if max(map(len, prompts), default=0) <= MOST_WORDS:
        return frozenset()
    counts = Counter(chain.from_iterable(map(set, prompts)))
    return frozenset(word for word, count in counts.items() if count > NEARLY_ALL * len(prompts))


def _logarithms(makings: Made, facet: str) -> np.ndarray:
    """(n,) logarithms of a facet of numbers; NaN where it is unknown."""
    numbers = np.array([np.nan if making is None else _NUMBERS[facet](making) for making in makings], dtype=np.float64)
    return np.log(np.where(numbers > 0, numbers, np.nan))


@dataclass(frozen=True)
class _Facet:
    """A facet that differs between the learning pictures."""

    name: str
    places: Mapping[str, int]  # columns of its features, by feature; empty for numbers
    #: mean and standard deviation of the logarithms of numbers
    centre: float
    spread: float
    mean: np.ndarray  # (f,) φ̄
    scale: float  # √p
    common: frozenset[str] = frozenset()  # words of nearly all prompts, which do not count

    @classmethod
    def of(cls, name: str, makings: Made) -> _Facet | None:
        """Learn from the learning pictures; None if all that are known are alike, or no two have anything in common."""
        if name in _NUMBERS:
            logs = _logarithms(makings, name)
            known = logs[np.isfinite(logs)]
            if not len(known) or np.ptp(known) < 1e-9:
                return None
            facet = cls(name, {}, float(known.mean()), float(known.std()), np.zeros(2), 1.0)
        else:
            common = _common(makings, name)
            said = Counter(chain.from_iterable(filter(None, _known(makings, name, common))))
            if max(said.values(), default=0) < 2:
                return None
            places = {feature: k for k, feature in enumerate(sorted(said))}
            facet = cls(name, places, 0.0, 1.0, np.zeros(len(places)), 1.0, common)
        rows, told = facet.features(makings)
        if not told.any():
            return None
        mean = rows[told].mean(axis=0)
        scale = float(np.sqrt(np.mean(np.sum((rows[told] - mean) ** 2, axis=1))))
        return replace(facet, mean=mean, scale=scale) if scale > 1e-6 else None

    def features(self, makings: Made) -> tuple[np.ndarray, np.ndarray]:
        """(n, f) features (φ − φ̄)/√p, 0 where they are unknown, and (n,) True where they are known."""
        if self.name in _NUMBERS:
            u = np.clip((_logarithms(makings, self.name) - self.centre) / self.spread, -CUT, CUT)
            rows, told = np.column_stack([u, (u**2 - 1) / np.sqrt(2)]), np.isfinite(u)
        else:
            known = _known(makings, self.name, self.common)
            rows, told = np.zeros((len(known), len(self.places))), np.array([f is not None for f in known], dtype=bool)
            for row, features in zip(rows, known, strict=True):
                for feature, weight in (features or {}).items():
                    if feature in self.places:
                        row[self.places[feature]] = weight
        return np.where(told[:, None], (rows - self.mean) / self.scale, 0.0), told


@dataclass(frozen=True)
class MakingKernels:
    """Kernels between pictures and the learning pictures by how they were made; made by ``of``."""

    facets: tuple[_Facet, ...]  # those that differ between the learning pictures
    learnt: tuple[np.ndarray, ...]  # (n, f) features of the learning pictures, by facet
    known: tuple[np.ndarray, ...]  # (n,) True for the learning pictures whose facet is known, by facet

    @classmethod
    def of(cls, makings: Made) -> MakingKernels:
        """Learn from how n learning pictures were made; None for a picture of which nothing is known."""
        found = [_Facet.of(name, makings) for name in chain.from_iterable(GROUPS.values())]
        facets = tuple(facet for facet in found if facet is not None)
        parts = [facet.features(makings) for facet in facets]
        return cls(facets, tuple(rows for rows, _ in parts), tuple(known for _, known in parts))

    @property
    def _kernels(self) -> dict[str, list[int]]:
        """Numbers of the facets of each kernel."""
        groups = {
            group: [number for number, facet in enumerate(self.facets) if facet.name in names]
            for group, names in GROUPS.items()
        }
        groups = {group: numbers for group, numbers in groups.items() if numbers}
        return groups | ({ALL: [*range(len(self.facets))]} if len(groups) > 1 else {})

    @property
    def names(self) -> list[str]:
        """Names of the kernels, in the order of ``against``: of each group that has a facet, and of all if there are several."""
        return list(self._kernels)

    def _joined(self, parts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Values of every kernel, from those of every facet."""
        return [np.mean([parts[number] for number in numbers], axis=0) for numbers in self._kernels.values()]

    def share_of(self, facet: int, kernel: int) -> float:
        """The share of a facet in a kernel by number, 0…1; 0 in none, −1."""
        numbers = list(self._kernels.values())[kernel] if kernel >= 0 else []
        return 1 / len(numbers) if facet in numbers else 0.0

    def facet_gram(self, facet: int) -> np.ndarray:
        """(n, n) covariance of a facet's part of the learning pictures, without what is unknown."""
        gram: np.ndarray = self.learnt[facet] @ self.learnt[facet].T
        return gram

    def against(self, makings: Made) -> list[np.ndarray]:
        """(i, n) values of every kernel between pictures and the learning pictures."""
        pairs = zip(self.facets, self.learnt, strict=True)
        return self._joined([facet.features(makings)[0] @ rows.T for facet, rows in pairs])

    def gram(self) -> list[np.ndarray]:
        """(n, n) values of every kernel between the learning pictures."""
        return self._joined([_covariance(*part) for part in zip(self.learnt, self.known, strict=True)])

    def among(self, makings: Made) -> list[np.ndarray]:
        """(i, i) values of every kernel between some pictures."""
        return self._joined([_covariance(*facet.features(makings)) for facet in self.facets])

    def diagonal(self, makings: Made) -> list[np.ndarray]:
        """(i,) values of every kernel between each picture and itself."""
        parts = [facet.features(makings) for facet in self.facets]
        return self._joined([np.where(known, np.sum(rows**2, axis=1), 1.0) for rows, known in parts])


def _covariance(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n, n) products of (n, f) features, with the variance of what is not (n,) known."""
    products: np.ndarray = rows @ rows.T + np.diag(np.where(known, 0.0, 1.0))
    return products
