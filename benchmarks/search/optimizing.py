"""Measures optimized pictures by their true value: best of seeds, search, gradient, guidance, particles and LoRA.

    python benchmarks/search/optimizing.py [--tastes 20] [--first 0] [--sizes 8,30] [--pictures 32] [--methods …] [--cache DIR]

The embedded model draws with 8 steps. A world is a taste: standard normal weights of eight properties of the pixels, which
soart does not know (``tuning_pictures``). A taste is learnt from n liked and n disliked pictures of other prompts and seeds, the upper and the
lower third by the world's value. Each method then draws one prompt, and has the processor time of ``--pictures`` pictures, 32 by default. All begin with the
same seeds. What is reported is the world's own value of the chosen picture, in standard deviations of the seeds of its prompt:
0 is the mean seed. *large steps* makes steps of the gradient and of guidance that are several times as large, within the bounds; *unbounded* makes
the same without any, that on the spectrum of the noise included; both have twice the time, so that a bound can end them. *particles* resamples eight
pictures midway by the taste's value of what they are about to become (Singhal et al. 2025), and keeps the best of as many rounds as the time allows. *lora* is the mean of the first 16 seeds with a LoRA
that was trained by ``soart.pipelines.distilling`` on pictures of seven other subjects, which costs more than the seconds of one picture
but is spent once; *best with lora* is the best of these 16 by the taste. *weighted* is the same with another loss: the pictures
are drawn in proportion to exp(liking / 0.3), in deviations within their subject (reward-weighted regression). Adherence is that of the judge; the subject
is recognised by a classifier that no part of soart uses. Runs are cached one by one.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from soart.benchmarks.common import (
    ROOT,
    at_least,
    command,
    half_width,
    key_of,
    names_among,
    progress,
    stored_array,
    stored_arrays,
    stored_json,
)
from soart.benchmarks.search.tuning_pictures import PROPERTIES, properties
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.taste import LearntTaste, computed_priors, learn_taste
from soart.pipelines.distilling.denoiser import Denoiser
from soart.pipelines.distilling.training import Lessons, Recipe, Training, lora_on
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.step_preview import decoded, prediction
from soart.pipelines.optimizing import ways as ways_of
from soart.pipelines.optimizing.examining import Bounds, Examiner
from soart.pipelines.optimizing.gaussian import departure, normal, on_sphere, rotated
from soart.pipelines.optimizing.optimizer import FIRST, MOST_SEEDS, Limit, Optimization
from soart.pipelines.optimizing.ways import GRADIENT, GUIDANCE, SEARCH, Means
from soart.pipelines.tiny.words import SUBJECTS as KNOWN
from soart.training.judge import balanced_scenes, load_judge, plain_prompt

STEPS, SEED, POOL, SEEDS = 8, 70_707, 192, 64
#: Subjects of the prompts, which worlds take in turn.
SUBJECTS = ("castle", "boat", "fox")
BEST, LARGE, UNBOUNDED, PARTICLES = "best of seeds", "large steps", "unbounded", "particles"
LORA, BEST_LORA, WEIGHTED = "lora", "best with lora", "weighted"
PUSHED = LARGE, UNBOUNDED
METHODS = (BEST, SEARCH, GRADIENT, GUIDANCE, "optimize", LARGE, UNBOUNDED, PARTICLES, LORA, BEST_LORA, WEIGHTED)
#: Seeds of each other subject that a LoRA is trained on, seeds that are drawn with it, and its strength of weighting.
TAUGHT, WITH_LORA, TEMPERATURE = 24, 16, 0.3
RECIPE = Recipe()
PRIORS = "technical", "appeal"
#: Large steps: this many times the angle and the strength.
LARGER = 4.0
#: Departure of a noise from Gaussian, in standard deviations, that the noise of a seed seldom has.
UNLIKELY = 3.0
#: Particles of a round, how much a standard deviation of liking counts when they are resampled (as an exponent), and the angle between
#: the noise that is left in a copy and that of its original.
ROUND, SELECTION, APART = 8, 2.0, 0.8


@dataclass(frozen=True, eq=False)
class Pictures:
    """Drawn once for all worlds.

    Attributes:
        pool: (n, 64, 64, 3) pictures to learn from, and their items (n, p).
        seeds: by subject, (64, 64, 64, 3) pictures of the first seeds.
        spread: mean and standard deviation of the properties of the pool.
        seconds: of the processor that drawing and judging 64 pictures take.
    """

    pool: np.ndarray
    items: np.ndarray
    seeds: dict[str, np.ndarray]
    spread: tuple[np.ndarray, np.ndarray]
    seconds: float

    @cache  # noqa: B019
    def items_of(self, subject: str) -> np.ndarray:
        """(64, p) items of the pictures of the first seeds of a subject."""
        return taste_extractor(EFFICIENTNET).extract(self.seeds[subject])


def drawn(generator: ImageGenerator, cache: Path) -> Pictures:
    """Pictures to learn from, and those of the first seeds of every prompt; drawn once, then cached."""
    extractor, model = taste_extractor(EFFICIENTNET), generator.model.identity
    scenes = balanced_scenes(POOL, SEED)

    def pixels(requests: list[Any], title: str) -> np.ndarray:
        found: list[np.ndarray] = []
        for batch in generator.draw(requests):
            found += [one.pixels for one in batch]
            progress(len(found), len(requests), title)
        return np.stack(found)

    def pool() -> dict[str, np.ndarray]:
        requests = [generator.request(plain_prompt(s, k % 3), SEED + k, steps=STEPS) for k, s in enumerate(scenes)]
        drawn_pool = pixels(requests, "pictures to learn from")
        return {"pool": drawn_pool, "items": extractor.extract(drawn_pool)}

    def seeds() -> dict[str, np.ndarray]:
        found, spent = {}, []
        for subject in SUBJECTS:
            begun = time.process_time()
            found[subject] = pixels(
                [generator.request(prompt_of(subject), k, steps=STEPS) for k in range(SEEDS)], subject
            )
            extractor.extract(found[subject])
            spent.append(time.process_time() - begun)
        return {**found, "seconds": np.array(np.median(spent))}

    key = key_of(repr((model, STEPS, SEED, POOL, SEEDS, SUBJECTS)))
    learnt = stored_arrays(cache / f"optimizing-pool-{key}.npz", pool)
    own = stored_arrays(cache / f"optimizing-seeds-{key}.npz", seeds)
    values = properties(learnt["pool"])
    spread = values.mean(axis=0), values.std(axis=0)
    return Pictures(learnt["pool"], learnt["items"], {s: own[s] for s in SUBJECTS}, spread, float(own["seconds"]))


def taught(generator: ImageGenerator, cache: Path) -> dict[str, np.ndarray]:
    """Pictures of the other subjects, to train LoRAs on, with their items; drawn once, then cached."""

    def draw() -> dict[str, np.ndarray]:
        requests = [
            generator.request(prompt, 5000 + k % TAUGHT, steps=STEPS) for k, prompt in enumerate(taught_prompts())
        ]
        pixels = np.stack([one.pixels for batch in generator.draw(requests) for one in batch])
        return {"pixels": pixels, "items": taste_extractor(EFFICIENTNET).extract(pixels)}

    key = key_of(repr((generator.model.identity, STEPS, SUBJECTS, TAUGHT)))
    return stored_arrays(cache / f"optimizing-taught-{key}.npz", draw)


def taught_prompts() -> list[str]:
    """Prompts of the pictures that LoRAs are trained on."""
    return [prompt_of(subject) for subject in KNOWN if subject not in SUBJECTS for _ in range(TAUGHT)]


class Weighted(Training):
    """Training by reward-weighted regression: the denoiser's usual loss, on pictures drawn by their weight."""

    def gradient(self, rng: np.random.Generator) -> float:
        """The loss of a step on as many pictures as ``Training`` has; its derivative is added to the weights'."""
        lessons, count = self.lessons, 2 * self.recipe.pairs
        groups = lessons.values.reshape(-1, TAUGHT)
        likings = (groups - groups.mean(axis=1, keepdims=True)) / groups.std(axis=1, keepdims=True)
        weights = np.exp(likings.ravel() / TEMPERATURE)
        rows = rng.choice(len(weights), count, p=weights / weights.sum())
        source = torch.Generator().manual_seed(int(rng.integers(2**62)))
        noise = torch.randn((count, *lessons.latents.shape[1:]), generator=source)
        shares = (torch.arange(count) + torch.rand(count, generator=source)) / count
        times = (shares * self.denoiser.times).long()[torch.randperm(count, generator=source)]
        size = (lessons.latents.shape[2], lessons.latents.shape[3])
        words = [self.denoiser.words(lessons.prompts[row], size) for row in rows]
        noisy, target = self.denoiser.noised(lessons.latents[torch.from_numpy(rows)], noise, times)
        loss = (self.denoiser(noisy, times, words) - target).square().mean()
        torch.autograd.backward(loss)
        return float(loss.detach())


