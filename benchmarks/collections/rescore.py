"""Times scoring a whole collection anew after a refit, and choosing the first pictures to rate, from stored items.

    python benchmarks/collections/rescore.py [-n 100000] [--runs 3]

The collection is synthetic: rows without files, with items of rendered pictures plus a little noise. The taste is the
usual combination of methods, learnt from 30 liked and 30 disliked pictures (the bluest and the yellowest).
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from soart.benchmarks.common import command
from soart.metrics.items.combined import taste_extractor
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.taste import TECHNICAL, learn_taste, technical_prior
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.tables import ImageRow
from soart.pipelines.judges.rescoring import score_all
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes.rating_session import rating_queue
from soart.training.captions import random_scene
from soart.training.render import render

SEED, SIDE = 5, 30
#: Pictures to rate first.
FIRST = 16


def main() -> None:
    """Fill a collection, learn a taste, and score everything."""
    parser = command(__doc__)
    parser.add_argument("-n", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    rng, extractor = np.random.default_rng(SEED), taste_extractor()
    pictures = [render(random_scene(rng), rng) for _ in range(200)]
    base = np.concatenate([extractor.extract(picture) for picture in pictures])
    order = np.argsort(base[:, extractor.names.index("colour/blueyellow/mean")])
    examples = from_modes({"good": base[order[:SIDE]], "bad": base[order[-SIDE:]]})
    examples = replace(examples, priors=technical_prior(examples.items, extractor.names)[:, None])
    taste = learn_taste(
        examples,
        extractor.names,
        extractor.version,
        prior_names=(TECHNICAL,),
        rng=rng,
    )
    judge = TasteJudge(taste, extractor)
    with tempfile.TemporaryDirectory() as folder, Collection(Path(folder)) as collection:
        for start in range(0, arguments.n, 5000):
            numbers = range(start, min(start + 5000, arguments.n))
            with collection.session("be written", write=True) as session:
                rows = [
                    ImageRow(sha256=f"{i:064d}", path=f"{i}.png", width=64, height=64, generation=None) for i in numbers
                ]
                session.add_all(rows)
                session.flush()
                ids = [row.id for row in rows]
            noise = rng.normal(0, 0.02, (len(ids), base.shape[1])) * base.std(axis=0)
            collection.add_items(
                extractor.version, dict(zip(ids, base[rng.integers(0, len(base), len(ids))] + noise, strict=True))
            )
        seconds = []
        for _ in range(arguments.runs):
            started = time.perf_counter()
            done, _ = score_all(collection, judge, stored_items_only=True)
            seconds.append(time.perf_counter() - started)
        choosing = []
        for run in range(arguments.runs):
            started = time.process_time()
            rating_queue(collection, f"rater {run}", None, FIRST)
            choosing.append(time.process_time() - started)
    print(f"first {FIRST} pictures to rate, of {done}, chosen in {np.median(choosing):.2f} s of CPU ({min(choosing):.2f} … {max(choosing):.2f} s)")  # fmt: skip
    print(f"{done} pictures scored by {taste.method} in {np.median(seconds):.1f} s ({min(seconds):.1f} … {max(seconds):.1f} s, "
          f"{arguments.runs} runs)")  # fmt: skip


if __name__ == "__main__":
    main()
