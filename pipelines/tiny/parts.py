"""The untrained parts of the embedded model: tokenizer, text encoder, autoencoder, UNet, scheduler."""

from __future__ import annotations

import json
from pathlib import Path

from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .words import corpus

CONTEXT = 128
LENGTH = 32


def build_tokenizer(folder: Path) -> CLIPTokenizer:
    """Learn byte-pair merges that make each word of :func:`corpus` one token; unknown words fall apart into letters."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(
        [" ".join(corpus())],
        trainers.BpeTrainer(vocab_size=4000, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False),
    )
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    tokens = [*alphabet, *(c + "</w>" for c in alphabet), *("".join(m) for m in merges)]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocab_file, merges_file = folder / "vocab.json", folder / "merges.txt"
    vocab_file.write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    merges_file.write_text("\n".join(["#version: 0.2", *(" ".join(m) for m in merges), ""]))
    tokenizer = CLIPTokenizer(vocab=str(vocab_file), merges=str(merges_file), model_max_length=LENGTH)
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Three CLIP text layers, 128 wide; trained together with the UNet."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=CONTEXT,
            intermediate_size=4 * CONTEXT,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            projection_dim=CONTEXT,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_vae() -> AutoencoderTiny:
    """Autoencoder of 0.3 million weights: 64×64×3 to 16×16×4 and back."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32),
        decoder_block_out_channels=(32, 32, 32),
        num_encoder_blocks=(1, 2, 2),
        num_decoder_blocks=(2, 2, 1),
        latent_channels=4,
    )


def build_unet() -> UNet2DConditionModel:
    """UNet of 5.6 million weights over 16×16×4 latents, cross-attention at 8×8 and 4×4.

    The pooled text is added to the time embedding as well: palette, style and quality concern every pixel alike.
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