def with_lora(world: World, size: int, kind: type[Training], generator: ImageGenerator, cache: Path) -> np.ndarray:
    """(n, 64, 64, 3) pictures of the first seeds of a world's prompt with a LoRA of its taste."""
    material, denoiser = taught(generator, cache), Denoiser(generator)
    values = world.taste(size).liking(material["items"])
    lessons = Lessons(denoiser.latents(material["pixels"]), taught_prompts(), values)
    with lora_on(denoiser.core, RECIPE.rank, RECIPE.seed) as weights:
        training = kind(denoiser, lessons, RECIPE, weights)
        while training.advance():
            pass
        requests = [generator.request(prompt_of(world.subject), k, steps=STEPS) for k in range(WITH_LORA)]
        return np.stack([one.pixels for batch in generator.draw(requests) for one in batch])


@contextmanager
def resampled(pipeline: Any, liking: Callable[[np.ndarray], np.ndarray], seed: int) -> Iterator[None]:  # noqa: ANN401
    """Resamples the pictures of one call midway, by the liking of the originals that are predicted then."""
    scheduler, rng = pipeline.scheduler, np.random.default_rng([83, seed])
    own, taken = scheduler.step, 0

    @wraps(own)
    def step(output: torch.Tensor, timestep: Any, sample: torch.Tensor, *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        nonlocal taken
        taken += 1
        shares = prediction(scheduler, timestep)
        if taken != STEPS // 2 + 1 or shares is None:
            return own(output, timestep, sample, *rest, **options)
        original, kept = shares[0] * sample + shares[1] * output, float(scheduler.alphas_cumprod[int(timestep)]) ** 0.5
        pixels = pipeline.image_processor.postprocess(decoded(pipeline, original, None), output_type="np")
        likings = liking((pixels * 255).round().astype(np.uint8))
        weights = np.exp(SELECTION * (likings - likings.max()) / max(float(likings.std()), 1e-9))
        # Systematic resampling: each comes as often as its weight says, up to rounding.
        points = (rng.random() + np.arange(len(weights))) / len(weights)
        rows = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], points)
        noise, original = (sample - kept * original)[rows], original[rows]
        for place in np.flatnonzero(rows[1:] == rows[:-1]) + 1:
            fresh = normal(noise[place].shape, int(rng.integers(2**62)))
            noise[place] = rotated(noise[place], fresh, APART)
        sample = kept * original + noise
        # Steps of higher order use what was predicted before.
        scheduler.model_outputs = [one if one is None else one[rows] for one in scheduler.model_outputs]
        return own((original - shares[0] * sample) / shares[1], timestep, sample, *rest, **options)

    scheduler.step = step
    try:
        yield
    finally:
        del scheduler.step


