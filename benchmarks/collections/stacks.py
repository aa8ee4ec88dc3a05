"""Times the stacks of the gallery: the order of all pictures of a collection, laid on each other.

    python benchmarks/collections/stacks.py [--pictures 5000]

The pictures are of prompts with four seeds each, with random scores (seed 0). The first request finds the groups; later
ones remember them, until pictures come or go. CPU time is counted, because other work on the machine would lengthen the rest.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from soart.benchmarks.common import command
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.queries import Query, order
from soart.pipelines.keepers.stacks import stacked
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.evaluation import EvaluationService
from soart.pipelines.services.stacks import StackService
from soart.pipelines.support.background import Jobs

SEEDS, SIDE, JUDGE = 4, 8, "technical-bench"
REPEATS = 21


def fill(collection: Collection, pictures: int) -> None:
    """Store pictures of noise with prompts and scores."""
    rng = np.random.default_rng(0)
    for start in range(0, pictures, 500):
        collection.add_drawn(
            [
                DrawnPicture(
                    Request(
                        f"a boat, kind {number // SEEDS}, sharp, detailed, morning light, ink",
                        number,
                        width=SIDE,
                        height=SIDE,
                    ),
                    rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8),
                    None,
                    0.1,
                )
                for number in range(start, min(start + 500, pictures))
            ],
            "model",
            "sampler",
        )
    collection.set_scores(JUDGE, {image: float(rng.random()) for image in collection.ids()})


def main() -> None:
    """Print the table."""
    parser = command(__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    pictures = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as folder, Collection(Path(folder, "c")) as collection:
        fill(collection, pictures)
        jobs = Jobs()
        tastes = CollectionTastes(collection, TasteStore(Path(folder, "tastes")))
        service = StackService(EvaluationService(collection, tastes, jobs))
        print(f"{pictures} pictures of {pictures // SEEDS} prompts; milliseconds of CPU\n")
        print("| stacks | first request | later ones, median | slowest | stacks found |\n|---|---|---|---|---|")
        for by in ("prompt", "burst"):
            used = []
            for _ in range(REPEATS):
                begun = time.process_time()
                found = order(collection, Query(judge=JUDGE, sort="score"), "me")
                ids, tops = stacked(found, service.stacks(by, JUDGE))
                json.dumps({"ids": ids, "stacks": list(tops.values())})
                used.append(1000 * (time.process_time() - begun))
            first, later = used[0], used[1:]
            print(f"| {by} | {first:.0f} | {np.median(later):.0f} | {max(later):.0f} | {len(tops)} |")
        jobs.close()


if __name__ == "__main__":
    main()
