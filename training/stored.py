"""Stored states of a training, from which another learns on: UNet, text encoder, tokenizer and plain autoencoder.

They are kept in float16. The words of a state keep their embeddings in a model that knows more words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from .parts import build_text_encoder, build_unet, build_vae

Weights = dict[str, torch.Tensor]
_EMBEDDINGS = "token_embedding.weight"


@dataclass(frozen=True, slots=True)
class Stored:
    """Weights of the parts, tokens by their text, and the factor that gives latents unit deviation."""

    unet: Weights
    text: Weights
    vae: Weights
    tokens: dict[str, int]
    scale: float


def store(folder: Path, state: Stored) -> None:
    """Write a state."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("unet", "text", "vae"):
        weights = {key: value.detach().half().contiguous() for key, value in getattr(state, name).items()}
        save_file(
            {key: value for key, value in weights.items() if not key.endswith("position_ids")},
            folder / f"{name}.safetensors",
        )
    text = json.dumps({"scale": state.scale, "tokens": state.tokens})
    (folder / "state.json").write_text(f"{text}\n", encoding="utf-8")


def stored(folder: Path) -> Stored:
    """Read what ``store`` wrote; weights are float32."""
    unet, text, vae = (
        {key: value.float() for key, value in load_file(folder / f"{name}.safetensors").items()}
        for name in ("unet", "text", "vae")
    )
    return Stored(unet, text, vae, **json.loads((folder / "state.json").read_text(encoding="utf-8")))


def learnt_unet(state: Stored) -> Any:  # noqa: ANN401
    """The UNet of a state."""
    unet = build_unet()
    unet.load_state_dict(state.unet)
    return unet


def learnt_vae(state: Stored) -> Any:  # noqa: ANN401
    """The plain autoencoder of a state."""
    vae = build_vae()
    vae.load_state_dict(state.vae)
    return vae.eval()


def learnt_text_encoder(tokenizer: Any, state: Stored) -> Any:  # noqa: ANN401
    """The text encoder of a state with the tokens of a tokenizer: those it had keep their embeddings, others have random ones."""
    encoder = build_text_encoder(tokenizer)
    weights = dict(state.text)
    [name] = [key for key in weights if key.endswith(_EMBEDDINGS)]
    table = encoder.get_input_embeddings().weight.detach().clone()
    for token, number in tokenizer.get_vocab().items():
        if token in state.tokens:
            table[number] = weights[name][state.tokens[token]]
    weights[name] = table
    encoder.load_state_dict(weights, strict=False)
    return encoder
