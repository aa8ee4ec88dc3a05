"""Measures more of a favourite by its true value: near it, between two, and drawn on it at a strength.

The embedded model draws with 8 steps; worlds and their tastes are those of ``optimizing_worlds``. A person looks at the first
16 seeds of a prompt, and marks as favourites the two that they truly like most. Each method then has the processor time of
``--pictures`` pictures, and a taste that was learnt from other pictures. *near* begins with the noise of the favourite, *between* with
mixtures of the noises of both, *on* draws on the favourite. *other seeds* is the best of as many further seeds by the taste. *apart* is
the distance from the favourite in the items of the network, as a share of that between two seeds. Runs are cached one by one.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from soart.benchmarks.common import key_of, stored_json
from soart.benchmarks.search.optimizing_worlds import (
    SEEDS,
    STEPS,
    World,
    as_drawn,
    command_of,
    compared,
    drawn,
    mean_marks,
    prompt_of,
    report,
    stem_of,
)
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.drawing_on import drawing_on
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.optimizing.examining import Examiner
from soart.pipelines.optimizing.optimizer import ALARM, Limit, Optimization
from soart.pipelines.optimizing.ways import Means, Noise

FAVOURITE, OTHERS, NEAR, BETWEEN, ON = "favourite", "other seeds", "near", "between", "on"
METHODS = FAVOURITE, OTHERS, NEAR, BETWEEN, ON
#: Seeds that the person looks at, and the seed of what is tried around a favourite.
LOOKED_AT, AROUND = 16, 1000
COLUMNS = "gain", "taste", "adherence", "apart", "pictures", "seconds"


def favourites(world: World) -> list[int]:
    """The two seeds that the world likes most among those that are looked at, the better one first."""
    values = world.value(world.pictures.seeds[world.subject][:LOOKED_AT])
    return [int(seed) for seed in np.argsort(-values)[:2]]


def bred(
    world: World, size: int, method: str, strength: float, seconds: float, generator: ImageGenerator
) -> Optimization:
    """The run of a method that begins with favourites, at its end."""
    seeds, chosen = world.pictures.seeds[world.subject], favourites(world)
    if method == ON:
        generator = drawing_on(generator, seeds[chosen[0]], strength)
    request = generator.request(prompt_of(world.subject), AROUND, steps=STEPS)
    means = Means.of(generator, request, Examiner(guarded(world.taste(size)), request.prompt))
    if method == ON:
        means.drawn_on = seeds[chosen[0]]
    else:
        means.parents = tuple(Noise(None, 0.0, seed) for seed in chosen[: 1 if method == NEAR else 2])
    run = Optimization(means, Limit(seconds, None, time.process_time))
    while run.advance():
        pass
    return run


def facts_of(
    world: World, size: int, method: str, strength: float, count: int, generator: ImageGenerator, folder: Path
) -> dict[str, Any]:
    """Facts of one run; the picture is written beside."""
    seeds, extractor = world.pictures.seeds[world.subject], taste_extractor(EFFICIENTNET)
    taste, items, begun = world.taste(size), world.pictures.items_of(world.subject), time.process_time()
    favourite, drawn_count, ended = favourites(world)[0], 0, ""
    if method == FAVOURITE:
        found = seeds[favourite]
    elif method == OTHERS:
        rows, drawn_count = slice(LOOKED_AT, LOOKED_AT + count), count
        found = seeds[rows][int(taste.liking(items[rows]).argmax())]
    else:
        run = bred(world, size, method, strength, world.pictures.seconds * count / SEEDS, generator)
        assert run.best is not None
        found, drawn_count, ended = run.best.picture.pixels, run.drawn, run.ended
    spent = time.process_time() - begun
    Image.fromarray(found).save(folder / f"{stem_of(world, size, method)}.png")
    usual, own = taste.liking(items), extractor.extract(np.stack([found, seeds[favourite]]))
    network = slice(-len(extractor.parts[-1].names), None)
    spread = np.maximum(items[:, network].std(axis=0), 1e-9)
    apart = np.sqrt((((own[0] - own[1])[network] / spread) ** 2).mean())
    # Two independent seeds differ by √2 deviations.
    examiner, request = Examiner(guarded(taste), prompt_of(world.subject)), generator.request("", 0, steps=STEPS)
    shown, _ = stored_json(folder / f"seeds-{world.subject}.json", lambda: mean_marks(examiner, request, seeds))
    [marks] = examiner.examine([as_drawn(request, found)])
    return {
        "gain": world.gain(found), "taste": float((taste.liking(own[:1])[0] - usual.mean()) / usual.std()),
        "adherence": marks.adherence - shown, "apart": float(apart / np.sqrt(2)), "pictures": drawn_count, "seconds": spent, "ended": ended,
    }  # fmt: skip


def main() -> None:
    """Run what the cache lacks, and print the tables."""
    parser = command_of(__doc__, METHODS, pictures=16)
    parser.add_argument("--strength", type=float, default=0.5, help="with which a favourite is drawn on")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    generator = ImageGenerator(load_model(device="cpu"))
    pictures = drawn(generator, arguments.cache)
    key = key_of(repr((generator.model.identity, arguments.pictures, arguments.strength, LOOKED_AT, ALARM)))
    folder = arguments.cache / f"breeding-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    worlds = [World(number, pictures) for number in range(arguments.first, arguments.first + arguments.tastes)]
    report(
        compared(
            arguments,
            worlds,
            folder,
            lambda *which: facts_of(*which, arguments.strength, arguments.pictures, generator, folder),
        ),
        COLUMNS,
        FAVOURITE,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
