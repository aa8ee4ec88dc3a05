"""Counts the memory that the gradient by the noise takes with networks of real size.

Nothing is computed: networks are built without numbers (PyTorch's device *meta*), and the tensors that one call keeps for its
derivative are counted, with attention that keeps queries, keys, values and results (FlashAttention). Text encoders are left out,
because no derivative passes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import torch
from torch.nn import functional

from soart.benchmarks.common import command, progress

WORDS = 77


def decoder(channels: int) -> diffusers.AutoencoderKL:
    """An autoencoder of four levels, so that latents have an eighth of the side."""
    return diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), latent_channels=channels, layers_per_block=2, use_quant_conv=channels == 4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, use_post_quant_conv=channels == 4,
    )  # fmt: skip


def sdxl_core() -> diffusers.UNet2DConditionModel:
    """The U-Net of SDXL."""
    return diffusers.UNet2DConditionModel(
        sample_size=128, block_out_channels=(320, 640, 1280), cross_attention_dim=2048, addition_embed_type="text_time",
        projection_class_embeddings_input_dim=2816, use_linear_projection=True, layers_per_block=2, attention_head_dim=(5, 10, 20),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), addition_time_embed_dim=256,
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
    )  # fmt: skip


class _Attention(torch.autograd.Function):
    """Keeps what FlashAttention keeps."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        result = torch.empty(*query.shape[:-1], value.shape[-1], device=query.device, dtype=query.dtype)
        ctx.save_for_backward(query, key, value, result)
        return result

    @staticmethod
    def backward(ctx: Any, *_: torch.Tensor) -> tuple[torch.Tensor, ...]:  # noqa: ANN401
        raise NotImplementedError


@contextmanager
def counting(weights: set[int]) -> Iterator[list[int]]:
    """Counts the bytes of tensors that are kept for a derivative, each storage once, without weights."""
    sizes: dict[int, int] = {}
    total = [0]

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights and storage._cdata not in sizes:
            sizes[storage._cdata] = storage.nbytes()
            kept.append(tensor)
        return tensor

    kept: list[torch.Tensor] = []
    own = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lambda query, key, value, *_, **__: _Attention.apply(query, key, value)
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            yield total
    finally:
        functional.scaled_dot_product_attention = own
        total[0] = sum(sizes.values())


def _halved(network: torch.nn.Module) -> torch.nn.Module:
    """The network with 16-bit weights, without the warning that models of diffusers give."""
    for module in network.modules():
        for name, weight in module.named_parameters(recurse=False):
            setattr(module, name, torch.nn.Parameter(weight.to(torch.bfloat16), requires_grad=False))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(torch.bfloat16) if buffer.is_floating_point() else buffer)
    return network


def kept_by(network: torch.nn.Module, call: Callable[[torch.nn.Module], object]) -> tuple[float, float]:
    """Weights in billions, and gigabytes that a call of a network keeps for its derivative."""
    weights = list(network.parameters())
    for weight in weights:
        weight.requires_grad_(False)
    with counting({weight.untyped_storage()._cdata for weight in weights}) as total:
        result = call(network)
    del result
    return sum(weight.numel() for weight in weights) / 1e9, total[0] / 1e9


def real_rows() -> list[list[str]]:
    """Rows of the table, all of 16-bit numbers."""
    rows = []
    with torch.device("meta"):

        def number(*shape: int, learns: bool = False) -> torch.Tensor:
            return torch.empty(*shape, dtype=torch.bfloat16, requires_grad=learns)

        def add(title: str, network: torch.nn.Module, call: Callable[[torch.nn.Module], object], note: str) -> None:
            progress(len(rows), 6, title)
            billions, kept = kept_by(_halved(network), call)
            rows.append([title, note, f"{billions:.2f}", f"{2 * billions:.1f}", f"{kept:.1f}"])

        core = diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
        add(
            "U-Net of SD 1.5",
            core,
            lambda net: net(number(2, 4, 64, 64, learns=True), 1, number(2, WORDS, 768)),
            "512², with guidance: a batch of 2",
        )
        more = {"text_embeds": number(2, 1280), "time_ids": number(2, 6)}
        add(
            "U-Net of SDXL",
            sdxl_core(),
            lambda net: net(number(2, 4, 128, 128, learns=True), 1, number(2, WORDS, 2048), added_cond_kwargs=more),
            "1024², with guidance: a batch of 2",
        )
        flow = diffusers.FluxTransformer2DModel(guidance_embeds=True)
        add("transformer of Flux", flow, lambda net: net(
            hidden_states=number(1, 4096, 64, learns=True), encoder_hidden_states=number(1, 512, 4096), pooled_projections=number(1, 768),
            timestep=number(1), img_ids=number(4096, 3), txt_ids=number(512, 3), guidance=number(1)), "1024², 4,096 + 512 tokens")  # fmt: skip
        for title, channels, side in (
            ("decoder of SD 1.5", 4, 64),
            ("decoder of SDXL", 4, 128),
            ("decoder of Flux", 16, 128),
        ):
            vae = decoder(channels)
            add(
                title, vae.decoder, lambda net, c=channels, s=side: net(number(1, c, s, s, learns=True)), f"{8 * side}²"
            )  # type: ignore[misc]
    return rows


def main() -> None:
    """Count and print."""
    command(__doc__).parse_args()
    print("| network | of | weights, billions | weights, GB | kept by a call, GB |\n|---|---|---|---|---|")
    for row in real_rows():
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
