"""Measures optimized pictures by their true value: best of seeds, optimize and LoRA.

The embedded model draws with 8 steps; worlds and their tastes are those of ``optimizing_worlds``. Each method draws one prompt, and has
the processor time of ``--pictures`` pictures, 32 by default. All begin with the same seeds. *large steps* makes steps of the gradient
that are four times as large, within the bounds, and *very large steps* sixteen times; *unbounded* makes large ones without any
bound, that on the spectrum of the noise included. These three have twice the time, so that the alarm can end them. *lora* is the mean
of the first 16 seeds with a LoRA of the taste, trained on pictures of seven other subjects, which costs more than the seconds of one
picture but is spent once; *best with lora* is the best of these by the taste. Adherence is that of the judge; the
subject is recognised by a classifier that no part of soart uses. Runs are cached one by one.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from soart.benchmarks.common import ROOT, key_of, stored_array, stored_arrays, stored_json
from soart.benchmarks.data.drawing import drawn as pictures_of
from soart.benchmarks.search.optimizing_worlds import (
    SEEDS,
    STEPS,
    SUBJECTS,
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
from soart.pipelines.distilling.denoiser import Denoiser
from soart.pipelines.distilling.training import Lessons, Recipe, Training, lora_on
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.optimizing import ways as ways_of
from soart.pipelines.optimizing.examining import Bounds, Examiner
from soart.pipelines.optimizing.optimizer import ALARM, MOST_SEEDS, VERSION, Limit, Optimization
from soart.pipelines.optimizing.ways import GRADIENT, Means, departure, on_sphere
from soart.pipelines.tiny.words import SUBJECTS as KNOWN
from soart.training.judge import load_judge

BEST, LARGE, VERY_LARGE = "best of seeds", "large steps", "very large steps"
UNBOUNDED, LORA, BEST_LORA = "unbounded", "lora", "best with lora"
#: Seeds of each other subject that a LoRA is trained on, and seeds that are drawn with it.
TAUGHT, WITH_LORA, RECIPE = 24, 16, Recipe()
#: Large steps: this many times the angle.
LARGER = 4.0
#: Methods with larger steps.
PUSHED = {LARGE: LARGER, VERY_LARGE: LARGER**2, UNBOUNDED: LARGER}
METHODS = (BEST, "optimize", *PUSHED, LORA, BEST_LORA)
COLUMNS = "gain", "taste", "second", "adherence", "subject", "freedom", "pictures", "seconds"
#: Departure of a noise from Gaussian, in standard deviations, that the noise of a seed seldom has.
UNLIKELY = 3.0


class Unbounded(Bounds):
    """No bounds at all."""

    def passed(self, marks: Any, best_second: float) -> str:  # noqa: ANN401
        """Accept every picture with a value."""
        return "" if np.isfinite(marks.value) else "value"


def taught(generator: ImageGenerator, cache: Path) -> dict[str, np.ndarray]:
    """Pictures of the other subjects, to train LoRAs on, with their items; drawn once, then cached."""

    def draw() -> dict[str, np.ndarray]:
        requests = [
            generator.request(prompt, 5000 + k % TAUGHT, steps=STEPS) for k, prompt in enumerate(taught_prompts())
        ]
        pixels = pictures_of(generator, requests)
        return {"pixels": pixels, "items": taste_extractor(EFFICIENTNET).extract(pixels)}

    key = key_of(repr((generator.model.identity, STEPS, SUBJECTS, TAUGHT)))
    return stored_arrays(cache / f"optimizing-taught-{key}.npz", draw)


def taught_prompts() -> list[str]:
    """Prompts of the pictures that LoRAs are trained on."""
    return [prompt_of(subject) for subject in KNOWN if subject not in SUBJECTS for _ in range(TAUGHT)]


def with_lora(world: World, size: int, generator: ImageGenerator, cache: Path) -> np.ndarray:
    """(n, 128, 128, 3) pictures of the first seeds of a world's prompt with a LoRA of its taste."""
    material, denoiser = taught(generator, cache), Denoiser(generator)
    values = world.taste(size).liking(material["items"])
    lessons = Lessons(denoiser.latents(material["pixels"]), taught_prompts(), values)
    with lora_on(denoiser.core, RECIPE.rank, RECIPE.seed) as weights:
        training = Training(denoiser, lessons, RECIPE, weights)
        while training.advance():
            pass
        requests = [generator.request(prompt_of(world.subject), k, steps=STEPS) for k in range(WITH_LORA)]
        return pictures_of(generator, requests)


