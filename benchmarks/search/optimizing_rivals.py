"""Rivals of ``soart optimize`` that are measured beside it: LoRAs of a taste, and particles.

*Particles* resamples eight pictures midway by the taste's value of what they are about to become (Singhal et al. 2025), and keeps
the best of as many rounds as the time allows. LoRAs are trained by ``soart.pipelines.distilling`` on pictures of seven other
subjects, by pairs, or with another loss: pictures drawn in proportion to exp(liking / 0.3), in deviations within their
subject (reward-weighted regression).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch

from soart.benchmarks.common import key_of, stored_arrays
from soart.benchmarks.search.optimizing_worlds import SEEDS, STEPS, SUBJECTS, World, prompt_of
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.pipelines.distilling.denoiser import Denoiser
from soart.pipelines.distilling.training import Lessons, Recipe, Training, lora_on
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.step_preview import decoded, prediction
from soart.pipelines.optimizing.gaussian import normal, rotated
from soart.pipelines.tiny.words import SUBJECTS as KNOWN

#: Seeds of each other subject that a LoRA is trained on, seeds that are drawn with it, and its strength of weighting.
TAUGHT, WITH_LORA, TEMPERATURE = 24, 16, 0.3
RECIPE = Recipe()
#: Particles of a round, how much a standard deviation of liking counts when they are resampled (as an exponent), and the angle between
#: the noise that is left in a copy and that of its original.
ROUND, SELECTION, APART = 8, 2.0, 0.8


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
