"""Fits weights by AdamW, from checkpoint to checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

#: Steps between checkpoints.
CHECKPOINT = 500


def batch_of(pictures: np.ndarray, indices: np.ndarray) -> torch.Tensor:
    """(n, 3, h, w) pictures of these numbers of (m, h, w, 3) uint8, in −1…1 and in order."""
    images = torch.from_numpy(pictures[np.sort(indices)]).permute(0, 3, 1, 2).float() / 127.5 - 1
    return images.to(memory_format=torch.channels_last)


def learning_rate(step: int, steps: int, peak: float, fall: float = 0.5) -> float:
    """Warm up over 200 steps, hold, and fall linearly over the last share ``fall``."""
    return peak * min((step + 1) / 200, 1.0, (steps - step) / (fall * steps))


def save_whole(path: Path, state: dict[str, object]) -> None:
    """Write a checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def fit(
    path: Path,
    modules: dict[str, torch.nn.Module],
    steps: int,
    peak: float,
    loss_of: Callable[[int], torch.Tensor],
    decay: float,
    fall: float = 0.5,
) -> dict[str, dict[str, torch.Tensor]]:
    """Run AdamW to ``steps``, resuming from ``path``; returns the exponential moving average of every state."""
    weights = [w for m in modules.values() for w in m.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=peak, weight_decay=0.01, betas=(0.9, 0.99))
    mean = {name: {k: v.detach().clone() for k, v in m.state_dict().items()} for name, m in modules.items()}
    start = 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(state["modules"][name])
        optimizer.load_state_dict(state["optimizer"])
        mean, start = state["mean"], state["step"]
    clock, total = time.perf_counter(), 0.0
    for step in range(start, steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak, fall)
        loss = loss_of(step)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        keep = min(decay, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, module in modules.items():
                for k, v in module.state_dict().items():
                    if v.dtype.is_floating_point:
                        mean[name][k].lerp_(v, 1 - keep)
        total += loss.item()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            done = step + 1 - start
            print(
                f"{path.stem} {step + 1}/{steps} loss {total / 100:.4f} {(time.perf_counter() - clock) / done:.3f} s/step",
                flush=True,
            )
            total = 0.0
        if (step + 1) % CHECKPOINT == 0 or step + 1 == steps:
            states = {name: m.state_dict() for name, m in modules.items()}
            save_whole(path, {"modules": states, "optimizer": optimizer.state_dict(), "mean": mean, "step": step + 1})
    return mean
