"""Trains LoRAs of the embedded model.

    python -m soart.training.train_loras --work DIR [--out DIR] [NAME ...]

Each learns one change of the rendered pictures, whatever the words: ``snow`` falls, a ``frame`` surrounds them, ``night``
makes them dark and blue. They are of rank 4, for the UNet only. Training is that of ``train``, with all other weights
frozen, and takes some minutes each on two cores; it may be killed and goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from ..pipelines.models.loading import EMBEDDED_FOLDER, load_model
from .changes import CHANGES, changed
from .decoder import encoded, painted_pictures
from .fitting import fit
from .render import SEED
from .train import captions, noised

PICTURES, BATCH, STEPS, RANK = 1_000, 16, 400, 4
#: Layers of the UNet that are changed.
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2", "conv_shortcut"]


def changed_pictures(work: Path, name: str, count: int) -> np.ndarray:
    """(count, 128, 128, 3) uint8 painted pictures with the change that a LoRA learns."""
    _, pictures = painted_pictures(work, count)
    return np.stack([changed(image, name, np.random.default_rng([SEED, 4, i])) for i, image in enumerate(pictures)])


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
    latents = encoded(vae, changed_pictures(work, name, pictures)) * vae.config.scaling_factor
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
