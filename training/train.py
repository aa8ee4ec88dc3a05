"""Trains the embedded model, from scratch or further.

    python -m soart.training.train --work DIR [--out DIR] [--start STATE] [--painter MODEL]

The stages are render, autoencoder of plain pictures, latents, UNet with text encoder, the decoder that paints
(``decoder``), and export. Each writes to ``--work`` and is skipped or resumed if its files exist, so the script may be
killed at any moment. The order of batches and all noise come from generators seeded by step, so a resumed run takes the
same steps. With ``--start`` UNet and text encoder of a state (``stored``) learn on with its autoencoder; every run leaves
such a state in ``state`` of its ``--work``. With ``--painter`` the decoder of a model folder learns on.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor

from ..pipelines.models.loading import EMBEDDED_FOLDER, load_model
from .captions import Scene, caption, random_scene
from .decoder import ENCODER_STEPS, STEPS, Drawing, build_painted_vae, encoded
from .fitting import batch_of, fit, save_whole
from .parts import build_scheduler, build_text_encoder, build_tokenizer, build_unet, build_vae
from .render import SEED, SIZE, examples
from .stored import Stored, learnt_text_encoder, learnt_unet, learnt_vae, store, stored

PICTURES = 40_000
BATCH = 32
#: Batch of the UNet: single words change the mean picture little, and larger batches resolve them sooner.
UNET_BATCH = 64
#: Learning rate of the UNet, and the share of the steps over which it falls at the end.
PEAK, FALL = 1e-3, 0.25
#: Share of empty prompts, for classifier-free guidance.
EMPTY = 0.1


def render_pictures(work: Path, count: int) -> np.ndarray:
    """Render ``count`` pictures once; returns (count, 64, 64, 3) uint8, memory-mapped."""
    path = work / f"pictures-{count}.npy"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        out = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3))
        for i, (_, image) in enumerate(examples(SEED, count)):
            out[i] = image
        out.flush()
        unfinished.rename(path)
    pictures: np.ndarray = np.load(path, mmap_mode="r")
    return pictures


@cache
def scene_of(index: int) -> Scene:
    """The scene of a picture, redrawn from its own generator."""
    return random_scene(np.random.default_rng([SEED, index]))


def captions(indices: np.ndarray, step: int) -> list[str]:
    """Fresh words for each use of a picture."""
    rng = np.random.default_rng([SEED, 1, step])
    return ["" if rng.random() < EMPTY else caption(scene_of(int(i)), rng) for i in indices]


def noised(
    clean: torch.Tensor, alphas: torch.Tensor, source: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents with noise, what v-prediction should say of them (Salimans & Ho 2022), and their times.

    Args:
        clean: (n, 4, 16, 16) latents.
        alphas: (1000,) share of the signal at each time.
        source: draws noise and times.
    """
    noise = torch.randn(clean.shape, generator=source)
    # Stratified, so that batches are alike, and denser towards pure noise, where the words decide what is drawn:
    # a third above t = 900, where a uniform draw has a tenth.
    share = (torch.arange(len(clean)) + torch.rand(len(clean), generator=source)) / len(clean)
    times = ((1 - (1 - share) ** 2) * 1000).long().clamp(max=999)
    times = times[torch.randperm(len(clean), generator=source)]
    signal = alphas[times].view(-1, 1, 1, 1)
    return (
        signal.sqrt() * clean + (1 - signal).sqrt() * noise,
        signal.sqrt() * noise - (1 - signal).sqrt() * clean,
        times,
    )


def train_vae(work: Path, pictures: np.ndarray, steps: int) -> Any:  # noqa: ANN401
    """Fit the autoencoder: L1 on pixels and on their gradients, latents pulled towards mean 0 and deviation 1."""
    torch.manual_seed(SEED)
    vae = build_vae().to(memory_format=torch.channels_last)

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([SEED, 2, step])
        images = batch_of(pictures, rng.integers(len(pictures), size=BATCH))
        noise = torch.Generator().manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16):
            latents = vae.encoder(images)
            jitter = 0.05 * torch.randn(latents.shape, generator=noise)
            out = vae.decoder(latents + jitter).float()
        latents = latents.float()
        difference = out - images
        slopes = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        mean, deviation = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
        pull = mean.square().mean() + (deviation - 1).square().mean()
        total: torch.Tensor = difference.abs().mean() + 0.5 * difference.square().mean() + 0.5 * slopes + 0.01 * pull
        return total

    mean = fit(work / "vae.pt", {"vae": vae}, steps, 2e-3, loss_of, 0.995)
    vae.load_state_dict(mean["vae"])
    return vae.eval()


