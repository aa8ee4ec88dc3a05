"""Trains a LoRA to draw more of what is liked, by pairs of pictures of which one is liked more.

    loss = −log σ(−β/2 · [(e_θ(w) − e_0(w)) − (e_θ(l) − e_0(l))])

e_θ(x) is the mean squared error of the denoiser with the LoRA on the noisy latents of a picture x, e_0 without it, w is the
picture that is liked more, l the other. Both get the same noise and time (Wallace et al., "Diffusion model alignment
using direct preference optimization", 2023, eq. 14). Each step takes its pairs, noise and times from a generator seeded by its
number, so that a run that was interrupted makes the same steps.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from ...errors import ModelError
from ...files import read_regular, write_whole
from ..models.loras import layers_of
from .denoiser import Denoiser

#: Layers that a LoRA changes: attention, that of words in joint blocks too, and the convolutions of a UNet's residual blocks.
TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "conv1", "conv2")
#: Name of the adapter while it is trained.
ADAPTER = "soart_distilling"
#: Factor of the loss of models in float16, which would lose the small derivatives.
SCALE = 1024.0
#: Share of pairs that are shown without their words, which guidance away from no words needs.
WORDLESS = 0.1
#: Share of the pictures of a prompt that are taken as liked, and as not liked.
END = 1 / 3
#: Share of the steps over which the rate rises, and share over which it falls.
RISE, FALL = 0.1, 0.5


@dataclass(frozen=True)
class Lessons:
    """Pictures to learn from: latents (n, c, h, w) float32, (n,) words, and (n,) liking on any scale."""

    latents: torch.Tensor
    prompts: Sequence[str]
    values: np.ndarray

    def ends(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each prompt with liked and other pictures, the numbers of both; of all together if no prompt has any."""
        values, prompts = np.asarray(self.values, dtype=np.float64), np.asarray(self.prompts)
        groups = [np.flatnonzero(prompts == one) for one in dict.fromkeys(self.prompts)]
        found = [ends for rows in groups if (ends := _ends(values, rows)) is not None]
        if not found and (ends := _ends(values, np.arange(len(values)))) is not None:
            found = [ends]
        if not found:
            raise ModelError("All pictures are liked alike, so that there is nothing to learn: take more pictures.")
        return found


