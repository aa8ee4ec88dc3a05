"""Draws pictures for requests with any loaded text-to-image pipeline, batch by batch.

The noise of a picture comes from its own seed on the CPU, never from its batch: the same seed and prompt give the same
picture, bit for bit in batches of the same size and within one grey level in others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import partial
from itertools import groupby
from typing import Any, Self

import numpy as np
import torch

from ...errors import ModelError
from .early_look import interruptible, preview_call
from .loading import LoadedModel, quiet_libraries
from .request import DrawnPicture, Request, drawn_together, problem_of

log = logging.getLogger(__name__)

#: Of a request, beside its prompt and seed.
SETTINGS = tuple(field.name for field in fields(Request) if field.name not in ("prompt", "seed"))


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError)
        and any(text in str(error).lower() for text in ("out of memory", "can't allocate memory", "failed to allocate"))
    )


class ImageGenerator:
    """Draws requests with one loaded model; remembers the batch size that fits into memory."""

    def __init__(self, model: LoadedModel, batch_size: int | None = None) -> None:
        if batch_size is not None and batch_size < 1:
            raise ModelError(f"Expected a batch size of at least 1, got {batch_size}.")
        self._model = model
        self.batch_size = batch_size or model.batch_size
        #: Seconds spent inside the diffusion pipeline so far.
        self.pipeline_seconds = 0.0

    @property
    def model(self) -> LoadedModel:
        """What draws, under the identity of its weights and the scheduler it has now."""
        return self._model.now()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what lies outside of this process: nothing here."""

    def request(self, prompt: str, seed: int, **settings: Any) -> Request:  # noqa: ANN401
        """A checked request with the model's own default steps, guidance and size where none are given."""
        width, height = self.model.size or (None, None)
        usual = {"steps": self.model.steps, "guidance": self.model.guidance, "width": width, "height": height}
        given = {name: value for name, value in settings.items() if value is not None}
        if unknown := given.keys() - set(SETTINGS):
            raise ModelError(f"There is no setting {min(unknown)!r}: there are {', '.join(SETTINGS)}.")
        request = Request(prompt, seed, **{**usual, **given})
        request.check()
        self._scheduler(request.scheduler)
        if request.negative and "negative_prompt" not in self.model.accepts:
            raise ModelError(f"The model {self.model.identity!r} takes no negative prompt: leave it out.")
        return request

    def _scheduler(self, name: str | None) -> Any:  # noqa: ANN401
        """The scheduler of this class name with the model's own schedule."""
        own = getattr(self._model.pipeline, "scheduler", None)
        if name is None or name == type(own).__name__:
            return own
        import diffusers

        kind = getattr(diffusers, name, None)
        if own is None or not (isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)):
            raise ModelError(
                f"Expected no scheduler, or the class name of a diffusers scheduler, such as EulerDiscreteScheduler, got {name!r}."
            )
        try:
            with quiet_libraries():
                return kind.from_config(own.config)  # type: ignore[attr-defined]
        except (ValueError, TypeError, NotImplementedError, ImportError) as error:
            raise ModelError(f"The scheduler {name} does not suit this model: {_first_line(error)}.") from error

    def draw(self, requests: Iterable[Request]) -> Iterator[list[DrawnPicture]]:
        """Draw ``requests`` in order; yields each finished batch.

        A batch holds requests that differ in prompt and seed only. When memory runs out the batch size is halved, down to
        one, and kept.

        Raises:
            ModelError: the pipeline fails, or even one picture does not fit into memory.
        """
        yield from self._in_batches(requests, self._run)

    @property
    def can_preview(self) -> bool:
        """Whether ``preview`` can be called on this pipeline."""
        return "callback_on_step_end" in self._model.accepts and interruptible(self._model.pipeline)

    def preview(self, requests: Iterable[Request], share: float) -> Iterator[list[DrawnPicture]]:
        """As ``draw``, but after a share of the steps, in (0, 1): the picture that the model expects there; not to be kept."""
        yield from self._in_batches(requests, partial(self._run, share=share))

    def _in_batches(
        self, requests: Iterable[Request], run: Callable[[list[Request]], list[DrawnPicture]]
    ) -> Iterator[list[DrawnPicture]]:
        for _, group in groupby(requests, key=drawn_together):
            waiting = list(group)
            while waiting:
                batch = waiting[: self.batch_size]
                try:
                    done = run(batch)
                except Exception as error:
                    if not _out_of_memory(error):
                        raise ModelError(f"The model {self.model.identity!r} failed: {_first_line(error)}.") from error
                    if len(batch) == 1:
                        raise ModelError(
                            "Not enough memory for a single picture: choose a smaller size, another dtype, or offloading."
                        ) from error
                    self.batch_size = len(batch) // 2
                    log.warning("Out of memory: drawing %d pictures at a time from here on.", self.batch_size)
                else:
                    yield done
                    waiting = waiting[len(batch) :]
                    continue
                # After the except block, so that the traceback no longer holds the tensors.
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()

    def _arguments(self, batch: list[Request]) -> dict[str, Any]:
        first = batch[0]
        arguments: dict[str, Any] = {
            "prompt": [r.prompt for r in batch],
            "num_inference_steps": first.steps,
            "generator": [torch.Generator("cpu").manual_seed(r.seed) for r in batch],
            "output_type": "np",
        }
        if "guidance_scale" in self.model.accepts:
            arguments["guidance_scale"] = first.guidance
        if "negative_prompt" in self.model.accepts and any(r.negative for r in batch):
            arguments["negative_prompt"] = [r.negative for r in batch]
            # Flux-like pipelines look at a negative prompt only under true guidance.
            if "true_cfg_scale" in self.model.accepts:
                arguments["true_cfg_scale"] = max(first.guidance, 1.01)
        for side in ("width", "height"):
            value = getattr(first, side)
            if value is not None:
                arguments[side] = value
        return arguments

    def _run(self, batch: list[Request], share: float = 1.0) -> list[DrawnPicture]:
        started = time.perf_counter()
        pipeline = self._model.pipeline
        # Read anew every time: the pipeline belongs to somebody who may have given it another one.
        own: Any = getattr(pipeline, "scheduler", None)
        chosen = self._scheduler(batch[0].scheduler)
        settings = getattr(own, "_internal_dict", None)
        if chosen is not own:
            pipeline.scheduler = chosen
        try:
            with quiet_libraries(), torch.inference_mode():
                if share < 1:
                    with preview_call(pipeline, max(1, round(share * batch[0].steps))) as looking:
                        output = pipeline(**self._arguments(batch), **looking)
                else:
                    output = pipeline(**self._arguments(batch))
        finally:
            if getattr(pipeline, "scheduler", None) is not own:
                pipeline.scheduler = own
            if settings is not None:
                # Some write into their settings what suits the number of steps: the next picture must not depend on that.
                own._internal_dict = settings
        seconds = time.perf_counter() - started
        self.pipeline_seconds += seconds
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(batch)
        drawn = []
        for request, image, flag in zip(batch, np.asarray(output.images), flags, strict=True):
            problem = problem_of(image, bool(flag))
            pixels = (np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255).round().astype(np.uint8)
            drawn.append(DrawnPicture(request, pixels, problem, seconds / len(batch)))
        return drawn


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
