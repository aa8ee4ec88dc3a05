"""Measures the overall score and its parts on pictures by generators that settings are chosen by.

    python benchmarks/score/ai_pictures.py FOLDER [--cache DIR]

The sets are those of benchmarks/data/ai_pictures.py, whose clones lie in FOLDER. Where people said something of the
pictures, printed are the rank correlation with it, and the share of pairs of pictures of one prompt that a score orders as
people do; a pair with equal scores counts half. *Likeness* is the unlikeness with the other sign. Intervals hold 95 %, by a bootstrap over prompts, or over prompts
with their seeds where there are few. *Before* is the overall score of version 08-02-02: the root of the freedom from
faults, and the whole of appeal and rated quality. The weights of the parts were chosen on these sets, so their figures
are slightly too good. False alarms are measured by looks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from soart.benchmarks.common import command
from soart.benchmarks.data.ai_pictures import WITH_OPINIONS, AiPictures, ai_pictures
from soart.metrics.damage.rated_quality import rated_quality_model
from soart.metrics.tastes.appeal import appeal_model
from soart.metrics.tastes.overall import OverallJudge, points_of, qualities_of, shares_of

SEED, DRAWS = 11, 1000


def scores_of(judge: OverallJudge, items: np.ndarray, appeal: np.ndarray) -> dict[str, np.ndarray]:
    """(n,) values of the overall score, of what it was before, and of its parts, by title.

    Args:
        judge: the overall score.
        items: (n, p) of the default network.
        appeal: (n,) of the pictures, which may have been learnt anew.
    """
    freedom, rated, unlikeness = judge.technical.freedom_from_faults(items), judge.rated(items), judge.unlikeness(items)
    quality = rated_quality_model().shares_left(rated)
    return {
        "overall": points_of(freedom, shares_of(appeal), qualities_of(rated, unlikeness)),
        "before": 100 * np.sqrt(freedom / 100) * shares_of(appeal) * quality,
        "freedom": freedom,
        "appeal": appeal,
        "rated quality": quality,
        "likeness": -unlikeness,
        "technical": judge.technical.score(items),
    }


def right_pairs(scores: np.ndarray, opinions: np.ndarray) -> tuple[float, int]:
    """Numbers of pairs of n pictures that people order as the scores do, and that they order at all."""
    first, second = np.triu_indices(len(scores), 1)
    said = np.sign(opinions[first] - opinions[second])
    told = np.sign(scores[first] - scores[second])
    return float(np.sum(np.abs(said) * (1 + said * told) / 2)), int(np.sum(said != 0))


def agreement(scores: np.ndarray, pictures: AiPictures) -> np.ndarray:
    """Rank correlation with people and share of pairs of one prompt; and their 2.5 and 97.5 % quantiles: (3, 2)."""
    said, rng = pictures.opinions, np.random.default_rng(SEED)
    groups = [np.flatnonzero(pictures.group == name) for name in np.unique(pictures.group)]

    def both(chosen: list[np.ndarray]) -> tuple[float, float]:
        rows = np.concatenate(chosen)
        right = total = 0.0
        for prompt in np.unique(pictures.prompt[rows]):
            of = rows[pictures.prompt[rows] == prompt]
            own, count = right_pairs(scores[of], said[of])
            right, total = right + own, total + count
        return float(spearmanr(scores[rows], said[rows])[0]), right / total if total else np.nan

    drawn = [both([groups[k] for k in rng.integers(0, len(groups), len(groups))]) for _ in range(DRAWS)]
    return np.array([both(groups), *np.nanquantile(drawn, (0.025, 0.975), axis=0)])


def report(pictures: AiPictures, scores: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Print a row for each score of a set; returns both measures by score."""
    print(f"\n{pictures.name}: {len(pictures.files)} pictures, {len(np.unique(pictures.prompt))} prompts")
    print(f"{'':14} {'rank correlation':>26} {'pairs of one prompt':>26}")
    found = {}
    for title, values in scores.items():
        known = agreement(values, pictures)
        found[title] = (float(known[0, 0]), float(known[0, 1]))
        columns = (
            f"{value:+.2f} ({low:+.2f} … {high:+.2f})" if k == 0 else f"{value:.3f} ({low:.3f} … {high:.3f})"
            for k, (value, low, high) in enumerate(known.T)
        )
        print(f"{title:14} " + " ".join(f"{column:>26}" for column in columns), flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("folder", type=Path, help="folder of the clones")
    arguments = parser.parse_args()
    judge, found = OverallJudge.load(), []
    for pictures in ai_pictures(arguments.folder, arguments.cache, WITH_OPINIONS):
        items = pictures.items(arguments.cache)
        appeal = appeal_model().scores(items, judge.extractor.names)
        found.append(report(pictures, scores_of(judge, items, appeal)))
    for k, title in enumerate(("rank correlation", "share of pairs")):
        means = {name: np.mean([values[name][k] for values in found]) for name in found[0]}
        print(f"mean {title}: " + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items()))


if __name__ == "__main__":
    main()
