"""What a picture will look like, seen early: the original that the scheduler predicts part of the way, decoded by the pipeline itself.

Works with every pipeline that calls back after a step and can be interrupted there, and with schedulers that say their prediction or can be asked
by the formulas of their kind: Song et al., "Denoising diffusion implicit models" (2021), eq. 12, for noise and velocity prediction, and x₀ = x − σ v
for rectified flows (Liu et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...errors import ModelError

if TYPE_CHECKING:
    from ...metrics.protocols import Scorer

#: What schedulers call the original that they predict, where they say it.
_PREDICTIONS = ("pred_original_sample", "denoised")
#: What an early look needs of a pipeline.
_NEEDED = ("scheduler", "vae", "image_processor")


def interruptible(pipeline: Any) -> bool:
    """Whether a call of this pipeline can be ended after a step."""
    # The class has the property from the start, a pipeline its value only once it was called.
    return hasattr(type(pipeline), "interrupt")


def predicted_original(
    scheduler: Any,
    model_output: torch.Tensor,
    timestep: Any,
    sample: torch.Tensor,
    sigma: torch.Tensor | None,
) -> torch.Tensor | None:
    """The noise-free latents that a step points to; None where this kind of scheduler does not tell.

    Args:
        scheduler: says what kind of prediction it takes.
        model_output: what the model said of ``sample``.
        timestep: of the step.
        sample: noisy latents before the step.
        sigma: noise level before the step, of schedulers that have one.
    """
    if "FlowMatch" in type(scheduler).__name__:
        return None if sigma is None else sample - sigma.to(sample) * model_output
    alphas, kind = getattr(scheduler, "alphas_cumprod", None), scheduler.config.get("prediction_type")
    if kind == "sample":
        return model_output
    if alphas is None or kind not in ("epsilon", "v_prediction") or float(timestep) != int(timestep):
        return None
    alpha: torch.Tensor = alphas[int(timestep)].to(sample)
    if kind == "epsilon":
        return (sample - (1 - alpha).sqrt() * model_output) / alpha.sqrt()
    return alpha.sqrt() * sample - (1 - alpha).sqrt() * model_output


class Watch:
    """Follows the steps of a scheduler, and keeps the original that the last one points to.

    Attributes:
        original: its latents; None before the first step, and where this kind of scheduler does not tell.
    """

    def __init__(self, scheduler: Any) -> None:
        self._scheduler, self._step = scheduler, scheduler.step
        self.original: torch.Tensor | None = None
        scheduler.step = self._watched

    def _watched(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        *rest: Any,
        **options: Any,
    ) -> Any:
        as_dict = options.pop("return_dict", True)
        output = self._step(model_output, timestep, sample, *rest, **options, return_dict=True)
        scheduler = self._scheduler
        sigmas, index = getattr(scheduler, "sigmas", None), getattr(scheduler, "step_index", None)
        # The index has moved on to the next step by now.
        sigma = sigmas[index - 1] if sigmas is not None and index else None
        told = next((getattr(output, name) for name in _PREDICTIONS if getattr(output, name, None) is not None), None)
        self.original = predicted_original(scheduler, model_output, timestep, sample, sigma) if told is None else told
        return output if as_dict else output.to_tuple()

    def end(self) -> None:
        """Leave the scheduler as it was."""
        self._scheduler.__dict__.pop("step", None)


@contextmanager
def preview_call(pipeline: Any, steps: int) -> Iterator[dict[str, Any]]:
    """Arguments for a call of ``pipeline`` that ends after ``steps`` steps with the original predicted there, decoded as usual.

    Only pipelines whose call takes ``callback_on_step_end`` can be called so.
    """
    watch = Watch(pipeline.scheduler)

    def look(called: Any, number: int, timestep: Any, kept: dict[str, Any]) -> dict[str, Any]:
        if number + 1 == steps:
            called._interrupt = True
            if watch.original is not None:
                return {"latents": watch.original.to(kept["latents"])}
        return {}

    try:
        yield {"callback_on_step_end": look, "callback_on_step_end_tensor_inputs": ["latents"]}
    finally:
        watch.end()


def decode(pipeline: Any, latents: torch.Tensor, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode latents as the end of a pipeline does.

    Args:
        pipeline: of any family with a ``vae`` and an ``image_processor``.
        latents: (k, c, h, w), or (k, tokens, c) where the family packs them.
        size: width and height in pixels, for packed latents; by default square.

    Returns:
        (k, height, width, 3) float32 0…1.

    Raises:
        ModelError: packed latents that are not square, without a size.
    """
    vae = pipeline.vae
    if latents.ndim == 3:
        factor, side = pipeline.vae_scale_factor, math.isqrt(latents.shape[1])
        if size is None and side * side != latents.shape[1]:
            raise ModelError("Say width and height: they cannot be told from the latents of this model.")
        width, height = size or (2 * factor * side,) * 2
        latents = pipeline._unpack_latents(latents, height, width, factor)
    mean, deviation = getattr(vae.config, "latents_mean", None), getattr(vae.config, "latents_std", None)
    latents = latents / getattr(vae.config, "scaling_factor", 1.0)
    if mean is not None and deviation is not None:
        shape = (1, -1, 1, 1)
        latents = latents * torch.tensor(deviation).view(shape).to(latents) + torch.tensor(mean).view(shape).to(latents)
    else:
        latents = latents + (getattr(vae.config, "shift_factor", None) or 0.0)
    # The decoder of SDXL overflows in float16.
    raised = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    if raised:
        vae.to(dtype=torch.float32)
    with torch.no_grad():
        decoded = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    if raised:
        vae.to(dtype=torch.float16)
    pictures: np.ndarray = pipeline.image_processor.postprocess(decoded, output_type="np")
    return pictures


