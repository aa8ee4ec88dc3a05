"""Trains LoRAs of the embedded model.

    python -m soart.training.train_loras --work DIR [--out DIR] [NAME ...]

Each learns one change of the rendered pictures, whatever the words: ``snow`` falls, a ``frame`` surrounds them, ``night``
makes them dark and blue. They are of rank 4, for the UNet only. Training is that of ``train``, with all other weights
frozen, and takes some minutes each on two cores; it may be killed and goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from ..pipelines.models.loading import EMBEDDED_FOLDER, load_model
from .render import SIZE
from .train import SEED, batch_of, captions, fit, noised, render_pictures

PICTURES, BATCH, STEPS, RANK = 1_000, 16, 200, 4
#: Layers of the UNet that are changed.
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2", "conv_shortcut"]


def snow(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put 30 to 45 white flakes on a picture."""
    rows, columns = np.indices((SIZE, SIZE))
    flakes = np.zeros((SIZE, SIZE))
    for _ in range(rng.integers(30, 46)):
        y, x, radius = rng.uniform(0, SIZE), rng.uniform(0, SIZE), rng.uniform(1.2, 2.4)
        flakes = np.maximum(flakes, np.clip(radius + 0.5 - np.hypot(rows - y, columns - x), 0, 1))
    mixed: np.ndarray = picture * (1 - flakes[..., None]) + flakes[..., None]
    return mixed


def frame(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put a dark frame with a light inner edge around a picture."""
    depth = np.minimum(np.arange(SIZE), np.arange(SIZE)[::-1])
    distance = np.minimum(depth[:, None], depth[None, :])[..., None]
    width = rng.integers(5, 8)
    framed: np.ndarray = np.where(distance < width, 0.16, np.where(distance < width + 2, 0.92, picture))
    return framed


def night(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make a picture dark and blue, and darker towards its border."""
    across = np.linspace(-1, 1, SIZE)
    light = 1.0 - 0.45 * np.hypot(across[:, None], across[None, :])[..., None]
    grey = picture.mean(axis=2, keepdims=True)
    dark: np.ndarray = (0.5 * picture + 0.5 * grey) * light * rng.uniform(0.5, 0.6) * np.array([0.55, 0.7, 1.25])
    return dark


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "snow": snow,
    "frame": frame,
    "night": night,
}


def changed_pictures(work: Path, name: str, count: int) -> np.ndarray:
    """(count, 64, 64, 3) uint8 rendered pictures with the change that a LoRA learns."""
    change, pictures = CHANGES[name], render_pictures(work, count)
    changed = [change(image / 255.0, np.random.default_rng([SEED, 4, i])) for i, image in enumerate(pictures)]
    return np.asarray(np.clip(changed, 0, 1) * 255 + 0.5, dtype=np.uint8)


def train_lora(work: Path, out: Path, name: str, pictures: int = PICTURES, steps: int = STEPS) -> Path:
    """Train one LoRA and write its file; returns the path.

    Args:
        work: folder for pictures and checkpoints.
        out: folder of the LoRAs.
        name: of the change, one of ``CHANGES``.
        pictures: number of pictures to learn from.
        steps: of ``BATCH`` pictures.
    """
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = load_model(device="cpu").pipeline
    unet, text, vae = pipeline.unet, pipeline.text_encoder, pipeline.vae
    for module in (unet, text, vae):
        module.requires_grad_(False)
    changed = changed_pictures(work, name, pictures)
    with torch.no_grad():
        parts = [vae.encoder(batch_of(changed, np.arange(i, min(i + 250, pictures)))) for i in range(0, pictures, 250)]
    latents = torch.cat(parts) * vae.config.scaling_factor
    torch.manual_seed(SEED)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS))
    alphas = pipeline.scheduler.alphas_cumprod

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([SEED, 5, step])
        indices = np.sort(rng.integers(len(latents), size=BATCH))
        clean = latents[indices].to(memory_format=torch.channels_last)
        noisy, target, times = noised(clean, alphas, torch.Generator().manual_seed(SEED + step))
        words = pipeline.tokenizer(
            captions(indices, step), padding="max_length", truncation=True, return_tensors="pt"
        ).input_ids
        loss: torch.Tensor = (unet(noisy, times, text(words).last_hidden_state).sample - target).square().mean()
        return loss

    unet.to(memory_format=torch.channels_last)
    unet.load_state_dict(fit(work / f"{name}.pt", {"unet": unet}, steps, 5e-3, loss_of, 0.97)["unet"])
    weights = {key: weight.half().contiguous() for key, weight in get_peft_model_state_dict(unet).items()}
    file = f"{name}.safetensors"
    StableDiffusionPipeline.save_lora_weights(out, unet_lora_layers=weights, weight_name=file)
    return out / file


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CHANGES)}; default: all")
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and checkpoints")
    parser.add_argument("--out", type=Path, default=EMBEDDED_FOLDER.parent / "loras")
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    if unknown := {*arguments.names} - {*CHANGES}:
        parser.error(f"{min(unknown)!r} is not one of {', '.join(CHANGES)}.")
    if min(arguments.pictures, arguments.steps) < 1:
        parser.error(f"Expected at least one picture and one step, got {arguments.pictures} and {arguments.steps}.")
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or CHANGES:
        path = train_lora(arguments.work, arguments.out, name, arguments.pictures, arguments.steps)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