def run(
    world: World, size: int, method: str, budget: int, generator: ImageGenerator, folder: Path, cache: Path
) -> dict[str, Any]:
    """Facts of one run; the picture is written beside."""
    taste, prompt = world.taste(size), prompt_of(world.subject)
    seeds, stem = world.pictures.seeds[world.subject], stem_of(world, size, method)
    begun, ended, passed, trail = time.process_time(), "", "", []
    more: dict[str, float] = {}
    if method == BEST:
        chosen = seeds[:budget]
    elif method in (LORA, BEST_LORA):
        file = folder / f"{world.number:02}-{size}-preferred.npy"
        chosen = stored_array(file, lambda: with_lora(world, size, generator, cache))
    else:
        optimization = optimized(world, size, method, budget, generator)
        assert optimization.best is not None
        assert optimization.start is not None
        chosen, ended, trail = optimization.best.picture.pixels[None], optimization.ended, optimization.steps
        Image.fromarray(optimization.start.picture.pixels).save(folder / f"{stem}-start.png")
        passed = Bounds.of(optimization.first).passed(optimization.best.marks, optimization.start.marks.second)
        if optimization.best.noise.noise is not None:
            more["departure"] = departure(optimization.best.noise.noise)
    spent, count = time.process_time() - begun, optimization.drawn if trail else len(chosen)
    examiner, extractor = Examiner(guarded(taste), prompt), taste_extractor(EFFICIENTNET)
    likings = taste.liking(extractor.extract(chosen))
    if method in (BEST, BEST_LORA):
        chosen, likings = chosen[[int(likings.argmax())]], likings[[int(likings.argmax())]]
    Image.fromarray(chosen[0]).save(folder / f"{stem}.png")
    request = generator.request(prompt, 0, steps=STEPS)
    marks = examiner.examine([as_drawn(request, one) for one in chosen])
    shown, free = stored_json(folder / f"seeds-{world.subject}.json", lambda: mean_marks(examiner, request, seeds))
    recogniser = load_judge(ROOT / "tests" / "assets" / "judge.safetensors")
    subject = np.mean([one["subject"] == world.subject for one in recogniser.recognise(chosen)])
    items = world.pictures.items_of(world.subject)
    usual = taste.liking(items)
    facts = more | {
        "gain": float(np.mean([world.gain(one) for one in chosen])), "adherence": float(np.mean([m.adherence for m in marks])) - shown,
        "subject": float(subject), "freedom": float(np.mean([m.freedom for m in marks])) - free,
        "taste": float((likings.mean() - usual.mean()) / usual.std()), "pictures": count, "ended": ended, "passed": passed,
        "trail": [(step.way, round(step.gain, 2), round(step.seconds, 2), step.refused) for step in trail],
        "trust": taste.trust.concordance, "seconds": spent,
    }  # fmt: skip
    if examiner.second is not None:
        values, usual = examiner.second.liking(extractor.extract(chosen)), examiner.second.liking(items)
        facts["second"] = float((values.mean() - usual.mean()) / usual.std())
    return facts


def optimized(world: World, size: int, method: str, budget: int, generator: ImageGenerator) -> Optimization:
    """The run of a method that optimizes, at its end."""
    prompt = prompt_of(world.subject)
    wanted = [GRADIENT] if method in PUSHED else None
    seconds = world.pictures.seconds * budget / SEEDS * (2 if method in PUSHED else 1)
    limit = Limit(seconds, None, time.process_time)
    examiner, request = Examiner(guarded(world.taste(size)), prompt), generator.request(prompt, 0, steps=STEPS)
    with steps_of(method):
        optimization = Optimization(Means.of(generator, request, examiner, wanted), limit)
        optimization.begin()
        if method == UNBOUNDED and optimization.bounds is not None:
            optimization.bounds = Unbounded(**vars(optimization.bounds))
        while optimization.advance():
            pass
    return optimization


