"""Measures how much nearer to people's opinions places are when models have an effect on them.

    python benchmarks/score/model_places.py FOLDER [--cache DIR]

The sets with opinions and several models are those of benchmarks/data/ai_pictures.py, whose clones lie in FOLDER. Printed are
the rank correlation with what people say and the share of pairs of pictures of one prompt in the right order: of the overall
score, of places with the effect of models, of those without knowing prompts, and with the names of models permuted, the mean of
``DRAWS`` times. After that the same of so many pictures drawn at random, the mean of ``DRAWS`` draws.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from soart.benchmarks.common import command
from soart.benchmarks.data.ai_pictures import AiPictures, ai_pictures
from soart.benchmarks.score.parts import right_pairs
from soart.metrics.tastes.model_effects import Makes, in_points, model_effects
from soart.metrics.tastes.overall import OverallJudge

SETS, SEED, DRAWS, FEW = ("AGIQA-3K", "four models", "three models"), 3, 20, (30, 100, 300, 1000)


def standing(scores: np.ndarray, models: np.ndarray, prompts: np.ndarray) -> np.ndarray:
    """(n,) values by which pictures with these scores, models and prompts are put in places."""
    makes = Makes(models.tolist(), [()] * len(scores), prompts.tolist())
    return scores + in_points(scores, model_effects(scores, makes).of(makes))


def agreement(values: np.ndarray, pictures: AiPictures, rows: np.ndarray) -> tuple[float, float]:
    """Rank correlation with people, and the share of pairs of one prompt put right, of some rows."""
    said, prompt = pictures.opinions[rows], pictures.prompt[rows]
    pairs = [right_pairs(values[prompt == one], said[prompt == one]) for one in np.unique(prompt)]
    right, total = np.sum(pairs, axis=0)
    return float(spearmanr(values, said)[0]), float(right / max(1, total))


def row(title: str, found: list[tuple[float, float]]) -> None:
    """Print the mean of some agreements."""
    rho, pairs = np.mean(found, axis=0)
    print(f"{title:32} {rho:.3f} {pairs:.3f}", flush=True)


def report(pictures: AiPictures, scores: np.ndarray) -> None:
    """Print the rows of a set."""
    rng, every = np.random.default_rng(SEED), np.flatnonzero(np.isfinite(pictures.opinions))
    models, prompts = pictures.model, pictures.prompt
    print(f"\n{pictures.name}: {len(every)} pictures by {len(np.unique(models[every]))} models")
    unknown = np.full(len(models), "")

    def places(rows: np.ndarray, named: np.ndarray, told: np.ndarray) -> tuple[float, float]:
        return agreement(standing(scores[rows], named[rows], told[rows]), pictures, rows)

    row("overall score", [agreement(scores[every], pictures, every)])
    row("with models", [places(every, models, prompts)])
    row("with models, prompts unknown", [places(every, models, unknown)])
    row("with models, names permuted", [places(every, rng.permutation(models), prompts) for _ in range(DRAWS)])
    for count in FEW:
        if count < len(every):
            drawn = [np.sort(rng.choice(every, count, replace=False)) for _ in range(DRAWS)]
            row(f"overall score, {count} pictures", [agreement(scores[rows], pictures, rows) for rows in drawn])
            row(f"with models, {count} pictures", [places(rows, models, prompts) for rows in drawn])


def main() -> None:
    """Measure and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("folder", type=Path, help="folder of the clones")
    arguments = parser.parse_args()
    judge = OverallJudge.load()
    for pictures in ai_pictures(arguments.folder, arguments.cache, SETS):
        report(pictures, judge.score(pictures.items(arguments.cache)))


if __name__ == "__main__":
    main()
