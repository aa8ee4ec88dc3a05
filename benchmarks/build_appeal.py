"""Learns appeal from the ratings of OASIS; writes ``metrics/tastes/appeal-1.safetensors``.

    python benchmarks/build_appeal.py [--check]

Prints how well it predicts the mean rating of photographs that it has not learnt from (Spearman's rank correlation): of
other themes (five folds), and of a category that was left out as a whole. With ``--check`` nothing is written, and
strengths of the ridge are compared on the half for development.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from people import People, categories, everyone, people
from safetensors.numpy import save_file
from scipy.stats import spearmanr
from sources import default_cache

from soart.metrics.tastes import appeal
from soart.metrics.tastes.appeal import STRENGTH, learn_appeal

FOLDS, SEED = 5, 1
STRENGTHS = (0.1, 0.3, 1.0, 3.0)


def held_out(place: People, fold: np.ndarray, strength: float = STRENGTH) -> np.ndarray:
    """(n,) appeal of each picture, learnt from the pictures of all other values of (n,) ``fold``."""
    means, scores = np.nanmean(place.ratings, axis=0), np.empty(len(fold))
    for left_out in np.unique(fold):
        out = fold == left_out
        learnt = learn_appeal(place.both[~out], place.names, means[~out], strength)
        scores[out] = learnt.scores(place.both[out], place.names)
    return scores


def folds(place: People) -> np.ndarray:
    """(n,) fold of each picture; those of a theme are in one."""
    number: np.ndarray = np.random.default_rng(SEED).integers(0, FOLDS, place.source.max() + 1)[place.source]
    return number


def agreement(place: People, scores: np.ndarray, of: np.ndarray | slice = slice(None)) -> float:
    """Rank correlation of scores with mean ratings, of some pictures."""
    return float(spearmanr(scores[of], np.nanmean(place.ratings, axis=0)[of])[0])


def report(place: People, category: np.ndarray, strength: float) -> None:
    """Print the correlations for a strength."""
    scores = held_out(place, folds(place), strength)
    line = f"strength {strength:g}, {len(scores)} pictures: other themes {agreement(place, scores):.3f}"
    scores = held_out(place, category, strength)
    for name in np.unique(category):
        line += f", without {name} {agreement(place, scores, category == name):.3f}"
    print(line, flush=True)


def main() -> None:
    """Report, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    if arguments.check:
        for strength in STRENGTHS:
            place = people(arguments.cache, development=True)
            report(place, categories(arguments.cache)[place.folder], strength)
        return
    place = everyone(arguments.cache)
    report(place, categories(arguments.cache), STRENGTH)
    learnt = learn_appeal(place.both, place.names, np.nanmean(place.ratings, axis=0))
    arrays = {name: getattr(learnt, name).astype(np.float32) for name in ("centre", "scale", "weights")}
    path = Path(appeal.__file__).with_name(f"{appeal.VERSION}.safetensors")
    save_file(arrays, path, metadata={"names": " ".join(learnt.names), "offset": repr(learnt.offset)})


if __name__ == "__main__":
    main()
