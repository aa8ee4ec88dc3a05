"""Measures the memory and time that the gradient by the noise takes at 1,024 × 1,024, and counts them for real models.

    python benchmarks/search/optimizing_memory.py [--models sdxl,sdxl-wide,flux] [--steps 2] [--skip-real]

The first table runs soart's own code on pipelines of SDXL and Flux with few, random weights, at the real size of the latents:
128 × 128 numbers in 4 or 16 channels. *said* is what ``NoiseSampler.memory_for_gradient`` says beforehand, measured on a picture of at
most 256 pixels a side; *taken* is the growth of the process's peak of resident memory while the derivative is computed.
Text encoders are left out, because no derivative passes through them.

The second table computes nothing: networks of the real sizes are built without numbers (PyTorch's device *meta*), and the tensors that
one call keeps for its derivative are counted, with attention that keeps queries, keys, values and results (FlashAttention).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from torch.nn import functional

from soart.benchmarks.common import at_least, command, names_among, progress
from soart.pipelines.models.adopting import adopt
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.noise import NoiseSampler

SIDE, PROMPT, SEED = 1024, "a boat", 0
WORDS = 77


def decoder(channels: int, widths: tuple[int, ...], groups: int, layers: int = 2) -> diffusers.AutoencoderKL:
    """An autoencoder of four levels, so that latents have an eighth of the side."""
    return diffusers.AutoencoderKL(
        block_out_channels=widths, norm_num_groups=groups, latent_channels=channels, layers_per_block=layers, sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, use_quant_conv=channels == 4,
        use_post_quant_conv=channels == 4, shift_factor=0.0, scaling_factor=0.5,
    )  # fmt: skip


def sdxl_core(widths: tuple[int, ...], text: int, added: int, **options: Any) -> diffusers.UNet2DConditionModel:  # noqa: ANN401
    """A U-Net of SDXL's three levels."""
    return diffusers.UNet2DConditionModel(
        sample_size=SIDE // 8, block_out_channels=widths, cross_attention_dim=text, addition_embed_type="text_time",
        projection_class_embeddings_input_dim=added, use_linear_projection=True,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), **options,
    )  # fmt: skip


def small_sdxl(widths: tuple[int, ...] = (16, 32, 32)) -> Any:  # noqa: ANN401
    """SDXL with few weights; its prompts are encoded as zeros."""
    core = sdxl_core(
        widths, 64, 6 * 8 + 32, layers_per_block=1, norm_num_groups=4, attention_head_dim=(2, 4, 4), addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 1, 1),
    )  # fmt: skip
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=decoder(4, (8, 8, 8, 8), 4, 1), unet=core, text_encoder=None, text_encoder_2=None, tokenizer=None,
        tokenizer_2=None, scheduler=diffusers.EulerDiscreteScheduler(steps_offset=1, timestep_spacing="leading"),
    )  # fmt: skip

    def encoded(prompt: list[str], *_: Any, **__: Any) -> tuple[torch.Tensor, ...]:  # noqa: ANN401
        words, pooled = torch.zeros(len(prompt), WORDS, 64), torch.zeros(len(prompt), 32)
        return words, words, pooled, pooled

    pipeline.encode_prompt = encoded
    return pipeline


def small_flux() -> Any:  # noqa: ANN401
    """Flux with few weights; its prompts are encoded as zeros."""
    core = diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    pipeline = diffusers.FluxPipeline(
        vae=decoder(16, (8, 8, 8, 8), 4, 1), transformer=core, text_encoder=None, text_encoder_2=None, tokenizer=None,
        tokenizer_2=None, scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip

    def encoded(prompt: list[str], *_: Any, **__: Any) -> tuple[torch.Tensor, ...]:  # noqa: ANN401
        return torch.zeros(len(prompt), WORDS, 32), torch.zeros(len(prompt), 32), torch.zeros(WORDS, 3)

    pipeline.encode_prompt = encoded
    return pipeline


#: In the wide one a step keeps more than the decoder.
SMALL = {"sdxl": small_sdxl, "sdxl-wide": partial(small_sdxl, (64, 96, 96)), "flux": small_flux}


def peak() -> int:
    """Peak of the resident memory since the last ``forget_peak``, in bytes."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmHWM:")[1].split()[0]) * 1024


def resident() -> int:
    """Resident memory, in bytes."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0]) * 1024


def measured(run: Callable[[], object]) -> tuple[int, float]:
    """Bytes by which resident memory grows at most while something runs, and processor seconds that it takes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, used = resident(), resource.getrusage(resource.RUSAGE_SELF)
    run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return peak() - before, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def brightness(pixels: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean brightness with its derivative, which needs next to no memory."""
    return float(pixels.mean()), np.full(pixels.shape, 1 / pixels.size, dtype=np.float32)


def small_row(name: str, steps: int) -> list[str]:
    """One row of the first table."""
    torch.manual_seed(SEED)
    pipeline = SMALL[name]()
    pipeline.set_progress_bar_config(disable=True)
    generator = ImageGenerator(adopt(pipeline, identity=name))
    request = generator.request(PROMPT, SEED, steps=steps, width=SIDE, height=SIDE)
    sampler = NoiseSampler(generator, request)
    noise = sampler.noise_of(SEED)
    began = time.process_time()
    said = sampler.memory_for_gradient()
    asking = time.process_time() - began
    _, picture = measured(lambda: sampler.draw([noise]))
    taken, derivative = measured(lambda: sampler.derivative(noise, steps, brightness))
    shape = " × ".join(map(str, noise.shape))
    return [
        name,
        shape,
        f"{said / 1e9:.2f}",
        f"{taken / 1e9:.2f}",
        f"{asking:.1f}",
        f"{picture:.1f}",
        f"{derivative:.1f}",
    ]


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
    """Rows of the second table, all of 16-bit numbers."""
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
        xl = sdxl_core((320, 640, 1280), 2048, 2816, layers_per_block=2, attention_head_dim=(5, 10, 20), addition_time_embed_dim=256,
                       transformer_layers_per_block=(1, 2, 10))  # fmt: skip
        more = {"text_embeds": number(2, 1280), "time_ids": number(2, 6)}
        add(
            "U-Net of SDXL",
            xl,
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
            vae = decoder(channels, (128, 256, 512, 512), 32)
            add(
                title, vae.decoder, lambda net, c=channels, s=side: net(number(1, c, s, s, learns=True)), f"{8 * side}²"
            )  # type: ignore[misc]
    return rows


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print a table as Markdown."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def main() -> None:
    """Measure and print."""
    parser = command(__doc__ or "")
    parser.add_argument("--models", type=names_among(list(SMALL)), default=list(SMALL))
    parser.add_argument("--steps", type=at_least(2), default=2)
    parser.add_argument("--skip-real", action="store_true", help="only the measurements")
    arguments = parser.parse_args()
    head = ["small model", "noise", "said, GB", "taken, GB", "saying it, s", "a picture, s", "derivative, s"]
    rows = []
    for name in arguments.models:
        # What an earlier model freed would be used again, and not seen.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            rows.append(fresh.submit(small_row, name, arguments.steps).result())
    table(head, rows)
    if not arguments.skip_real:
        table(["network", "of", "weights, billions", "weights, GB", "kept by a call, GB"], real_rows())


if __name__ == "__main__":
    main()