def best_particles(world: World, size: int, budget: int, generator: ImageGenerator) -> np.ndarray:
    """(rounds, 64, 64, 3) best pictures of the rounds of particles that the time allows."""
    taste, extractor, prompt = world.taste(size), taste_extractor(EFFICIENTNET), prompt_of(world.subject)
    end, best = time.process_time() + world.pictures.seconds * budget / SEEDS, []

    def liking(pixels: np.ndarray) -> np.ndarray:
        return taste.liking(extractor.extract(pixels))

    while True:
        begun, first = time.process_time(), ROUND * len(best)
        requests = [generator.request(prompt, first + k, steps=STEPS) for k in range(ROUND)]
        with generator.ready(requests[0]) as pipeline, resampled(pipeline, liking, first), torch.inference_mode():
            output = pipeline(**generator.arguments(requests))
        drawn = np.stack([one.pixels for one in generator.drawn(requests, output, 0.0)])
        best.append(drawn[int(liking(drawn).argmax())])
        if 2 * time.process_time() - begun > end:
            return np.stack(best)


def prompt_of(subject: str) -> str:
    """The prompt of a subject; it leaves palette and style open."""
    return f"a picture of a {subject}"


@dataclass(frozen=True, eq=False)
class World:
    """A planted taste over properties of pixels."""

    number: int
    pictures: Pictures

    def value(self, pixels: np.ndarray) -> np.ndarray:
        """(n,) true values of (n, 64, 64, 3) pictures."""
        weights = np.random.default_rng([81, self.number]).standard_normal(8)
        mean, spread = self.pictures.spread
        # Pictures beyond any of the pool are no better for that.
        values: np.ndarray = np.clip((properties(pixels) - mean) / spread, -4, 4) @ weights
        return values

    @property
    def words(self) -> list[str]:
        """The three properties that it likes or dislikes most, such as ``"more warmth"``."""
        weights = np.random.default_rng([81, self.number]).standard_normal(8)
        strongest = np.argsort(-np.abs(weights))[:3]
        names = [name if name != "centre" else "light in the centre" for name in PROPERTIES]
        return [f"{'more' if weights[k] > 0 else 'less'} {names[k]}" for k in strongest]

    @property
    def subject(self) -> str:
        """Subject that its prompt names."""
        return SUBJECTS[self.number % len(SUBJECTS)]

    def gain(self, pixels: np.ndarray) -> float:
        """True value of a picture in deviations from the seeds of its prompt."""
        seeds = self.value(self.pictures.seeds[self.subject])
        return float((self.value(pixels[None])[0] - seeds.mean()) / seeds.std())

    @cache  # noqa: B019
    def taste(self, size: int) -> LearntTaste:
        """The taste of ``size`` liked and as many disliked pictures."""
        extractor, order = taste_extractor(EFFICIENTNET), np.argsort(self.value(self.pictures.pool))
        rng, third = np.random.default_rng([82, self.number, size]), len(order) // 3
        rows = {"good": rng.permutation(order[-third:])[:size], "bad": rng.permutation(order[:third])[:size]}
        examples = from_modes({mode: self.pictures.items[numbers] for mode, numbers in rows.items()})
        own = computed_priors(PRIORS, examples.items, extractor.names)
        background = (
            self.pictures.items,
            computed_priors(PRIORS, self.pictures.items, extractor.names),
        )
        return learn_taste(
            replace(examples, priors=own), extractor.names, extractor.version, name=f"world {self.number}", prior_names=PRIORS,
            background=background, repeats=1, network=EFFICIENTNET,
        )  # fmt: skip


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
    marks = examiner.examine([_as_drawn(request, one) for one in chosen])
    shown, free = stored_json(folder / f"seeds-{world.subject}.json", lambda: _shown(examiner, request, seeds))
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
    wanted = {way: [way] for way in (SEARCH, GRADIENT, GUIDANCE)} | {way: [GRADIENT, GUIDANCE] for way in PUSHED}
    seconds = world.pictures.seconds * budget / SEEDS * (2 if method in PUSHED else 1)
    limit = Limit(seconds, None, time.process_time)
    examiner, request = Examiner(guarded(world.taste(size)), prompt), generator.request(prompt, 0, steps=STEPS)
    with steps_of(method):
        optimization = Optimization(Means.of(generator, request, examiner, wanted.get(method)), limit)
        optimization.begin()
        if method == UNBOUNDED and optimization.bounds is not None:
            optimization.bounds = Unbounded(**vars(optimization.bounds))
        while optimization.advance():
            pass
    return optimization


