"""Measures optimized pictures by their true value: best of seeds, optimize, particles and LoRA.

    python benchmarks/search/optimizing.py [--tastes 20] [--first 0] [--sizes 8,30] [--pictures 32] [--methods …] [--cache DIR]

The embedded model draws with 8 steps; worlds and their tastes are those of ``optimizing_worlds``. Each method draws one prompt, and has
the processor time of ``--pictures`` pictures, 32 by default. All begin with the same seeds. *large steps* makes steps of the gradient
that are four times as large, within the bounds, and *very large steps* sixteen times; *unbounded* makes large ones without any
bound, that on the spectrum of the noise included. These three have twice the time, so that the alarm can end them. *particles*, *lora* and
*weighted* are those of ``optimizing_rivals``: *lora* is the mean of the first 16 seeds with a LoRA of the taste, which costs more than the
seconds of one picture but is spent once, and *best with lora* the best of these by the taste. Adherence is that of the judge; the
subject is recognised by a classifier that no part of soart uses. Runs are cached one by one.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from soart.benchmarks.common import (
    ROOT,
    at_least,
    command,
    half_width,
    key_of,
    names_among,
    progress,
    stored_array,
    stored_json,
)
from soart.benchmarks.search.optimizing_rivals import (
    APART,
    RECIPE,
    ROUND,
    SELECTION,
    Weighted,
    best_particles,
    with_lora,
)
from soart.benchmarks.search.optimizing_worlds import (
    SEEDS,
    STEPS,
    SUBJECTS,
    Pictures,
    World,
    as_drawn,
    drawn,
    mean_marks,
    prompt_of,
)
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.tastes.appeal import appeal_model, unit
from soart.pipelines.distilling.training import Training
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.optimizing import ways as ways_of
from soart.pipelines.optimizing.examining import Bounds, Examiner
from soart.pipelines.optimizing.gaussian import departure, on_sphere
from soart.pipelines.optimizing.optimizer import ALARM, FIRST, MOST_SEEDS, Limit, Optimization
from soart.pipelines.optimizing.ways import GRADIENT, Means
from soart.training.judge import load_judge

BEST, LARGE, VERY_LARGE, UNBOUNDED, PARTICLES = (
    "best of seeds",
    "large steps",
    "very large steps",
    "unbounded",
    "particles",
)
LORA, BEST_LORA, WEIGHTED = "lora", "best with lora", "weighted"
#: Large steps: this many times the angle.
LARGER = 4.0
#: Methods with larger steps.
PUSHED = {LARGE: LARGER, VERY_LARGE: LARGER**2, UNBOUNDED: LARGER}
METHODS = (BEST, "optimize", *PUSHED, PARTICLES, LORA, BEST_LORA, WEIGHTED)
#: Departure of a noise from Gaussian, in standard deviations, that the noise of a seed seldom has.
UNLIKELY = 3.0


class Unbounded(Bounds):
    """No bounds at all."""

    def passed(self, marks: Any, best_second: float) -> str:  # noqa: ANN401
        """Accept every picture with a value."""
        return "" if np.isfinite(marks.value) else "value"


def run(
    world: World, size: int, method: str, budget: int, generator: ImageGenerator, folder: Path, cache: Path
) -> dict[str, Any]:
    """Facts of one run; the picture is written beside."""
    taste, prompt = world.taste(size), prompt_of(world.subject)
    seeds, stem = world.pictures.seeds[world.subject], f"{world.number:02}-{size}-{method.replace(' ', '-')}"
    begun, ended, passed, trail = time.process_time(), "", "", []
    more: dict[str, float] = {}
    if method == BEST:
        chosen = seeds[:budget]
    elif method in (LORA, BEST_LORA, WEIGHTED):
        kind = "weighted" if method == WEIGHTED else "preferred"
        file = folder / f"{world.number:02}-{size}-{kind}.npy"
        of_kind = Weighted if method == WEIGHTED else Training
        chosen = stored_array(file, lambda: with_lora(world, size, of_kind, generator, cache))
    elif method == PARTICLES:
        chosen = best_particles(world, size, budget, generator)
    else:
        optimization = optimized(world, size, method, budget, generator)
        assert optimization.best is not None
        assert optimization.start is not None
        chosen, ended, trail = optimization.best.picture.pixels[None], optimization.ended, optimization.steps
        Image.fromarray(optimization.start.picture.pixels).save(folder / f"{stem}-start.png")
        passed = Bounds.of(optimization.first).passed(optimization.best.marks, optimization.start.marks.second)
        more["start"] = world.gain(optimization.start.picture.pixels)
        if optimization.best.noise.noise is not None:
            more["departure"] = departure(optimization.best.noise.noise)
    spent, count = time.process_time() - begun, optimization.drawn if trail else len(chosen)
    if method == PARTICLES:
        count *= ROUND
    examiner, extractor = Examiner(guarded(taste), prompt), taste_extractor(EFFICIENTNET)
    likings = taste.liking(extractor.extract(chosen))
    if method in (BEST, BEST_LORA, PARTICLES):
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
        "taste": float((likings.mean() - usual.mean()) / usual.std()), "pictures": count, "ended": ended, "alarm": float(passed != ""), "passed": passed,
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


def kept_by_likeness(pictures: Pictures) -> str:
    """How many later seeds the bound of likeness to the first ones refuses, and how many pictures of other subjects it does."""
    names, model, refused = taste_extractor(EFFICIENTNET).names, appeal_model(), []
    shown = {subject: model.directions(pictures.items_of(subject), names) for subject in SUBJECTS}
    for subject, own in shown.items():
        for first in np.split(own, len(own) // FIRST):
            usual = first.sum(axis=0)
            least = np.sum(first * unit(usual - first), axis=1).min()
            others = np.concatenate([shown[other] for other in SUBJECTS if other != subject])
            refused.append([np.mean(some @ unit(usual[None])[0] < least) for some in (own, others)])
    own_share, other_share = np.mean(refused, axis=0)
    return (
        f"the bound of likeness refuses {own_share:.0%} of the seeds of a prompt, {other_share:.0%} of other subjects"
    )


def diversity(paths: list[Path]) -> float:
    """Mean distance of pictures of one subject in the items of the network, in deviations."""
    pictures = np.stack([np.asarray(Image.open(path)) for path in paths])
    items = taste_extractor(EFFICIENTNET).parts[-1].extract(pictures)
    z = (items - items.mean(axis=0)) / np.maximum(items.std(axis=0), 1e-9)
    apart = np.sqrt(((z[:, None] - z) ** 2).mean(axis=2))
    return float(apart[np.triu_indices(len(z), 1)].mean())


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
        stems = [f"{world.number:02}-{size}-{method.replace(' ', '-')}" for method in methods]
        for column, name in enumerate([f"{world.number:02}-{size}-optimize-start", *stems]):
            picture, place = Image.open(folder / f"{name}.png"), left + column * (side + gap)
            sheet.paste(picture.resize((side, side), Image.Resampling.NEAREST), (place, height))
            value = f"true value {world.gain(np.asarray(picture)):+.1f}".replace("-", "−")
            pen.text((place, height + side + 4), value, fill="#555555", font=small)
    sheet.save(path, quality=90)


def main() -> None:
    """Run what the cache lacks, and print the tables."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--tastes", type=at_least(1), default=20, help="number of worlds")
    parser.add_argument("--first", type=at_least(0), default=0, help="number of the first world")
    parser.add_argument(
        "--sizes",
        type=names_among([str(n) for n in range(4, 61)]),
        default=["8", "30"],
        help="liked and disliked pictures",
    )
    parser.add_argument("--methods", type=names_among(METHODS), default=list(METHODS), help="methods to compare")
    parser.add_argument("--pictures", type=at_least(FIRST), default=32, help="pictures whose time each run has")
    parser.add_argument("--page", type=Path, help="write a page of pictures here")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    generator = ImageGenerator(load_model(device="cpu"))
    pictures = drawn(generator, arguments.cache)
    key = key_of(
        repr(
            (
                generator.model.identity,
                arguments.pictures,
                ways_of.ANGLE,
                ways_of.TURNS,
                ways_of.FEW,
                ways_of.NEAR,
                RECIPE,
                MOST_SEEDS,
                ALARM,
                LARGER,
                (ROUND, SELECTION, APART),
            )
        )
    )
    folder = arguments.cache / f"optimizing-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    worlds = [World(number, pictures) for number in range(arguments.first, arguments.first + arguments.tastes)]
    seconds = pictures.seconds * arguments.pictures / SEEDS
    print(kept_by_likeness(pictures))
    print(
        f"{len(worlds)} tastes, {seconds:.1f} s of the processor for each run, the time of {arguments.pictures} pictures"
    )
    count, total = 0, len(arguments.sizes) * len(worlds) * len(arguments.methods)
    results: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for world in worlds:
        for size in arguments.sizes:
            for method in arguments.methods:
                file = folder / f"{world.number:02}-{size}-{method.replace(' ', '-')}.json"
                found = stored_json(
                    file, partial(run, world, int(size), method, arguments.pictures, generator, folder, arguments.cache)
                )
                results.setdefault((size, method), []).append(found)
                count += 1
                progress(count, total, "runs")
    columns = (
        "gain", "start", "taste", "second", "adherence", "subject", "freedom", "departure", "pictures", "alarm", "seconds",
    )  # fmt: skip
    for size in arguments.sizes:
        print(f"\n{size}+{size}: mean ± 90 % interval; in brackets the paired difference of the true gain from {BEST}")
        print(f"{'method':12} " + " ".join(f"{name:>14}" for name in columns) + "  diversity")
        for method in arguments.methods:
            rows = results[size, method]
            table = np.array([[row.get(name, np.nan) for name in columns] for row in rows])
            known = table[:, [not np.isnan(column).all() for column in table.T]]
            means, halves = np.nanmean(table, axis=0), half_width(table)
            pairs = zip(means, halves, strict=True)
            cells = ["" if np.isnan(mean) else f"{mean:+.2f} ± {half:.2f}" for mean, half in pairs]
            by_subject = [
                [
                    folder / f"{w.number:02}-{size}-{method.replace(' ', '-')}.png"
                    for w in worlds
                    if w.subject == subject
                ]
                for subject in SUBJECTS
            ]
            apart = [diversity(paths) for paths in by_subject if len(paths) > 1]
            line = f"{method:12} " + " ".join(f"{cell:>14}" for cell in cells)
            line += f"  {np.mean(apart):.2f}" if apart and len(known) else ""
            if (size, BEST) in results and method != BEST:
                base = np.array([row["gain"] for row in results[size, BEST]])
                apart_by = (table[:, 0] - base)[:, None]
                line += f"  [{apart_by.mean():+.2f} ± {half_width(apart_by)[0]:.2f}]"
            print(line)
        for method in arguments.methods:
            if any(row["trail"] for row in results[size, method]):
                print(f"{method}: {refusals(results[size, method])}")
    if arguments.page:
        page(
            folder,
            worlds[:6],
            int(arguments.sizes[-1]),
            [m for m in arguments.methods if m not in PUSHED],
            arguments.page,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
