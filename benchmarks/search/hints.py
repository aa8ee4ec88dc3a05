"""Measures whether pictures of another prompt, which count as hints, help a tune and do no harm.

Each pair is two plain prompts of different subjects on the embedded model, judged by the technical score. The second is tuned
in an empty collection, and in one where the first was tuned before. Compared are the mean score of the first batch of four,
that of all pictures, and that of the recommended prompt on eight new seeds.
"""

from __future__ import annotations

import tempfile
import warnings

import numpy as np

import soart
from soart.benchmarks.common import command, half_width
from soart.pipelines.generate import generate
from soart.pipelines.tiny.words import SUBJECTS

BATCH, FRESH = 4, 8
COLUMNS = ("first batch", "all pictures", "recommended prompt")


def tuned(first: str, second: str, pictures: int, budget: int, generator: soart.ImageGenerator) -> list[float]:
    """The three scores of the second prompt's tune, after ``pictures`` of the first prompt's."""
    panel = soart.Panel("technical")
    with tempfile.TemporaryDirectory() as folder, soart.Collection(folder) as collection:
        if pictures:
            space = soart.PromptSpace.parse(first, "embedded")
            soart.tune(soart.Tuner(collection, generator, space, panel, budget=pictures, prune=False))
        space = soart.PromptSpace.parse(second, "embedded")
        tuner = soart.Tuner(collection, generator, space, panel, batch=BATCH, budget=budget, prune=False)
        soart.tune(tuner)
        judged = tuner.judged()
        goal, batches = judged.goal_values(), np.array([trial.batch for trial in judged.trials])
        words = soart.findings_of(tuner).winners[0].words[0]
        requests = [generator.request(words.prompt, 10_000 + seed, negative=words.negative) for seed in range(FRESH)]
        rows = generate(collection, generator, requests, [panel.judges[0][0]]).rows
        scores = collection.scores(panel.judges[0][0].stored_name)
        fresh = [scores[row.id] for row in rows]
        return [float(goal[batches == batches.min()].mean()), float(goal.mean()), float(np.mean(fresh))]


def main() -> None:
    """Print a table."""
    arguments = command(__doc__, pairs=20, before=24, budget=16).parse_args()
    warnings.filterwarnings("ignore")
    generator = soart.ImageGenerator(soart.load_model(device="cpu"))
    subjects = [f"a {subject}" for subject in SUBJECTS]
    results = []
    for pair in range(arguments.pairs):
        first, second = subjects[pair % len(subjects)], subjects[(pair + 3 + pair // len(subjects)) % len(subjects)]
        results.append([tuned(first, second, n, arguments.budget, generator) for n in (0, arguments.before)])
    without, after = np.array(results).transpose(1, 0, 2)
    print(f"mean points ± half of the 90 % interval over {arguments.pairs} pairs of prompts")
    print(f"{'':22}" + "".join(f"{name:>22}" for name in COLUMNS))
    for name, values in (("without hints", without), ("with hints", after), ("difference, paired", after - without)):
        cells = zip(values.mean(axis=0), half_width(values), strict=True)
        print(f"{name:22}" + "".join(f"{f'{mean:.1f} ± {half:.1f}':>22}" for mean, half in cells))


if __name__ == "__main__":
    main()
