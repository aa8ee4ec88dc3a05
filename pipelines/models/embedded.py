"""Loads the embedded model with any transformers from 4.49 on.

Its text encoder and tokenizer were written by transformers 5, whose names of weights and files transformers 4 does not know:
it would draw with random weights. So the two are read here, whatever the version.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file


def load_embedded(folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """The pipeline of diffusers in the folder of the embedded model."""
    from diffusers import AutoPipelineForText2Image
    from transformers import CLIPTokenizerFast

    # Some versions of diffusers refuse a fast tokenizer as an argument, though every pipeline works with one.
    pipeline = AutoPipelineForText2Image.from_pretrained(
        folder, torch_dtype=dtype, tokenizer=None, text_encoder=_text_encoder(folder / "text_encoder", dtype)
    )
    pipeline.register_modules(tokenizer=CLIPTokenizerFast.from_pretrained(folder / "tokenizer"))
    return pipeline


def _text_encoder(folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    from transformers import CLIPTextConfig, CLIPTextModel

    encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(folder))
    weights = load_file(folder / "model.safetensors")
    # transformers 4 keeps them in a part of this name.
    prefix = "text_model." if any(name.startswith("text_model.") for name in encoder.state_dict()) else ""
    encoder.load_state_dict({prefix + name: value for name, value in weights.items()})
    return encoder.to(dtype).eval()