class StepPreview:
    """Looks once at what every call of a pipeline will come to; for callbacks after a step.

    Args:
        scorer: who judges.
        share: of the steps after which to look, in (0, 1); the second step at the earliest.
        size: width and height in pixels, see ``decode``.

    Attributes:
        pictures: (k, h, w, 3) float32 0…1 of the last look; None before it.
        scores: (k,) scores of them, NaN where values are not numbers.
    """

    def __init__(self, scorer: Scorer, share: float, size: tuple[int, int] | None = None) -> None:
        if not 0 < share < 1:
            raise ModelError(f"Expected a share of the steps between 0 and 1, got {share}.")
        self._scorer, self._share, self._size = scorer, share, size
        self._watch: Watch | None = None
        self.pictures: np.ndarray | None = None
        self.scores: np.ndarray | None = None

    def after(self, pipeline: Any, step: int, latents: torch.Tensor) -> bool:
        """To be called after every step, counted from 0, with its latents; returns whether this was the look.

        Raises:
            ModelError: pictures of this pipeline cannot be decoded early.
        """
        if step == 0:
            if self._watch is not None:
                self._watch.end()
            self.pictures = self.scores = self._watch = None
            if missing := [name for name in _NEEDED if getattr(pipeline, name, None) is None]:
                raise ModelError(
                    f"A {type(pipeline).__name__} without {missing[0]} cannot be judged early: draw without this callback."
                )
            self._watch = Watch(pipeline.scheduler)
            return False
        if self._watch is None or step < round(self._share * _steps(pipeline)) - 1:
            return False
        told = self._watch.original
        self._watch.end()
        self._watch = None
        try:
            self.pictures = decode(pipeline, latents if told is None else told.to(latents), self._size)
        except torch.OutOfMemoryError:
            raise
        # Each family packs its latents in its own way; torch says so in any of these.
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"A {type(pipeline).__name__} cannot be judged early, for its latents cannot be decoded ({str(error).splitlines()[0]}): "
                "draw without this callback."
            ) from error
        self.scores = np.array([self._score(picture) for picture in self.pictures])
        return True

    def _score(self, picture: np.ndarray) -> float:
        if not np.isfinite(picture).all():
            return float("nan")
        pixels = (picture.clip(0, 1) * 255).round().astype(np.uint8)
        return float(self._scorer.score(self._scorer.extractor.extract(pixels).astype(np.float64))[0])


def _steps(pipeline: Any) -> int:
    return getattr(pipeline, "num_timesteps", None) or len(pipeline.scheduler.timesteps)