@contextmanager
def steps_of(method: str) -> Iterator[None]:
    """Larger steps for the methods that make these, and for *unbounded* no bound on the spectrum of the noise."""
    own = ways_of.ANGLE, ways_of.STRENGTH, ways_of.flattened
    larger = LARGER if method in PUSHED else 1.0
    ways_of.ANGLE, ways_of.STRENGTH = own[0] * larger, own[1] * larger
    if method == UNBOUNDED:
        ways_of.flattened = on_sphere
    try:
        yield
    finally:
        ways_of.ANGLE, ways_of.STRENGTH, ways_of.flattened = own


def _shown(examiner: Examiner, request: Any, seeds: np.ndarray) -> tuple[float, float]:  # noqa: ANN401
    """Mean adherence and mean freedom from faults of the pictures of the first seeds."""
    marks = examiner.examine([_as_drawn(request, one) for one in seeds])
    return float(np.nanmean([one.adherence for one in marks])), float(np.mean([one.freedom for one in marks]))


def _as_drawn(request: Any, pixels: np.ndarray) -> Any:  # noqa: ANN401
    from soart.pipelines.models.request import DrawnPicture

    return DrawnPicture(request, pixels, None, 0.0)


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


def diversity(paths: list[Path]) -> float:
    """Mean distance of pictures of one subject in the items of the network, in deviations."""
    pictures = np.stack([np.asarray(Image.open(path)) for path in paths])
    items = taste_extractor(EFFICIENTNET).parts[-1].extract(pictures)
    z = (items - items.mean(axis=0)) / np.maximum(items.std(axis=0), 1e-9)
    apart = np.sqrt(((z[:, None] - z) ** 2).mean(axis=2))
    return float(apart[np.triu_indices(len(z), 1)].mean())


