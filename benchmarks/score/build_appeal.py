"""Learns appeal from people's opinions of pictures; writes ``metrics/tastes/appeal-2.safetensors``.

Prints how well it agrees with ratings of photographs of other themes (five folds), and the curve from appeal to the share
of people who like a photograph. overall.py measures the agreement with domains that are left out; its settings were chosen
by the mean over these.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from soart.benchmarks.common import command
from soart.benchmarks.data.opinions import other_opinions
from soart.benchmarks.data.people import DISLIKED, LIKED, People, everyone
from soart.metrics.tastes import appeal
from soart.training.appeal import Opinions, learn_appeal

FOLDS, SEED = 5, 1


def agreement(scores: np.ndarray, opinions: Opinions) -> float:
    """Rank correlation of (n,) scores with ratings, or the share of choices that they predict."""
    if opinions.pairs is None:
        return float(spearmanr(scores, opinions.values)[0])
    first, second = opinions.pairs.T
    chosen = (1 + opinions.values) / 2
    return float(np.mean(np.where(scores[second] > scores[first], chosen, 1 - chosen)))


def held_out(place: People, others: Sequence[Opinions] = (), folds: int = FOLDS, seed: int = SEED) -> np.ndarray:
    """(n,) appeal of each photograph, learnt from those of other themes and from others' opinions."""
    fold = np.random.default_rng(seed).integers(0, folds, place.source.max() + 1)[place.source]
    scores = np.empty(len(fold))
    for left_out in np.unique(fold):
        out = fold == left_out
        learnt = learn_appeal([place.opinions(~out), *others], place.names)
        scores[out] = learnt.scores(place.both[out], place.names)
    return scores


def share_of_people(place: People, scores: np.ndarray) -> None:
    """Print the logistic curve from appeal to the share of people who like photographs of other themes."""
    liked, disliked = place.ratings >= LIKED, place.ratings <= DISLIKED
    _, photograph = np.nonzero(liked | disliked)
    curve = LogisticRegression(C=np.inf).fit(scores[photograph][:, None], liked[liked | disliked])
    slope = float(curve.coef_[0, 0])
    print(f"share of people who like a photograph: slope {slope:.2f}, middle {-float(curve.intercept_[0]) / slope:.2f}")


def mean_over(found: dict[str, float], others: dict[str, Opinions]) -> float:
    """Mean over domains, choices as twice their share less one."""
    return float(
        np.mean([2 * v - 1 if name in others and others[name].pairs is not None else v for name, v in found.items()])
    )


def main() -> None:
    """Report, and write."""
    arguments = command(__doc__, cache=True).parse_args()
    place, others = everyone(arguments.cache), other_opinions(arguments.cache)
    learnt = learn_appeal([place.opinions(), *others.values()], place.names)
    used = learnt.weights != 0
    arrays = {
        "centre": learnt.centre.astype(np.float32),
        "scale": learnt.scale.astype(np.float32),
        "axes": learnt.axes.astype(np.float16),
        "pictures": learnt.pictures[used].astype(np.float16),
        "weights": learnt.weights[used].astype(np.float32),
    }
    path = Path(appeal.__file__).with_name(f"{appeal.VERSION}.safetensors")
    save_file(arrays, path, metadata={"names": " ".join(learnt.names), "offset": repr(learnt.offset)})
    scores = held_out(place, list(others.values()))
    print(f"photographs of other themes, {len(scores)}: {agreement(scores, place.opinions()):.3f}")
    share_of_people(place, scores)


if __name__ == "__main__":
    main()
