"""Measures what tuning for a taste costs in adherence, and what a floor and trade-offs save.

Every seed is another subject, another palette that the prompt asks for, and another taste. The taste is planted: it likes
the colours of a palette that was not asked for, and something of the other properties of ``tuning_pictures.py``. The space
lets it have them: one slot may add words for a palette, another one lowers the guidance. Three tunes of equal budgets:
for the taste alone, for the taste with ``--adherence 0.8``, and ``--pareto`` for taste and adherence, of whose front the
choice in the middle counts: the one whose smaller place between the ends of the front, in taste or in adherence, is largest.

The best choice of each is drawn on fresh seeds. Its taste is counted in deviations of random choices' pictures from their
mean. Adherence is the share of the asked subject, palette and style that an independent classifier recognises; the tunes
never see it. Intervals are 90 % by t over seeds.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from tempfile import TemporaryDirectory

import numpy as np

from soart.benchmarks.adherence.embedded_model import JUDGE
from soart.benchmarks.common import command, half_width
from soart.benchmarks.data.drawing import drawn
from soart.benchmarks.search.tuning_pictures import properties
from soart.metrics.protocols import Pictures
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.adherence import load
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.tiny.words import PALETTES, QUALITIES, STYLES, SUBJECTS
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import AdherenceFloor, Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.rendering import RenderedChoice
from soart.prompts.space.slots import Slot
from soart.prompts.space.space import PromptSpace
from soart.training.captions import Scene
from soart.training.judge import Judge, load_judge
from soart.training.render import render

FLOOR, STEPS, FRESH, RANDOM, FIRST_SEED = 0.8, 4, 12, 48, 90_000
METHODS = ("taste", "floor", "pareto")
#: Of ``properties``: those that palettes decide.
COLOURS = ("brightness", "contrast", "saturation", "warmth", "greenness")
N_COLOURS = len(COLOURS)


class PlantedTaste:
    """A taste by weights of properties."""

    name, version = "planted", "1"
    scale, needs = (-100.0, 100.0), ("pixels",)

    def __init__(self, weights: np.ndarray, middle: np.ndarray, unit: np.ndarray) -> None:
        self.weights, self.middle, self.unit = weights, middle, unit

    def values(self, pictures: Pictures) -> np.ndarray:
        """(n,) values of pictures."""
        return self.of(np.stack(pictures.pixels()))

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """(n,) values of (n, h, w, 3) pixels."""
        return (properties(pixels) - self.middle) / self.unit @ self.weights


class World:
    """A prompt and a taste that is at odds with it."""

    def __init__(self, seed: int, rendered: dict[str, np.ndarray]) -> None:
        rng = np.random.default_rng([91, seed])
        self.subject = str(rng.permutation(list(SUBJECTS))[0])
        self.asked, self.liked = (str(name) for name in rng.permutation(list(PALETTES))[:2])
        every = np.concatenate(list(rendered.values()))
        middle, unit = every.mean(axis=0), every.std(axis=0)
        towards = (rendered[self.liked].mean(axis=0) - rendered[self.asked].mean(axis=0)) / unit
        towards[N_COLOURS:] = 0
        weights = towards / np.linalg.norm(towards) + np.where(
            np.arange(8) < N_COLOURS, 0.0, 0.4
        ) * rng.standard_normal(8)
        self.taste = PlantedTaste(weights, middle, unit)
        others = [words[0] for name, words in PALETTES.items() if name != self.asked]
        self.space = PromptSpace(
            (
                Slot("style", [words[0] for words in STYLES.values()]),
                Slot("quality", [words[0] for words in QUALITIES.values()]),
                Slot("also", ["", *(f", {words}" for words in others)]),
                Slot("guidance", ["1.5", "3", "5"]),
                Slot("steps", [str(STEPS)]),
            ),
            f"a {{quality}} {SUBJECTS[self.subject][0]}, {PALETTES[self.asked][0]}{{also}}, {{style}}",
        )

    def measure(self, judge: Judge, words: Sequence[RenderedChoice], generator: ImageGenerator, first: int):  # noqa: ANN201
        """(n,) taste, and (n,) share of the asked subject, palette and style that are recognised."""
        requests = [generator.request(each.prompt, first + n, **each.settings) for n, each in enumerate(words)]
        pictures = drawn(generator, requests)
        shares = []
        for each, seen in zip(words, judge.recognise(pictures), strict=True):
            style = next(name for name, known in STYLES.items() if each.prompt.endswith(known[0]))
            asked = {"subject": self.subject, "palette": self.asked, "style": style}
            shares.append(np.mean([seen[factor] == option for factor, option in asked.items()]))
        return self.taste.of(pictures), np.array(shares)


def tuned(world: World, method: str, generator: ImageGenerator, budget: int, adherence: GuardedJudge) -> RenderedChoice:
    """The choice that a tune recommends."""
    taste = GuardedJudge(world.taste)
    panel = Panel(
        {"technical": 0.0, taste: 1.0} | ({adherence: 1.0} if method == "pareto" else {}),
        floor=AdherenceFloor(adherence, FLOOR) if method == "floor" else None,
    )
    with TemporaryDirectory() as folder, Collection(folder) as collection:
        tuner = Tuner(collection, generator, world.space, panel, budget=budget, pareto=method == "pareto", prune=False)
        tune(tuner)
        findings = findings_of(tuner)
    if method != "pareto":
        return findings.winners[0].words[0]
    front = np.array([[trade.means[judge.stored_name] for judge in (taste, adherence)] for trade in findings.front])
    low, high = front.min(axis=0), front.max(axis=0)
    places = (front - low) / np.where(high > low, high - low, 1.0)
    return findings.front[int(places.min(axis=1).argmax())].words


def line(name: str, taste: np.ndarray, adherence: np.ndarray, lost: np.ndarray) -> None:
    """Print a row of the table."""
    means = [(values.mean(), half_width(values[:, None])[0]) for values in (taste, adherence, lost)]
    columns = [f"{mean:6.2f} ({mean - half:5.2f} … {mean + half:5.2f})" for mean, half in means]
    print(f"{name:22} {columns[0]:24} {columns[1]:24} {columns[2]:24}")


def main() -> None:
    """Tune and print."""
    arguments = command(__doc__, seeds=8, budget=40).parse_args()
    warnings.filterwarnings("ignore")
    started = time.process_time()
    judge, generator = load_judge(JUDGE), ImageGenerator(load_model(device="cpu"), batch_size=16)
    rng = np.random.default_rng(92)
    rendered = {}
    for palette in PALETTES:
        scenes = [
            Scene(str(rng.choice(list(SUBJECTS))), palette, str(rng.choice(list(STYLES))), "sharp") for _ in range(80)
        ]
        rendered[palette] = properties(np.stack([render(scene, rng) for scene in scenes]))
    adherence = GuardedJudge(load("embedded"))
    results: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    base = []
    for seed in range(arguments.seeds):
        world = World(seed, rendered)
        chosen = world.space.sample(RANDOM, np.random.default_rng([93, seed]), distinct=False)
        taste, share = world.measure(judge, [world.space.render(choice) for choice in chosen], generator, FIRST_SEED)
        middle, unit = taste.mean(), taste.std()
        base.append(share.mean())
        facts = f"seed {seed}: {world.subject}, {world.asked}, likes {world.liked}; random {share.mean():.2f}"
        for method in METHODS:
            words = tuned(world, method, generator, arguments.budget, adherence)
            taste, share = world.measure(judge, [words] * FRESH, generator, FIRST_SEED + 1000)
            results[method].append(((taste.mean() - middle) / unit, share.mean()))
            facts += f"\n  {method}: {results[method][-1][0]:.2f}, {share.mean():.2f}, {words.prompt!r} at {words.guidance:g}"
        print(facts, flush=True)
    seconds = time.process_time() - started
    print(
        f"{arguments.seeds} seeds, {arguments.budget} pictures a tune, {seconds:.0f} s of CPU; 90 % intervals over seeds"
    )
    print(f"{'':22} {'taste gained':24} {'adherence':24} {'lost against random':24}")
    random = np.array(base)
    line("random choices", np.zeros(len(random)), random, np.zeros(len(random)))
    for method in METHODS:
        taste, share = np.array(results[method]).T
        line(
            {"taste": "taste alone", "floor": f"floor {FLOOR}", "pareto": "Pareto"}[method],
            taste,
            share,
            random - share,
        )
    alone = np.array(results["taste"])
    for method in METHODS[1:]:
        taste, share = (np.array(results[method]) - alone).T
        line(f"{method} – taste alone", taste, share, -share)


if __name__ == "__main__":
    main()
