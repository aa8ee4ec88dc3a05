"""Passes of pictures through the latents of diffusion models, for quality_pictures.py.

The tiny autoencoders for the latents of four families of models (O. B. Bohan, *TAESD*, MIT licence) stand in for the full
ones. What they do to a picture is what a decoder does: one pass through 16 channels (Stable Diffusion 3, FLUX.1) is hardly
seen, and several passes, as by repeated image-to-image, or passes through 4 channels (Stable Diffusion 1, SDXL) smear
and warp fine detail and shift colours.

The weights come neither with soart nor with a package: the folder ``autoencoders`` in the cache needs ``taesd``,
``taesdxl``, ``taesd3`` and ``taef1``, each with ``_encoder.safetensors`` and ``_decoder.safetensors`` after its name, of
madebyollin/taesd on GitHub in the format that ComfyUI keeps in ``models/vae_approx``.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from diffusers import AutoencoderTiny

#: Channels of the latents of each autoencoder.
CHANNELS = {"taesd": 4, "taesdxl": 4, "taesd3": 16, "taef1": 16}
#: Those whose single pass is hardly seen.
FINE = tuple(name for name, channels in CHANNELS.items() if channels == 16)
#: Pixels that a latent stands for, each way.
STEP = 8


@functools.cache
def autoencoder(name: str, folder: Path) -> AutoencoderTiny:
    """An autoencoder of CHANNELS, from the folder of the weights."""
    import torch
    from diffusers import AutoencoderTiny
    from safetensors.torch import load_file

    encoder, decoder = (load_file(folder / f"{name}_{part}.safetensors") for part in ("encoder", "decoder"))
    weights = {f"encoder.layers.{key}": value for key, value in encoder.items()}
    # The first layer of the published decoder only clips, which diffusers does without a layer.
    for key, value in decoder.items():
        number, _, rest = key.partition(".")
        weights[f"decoder.layers.{int(number) - 1}.{rest}"] = value
    model = AutoencoderTiny(latent_channels=CHANNELS[name])
    model.load_state_dict(weights)
    # Half of the precision is several times faster, and enough for pictures of 8 bits.
    return model.eval().bfloat16().to(memory_format=torch.channels_last)


def folder_of_weights(cache: Path) -> Path:
    """The folder of the weights, all of which are there."""
    folder = cache / "autoencoders"
    missing = [
        file.name
        for name in CHANNELS
        for part in ("encoder", "decoder")
        if not (file := folder / f"{name}_{part}.safetensors").is_file()
    ]
    if missing:
        raise SystemExit(f"{folder} needs {', '.join(missing)}, see benchmarks/data/autoencoders.py.")
    return folder


def passed(picture: np.ndarray, name: str, times: int, cache: Path) -> np.ndarray:
    """A picture, (h, w, 3) float32 in 0…1, after some passes through latents and back."""
    import torch

    model, (height, width) = autoencoder(name, folder_of_weights(cache)), picture.shape[:2]
    whole = np.pad(picture, ((0, -height % STEP), (0, -width % STEP), (0, 0)), mode="edge")
    tensor = torch.tensor(whole * 2 - 1).permute(2, 0, 1)[None].to(torch.bfloat16)
    tensor = tensor.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in range(times):
            tensor = model.decoder(model.encoder(tensor)).clamp(-1, 1)
    found = (tensor[0].float().permute(1, 2, 0).numpy() + 1) / 2
    return np.ascontiguousarray(found[:height, :width], dtype=np.float32)


def decoded_once(picture: np.ndarray, rng: np.random.Generator, cache: Path) -> np.ndarray:
    """The picture as a decoder of 16 channels shows it, which counts as undamaged."""
    return passed(picture, str(rng.choice(FINE)), 1, cache)


def decoded_often(picture: np.ndarray, strength: float, rng: np.random.Generator, cache: Path) -> np.ndarray:
    """The picture after 2 to 4 passes through 4 channels, or 3 to 6 through 16, by its strength of 0…1."""
    name = str(rng.choice(list(CHANNELS)))
    times = 3 + round(3 * strength) if name in FINE else 2 + round(2 * strength)
    return passed(picture, name, times, cache)
