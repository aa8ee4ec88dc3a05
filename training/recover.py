"""Makes of a model folder what a training can start from, if the files of its own training are gone.

    python -m soart.training.recover --work DIR --out STATE [--model FOLDER]

A model holds no autoencoder of plain pictures, whose latents its UNet draws. Its encoder gives these latents for painted
pictures, though. A new plain autoencoder begins with that encoder, folded to half the side. It learns to rebuild plain
pictures, while its latents stay near those that the model's encoder gives for the same pictures painted.
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

PICTURES, BATCH, STEPS = 1_800, 16, 1_000
#: Weight of the nearness of latents, and the part of it that counts for noisy pictures, whose grain lies elsewhere.
NEAR, GRAINY = 0.3, 0.1


def folded(encoder: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of the plain encoder that gives for a picture what the model's gives for it with every pixel doubled.

    Nothing stands between the model's first two convolutions, of which the second halves the side. Together they are one
    of 5×5 pixels, whose rows and columns see two, two and one of the doubled pixels.
    """
    first, bias, second = (encoder[f"layers.{name}"] for name in ("0.weight", "0.bias", "1.weight"))
    both = torch.nn.functional.conv2d(first.transpose(0, 1), second.flip(2, 3), padding=2).transpose(0, 1)
    groups = torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]])
    weights = {"layers.0.weight": torch.einsum("ik,ocks,js->ocij", groups, both, groups)}
    weights["layers.0.bias"] = torch.einsum("omyx,m->o", second, bias)
    for name, value in encoder.items():
        number, rest = name.removeprefix("layers.").split(".", 1)
        if int(number) > 1:
            weights[f"layers.{int(number) - 1}.{rest}"] = value
    return weights


def fit_plain_vae(
    work: Path, encoder: dict[str, torch.Tensor], plain: np.ndarray, wanted: torch.Tensor, scale: float, steps: int
) -> dict[str, torch.Tensor]:
    """Fit an autoencoder of plain pictures (n, 64, 64, 3) uint8 to their latents (n, 4, 16, 16); returns its weights.

    Its encoder begins with weights of a model's.
    """
    torch.manual_seed(SEED)
    vae = build_vae().to(memory_format=torch.channels_last)
    vae.encoder.load_state_dict(folded(encoder))
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
        if step % 100 == 0:
            print(
                f"  L1 {float(difference.detach().abs().mean()):.4f}, latents apart {float(apart.detach()):.4f}",
                flush=True,
            )
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
    encoder = {name: weight.float() for name, weight in parts.vae.encoder.state_dict().items()}
    vae = fit_plain_vae(arguments.work, encoder, plain, wanted, scale, arguments.steps)
    weights = parts.unet.state_dict(), parts.text_encoder.state_dict(), vae
    store(arguments.out, Stored(*weights, parts.tokenizer.get_vocab(), scale))


if __name__ == "__main__":
    main()
