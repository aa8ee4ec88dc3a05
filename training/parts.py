"""The untrained embedded model: tokenizer, text encoder, autoencoder, UNet."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, UNet2DConditionModel
from tokenizers import pre_tokenizers
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .captions import corpus

CONTEXT = 128
LENGTH = 32
#: Marks the last piece of a word in CLIP's vocabulary.
END = "</w>"


def _split(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """Byte-pair encoding of one word: join the pair of lowest rank until no known pair is left."""
    parts = [*word[:-1], word[-1] + END]
    while pairs := [p for p in pairwise(parts) if p in ranks]:
        first, second = min(pairs, key=ranks.__getitem__)
        i = list(pairwise(parts)).index((first, second))
        parts[i : i + 2] = [first + second]
    return parts


def learn_merges(words: Iterable[str]) -> list[tuple[str, str]]:
    """Merges that make every word one token.

    The pieces of a word that earlier merges leave apart are joined from the left by new merges of lower priority. Those
    never apply to earlier words, which therefore stay whole. (The trainers of libraries break ties by hash order.)
    """
    ranks: dict[tuple[str, str], int] = {}
    for word in words:
        while len(parts := _split(word, ranks)) > 1:
            ranks[parts[0], parts[1]] = len(ranks)
    return list(ranks)


def build_tokenizer(folder: Path) -> CLIPTokenizer:
    """A tokenizer with one token for each word of ``corpus``; it splits unknown words into letters."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # CLIP's tokenizer splits digits off before it merges anything.
    merges = learn_merges(word for word in corpus() if word.isalpha())
    tokens = [*alphabet, *(c + END for c in alphabet), *("".join(m) for m in merges)]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LENGTH)
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """One CLIP text layer, 128 wide, over fixed random token embeddings; the layer is trained together with the UNet.

    The embeddings are large and stay as initialised, so that every word keeps its own direction. If trained, or as
    small as CLIP's, they converge along the words that change most pixels (palettes) before the UNet has learnt to draw
    the subject.
    """
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=CONTEXT,
            intermediate_size=4 * CONTEXT,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            projection_dim=CONTEXT,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    embeddings = encoder.get_input_embeddings().weight
    nn.init.normal_(embeddings, std=3.0)
    embeddings.requires_grad_(False)
    return encoder


def build_vae() -> AutoencoderTiny:
    """Autoencoder of 0.3 million weights for plain pictures: 64×64×3 to 16×16×4 and back."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32),
        decoder_block_out_channels=(32, 32, 32),
        num_encoder_blocks=(1, 2, 2),
        num_decoder_blocks=(2, 2, 1),
        latent_channels=4,
    )


def build_painter() -> AutoencoderTiny:
    """Autoencoder of 0.9 million weights: painted pictures, 128×128×3, to the latents of plain ones, and back."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32,) * 4,
        decoder_block_out_channels=(48,) * 4,
        num_encoder_blocks=(0, 1, 2, 2),
        num_decoder_blocks=(4, 4, 2, 1),
        latent_channels=4,
    )


def build_unet() -> UNet2DConditionModel:
    """UNet of 5.6 million weights over 16×16×4 latents, cross-attention at 8×8 and 4×4.

    The pooled text is also added to the time embedding, because palette, style and quality concern every pixel alike.
    """
    return UNet2DConditionModel(
        sample_size=16,
        layers_per_block=1,
        block_out_channels=(48, 96, 128),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=CONTEXT,
        attention_head_dim=4,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def build_scheduler() -> DPMSolverMultistepScheduler:
    """DPM-Solver++ (2M) on the cosine schedule, v-prediction."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", steps_offset=1
    )