@contextmanager
def steps_of(method: str) -> Iterator[None]:
    """Larger steps for the methods that make these, and for *unbounded* no bound on the spectrum of the noise."""
    own = ways_of.ANGLE, ways_of.flattened
    # Beyond a right angle the noise would turn away again.
    ways_of.ANGLE = min(own[0] * PUSHED.get(method, 1.0), math.pi / 2)
    if method == UNBOUNDED:
        ways_of.flattened = on_sphere
    try:
        yield
    finally:
        ways_of.ANGLE, ways_of.flattened = own


def refusals(rows: list[dict[str, Any]]) -> str:
    """In how many runs a bound refused a picture, ended the run, or would have refused its last picture."""
    found = {
        "refused a picture": Counter(bound for row in rows for bound in {b for *_, refused in row["trail"] for b in refused}),
        "ended the run": Counter(row["ended"] for row in rows if row["ended"] != "limit"),
        "passed by the last picture": Counter(row["passed"] for row in rows if row.get("passed"))
        + Counter("noise" for row in rows if row.get("departure", 0.0) > UNLIKELY),
    }  # fmt: skip
    texts = [f"{name} {', '.join(f'{b} {n}' for b, n in counts.items()) or 'none'}" for name, counts in found.items()]
    return f"of {len(rows)} runs: {'; '.join(texts)}"


def page(folder: Path, worlds: list[World], size: int, methods: list[str], path: Path) -> None:
    """A picture of pictures: for each world what is asked for and liked, the best of the first seeds, and what each method made."""
    side, gap, left, top, below = 144, 10, 230, 44, 26
    small, large = ImageFont.load_default(13), ImageFont.load_default(15)
    columns, rows = len(methods) + 1, len(worlds)
    sheet = Image.new("RGB", (left + (side + gap) * columns, top + (side + below + gap) * rows), "white")
    pen = ImageDraw.Draw(sheet)
    titles = {BEST: "best of 32 seeds", "optimize": "optimized, same time"}
    for column, title in enumerate(["before: best of 4", *(titles.get(one, one) for one in methods)]):
        pen.text((left + column * (side + gap), 14), title, fill="black", font=large)
    for row, world in enumerate(worlds):
        height = top + row * (side + below + gap)
        pen.text((10, height + 8), prompt_of(world.subject), fill="black", font=large)
        pen.multiline_text(
            (10, height + 42), "\n".join(["This taste likes", *world.words]), "#555555", small, spacing=6
        )
        stems = [stem_of(world, size, method) for method in methods]
        for column, name in enumerate([f"{world.number:02}-{size}-optimize-start", *stems]):
            picture, place = Image.open(folder / f"{name}.png"), left + column * (side + gap)
            sheet.paste(picture.resize((side, side), Image.Resampling.NEAREST), (place, height))
            value = f"true value {world.gain(np.asarray(picture)):+.1f}"
            pen.text((place, height + side + 4), value, fill="#555555", font=small)
    sheet.save(path, quality=90)


def main() -> None:
    """Run what the cache lacks, and print the tables."""
    parser = command_of(__doc__, METHODS, pictures=32)
    parser.add_argument("--page", type=Path, help="write a page of pictures here")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    generator = ImageGenerator(load_model(device="cpu"))
    pictures = drawn(generator, arguments.cache)
    facts = (VERSION, ways_of.ANGLE, ways_of.TURNS, ways_of.FEW, ways_of.NEAR, RECIPE, MOST_SEEDS, ALARM, LARGER)  # fmt: skip
    key = key_of(repr((generator.model.identity, arguments.pictures, *facts)))
    folder = arguments.cache / f"optimizing-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    worlds = [World(number, pictures) for number in range(arguments.first, arguments.first + arguments.tastes)]
    seconds = pictures.seconds * arguments.pictures / SEEDS
    print(
        f"{len(worlds)} tastes, {seconds:.1f} s of the processor for each run, the time of {arguments.pictures} pictures"
    )
    results = compared(
        arguments, worlds, folder, lambda *which: run(*which, arguments.pictures, generator, folder, arguments.cache)
    )
    report(results, COLUMNS, BEST)
    for (size, method), rows in results.items():
        if any(row["trail"] for row in rows):
            print(f"{method}, {size}+{size}: {refusals(rows)}")
    if arguments.page:
        shown = [method for method in arguments.methods if method not in PUSHED]
        page(folder, worlds[:6], int(arguments.sizes[-1]), shown, arguments.page)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
