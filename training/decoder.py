"""Trains the decoder that paints, and the encoder that undoes it.

The UNet draws what ``render`` renders: plain pictures of 64 pixels a side. This decoder makes pictures of 128 pixels, with
light, depth and detail (``light``), of the same latents. It learns from three kinds of latents:

* those of plain pictures, with a little noise
* those that the UNet makes of these after they were drowned in noise. They are near the same pictures, and have the
  UNet's faults, which the decoder so learns to mend.
* those that the UNet draws from words alone. No picture belongs to them, but a critic says whether what is made of them
  looks painted (a patch discriminator with hinge loss; Isola et al., "Image-to-image translation with conditional
  adversarial networks", 2017).

The encoder then learns to give the plain latents of a painted picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from torch import nn
from torch.nn import functional

from .captions import caption, random_scene
from .changes import CHANGES, changed
from .fitting import CHECKPOINT, batch_of, fit, save_whole
from .light import SIDE, examples
from .parts import build_painter
from .render import SEED, SIZE

#: Pictures to learn from, latents drawn from words, and steps of the optimiser.
PAINTED, DRAWN, STEPS, ENCODER_STEPS = 16_000, 5_000, 14_000, 1_000
#: Every such picture has a change that a LoRA makes, which the decoder must know too.
CHANGED = 7
#: Pictures in a batch, those of them that are noisy at least, and latents drawn from words beside them.
BATCH, NOISY, FROM_WORDS = 12, 4, 6
#: Share of the steps after which the critic counts, and steps over which its weight rises.
ALONE, RISE = 0.35, 300
#: Weights of the critic's mark and of the likeness of its features to those of the right picture.
MARK, FEATURES = 0.04, 0.4
#: Steps and guidance by which the UNet draws, and the times that pictures are drowned to.
DRAWING_STEPS, MENDING_STEPS, GUIDANCE, TIMES = 16, 12, 3.0, (100.0, 500.0)
#: Weight of the likeness of grain, and the side of the patches in which it is compared.
GRAIN, PATCH = 12.0, 16
#: Guidance stretches latents by a quarter on average; what it stretches should not look noisy.
STRETCH = 1.25
#: Latents that the UNet draws at once.
_PART = 100


@dataclass(frozen=True, slots=True)
class Drawing:
    """What draws latents: parts of a pipeline."""

    unet: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any

    def read(self, prompts: list[str]) -> torch.Tensor:
        """(n, 32, 128) what the text encoder makes of prompts."""
        ids = self.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        states: torch.Tensor = self.text_encoder(ids).last_hidden_state
        return states


@torch.no_grad()
def encoded(vae: Any, pictures: np.ndarray) -> torch.Tensor:  # noqa: ANN401
    """Latents (n, 4, 16, 16) of pictures (n, h, w, 3) uint8."""
    parts = []
    for start in range(0, len(pictures), 250):
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(vae.encoder(batch_of(pictures, np.arange(start, min(start + 250, len(pictures))))).float())
    return torch.cat(parts).contiguous()


def painted_pictures(work: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Render ``count`` pictures twice, once: (count, 64, 64, 3) plain and (count, 128, 128, 3) painted, uint8."""
    paths = work / f"plain-{count}.npy", work / f"painted-{count}.npy"
    if not all(path.exists() for path in paths):
        unfinished = [path.with_suffix(".part") for path in paths]
        plain, painted = (
            np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, side, side, 3))
            for path, side in zip(unfinished, (SIZE, SIDE), strict=True)
        )
        for i, (_, first, second) in enumerate(examples(SEED, count)):
            plain[i], painted[i] = first, second
        for part, path in zip(unfinished, paths, strict=True):
            part.rename(path)
    return np.load(paths[0], mmap_mode="r"), np.load(paths[1], mmap_mode="r")


@torch.no_grad()
def draw_latents(
    drawing: Drawing,
    prompts: list[str],
    steps: int,
    source: torch.Generator,
    clean: torch.Tensor | None = None,
    drowned: float = 0.0,
) -> torch.Tensor:
    """Latents (n, 4, 16, 16) that the UNet draws for prompts, from noise or from latents with noise of a time ``drowned``."""
    scheduler = DPMSolverMultistepScheduler.from_config(drawing.scheduler.config)
    scheduler.set_timesteps(steps)
    times, latents = scheduler.timesteps, torch.randn(len(prompts), 4, 16, 16, generator=source)
    if clean is not None:
        first = int((times > drowned).sum())
        times, signal = times[first:], scheduler.alphas_cumprod[times[first]]
        scheduler.set_begin_index(first)
        latents = signal.sqrt() * clean + (1 - signal).sqrt() * latents
    words = torch.cat([drawing.read([""] * len(prompts)), drawing.read(prompts)])
    for time in times:
        with torch.autocast("cpu", torch.bfloat16):
            both = torch.cat([latents, latents]).to(memory_format=torch.channels_last)
            without, told = drawing.unet(both, time, words).sample.float().chunk(2)
        latents = scheduler.step(without + GUIDANCE * (told - without), time, latents).prev_sample
    return latents


