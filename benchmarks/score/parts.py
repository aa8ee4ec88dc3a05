"""Measures the overall score, and its parts on pictures by generators that settings are chosen by.

The sets are those of benchmarks/data/ai_pictures.py, whose clones lie in FOLDER. Where people said something of the
pictures, printed are the rank correlation with it, and the share of pairs of pictures of one prompt that a score orders as
people do; a pair with equal scores counts half. *Within* is the mean rank correlation within a model, or within a sampler.
*Likeness* is the unlikeness with the other sign. Intervals hold 95 %, by a bootstrap over prompts, or over prompts with
their seeds where there are few. *Before* is the overall score of version
08-02-02-02: without NIMA, and with the likeness of all items. The rows after the parts are the sum with one part less. Weights were chosen on these sets,
so their figures are slightly too good. At last the quantiles are printed that tell the points of the overall score: of the
products of all pictures that can be judged but OMI's. Items are measured once. False alarms are measured by looks.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import spearmanr

from soart.benchmarks.common import command
from soart.benchmarks.data.ai_pictures import WITH_OPINIONS, AiPictures, ai_pictures
from soart.metrics.damage.rated_quality import rated_quality_model
from soart.metrics.tastes.appeal import appeal_model
from soart.metrics.tastes.overall import (
    BEST_MARK,
    POWER,
    QUALITY_POWER,
    SHARES,
    OverallJudge,
    alike_of,
    ratings_of,
    shares_of,
)

SEED, DRAWS = 11, 200


def scores_of(judge: OverallJudge, items: np.ndarray, appeal: np.ndarray) -> dict[str, np.ndarray]:
    """(n,) values of the overall score, of its parts, and without one of them, of (n, p) items and (n,) appeal."""
    freedom, rated, unlikeness = judge.technical.freedom_from_faults(items), judge.rated(items), judge.unlikeness(items)
    marks, share = judge.marks(items), shares_of(appeal)
    parts = {
        "freedom": np.maximum(freedom / 100, 1e-12) ** POWER,
        "share": share,
        "quality": rated_quality_model().shares_left(rated) ** QUALITY_POWER,
        "likeness": alike_of(unlikeness),
        "NIMA": ratings_of(marks),
    }
    whole = np.prod([*parts.values()], axis=0)
    of_all = alike_of(rated_quality_model().unlikeness(items, judge.extractor.names))
    before = whole / parts["NIMA"] / parts["likeness"] * of_all * parts["freedom"] ** (1 / POWER - 1)
    return {
        "overall": whole,
        "before": before,
        "freedom": freedom,
        "appeal": appeal,
        "rated quality": parts["quality"],
        "likeness": -unlikeness,
        "NIMA": np.minimum(np.nan_to_num(marks, nan=float(np.nanmean(marks))), BEST_MARK),
        "technical": judge.technical.score(items),
        **{f"no {name}": whole / values for name, values in parts.items()},
    }


def halvings_at(products: np.ndarray) -> np.ndarray:
    """Of (n,) products how often each of ``SHARES`` of them is halved at most, from 1, to three places."""
    return np.round(-np.log2(np.quantile(products, 1 - np.array(SHARES))), 3)


def right_pairs(scores: np.ndarray, opinions: np.ndarray) -> tuple[float, int]:
    """Numbers of pairs of n pictures that people order as the scores do, and that they order at all."""
    first, second = np.triu_indices(len(scores), 1)
    said = np.sign(opinions[first] - opinions[second])
    told = np.sign(scores[first] - scores[second])
    return float(np.sum(np.abs(said) * (1 + said * told) / 2)), int(np.sum(said != 0))


def agreement(scores: np.ndarray, pictures: AiPictures) -> np.ndarray:
    """Rank correlation with people, share of pairs of one prompt, mean within models; and 2.5 and 97.5 % quantiles: (3, 3)."""
    said, rng = pictures.opinions, np.random.default_rng(SEED)
    groups = [np.flatnonzero(pictures.group == name) for name in np.unique(pictures.group)]
    counts = np.array([right_pairs(scores[rows], said[rows]) for rows in _by(pictures.prompt)])
    prompts = [pictures.prompt[rows[0]] for rows in _by(pictures.prompt)]

    def all_of(chosen: list[np.ndarray]) -> tuple[float, float, float]:
        rows = np.concatenate(chosen)
        right = total = 0.0
        if len(groups) == len(prompts):
            # A group is a prompt: its pairs are counted once.
            own = counts[np.searchsorted(prompts, [pictures.prompt[rows[0]] for rows in chosen])]
            right, total = own.sum(axis=0)
        else:
            for of in _by(pictures.prompt[rows]):
                own, count = right_pairs(scores[rows[of]], said[rows[of]])
                right, total = right + own, total + count
        within = [_correlation(scores[rows[of]], said[rows[of]]) for of in _by(pictures.model[rows]) if len(of) > 4]
        share = right / total if total else np.nan
        return _correlation(scores[rows], said[rows]), share, float(np.nanmean(within)) if within else np.nan

    drawn = [all_of([groups[k] for k in rng.integers(0, len(groups), len(groups))]) for _ in range(DRAWS)]
    return np.array([all_of(groups), *np.nanquantile(drawn, (0.025, 0.975), axis=0)])


def _by(names: np.ndarray) -> list[np.ndarray]:
    """Numbers of the rows of each name, in the order of the names."""
    _, place = np.unique(names, return_inverse=True)
    return np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])


def _correlation(scores: np.ndarray, said: np.ndarray) -> float:
    """The rank correlation; NaN if one of both does not vary."""
    return float(spearmanr(scores, said)[0]) if np.ptp(scores) and np.ptp(said) else np.nan


def report(pictures: AiPictures, scores: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Print a row for each score of a set; returns rank correlation and share of pairs by score."""
    print(f"\n{pictures.name}: {len(pictures.files)} pictures, {len(np.unique(pictures.prompt))} prompts")
    print(f"{'':14} {'rank correlation':>26} {'pairs of one prompt':>26} {'within':>26}")
    found = {}
    for title, values in scores.items():
        known = agreement(values, pictures)
        found[title] = (float(known[0, 0]), float(known[0, 1]))
        columns = (f"{value:.3f} ({low:.3f} … {high:.3f})" for value, low, high in known.T)
        print(f"{title:14} " + " ".join(f"{column:>26}" for column in columns), flush=True)
    return found


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, "folder", cache=True).parse_args()
    judge, found, products = OverallJudge.load(), [], []
    for pictures in ai_pictures(arguments.folder, arguments.cache):
        items = pictures.items(arguments.cache)
        scores = scores_of(judge, items, appeal_model().scores(items, judge.extractor.names))
        if pictures.name in WITH_OPINIONS:
            found.append(report(pictures, scores))
        # Faces are no reference for pictures of all kinds.
        if pictures.name != "OMI":
            products.append(scores["overall"][scores["freedom"] > 0])
    for k, title in enumerate(("rank correlation", "share of pairs")):
        means = {name: np.nanmean([values[name][k] for values in found]) for name in found[0]}
        print(f"mean {title}: " + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items()))
    reference = np.concatenate(products)
    print(f"halvings at {SHARES} of {len(reference)} pictures:\n{halvings_at(reference).tolist()}")


if __name__ == "__main__":
    main()
