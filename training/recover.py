"""Makes of a model folder what a training can start from, if the files of its own training are gone.

    python -m soart.training.recover --work DIR --out STATE [--model FOLDER]

A model holds no autoencoder of plain pictures, whose latents its UNet draws. Its encoder gives these latents for painted
pictures, though. A new plain autoencoder learns to rebuild plain pictures, while its latents stay near those that the
model's encoder gives for the same pictures painted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from ..pipelines.models.loading import EMBEDDED_FOLDER, load_model
from .captions import random_scene
from .decoder import encoded, painted_pictures
from .fitting import batch_of, fit
from .parts import build_vae
from .render import SEED
from .stored import Stored, store

PICTURES, BATCH, STEPS = 2_400, 32, 2_400
#: Weight of the nearness of latents, and the part of it that counts for noisy pictures, whose grain lies elsewhere.
NEAR, GRAINY = 0.3, 0.1


def fit_plain_vae(
    work: Path, plain: np.ndarray, wanted: torch.Tensor, scale: float, steps: int
) -> dict[str, torch.Tensor]:
    """Fit an autoencoder of plain pictures (n, 64, 64, 3) uint8 to their latents (n, 4, 16, 16); returns its weights."""
    torch.manual_seed(SEED)
    vae = build_vae().to(memory_format=torch.channels_last)
    scenes = [random_scene(np.random.default_rng([SEED, i])) for i in range(len(plain))]
    weights = torch.tensor([GRAINY if scene.quality == "noisy" else 1.0 for scene in scenes])[:, None, None, None]

    def loss_of(step: int) -> torch.Tensor:
        chosen = np.sort(np.random.default_rng([SEED, 9, step]).integers(len(plain), size=BATCH))
        images, noise = batch_of(plain, chosen), torch.Generator().manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16):
            latents = vae.encoder(images)
            out = vae.decoder(latents + 0.05 * torch.randn(latents.shape, generator=noise)).float()
        difference = out - images
        slopes = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        apart = (weights[chosen] * (latents.float() - wanted[chosen]).square()).mean() * scale**2
        if (step + 1) % 100 == 0:
            print(f"  L1 {float(difference.abs().mean()):.4f}, latents apart {float(apart):.4f}", flush=True)
        total: torch.Tensor = difference.abs().mean() + 0.5 * difference.square().mean() + 0.5 * slopes + NEAR * apart
        return total

    return fit(work / "plain.pt", {"vae": vae}, steps, 2e-3, loss_of, 0.995)["vae"]


def main() -> None:
    """Recover from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder of the state")
    parser.add_argument("--model", type=Path, default=EMBEDDED_FOLDER)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    parts = load_model(arguments.model, device="cpu").pipeline
    plain, painted = painted_pictures(arguments.work, arguments.pictures)
    scale, wanted = parts.vae.config.scaling_factor, encoded(parts.vae, painted)
    vae = fit_plain_vae(arguments.work, plain, wanted, scale, arguments.steps)
    weights = parts.unet.state_dict(), parts.text_encoder.state_dict(), vae
    store(arguments.out, Stored(*weights, parts.tokenizer.get_vocab(), scale))


if __name__ == "__main__":
    main()