def page(folder: Path, worlds: list[World], size: int, methods: list[str], path: Path) -> None:
    """A picture of pictures: a row for each world, with the best of the first seeds, and what each method made."""
    side, left, top = 128, 150, 26
    sheet = Image.new("RGB", (left + (side + 6) * (len(methods) + 1), top + (side + 6) * len(worlds)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, title in enumerate(["first of 4 seeds", *methods]):
        pen.text((left + column * (side + 6), 6), title, fill="black")
    for row, world in enumerate(worlds):
        pen.text((6, top + row * (side + 6) + 36), "\n".join(["likes", *world.words]), fill="black")
        stems = [f"{world.number:02}-{size}-{method.replace(' ', '-')}" for method in methods]
        for column, name in enumerate([f"{stems[-1]}-start", *stems]):
            tile = Image.open(folder / f"{name}.png").resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(tile, (left + column * (side + 6), top + row * (side + 6)))
    sheet.save(path, quality=92)


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
                ways_of.STRENGTH,
                ways_of.NEAR,
                RECIPE,
                MOST_SEEDS,
                LARGER,
                (ROUND, SELECTION, APART),
            )
        )
    )
    folder = arguments.cache / f"optimizing-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    worlds = [World(number, pictures) for number in range(arguments.first, arguments.first + arguments.tastes)]
    seconds = pictures.seconds * arguments.pictures / SEEDS
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
