"""Decodes previews: the noise-free original that a scheduler predicts early.

Works with every pipeline that calls back after a step and can be interrupted there. Schedulers either return their
prediction, or it follows from the formulas of their kind: Song et al., "Denoising diffusion implicit models" (2021),
eq. 12, for noise and velocity prediction, and x₀ = x − σ v for rectified flows (Liu et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np
import torch

from ...errors import ModelError

#: Attributes of a scheduler's output that hold the predicted original.
_PREDICTIONS = ("pred_original_sample", "denoised")
#: Attributes of a pipeline that a preview needs.
NEEDED = ("scheduler", "vae", "image_processor")


def interruptible(pipeline: Any) -> bool:
    """True if a call of this pipeline can be ended after a step."""
    # The class has the property from the start; a pipeline has its value only after the first call.
    return hasattr(type(pipeline), "interrupt")


def prediction(scheduler: Any, timestep: Any) -> tuple[float, float] | None:
    """The shares (a, b) by which the coming step predicts the original: a·sample + b·model_output; None if unknown."""
    kind = scheduler.config.get("prediction_type")
    sigmas, alphas = getattr(scheduler, "sigmas", None), getattr(scheduler, "alphas_cumprod", None)
    # Without alphas the input is scaled in other ways, such as those of EDM.
    flows = "FlowMatch" in type(scheduler).__name__
    scaled = alphas is not None and hasattr(scheduler, "is_scale_input_called")
    if flows or scaled:
        if sigmas is None:
            return None
        index = getattr(scheduler, "step_index", None)
        if index is None:
            index = scheduler.index_for_timestep(timestep)
        sigma = float(sigmas[index])
        if flows or kind == "epsilon":
            return (1.0, -sigma) if sigma > 0 else None
        # Karras et al. (2022), table 1, of a model of velocities.
        return (1 / (sigma**2 + 1), -sigma / math.sqrt(sigma**2 + 1)) if kind == "v_prediction" and sigma > 0 else None
    if kind == "sample":
        return 0.0, 1.0
    if alphas is None or kind not in ("epsilon", "v_prediction") or float(timestep) != int(timestep):
        return None
    alpha = float(alphas[int(timestep)])
    if not 0 < alpha < 1:
        return None
    root, rest = math.sqrt(alpha), math.sqrt(1 - alpha)
    return (1 / root, -rest / root) if kind == "epsilon" else (root, -rest)


@contextmanager
def replaced(holder: Any, name: str, value: Any) -> Iterator[None]:
    """Gives an object another attribute for a while; after that it is as before, its own or that of its class."""
    held, before = name in vars(holder), getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        if held:
            setattr(holder, name, before)
        else:
            delattr(holder, name)


class StepWatch:
    """Follows the steps of a scheduler, and holds the original that the latest step predicts.

    It replaces the scheduler's ``step`` until ``end``, or until the next step if ``once``, for callers who do not see
    how the call of the pipeline ends. ``original`` is None before the first step, and for schedulers without a
    prediction.
    """

    def __init__(self, scheduler: Any, *, once: bool = False) -> None:
        self._scheduler, self._step, self._once = scheduler, scheduler.step, once
        self._replaced = scheduler.__dict__.get("step")
        self.original: torch.Tensor | None = None

        # Pipelines pass a generator and eta only to a step whose signature has them.
        @wraps(scheduler.step)
        def step(*inputs: Any, **options: Any) -> Any:
            return self._watched(*inputs, **options)

        scheduler.step = self._installed = step

    def _watched(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        *rest: Any,
        **options: Any,
    ) -> Any:
        if self._once:
            self.end()
        # Before the step, which moves the scheduler on.
        try:
            shares = prediction(self._scheduler, timestep)
        # A time that is not in the schedule; what is shown on the way must not end the drawing.
        except (IndexError, ValueError, TypeError):
            shares = None
        as_dict = options.pop("return_dict", True)
        output = self._step(model_output, timestep, sample, *rest, **options, return_dict=True)
        original = next((value for name in _PREDICTIONS if (value := getattr(output, name, None)) is not None), None)
        if original is None and shares is not None:
            original = shares[0] * sample + shares[1] * model_output
        self.original = original
        return output if as_dict else output.to_tuple()

    def end(self) -> None:
        """Restore the step that the scheduler had."""
        if self._scheduler.__dict__.get("step") is not self._installed:
            return
        if self._replaced is None:
            del self._scheduler.step
        else:
            self._scheduler.step = self._replaced


@contextmanager
def preview_call(pipeline: Any, share: float) -> Iterator[dict[str, Any]]:
    """Arguments for a call of ``pipeline`` that ends after a share of its steps and decodes the original predicted there.

    Only for pipelines whose call takes ``callback_on_step_end``. The steps are those that the call really takes: fewer
    than asked for when it starts from a picture.
    """
    watch = StepWatch(pipeline.scheduler)

    def after_step(called: Any, number: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if number + 1 == max(1, round(share * steps_of(called))):
            called._interrupt = True
            if watch.original is not None:
                return {"latents": watch.original.to(tensors["latents"])}
        return {}

    try:
        yield {"callback_on_step_end": after_step, "callback_on_step_end_tensor_inputs": ["latents"]}
    finally:
        watch.end()


def decode(pipeline: Any, latents: torch.Tensor, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode latents as the end of a pipeline does, into (k, height, width, 3) float32 0…1; see ``decoded``."""
    with torch.no_grad():
        pictures: np.ndarray = pipeline.image_processor.postprocess(decoded(pipeline, latents, size), output_type="np")
    return pictures