def latents_of(work: Path, name: str, count: int, drawing: Drawing, clean: torch.Tensor | None = None) -> torch.Tensor:
    """``count`` latents that the UNet draws from words, or mends if clean ones are given; drawn once."""
    path = work / f"{name}-{count}.pt"
    if not path.exists():
        rng, source, parts = np.random.default_rng([SEED, 5]), torch.Generator().manual_seed(SEED), []
        for start in range(0, count, _PART):
            series = SEED if clean is not None else SEED + 1
            scenes = [random_scene(np.random.default_rng([series, i])) for i in range(start, min(start + _PART, count))]
            prompts = [caption(scene, rng) for scene in scenes]
            if clean is None:
                parts.append(draw_latents(drawing, prompts, DRAWING_STEPS, source))
            else:
                part = clean[start : start + _PART]
                parts.append(draw_latents(drawing, prompts, MENDING_STEPS, source, part, rng.uniform(*TIMES)))
        save_whole(path, {"latents": torch.cat(parts)})
    latents: torch.Tensor = torch.load(path, weights_only=True)["latents"]
    return latents


def _noisy(series: int, count: int) -> np.ndarray:
    """(count,) whether the scenes of a series are noisy."""
    return np.array([random_scene(np.random.default_rng([series, i])).quality == "noisy" for i in range(count)])


def grain(pictures: torch.Tensor) -> torch.Tensor:
    """Covariances (n, 18, 8, 8) of the finest detail of pictures (n, 3, 128, 128) with itself, near by, in patches.

    Noise is known by these, wherever its grains lie (after Portilla and Simoncelli, "A parametric texture model based on
    joint statistics of complex wavelet coefficients", 2000).
    """
    detail = pictures - functional.avg_pool2d(pictures, 5, 1, 2, count_include_pad=False)
    moved = [detail.roll(by, (2, 3)) for by in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))]
    return functional.avg_pool2d(torch.cat([detail * other for other in moved], 1), PATCH)