def _ends(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The upper and the lower end of some rows; None if these do not differ."""
    order = rows[np.argsort(values[rows], kind="stable")]
    count = max(1, round(END * len(rows)))
    low, high = order[:count], order[-count:]
    border = values[low[-1]]
    if border == values[high[0]]:
        # Many are equal, as of ratings: these belong to neither end, unless one of them has no others.
        low, equal, high = (order[found(values[order], border)] for found in (np.less, np.equal, np.greater))
        low, high = low if len(low) else equal, high if len(high) else equal
    return (high, low) if values[low[0]] < values[high[-1]] else None


@dataclass(frozen=True)
class Recipe:
    """Settings of the training of a LoRA."""

    steps: int = 40
    pairs: int = 8  # of each step
    rank: int = 8
    rate: float = 1e-3  # the highest
    beta: float = 20.0  # what is lost by leaving the model: the smaller, the further the LoRA goes
    seed: int = 0
    together: int = 8  # pairs computed together, which changes memory and no result but by rounding


def preference_loss(
    better: torch.Tensor, worse: torch.Tensor, better_before: torch.Tensor, worse_before: torch.Tensor, beta: float
) -> torch.Tensor:
    """(n,) losses of n pairs from (n,) errors of the denoiser with the LoRA, and without it."""
    gained = (better - better_before) - (worse - worse_before)
    return -logsigmoid(-0.5 * beta * gained)


@contextmanager
def lora_on(core: Any, rank: int, seed: int) -> Iterator[list[torch.nn.Parameter]]:  # noqa: ANN401
    """Add a LoRA to a denoiser without active adapters; gives its weights, which alone are trained in this context."""
    from peft import LoraConfig

    learning = [one for one in core.parameters() if one.requires_grad]
    for one in learning:
        one.requires_grad_(False)
    had_adapters = bool(layers_of(core))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            core.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS)), adapter_name=ADAPTER)
        weights = [one for name, one in core.named_parameters() if f".{ADAPTER}." in name]
        for one in weights:
            one.requires_grad_(True)
            # Half precision loses the small steps of training.
            one.data = one.data.float()
        yield weights
    finally:
        if had_adapters:
            core.delete_adapters(ADAPTER)
            # PEFT activates another adapter where an active one is deleted.
            for layer in layers_of(core):
                layer.set_adapter([])
        else:
            core.unload_lora()
        for one in learning:
            one.requires_grad_(True)


@contextmanager
def _lora_off(core: torch.nn.Module) -> Iterator[None]:
    for layer in layers_of(core):
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers_of(core):
            layer.enable_adapters(True)


class Training:
    """The training of one LoRA, within ``lora_on``; ``advance`` makes one step. ``loss`` is NaN before the first."""

    def __init__(
        self, denoiser: Denoiser, lessons: Lessons, recipe: Recipe, weights: Sequence[torch.nn.Parameter]
    ) -> None:
        self.denoiser, self.lessons, self.recipe = denoiser, lessons, recipe
        self._ends, self._weights = lessons.ends(), list(weights)
        self._optimizer = torch.optim.AdamW(self._weights, lr=recipe.rate, betas=(0.9, 0.99), weight_decay=0.0)
        self._scale = SCALE if denoiser.core.dtype == torch.float16 else 1.0
        self.step, self.loss = 0, float("nan")

    def advance(self) -> bool:
        """Make one step; False once all are made."""
        if self.step >= self.recipe.steps:
            return False
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate * _pace(self.step, self.recipe.steps)
        self._optimizer.zero_grad(set_to_none=True)
        self.loss = self.gradient(np.random.default_rng([self.recipe.seed, self.step]))
        for one in self._weights:
            if one.grad is not None:
                one.grad /= self._scale
        length = torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        if not (np.isfinite(self.loss) and bool(torch.isfinite(length))):
            raise ModelError(
                "The training left all numbers (its loss is not one): use a smaller --rate, or another dtype."
            )
        self._optimizer.step()
        self.step += 1
        return True

    def gradient(self, rng: np.random.Generator) -> float:
        """The mean loss of the pairs of a step; its derivative, times the scale, is added to the weights'."""
        count, lessons = self.recipe.pairs, self.lessons
        chosen = [self._ends[k] for k in rng.integers(len(self._ends), size=count)]
        pairs = np.array([(rng.choice(better), rng.choice(worse)) for better, worse in chosen])
        source = torch.Generator().manual_seed(int(rng.integers(2**62)))
        noise = torch.randn((count, *lessons.latents.shape[1:]), generator=source)
        # Stratified, so that steps are alike.
        shares = (torch.arange(count) + torch.rand(count, generator=source)) / count
        times = (shares * self.denoiser.times).long().clamp(max=self.denoiser.times - 1)
        times = times[torch.randperm(count, generator=source)]
        wordless = rng.random(count) < WORDLESS
        total = 0.0
        for start in range(0, count, self.recipe.together):
            rows = slice(start, start + self.recipe.together)
            loss = self._losses(pairs[rows], noise[rows], times[rows], wordless[rows]).sum() / count
            torch.autograd.backward(self._scale * loss)
            total += float(loss.detach())
        return total

    def _losses(
        self, pairs: np.ndarray, noise: torch.Tensor, times: torch.Tensor, wordless: np.ndarray
    ) -> torch.Tensor:
        """(k,) losses of (k, 2) numbers of pictures, the one that is liked more first."""
        lessons, denoiser = self.lessons, self.denoiser
        rows = np.concatenate([pairs[:, 0], pairs[:, 1]])
        hidden = np.concatenate([wordless, wordless])
        size = (lessons.latents.shape[2], lessons.latents.shape[3])
        words = [
            denoiser.words("" if blank else lessons.prompts[row], size)
            for row, blank in zip(rows.tolist(), hidden, strict=True)
        ]
        both, when = torch.cat([noise, noise]), torch.cat([times, times])
        noisy, target = denoiser.noised(lessons.latents[torch.from_numpy(rows)], both, when)

        def errors() -> tuple[torch.Tensor, torch.Tensor]:
            said = denoiser(noisy, when, words)
            better, worse = (said - target.to(said)).square().mean(dim=(1, 2, 3)).chunk(2)
            return better, worse

        with torch.no_grad(), _lora_off(denoiser.core):
            before = errors()
        return preference_loss(*errors(), *before, self.recipe.beta)

    def layers(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """For each changed layer by its name in the denoiser, the weights of the LoRA: down (r, …), and up (…, r)."""
        return lora_layers(self.denoiser.core)

    def save(self, path: Path) -> None:
        """Write the state, to go on from after an interruption."""
        stream = io.BytesIO()
        torch.save(
            {"step": self.step, "weights": [one.data for one in self._weights], "optimizer": self._optimizer.state_dict()},
            stream,
        )  # fmt: skip
        write_whole(path, stream.getvalue())

    def resume(self, path: Path) -> bool:
        """Go on from a state that ``save`` wrote; False if there is none."""
        if not path.is_file():
            return False
        try:
            state = torch.load(io.BytesIO(read_regular(path)), map_location="cpu", weights_only=True)
            for one, stored in zip(self._weights, state["weights"], strict=True):
                one.data.copy_(stored)
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
        # A damaged file may fail in any of the layers of PyTorch's format.
        except Exception as error:
            raise ModelError(f"The state {str(path)!r} cannot be read: remove it to begin anew.") from error
        return True


def lora_layers(core: torch.nn.Module) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The weights of the LoRA that is trained, see ``Training.layers``."""
    found = {}
    for name, layer in core.named_modules():
        down, up = getattr(layer, "lora_A", None), getattr(layer, "lora_B", None)
        if down is not None and up is not None and ADAPTER in down:
            found[name] = (down[ADAPTER].weight.detach().cpu(), up[ADAPTER].weight.detach().cpu())
    return found


def _pace(step: int, steps: int) -> float:
    """Share of the highest rate that a step has: it rises, holds and falls."""
    return min(1.0, (step + 1) / max(1.0, RISE * steps), (steps - step) / max(1.0, FALL * steps))
