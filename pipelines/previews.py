"""What a picture will look like, seen early: the original that the scheduler predicts part of the way, decoded by the pipeline itself.

Works with every pipeline that calls back after a step and can be interrupted there, and with schedulers that say their prediction or can be asked
by the formulas of their kind: Song et al., "Denoising diffusion implicit models" (2021), eq. 12, for noise and velocity prediction, and x₀ = x − σ v
for rectified flows (Liu et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def predicted_original(
    scheduler: Any,  # noqa: ANN401
    model_output: torch.Tensor,
    timestep: Any,  # noqa: ANN401
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


@contextmanager
def early(pipeline: Any, steps: int) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Arguments for a call of ``pipeline`` that ends after ``steps`` steps with the original predicted there, decoded as usual.

    Only pipelines whose call takes ``callback_on_step_end`` can be called so.
    """
    scheduler = pipeline.scheduler
    step, seen = scheduler.step, {}

    def watched(model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        as_dict = options.pop("return_dict", True)
        output = step(model_output, timestep, sample, *rest, **options, return_dict=True)
        sigmas, index = getattr(scheduler, "sigmas", None), getattr(scheduler, "step_index", None)
        # The index has moved on to the next step by now.
        sigma = sigmas[index - 1] if sigmas is not None and index else None
        told = getattr(output, "pred_original_sample", None)
        seen["original"] = (
            predicted_original(scheduler, model_output, timestep, sample, sigma) if told is None else told
        )
        return output if as_dict else output.to_tuple()

    def look(called: Any, number: int, timestep: Any, kept: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        if number + 1 == steps:
            called._interrupt = True
            if seen["original"] is not None:
                return {"latents": seen["original"].to(kept["latents"])}
        return {}

    scheduler.step = watched
    try:
        yield {"callback_on_step_end": look, "callback_on_step_end_tensor_inputs": ["latents"]}
    finally:
        del scheduler.step