class Critic(nn.Module):
    """Says of places of a picture (n, 3, 128, 128) whether they look painted; also gives its features."""

    def __init__(self) -> None:
        super().__init__()
        shapes = ((3, 32, 4, 2), (32, 64, 4, 2), (64, 128, 4, 2), (128, 128, 3, 1))
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.spectral_norm(nn.Conv2d(before, after, size, stride, padding=1))
            for before, after, size, stride in shapes
        )
        self.last = nn.utils.parametrizations.spectral_norm(nn.Conv2d(128, 1, 3, padding=1))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Marks (n, 1, 15, 15), and features after each layer."""
        features = []
        with torch.autocast("cpu", torch.bfloat16):
            for layer in self.layers:
                pictures = functional.leaky_relu(layer(pictures), 0.2)
                features.append(pictures)
            marks = self.last(pictures)
        return marks.float(), features


def train_decoder(
    work: Path,
    clean: torch.Tensor,
    mended: torch.Tensor,
    drawn: torch.Tensor,
    painted: np.ndarray,
    noisy: np.ndarray,
    scale: float,
    steps: int,
    painter: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Fit the decoder; returns its autoencoder.

    Args:
        work: folder for checkpoints.
        clean: (n, 4, 16, 16) latents of plain pictures, of unit deviation, as the UNet has them.
        mended: (n, 4, 16, 16), of the same pictures.
        drawn: (m, 4, 16, 16), of no noisy ones.
        painted: (n, 128, 128, 3) uint8.
        noisy: numbers of those that are noisy.
        scale: of the latents.
        steps: of the optimiser.
        painter: an autoencoder that learns on; a new one without it.
    """
    torch.manual_seed(SEED + 3)
    vae, critic = painter or build_painter(), Critic()
    decoder = vae.decoder.to(memory_format=torch.channels_last)
    learner = torch.optim.AdamW(critic.parameters(), lr=3e-4, betas=(0.5, 0.9))
    path, start = work / "critic.pt", int(ALONE * steps)
    if path.exists():
        state = torch.load(path, weights_only=True)
        critic.load_state_dict(state["critic"])
        learner.load_state_dict(state["learner"])

    def loss_of(step: int) -> torch.Tensor:
        rng, source = np.random.default_rng([SEED, 6, step]), torch.Generator().manual_seed(step)
        chosen = np.concatenate([rng.integers(len(clean), size=BATCH - NOISY), rng.choice(noisy, NOISY)])
        chosen.sort()
        right, grainy = batch_of(painted, chosen), torch.from_numpy(np.isin(chosen, noisy))
        faulty = torch.from_numpy(rng.random(BATCH) < 0.5)[:, None, None, None]
        right_latents = clean[chosen] + 0.05 * torch.randn(clean[chosen].shape, generator=source)
        stretched = torch.from_numpy(rng.uniform(1, STRETCH, (BATCH, 1, 1, 1))).float()
        latents = stretched * torch.where(faulty, mended[chosen], right_latents)
        if step >= start:
            latents = torch.cat([latents, drawn[rng.integers(len(drawn), size=FROM_WORDS)]])
        with torch.autocast("cpu", torch.bfloat16):
            made = decoder((latents / scale).to(memory_format=torch.channels_last))
        made = made.float()
        difference = made[:BATCH] - right
        # Where grains lie is not in the latents: noisy pictures should be right but for these, and have such grain.
        smooth = functional.avg_pool2d(difference, 5, 1, 2)
        difference = torch.where(grainy[:, None, None, None], smooth, difference)
        likeness = (grain(made[:BATCH]) - grain(right)).abs().mean()
        slopes = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        # Means of wider places: colours stay right where textures are invented.
        places = functional.avg_pool2d(difference, 4).abs().mean()
        loss: torch.Tensor = difference.abs().mean() + 0.5 * slopes + places + GRAIN * likeness
        if step >= start:
            # The critic sees no noisy picture, so that grain is a fault in all others.
            right, made = right[~grainy], torch.cat([made[:BATCH][~grainy], made[BATCH:]])
            teach(right, made.detach())
            critic.requires_grad_(False)
            marks, features = critic(made)
            with torch.no_grad():
                _, wanted = critic(right)
            critic.requires_grad_(True)
            unlike = torch.stack(
                [(a[: len(b)].float() - b.float()).abs().mean() for a, b in zip(features, wanted, strict=True)]
            ).mean()
            loss = loss + min(1.0, (step - start) / RISE) * (FEATURES * unlike - MARK * marks.mean())
        if (step + 1) % CHECKPOINT == 0:
            save_whole(path, {"critic": critic.state_dict(), "learner": learner.state_dict()})
        return loss

    def teach(right: torch.Tensor, made: torch.Tensor) -> None:
        """One step of the critic."""
        (real, _), (false, _) = critic(right), critic(made)
        loss = functional.relu(1 - real).mean() + functional.relu(1 + false).mean()
        learner.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        learner.step()

    mean = fit(work / "decoder.pt", {"decoder": decoder}, steps, 8e-4, loss_of, 0.998)
    decoder.load_state_dict(mean["decoder"])
    return vae


def train_encoder(work: Path, vae: Any, clean: torch.Tensor, painted: np.ndarray, scale: float, steps: int) -> None:  # noqa: ANN401
    """Fit the encoder to give the plain latents (n, 4, 16, 16) of painted pictures (n, 128, 128, 3) uint8."""
    encoder = vae.encoder.to(memory_format=torch.channels_last)

    def loss_of(step: int) -> torch.Tensor:
        chosen = np.sort(np.random.default_rng([SEED, 7, step]).integers(len(clean), size=2 * BATCH))
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder(batch_of(painted, chosen))
        loss: torch.Tensor = (found.float() * scale - clean[chosen]).square().mean()
        return loss

    mean = fit(work / "encoder.pt", {"encoder": encoder}, steps, 2e-3, loss_of, 0.995)
    encoder.load_state_dict(mean["encoder"])


def build_painted_vae(
    work: Path,
    drawing: Drawing,
    plain_vae: Any,  # noqa: ANN401
    scale: float,
    steps: int = STEPS,
    encoder_steps: int = ENCODER_STEPS,
    painter: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Run all stages; returns the autoencoder by eight, which is ``painter`` after it learnt on, if there is one."""
    plain, painted = painted_pictures(work, PAINTED)
    mended = latents_of(work, "mended", PAINTED, drawing, encoded(plain_vae, plain) * scale)
    plain, painted = np.array(plain), np.array(painted)
    for i in range(0, PAINTED, CHANGED):
        name = list(CHANGES)[i // CHANGED % len(CHANGES)]
        plain[i], painted[i] = (changed(one[i], name, np.random.default_rng([SEED, 8, i])) for one in (plain, painted))
    clean = encoded(plain_vae, plain) * scale
    # The UNet alone would take the changes away.
    mended[::CHANGED] = clean[::CHANGED]
    drawn = latents_of(work, "drawn", DRAWN, drawing)
    drawn = drawn[~_noisy(SEED + 1, DRAWN)]
    noisy = np.flatnonzero(_noisy(SEED, PAINTED))
    vae = train_decoder(work, clean, mended, drawn, painted, noisy, scale, steps, painter)
    train_encoder(work, vae, clean, painted, scale, encoder_steps)
    return vae.eval()