def decoded(pipeline: Any, latents: torch.Tensor, size: tuple[int, int] | None = None) -> torch.Tensor:
    """Decode latents into (k, 3, height, width), usually −1…1; a derivative passes through.

    Latents are (k, c, h, w), or (k, tokens, c) for families that pack them. The width and height of packed ones are by
    default those of a square.
    """
    vae = pipeline.vae
    if latents.ndim == 3:
        factor, side = pipeline.vae_scale_factor, math.isqrt(latents.shape[1])
        if size is None and side * side != latents.shape[1]:
            raise ModelError(
                "The size of the picture does not follow from the latents of this model: pass width and height."
            )
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
    upcast = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    if upcast:
        vae.to(dtype=torch.float32)
    pictures: torch.Tensor = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    if upcast:
        vae.to(dtype=torch.float16)
    return pictures


class StepPreview:
    """Previews and scores every call of a pipeline once; for callbacks after a step.

    ``value`` scores a preview, (h, w, 3) uint8 of a ``size`` as of ``decode``, which is made after a ``share`` of the
    steps, the second at the earliest. ``pictures`` holds the latest previews, (k, h, w, 3) float32 0…1, and ``scores``
    their scores, NaN for a picture with NaN or infinity, and where ``value`` says so.
    """

    def __init__(self, value: Callable[[np.ndarray], float], share: float, size: tuple[int, int] | None = None) -> None:
        if not 0 < share < 1:
            raise ModelError(f"Expected a share of the steps between 0 and 1, got {share}.")
        self._value, self._share, self._size = value, share, size
        self._watch: StepWatch | None = None
        self.pictures: np.ndarray | None = None
        self.scores: np.ndarray | None = None

    def after(self, pipeline: Any, step: int, latents: torch.Tensor) -> bool:
        """Call after every step (from 0) with its latents; returns True on the step that was previewed."""
        if step == 0:
            if self._watch is not None:
                self._watch.end()
            self.pictures = self.scores = self._watch = None
            if missing := [name for name in NEEDED if getattr(pipeline, name, None) is None]:
                raise ModelError(
                    f"A {type(pipeline).__name__} without {missing[0]} cannot be previewed: draw without this callback."
                )
        steps = steps_of(pipeline)
        previewed = max(1, round(self._share * steps) - 1)
        if step + 1 == previewed < steps:
            self._watch = StepWatch(pipeline.scheduler, once=True)
        if self._watch is None or step < previewed:
            return False
        original = self._watch.original
        self._watch.end()
        self._watch = None
        try:
            self.pictures = decode(pipeline, latents if original is None else original.to(latents), self._size)
        except torch.OutOfMemoryError:
            raise
        # Each family packs its latents in its own way; torch raises any of these.
        except (AttributeError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"A {type(pipeline).__name__} cannot be previewed because it packs its latents in a way of its own: "
                "draw without this callback."
            ) from error
        self.scores = np.array([self._score(picture) for picture in self.pictures])
        return True

    def _score(self, picture: np.ndarray) -> float:
        if not np.isfinite(picture).all():
            return float("nan")
        return self._value((picture.clip(0, 1) * 255).round().astype(np.uint8))


def steps_of(pipeline: Any) -> int:
    """Number of steps of the present call of a pipeline."""
    return getattr(pipeline, "num_timesteps", None) or len(pipeline.scheduler.timesteps)
