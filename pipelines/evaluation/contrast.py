"""Compares two evaluated collections.

Sources: false discovery rate after Benjamini & Hochberg (1995); a cross-validated linear discriminant for how distinct the
two are as a whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from ...metrics.damage.technical import DETECTORS
from ...metrics.items.combined import taste_extractor
from ...metrics.items.phrases import phrases_of
from ..collection.files import digests_of_scan
from ..collection.provenance import origins
from ..collection.score_statistics import distinct_prompts
from ..ingest.metadata import prompt_words
from .evaluate import SAMPLE, items_of
from .folders import EvaluatedCollection
from .gaps import Gap, Sample, mean_gap, share_gap, share_gap_of
from .judging import SEVERAL
from .result import Evaluation

#: Fewest pictures of each collection for a comparison of scores and looks.
FEWEST_PICTURES = 8
_FOLDS, _TOP = 5, 12
#: False discovery rate of looks and of words.
FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True)
class Contrast:
    """Differences between two collections."""

    scores: tuple[Gap, ...]  # gap of each judge's mean score
    damage: tuple[Gap, ...]  # gap of the share of pictures suspected of each damage
    #: visible differences in words, with the gap in standard deviations of both collections together: the largest ones,
    #: at a false discovery rate of 5 %
    looks: tuple[Gap, ...]
    #: gap of the share of prompts with a word: the most certain ones, at a false discovery rate of 5 %
    words: tuple[Gap, ...]
    auc: float  # see ``separation_auc``
    shared: int  # number of pictures that are in both


def _prompts(first: EvaluatedCollection, second: EvaluatedCollection) -> tuple[np.ndarray, np.ndarray]:
    """(n,) and (m,) number of each picture's prompt, the same in both collections; −1 for none."""
    numbers: dict[str, int] = {}

    def of(evaluated: EvaluatedCollection) -> np.ndarray:
        ids = evaluated.evaluation.ids.tolist()
        made = origins(evaluated.collection, ids)
        prompts = (made[image].prompt for image in ids)
        return np.array(
            [numbers.setdefault(prompt, len(numbers)) if prompt else -1 for prompt in prompts], dtype=np.int64
        )

    return of(first), of(second)


def contrast(first: EvaluatedCollection, second: EvaluatedCollection) -> Contrast:
    """Compare two collections evaluated by the same judges; several together have no unit to compare by."""
    one, two = first.evaluation, second.evaluation
    enough = min(len(one.ids), len(two.ids)) >= FEWEST_PICTURES
    prompts = _prompts(first, second)
    # ``damage`` of an evaluation holds numbers of ``DETECTORS``.
    damage = [
        share_gap_of(
            name, *(Sample((e.damage == k).astype(float), p) for e, p in zip((one, two), prompts, strict=True))
        )
        for k, name in enumerate(DETECTORS)
    ]
    looks, auc = _looks(first, second, prompts) if enough else ((), float("nan"))
    return Contrast(
        _scores((one, two), prompts), tuple(damage), looks, _words(first, second), auc, _shared(first, second)
    )


def _scores(both: tuple[Evaluation, Evaluation], prompts: tuple[np.ndarray, np.ndarray]) -> tuple[Gap, ...]:
    """The gap of each judge's mean over pictures that can be judged, where both collections have enough of them."""
    gaps = []
    for name in both[0].scores:
        fit = [(e.unfit == "") & np.isfinite(e.scores[name]) for e in both]
        if name != SEVERAL and min(f.sum() for f in fit) >= FEWEST_PICTURES:
            samples = (Sample(e.scores[name][f], p[f]) for e, p, f in zip(both, prompts, fit, strict=True))
            gaps.append(mean_gap(name, *samples)[0])
    return tuple(gaps)


def _looks(
    first: EvaluatedCollection, second: EvaluatedCollection, prompts: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[Gap, ...], float]:
    """The largest gaps of items, in words, and the AUC of telling the collections apart by all items."""
    version = taste_extractor().version
    a, b = (items_of(s.collection, version, s.evaluation.ids[:SAMPLE]) for s in (first, second))
    both = np.concatenate([a, b])
    spread = both.std(axis=0)
    varies = spread > 1e-9 * np.abs(both).max(axis=0)
    z = (both[:, varies] - both[:, varies].mean(axis=0)) / spread[varies]
    names = [name for name, there in zip(taste_extractor().names, varies, strict=True) if there]
    # Only items with words for more and for less: error variances, and levels and spreads of colour.
    told = [k for k, name in enumerate(names) if name.endswith("/Y2") or name.startswith("colour/")]
    phrases, of_sample = phrases_of(names), [numbers[:SAMPLE] for numbers in prompts]
    found = [
        mean_gap("", *(Sample(part[:, k], p) for part, p in zip((z[: len(a)], z[len(a) :]), of_sample, strict=True)))
        for k in told
    ]
    from scipy import stats

    # Hundreds of items are compared: one in twenty would seem to differ.
    q = stats.false_discovery_control([1.0 if np.isnan(p) else p for _, p in found]) if found else ()
    gaps: dict[str, Gap] = {}
    for k, (gap, _), rate in zip(told, found, q, strict=True):
        text = phrases[k].more if gap.first >= gap.second else phrases[k].less
        if rate <= FALSE_DISCOVERIES and gap.clear and abs(_size(gap)) > abs(_size(gaps.get(text))):
            gaps[text] = replace(gap, name=text)
    largest = sorted(gaps.values(), key=lambda gap: -abs(_size(gap)))[:_TOP]
    return tuple(largest), separation_auc(z, np.arange(len(z)) < len(a), np.concatenate(of_sample))


def _size(gap: Gap | None) -> float:
    return 0.0 if gap is None else gap.first - gap.second


def separation_auc(z: np.ndarray, first: np.ndarray, prompts: np.ndarray) -> float:
    """Cross-validated AUC of telling the pictures of two collections apart: 0.5 is chance; NaN for too few pictures.

    Pictures of one prompt are held out together, where each collection has a prompt for every fold: else its prompts
    would be recognised, not what they have in common. ``z`` are standardised (n, p) items of both, ``first`` (n,) is True for
    pictures of the first collection, and ``prompts`` (n,) numbers prompts, negative for none.
    """
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    axes = min(16, len(z) // (2 * _FOLDS), z.shape[1])
    if axes < 1:
        return float("nan")
    model = make_pipeline(PCA(axes, random_state=0), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    groups = np.where(prompts < 0, -1 - np.arange(len(prompts)), prompts)
    whole = min(len(np.unique(groups[side])) for side in (first, ~first)) >= _FOLDS
    folds = (StratifiedGroupKFold if whole else StratifiedKFold)(_FOLDS, shuffle=True, random_state=0)
    splits = list(folds.split(z, first, groups if whole else None))
    chance = cross_val_predict(model, z, first, cv=splits, method="predict_proba")[:, 1]
    return float(roc_auc_score(first, chance))


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
    from scipy import stats

    p = [stats.fisher_exact(np.array([[a[w], n - a[w]], [b[w], m - b[w]]])).pvalue for w in words]
    q = stats.false_discovery_control(p)
    significant = sorted((float(p[k]), w) for k, w in enumerate(words) if q[k] <= FALSE_DISCOVERIES)[:_TOP]
    return tuple(share_gap(w, (a[w], n), (b[w], m)) for _, w in significant)


def _shared(first: EvaluatedCollection, second: EvaluatedCollection) -> int:
    """Number of pictures whose content is in both collections."""
    digests = [digests_of_scan(each.collection, each.update.scan_number) for each in (first, second)]
    return len(digests[0] & digests[1])
