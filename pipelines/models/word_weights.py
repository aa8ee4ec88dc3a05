"""Encodes prompts with word weights, by compel, for the families whose text encoders are CLIP's.

A weight above 1 moves the words away from the empty prompt, one below 1 moves the whole prompt towards the prompt
without them (https://github.com/damian0815/compel). A prompt whose weights are all 1 is encoded as the pipeline encodes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch

from .prompt_syntax import Piece, parse_prompt

#: Classes of text encoders of the two families.
_CLIP, _CLIP_2 = "CLIPTextModel", "CLIPTextModelWithProjection"


def weighing_family(pipeline: Any, accepts: Collection[str]) -> str:  # noqa: ANN401
    """``"sd"`` or ``"sdxl"`` for a pipeline whose words can be weighted, else an empty text."""
    kinds = tuple(_kind(getattr(pipeline, f"text_encoder{number}", None)) for number in ("", "_2", "_3"))
    if kinds == (_CLIP, "", "") and "prompt_embeds" in accepts and hasattr(pipeline, "encode_prompt"):
        return "sd"
    if kinds == (_CLIP, _CLIP_2, "") and "negative_pooled_prompt_embeds" in accepts:
        return "sdxl"
    return ""


def _kind(encoder: object) -> str:
    """Name of the class of a text encoder, compiled or not; empty for None."""
    return "" if encoder is None else type(getattr(encoder, "_orig_mod", encoder)).__name__


def weighted_arguments(
    pipeline: Any,  # noqa: ANN401
    family: str,
    prompts: Sequence[str],
    negatives: Sequence[str],
) -> dict[str, Any]:
    """The arguments of a call that take the place of n prompts and n negative ones, by a ``weighing_family``."""
    read, less = [parse_prompt(prompt) for prompt in prompts], [parse_prompt(text) for text in negatives]
    device = pipeline._execution_device
    wanted = [piece.pieces or (Piece(piece.text, 1.0),) for piece in read]
    unwanted = [piece.pieces or (Piece(piece.text, 1.0),) for piece in less]
    if family == "sd":
        return {
            "prompt_embeds": _embed(pipeline, "", wanted, device, "LAST_HIDDEN_STATES_NORMALIZED"),
            "negative_prompt_embeds": _embed(pipeline, "", unwanted, device, "LAST_HIDDEN_STATES_NORMALIZED"),
        }
    # The pooled embeddings of SDXL are of the whole prompt: they have no weights.
    _, negative, pooled, negative_pooled = pipeline.encode_prompt(
        prompt=[piece.text for piece in read],
        negative_prompt=[piece.text for piece in less] if any(negatives) else None,
        device=device,
        num_images_per_prompt=1,
        do_classifier_free_guidance=True,
    )
    if any(piece.pieces for piece in less):
        negative = _embed_by_both(pipeline, unwanted, device)
    return {
        "prompt_embeds": _embed_by_both(pipeline, wanted, device),
        "negative_prompt_embeds": negative,
        "pooled_prompt_embeds": pooled,
        "negative_pooled_prompt_embeds": negative_pooled,
    }


def _embed_by_both(pipeline: Any, prompts: Sequence[tuple[Piece, ...]], device: torch.device) -> torch.Tensor:  # noqa: ANN401
    """(n, tokens, width) embeddings of prompts by the two encoders of SDXL, side by side."""
    parts = [_embed(pipeline, n, prompts, device, "PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED") for n in ("", "_2")]
    return torch.cat(parts, dim=-1)


def _embed(
    pipeline: Any,  # noqa: ANN401
    number: str,
    prompts: Sequence[tuple[Piece, ...]],
    device: torch.device,
    returned: str,
) -> torch.Tensor:
    """(n, tokens, width) embeddings of prompts by one text encoder."""
    from compel.embeddings_provider import EmbeddingsProvider, ReturnedEmbeddingsType

    encoder = getattr(pipeline, f"text_encoder{number}")
    provider = EmbeddingsProvider(
        getattr(pipeline, f"tokenizer{number}"),
        encoder,
        returned_embeddings_type=ReturnedEmbeddingsType[returned],
        device=device,
    )
    embeddings = []
    for pieces in prompts:
        # Compel cannot find weighted pieces without a token.
        kept = [piece for piece in pieces if piece.text.strip()] or [Piece("", 1.0)]
        embeddings.append(
            provider.get_embeddings_for_weighted_prompt_fragments(
                [[piece.text for piece in kept]], [[piece.weight for piece in kept]], device=device
            )
        )
    return torch.cat(embeddings).to(device, encoder.dtype)