def encode_pictures(
    work: Path,
    vae: Any,  # noqa: ANN401
    pictures: np.ndarray,
    scale: float | None = None,
) -> tuple[torch.Tensor, float]:
    """Encode all pictures once; returns latents (n, 4, 16, 16) float32, and their scaling factor.

    Without a ``scale`` they get unit deviation.
    """
    path = work / "latents.pt"
    if not path.exists():
        latents = encoded(vae, pictures)
        save_whole(path, {"latents": latents.half(), "scale": scale or float(1 / latents.std())})
    state = torch.load(path, weights_only=True)
    return state["latents"].float() * state["scale"], state["scale"]


def train_unet(work: Path, latents: torch.Tensor, steps: int, start: Stored | None = None) -> dict[str, Any]:
    """Fit UNet and text encoder together by v-prediction, see ``noised``; those of a state ``start`` learn on."""
    torch.manual_seed(SEED + 1)
    tokenizer = build_tokenizer(work / "tokenizer")
    if start:
        text, unet = learnt_text_encoder(tokenizer, start), learnt_unet(start)
    else:
        text, unet = build_text_encoder(tokenizer), build_unet()
    text.train().get_input_embeddings().requires_grad_(False)
    unet = unet.train().to(memory_format=torch.channels_last)
    # Of so few places the plain one is faster: a step takes a quarter less.
    unet.set_attn_processor(AttnProcessor())
    alphas = build_scheduler().alphas_cumprod

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([SEED, 4 if start else 3, step])
        indices = np.sort(rng.integers(len(latents), size=UNET_BATCH))
        clean = latents[indices].to(memory_format=torch.channels_last)
        noisy, target, times = noised(clean, alphas, torch.Generator().manual_seed(SEED + step))
        ids = tokenizer(captions(indices, step), padding="max_length", truncation=True, return_tensors="pt").input_ids
        with torch.autocast("cpu", torch.bfloat16):
            out = unet(noisy, times, text(ids).last_hidden_state).sample
        total: torch.Tensor = (out.float() - target).square().mean()
        return total

    mean = fit(work / "unet.pt", {"unet": unet, "text": text}, steps, PEAK, loss_of, 0.999 if start else 0.998, FALL)
    unet.load_state_dict(mean["unet"])
    text.load_state_dict(mean["text"])
    return {"unet": unet.eval(), "text_encoder": text.eval(), "tokenizer": tokenizer}


def export(out: Path, vae: Any, scale: float, parts: dict[str, Any]) -> None:  # noqa: ANN401
    """Write a diffusers folder in float16."""
    vae.register_to_config(scaling_factor=scale)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **parts,
    )
    pipeline.to(torch.float16).save_pretrained(out, safe_serialization=True)


def main() -> None:
    """Run all stages from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures, latents and checkpoints")
    parser.add_argument("--out", type=Path, default=EMBEDDED_FOLDER)
    parser.add_argument("--start", type=Path, help="folder of a state that learns on")
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--vae-steps", type=int, default=2_500)
    parser.add_argument("--unet-steps", type=int, default=5_500)
    parser.add_argument("--decoder-steps", type=int, default=STEPS)
    parser.add_argument("--painter", type=Path, help="folder of a model whose decoder learns on")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    start = stored(arguments.start) if arguments.start else None
    pictures = render_pictures(arguments.work, arguments.pictures)
    vae = learnt_vae(start) if start else train_vae(arguments.work, pictures, arguments.vae_steps)
    latents, scale = encode_pictures(arguments.work, vae, pictures, start.scale if start else None)
    parts = train_unet(arguments.work, latents, arguments.unet_steps, start)
    unet, text, tokenizer = (parts[name] for name in ("unet", "text_encoder", "tokenizer"))
    weights = unet.state_dict(), text.state_dict(), vae.state_dict()
    store(arguments.work / "state", Stored(*weights, tokenizer.get_vocab(), scale))
    drawing = Drawing(unet, text, tokenizer, build_scheduler())
    painter = load_model(arguments.painter, device="cpu").pipeline.vae.train() if arguments.painter else None
    steps = arguments.decoder_steps, ENCODER_STEPS
    export(arguments.out, build_painted_vae(arguments.work, drawing, vae, scale, *steps, painter), scale, parts)


if __name__ == "__main__":
    main()
