"""Measures how much nearer to people's opinions places are when models have an effect on them.

The sets are those of benchmarks/data/ai_pictures.py with several models, whose clones lie in FOLDER. Printed are the rank
correlation with people and the share of pairs of one prompt put right: by the overall score, and by places with the effect of
models, also without prompts and with names permuted; then of so many pictures drawn at random. Means of ``DRAWS`` draws.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from soart.benchmarks.common import command
from soart.benchmarks.data.ai_pictures import AiPictures, ai_pictures
from soart.benchmarks.score.parts import right_pairs
from soart.metrics.tastes.model_effects import Makes, in_points, model_effects
from soart.metrics.tastes.overall import OverallJudge

SETS, SEED, DRAWS, FEW = ("AGIQA-3K", "four models", "three models"), 3, 20, (30, 100, 300, 1000)


def report(pictures: AiPictures, scores: np.ndarray) -> None:
    """Print the rows of a set."""
    rng, every = np.random.default_rng(SEED), np.flatnonzero(np.isfinite(pictures.opinions))
    models, prompts, none = pictures.model, pictures.prompt, np.full(len(scores), "")
    print(f"\n{pictures.name}: {len(every)} pictures by {len(np.unique(models[every]))} models")

    def agreement(rows: np.ndarray, named: np.ndarray = models, told: np.ndarray = prompts) -> tuple[float, float]:
        makes = Makes(named[rows].tolist(), [()] * len(rows), told[rows].tolist())
        values = scores[rows] + in_points(scores[rows], model_effects(scores[rows], makes).of(makes))
        said, prompt = pictures.opinions[rows], prompts[rows]
        pairs = [right_pairs(values[prompt == one], said[prompt == one]) for one in np.unique(prompt)]
        right, total = np.sum(pairs, axis=0)
        return float(spearmanr(values, said)[0]), float(right / max(1, total))

    rows = {
        "overall score": [agreement(every, none)],
        "with models": [agreement(every)],
        "prompts unknown": [agreement(every, told=none)],
        "names permuted": [agreement(every, rng.permutation(models)) for _ in range(DRAWS)],
    }
    for count in (count for count in FEW if count < len(every)):
        drawn = [np.sort(rng.choice(every, count, replace=False)) for _ in range(DRAWS)]
        rows[f"score, {count} pictures"] = [agreement(some, none) for some in drawn]
        rows[f"with models, {count} pictures"] = [agreement(some) for some in drawn]
    for title, found in rows.items():
        print(f"{title:26} {np.mean(found, axis=0).round(3)}")


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, "folder", cache=True).parse_args()
    for pictures in ai_pictures(arguments.folder, arguments.cache, SETS):
        report(pictures, OverallJudge.load().score(pictures.items(arguments.cache)))


if __name__ == "__main__":
    main()
