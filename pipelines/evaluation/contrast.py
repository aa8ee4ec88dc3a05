"""Compares two evaluated collections.

Sources: Welch's interval for means; Agresti & Caffo's (2000) for shares; false discovery rate after Benjamini &
Hochberg (1995); a cross-validated linear discriminant for how distinct the two are as a whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ...metrics.damage.scorer import DETECTORS
from ...metrics.items.combined import taste_extractor
from ...metrics.items.phrases import phrases_of
from ..collection.files import digests_of_scan
from ..collection.score_statistics import distinct_prompts
from ..ingest.metadata import prompt_words
from .associations import Sums, welch
from .evaluate import SAMPLE, items_of
from .folders import EvaluatedCollection

#: Fewest pictures of each collection for a comparison of scores and looks.
FEWEST_PICTURES = 8
_FOLDS, _TOP = 5, 12


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference between two collections.

    Attributes:
        name: of the quantity.
        first, second: its mean, or share of pictures, in each collection.
        low, high: 95 % interval of first − second.
    """

    name: str
    first: float
    second: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """True if the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Contrast:
    """Differences between two collections.

    Attributes:
        scores: gap of each profile's mean score.
        damage: gap of the share of pictures suspected of each damage.
        looks: visible differences in words, with the gap in standard deviations of both collections together.
        words: gap of the share of prompts with a word: the most certain ones, at a false discovery rate of 5 %.
        auc: area under the ROC curve of telling the collections apart by their items, cross-validated. 0.5 is chance;
            NaN for too few pictures.
        shared: number of pictures that are in both.
    """

    scores: tuple[Gap, ...]
    damage: tuple[Gap, ...]
    looks: tuple[Gap, ...]
    words: tuple[Gap, ...]
    auc: float
    shared: int


def mean_gap(name: str, first: np.ndarray, second: np.ndarray) -> Gap:
    """Gap of the means of two samples (n,) and (m,), of at least two values each."""
    sums = [Sums(len(v), len(v), float(v.sum()), float(v @ v)) for v in (first, second)]
    _, low, high, _ = welch(*sums)
    return Gap(name, float(first.mean()), float(second.mean()), low, high)


def share_gap(name: str, count1: int, n1: int, count2: int, n2: int) -> Gap:
    """Gap of the shares count1/n1 and count2/n2."""
    p1, p2 = (count1 + 1) / (n1 + 2), (count2 + 1) / (n2 + 2)
    half = 1.959964 * np.sqrt(p1 * (1 - p1) / (n1 + 2) + p2 * (1 - p2) / (n2 + 2))
    return Gap(name, count1 / n1, count2 / n2, p1 - p2 - half, p1 - p2 + half)


def contrast(first: EvaluatedCollection, second: EvaluatedCollection) -> Contrast:
    """Compare two collections evaluated by the same profiles."""
    one, two = first.evaluation, second.evaluation
    enough = min(len(one.ids), len(two.ids)) >= FEWEST_PICTURES
    scores = [mean_gap(name, one.scores[name], two.scores[name]) for name in one.scores] if enough else []
    counts = [[int((e.damage == k).sum()) for e in (one, two)] for k in range(len(DETECTORS))]
    damage = [share_gap(name, a, len(one.ids), b, len(two.ids)) for name, (a, b) in zip(DETECTORS, counts, strict=True)]
    looks, auc = _looks(first, second) if enough else ((), float("nan"))
    return Contrast(tuple(scores), tuple(damage), looks, _words(first, second), auc, _shared(first, second))


def _looks(first: EvaluatedCollection, second: EvaluatedCollection) -> tuple[tuple[Gap, ...], float]:
    """The largest gaps of items, in words, and the AUC of telling the collections apart by all items."""
    version = taste_extractor().version
    a, b = (items_of(s.collection, version, s.evaluation.ids[:SAMPLE]) for s in (first, second))
    both = np.concatenate([a, b])
    spread = both.std(axis=0)
    varies = spread > 1e-9 * np.abs(both).max(axis=0)
    z = (both[:, varies] - both[:, varies].mean(axis=0)) / spread[varies]
    names = [name for name, there in zip(taste_extractor().names, varies, strict=True) if there]
    # Only items with words for more and for less: error variances, and levels and spreads of colour.
    gaps: dict[str, Gap] = {}
    for k, (name, phrase) in enumerate(zip(names, phrases_of(names), strict=True)):
        if name.endswith("/Y2") or name.startswith("colour/"):
            gap = mean_gap("", z[: len(a), k], z[len(a) :, k])
            text = phrase.more if gap.first >= gap.second else phrase.less
            gap = Gap(text, gap.first, gap.second, gap.low, gap.high)
            if gap.clear and abs(gap.first - gap.second) > abs(_size(gaps.get(text))):
                gaps[text] = gap
    largest = sorted(gaps.values(), key=lambda gap: -abs(_size(gap)))[:_TOP]
    return tuple(largest), _separation_auc(z, np.arange(len(z)) < len(a))


def _size(gap: Gap | None) -> float:
    return 0.0 if gap is None else gap.first - gap.second


def _separation_auc(z: np.ndarray, first: np.ndarray) -> float:
    """Cross-validated AUC of telling the pictures of two collections apart; NaN for too few pictures.

    Args:
        z: standardised items (n, p) of both.
        first: (n,) bool, True for pictures of the first collection.
    """
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    axes = min(16, len(z) // (2 * _FOLDS), z.shape[1])
    if axes < 1:
        return float("nan")
    model = make_pipeline(PCA(axes, random_state=0), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    return float(roc_auc_score(first, cross_val_predict(model, z, first, cv=folds, method="predict_proba")[:, 1]))


def _word_counts(evaluated: EvaluatedCollection) -> tuple[Counter[str], int]:
    """Number of different prompts with each word, and of different prompts."""
    counts: Counter[str] = Counter()
    prompts = 0
    for prompt in distinct_prompts(evaluated.collection, evaluated.update.scan_number):
        counts.update(set(prompt_words(prompt)))
        prompts += 1
    return counts, prompts


def _words(first: EvaluatedCollection, second: EvaluatedCollection) -> tuple[Gap, ...]:
    (a, n), (b, m) = _word_counts(first), _word_counts(second)
    words = sorted(word for word in {*a, *b} if a[word] + b[word] >= 3)
    if not words or not n or not m:
        return ()
    p = [stats.fisher_exact(np.array([[a[w], n - a[w]], [b[w], m - b[w]]])).pvalue for w in words]
    q = stats.false_discovery_control(p)
    significant = sorted((float(p[k]), w) for k, w in enumerate(words) if q[k] <= 0.05)[:_TOP]
    return tuple(share_gap(w, a[w], n, b[w], m) for _, w in significant)


def _shared(first: EvaluatedCollection, second: EvaluatedCollection) -> int:
    """Number of pictures whose content is in both collections."""
    digests = [digests_of_scan(each.collection, each.update.scan_number) for each in (first, second)]
    return len(digests[0] & digests[1])
