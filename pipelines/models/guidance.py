"""Guides a picture on the way: changes the original that each later step predicts.

The prediction is decoded, its value is raised by a small step along the derivative, and the model's output is replaced by the
one that predicts the changed original. The derivative passes through the decoder alone, not through the denoiser. Early
predictions are blurs, on which judges of pictures know nothing, so that early steps are left alone.

Sources: Bansal et al., "Universal guidance for diffusion models" (2023); He et al., "Manifold preserving guided diffusion"
(2024), for the derivative by the predicted original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch

from .step_preview import decoded, prediction, replaced, steps_of

#: Share of the steps that are left alone.
ALONE = 0.35


@dataclass(frozen=True)
class Guide:
    """A direction for pictures on the way, by the value of a picture (h, w, 3) floating 0…1 and its derivative.

    ``strength`` is the change of the predicted original at each step, as a share of its standard deviation; ``alone``
    is the share of the steps that are left alone.
    """

    gradient: Callable[[np.ndarray], tuple[float, np.ndarray]]
    strength: float
    alone: float = ALONE

    def change(self, pipeline: Any, original: torch.Tensor, size: tuple[int, int] | None) -> torch.Tensor:  # noqa: ANN401
        """A predicted original after one step; itself if there is no finite derivative."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            leaf = original.detach().clone().requires_grad_()
            picture = pipeline.image_processor.postprocess(decoded(pipeline, leaf, size), output_type="pt")
            _, derivative = self.gradient(picture.detach()[0].permute(1, 2, 0).float().cpu().numpy())
            largest = float(np.abs(derivative).max())
            if not np.isfinite(largest) or largest == 0:
                return original
            along = torch.from_numpy(derivative / largest).permute(2, 0, 1)[None].to(picture.device)
            (found,) = torch.autograd.grad((picture.float() * along).sum(), leaf)
        found = found.float()
        spread = found.square().mean().sqrt()
        if not bool(torch.isfinite(spread)) or float(spread) == 0:
            return original
        return original + (self.strength * original.float().std() * found / spread).to(original)


@contextmanager
def guided(pipeline: Any, guide: Guide, size: tuple[int, int] | None) -> Iterator[None]:  # noqa: ANN401
    """Guides the pictures of the calls of a pipeline, one at a time; steps without a known prediction are left alone."""
    scheduler = pipeline.scheduler
    own, taken = scheduler.step, 0

    # Pipelines pass a generator and eta only to a step whose signature has them.
    @wraps(own)
    def step(model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        nonlocal taken
        taken += 1
        shares = prediction(scheduler, timestep)
        if shares is not None and taken > guide.alone * steps_of(pipeline):
            of_sample, of_output = (float(share) for share in shares)
            original = of_sample * sample.float() + of_output * model_output.float()
            changed = guide.change(pipeline, original, size)
            if changed is not original:
                model_output = ((changed.float() - of_sample * sample.float()) / of_output).to(model_output)
        return own(model_output, timestep, sample, *rest, **options)

    with replaced(scheduler, "step", step):
        yield
