"""Draws pictures for requests with a loaded text-to-image pipeline, in batches.

The noise of a picture comes from its own seed on the CPU, never from its batch. So the same seed and prompt give the
same picture, bit for bit in batches of the same size and within one grey level in others. Only some pipelines with fixed
pictures, which are drawn one at a time by default, encode these with the first seed of a batch.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import fields, replace
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from typing import Any, Self

import numpy as np
import torch

from ...errors import LoraError, ModelError, SoartError, expect, first_line, install_command
from .calls import GUIDER
from .fixed_inputs import check_drawable
from .loading import EMBEDDED, LoadedModel, quiet_libraries
from .loras import applied
from .meanings import WordMeanings
from .prompt_limit import PromptLimit, UnknownSubjects
from .prompt_syntax import parse_prompt, split_widgets
from .request import DrawnPicture, Lora, Request, drawn_together, problem_of
from .step_preview import interruptible, preview_call
from .steps import StepReport
from .word_weights import weighted_arguments

log = logging.getLogger(__name__)

#: Names of the settings of a request: all but its seed, its prompt, and what the prompt says.
SETTINGS = tuple(f.name for f in fields(Request) if f.name not in ("prompt", "seed", "loras", "weighted", "optimized"))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that are not None, numbers of NumPy as those of Python."""
    if unknown := settings.keys() - set(SETTINGS):
        raise ModelError(f"There is no setting {min(unknown)!r}: choose among {', '.join(SETTINGS)}.")
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _opaque(images: np.ndarray) -> np.ndarray:
    """(k, h, w, 3) pictures over white, of (k, h, w, 4) with an alpha channel, which some families draw."""
    if images.shape[-1] != 4:
        return images
    colour, alpha = images[..., :3], images[..., 3:]
    opaque: np.ndarray = colour * alpha + (1 - alpha)
    return opaque


def check_batch_size(batch_size: int) -> int:
    """The number of pictures to draw together."""
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ModelError(f"Expected a batch size of at least 1, got {batch_size!r}.")
    return batch_size


_locks: weakref.WeakKeyDictionary[Any, threading.RLock] = weakref.WeakKeyDictionary()
_locking = threading.Lock()


def out_of_memory(error: BaseException) -> bool:
    """True for the errors by which PyTorch and the system say that memory is used up."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError)
        and any(text in str(error).lower() for text in ("out of memory", "can't allocate memory", "failed to allocate"))
    )


def _lock_of(pipeline: Any) -> threading.RLock:  # noqa: ANN401
    """The lock of a pipeline, which generators in several threads may share.

    Drawing moves an offloaded text encoder, adds LoRAs to it, and steps the scheduler. Reentrant for callers' steps.
    """
    with _locking:
        try:
            return _locks.setdefault(pipeline, threading.RLock())
        # Stand-ins for a pipeline, such as None, have no state to guard.
        except TypeError:
            return threading.RLock()


class ImageGenerator:
    """Draws requests with one loaded model; remembers the batch size that fits into memory.

    Args:
        model: the loaded model.
        batch_size: pictures drawn together, at least 1; by default the model's own.
        settings: of every request that does not name its own, such as ``steps`` or ``negative``.

    Attributes:
        batch_size: the current batch size; it shrinks when memory runs out.
        pipeline_seconds: time spent in the diffusion pipeline so far.

    Raises:
        ModelError: a batch size below 1, or an unknown setting.

    Examples:
        >>> import soart
        >>> generator = soart.ImageGenerator(soart.load_model(device="cpu"))
        >>> requests = [generator.request("a boat in cool colors", seed, steps=2) for seed in (1, 2)]
        >>> [picture.pixels.shape for batch in generator.draw(requests) for picture in batch]
        [(128, 128, 3), (128, 128, 3)]
    """

    #: True if another program draws, which is asked now and then how far it is.
    outside = False
    #: What is being drawn at this moment, such as ``"step 12 of 20"``; empty if that is not known.
    doing = ""

    def __init__(self, model: LoadedModel, batch_size: int | None = None, **settings: Any) -> None:  # noqa: ANN401
        expect("a model as load_model returns it", model, LoadedModel, error=ModelError)
        self._model = model
        self.batch_size = check_batch_size(model.batch_size if batch_size is None else batch_size)
        self._settings = _given(settings)
        self._meanings = WordMeanings(model.pipeline)
        self._limit = PromptLimit(model.pipeline)
        self._subjects = UnknownSubjects(embedded=model.identity.startswith(f"{EMBEDDED}@"))
        self._in_use = _lock_of(model.pipeline)
        self.pipeline_seconds = 0.0

    def __getstate__(self) -> dict[str, Any]:
        # A lock cannot be copied; a copy has its own pipeline to guard.
        return {name: value for name, value in self.__dict__.items() if name != "_in_use"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _in_use=_lock_of(state["_model"].pipeline))

    def set_defaults(self, **settings: Any) -> None:  # noqa: ANN401
        """Set what requests without a setting of their own are drawn with; None leaves a setting as it is.

        Raises:
            ModelError: an unknown setting, or one that the model does not take.
        """
        before = self._settings
        self._settings = before | _given(settings)
        try:
            self.request("", 0)
        except SoartError:
            self._settings = before
            raise

    @property
    def model(self) -> LoadedModel:
        """The model, under the identity of its weights and of its present scheduler."""
        return self._model.now()

    def beside(self, model: LoadedModel, **settings: Any) -> ImageGenerator:  # noqa: ANN401
        """A generator for another pipeline of the same networks, with the settings of this one but the size; both draw in turn."""
        own = {name: value for name, value in self._settings.items() if name not in ("width", "height")}
        made = ImageGenerator(model, **{**own, **settings})
        made._in_use = self._in_use
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free resources outside this process; here there are none."""

    def request(self, prompt: str, seed: int, **settings: Any) -> Request:  # noqa: ANN401
        """A checked request; settings that are None or missing are the generator's, else the model's own.

        Raises:
            ModelError: a setting is unknown, out of range, or not supported by the model, or word weights are not.
            LoraError: the prompt names a LoRA that there is not.
        """
        width, height = self.model.size or (None, None)
        defaults = {"steps": self.model.steps, "guidance": self.model.guidance, "width": width, "height": height}
        chosen = _given(settings)
        seed = seed.item() if isinstance(seed, np.generic) else seed
        request = Request(prompt, seed, **{**defaults, **self._settings, **chosen})
        request.check()
        self._check_widgets(request)
        loras, weighted = self._read(request)
        request = replace(request, loras=loras, weighted=weighted)
        self._scheduler(request.scheduler)
        check_drawable(self._model.pipeline, self.model.inputs, request.steps)
        if request.negative and "negative_prompt" not in self.model.accepts:
            raise ModelError(f"The model {self.model.identity!r} does not take a negative prompt: leave it out.")
        if request.true_cfg is not None and (
            "true_cfg_scale" not in self.model.accepts or self.model.guidance_argument == "true_cfg_scale"
        ):
            raise ModelError(f"The model {self.model.identity!r} has one guidance only: leave true_cfg out.")
        if (request.width or request.height) and not {"width", "height"} <= self.model.accepts:
            raise ModelError(
                f"The model {self.model.identity!r} does not take a size, because its pictures have that of its input: "
                "leave it out."
            )
        return request

    def meanings(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """(d,) vector of what each of some words means to the model's text encoder; empty if it cannot be used.

        Called while another thread draws, it waits for the end of the batch.
        """
        with self._in_use:
            return self._meanings.vectors(texts)

    def _check_widgets(self, request: Request) -> None:
        """Refuse a prompt that sets widgets: only workflows of ComfyUI have any."""
        for text in (request.prompt, request.negative):
            for name in split_widgets(text)[1]:
                raise ModelError(
                    f"The prompt sets {name!r}, which only a workflow of ComfyUI can have: draw with --model comfyui:#WORKFLOW.json."
                )

    def _read(self, request: Request) -> tuple[tuple[Lora, ...], bool]:
        """The LoRAs that a prompt names, and True if words of it or of the negative prompt are weighted."""
        read, less = parse_prompt(request.prompt), parse_prompt(request.negative)
        if less.loras:
            raise LoraError(f"The negative prompt names the LoRA {next(iter(less.loras))!r}: name it in the prompt.")
        weighted = bool(read.pieces or less.pieces)
        if weighted and not self.model.weighs_words:
            raise ModelError(
                f"The model {self.model.identity!r} takes no word weights such as (snow:1.3), because they need the text "
                r"encoders of Stable Diffusion 1, 2 or XL: leave them out, or write \( and \) for plain brackets."
            )
        if weighted and find_spec("compel") is None:
            raise ModelError(f"Word weights such as (snow:1.3) need the package compel: {install_command('models')}.")
        return self.model.loras.resolve(read.loras), weighted

    def _scheduler(self, name: str | None) -> Any:  # noqa: ANN401
        """The scheduler of this class name with the model's own schedule."""
        current = getattr(self._model.pipeline, "scheduler", None)
        if name is None or name == type(current).__name__:
            return current
        import diffusers

        kind = getattr(diffusers, str(name), None)
        if current is None or not (isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)):
            raise ModelError(
                "Expected no scheduler, or the class name of a diffusers scheduler, such as EulerDiscreteScheduler, "
                f"got {name!r}."
            )
        try:
            with quiet_libraries():
                return kind.from_config(current.config)  # type: ignore[attr-defined]
        except (ValueError, TypeError, NotImplementedError, ImportError) as error:
            raise ModelError(f"The scheduler {name} does not suit this model: {first_line(error)}.") from error

    def ignored(self, prompts: Iterable[str], negatives: Iterable[str] = ()) -> str:
        """A sentence on the first of some prompts that the model does not wholly draw; empty if there is none.

        It does not read the end of a long prompt or negative prompt, as far as its tokenizers are known, and the embedded
        model knows few words.
        """
        prompts = list(prompts)
        subjects = self._subjects
        return self._limit.unread([*prompts, *negatives]) or subjects.unknown(prompts) or subjects.unread(prompts)

    def refuse_unknown(self, prompts: Iterable[str]) -> None:
        """Raise ModelError if the model can draw the subject of none of some prompts, as far as that is known."""
        self._subjects.refuse(prompts)

    def read_words(self, prompt: str) -> str:
        """The words of a prompt that the model reads: all of them if that is unknown."""
        return self._limit.read(prompt)

    def draw(self, requests: Iterable[Request], steps: StepReport | None = None) -> Iterator[list[DrawnPicture]]:
        """Draw ``requests`` in order; yields each finished batch, in which prompt and seed alone differ.

        When memory runs out, the batch size is halved for good, down to one.

        Args:
            requests: what to draw.
            steps: told of every step, if the pipeline calls back after steps; an exception from it ends the drawing.

        Raises:
            ModelError: the pipeline fails, or even one picture does not fit into memory.
        """
        yield from self._in_batches(requests, partial(self._run, steps=steps), steps)

    @property
    def can_preview(self) -> bool:
        """True if ``preview`` can be called on this pipeline."""
        return "callback_on_step_end" in self._model.accepts and interruptible(self._model.pipeline)

    def preview(self, requests: Iterable[Request], share: float) -> Iterator[list[DrawnPicture]]:
        """As ``draw``, but each picture is the one that the model predicts after ``share`` of the steps, in (0, 1)."""
        yield from self._in_batches(requests, partial(self._run, share=share))

    def _in_batches(
        self,
        requests: Iterable[Request],
        run: Callable[[list[Request]], list[DrawnPicture]],
        steps: StepReport | None = None,
    ) -> Iterator[list[DrawnPicture]]:
        for _, group in groupby(requests, key=drawn_together):
            waiting = list(group)
            while waiting:
                batch = waiting[: self.batch_size]
                try:
                    with self._in_use:
                        done = run(batch)
                except LoraError:
                    raise
                except Exception as error:
                    if steps is not None and error is steps.error:
                        raise
                    if not out_of_memory(error):
                        # Some pipelines of diffusers import optional packages only where they are installed.
                        missing = isinstance(error, NameError) and f"the package {error.name!r} is not installed"
                        reason = missing or first_line(error)
                        raise ModelError(f"The model {self.model.identity!r} failed: {reason}.") from error
                    if len(batch) == 1:
                        raise ModelError(
                            "Not enough memory for a single picture: "
                            "choose a smaller size, another dtype, or offloading."
                        ) from error
                else:
                    yield done
                    waiting = waiting[len(batch) :]
                    continue
                # After the except block, so that the traceback no longer holds the tensors.
                self.halve_batch(len(batch))

    def halve_batch(self, count: int) -> None:
        """Draw half of ``count`` pictures at a time from here on, because memory ran out."""
        self.batch_size = count // 2
        log.warning("Out of memory: drawing %d pictures at a time from here on.", self.batch_size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def arguments(self, batch: Sequence[Request]) -> dict[str, Any]:
        """The arguments of a call of the pipeline that draws a batch."""
        first, accepts = batch[0], self._model.accepts
        read = [parse_prompt(r.prompt) for r in batch]
        arguments: dict[str, Any] = {
            # Some pipelines change the mappings and lists that they are given.
            **{name: copy(value) for name, value in self._model.inputs.items()},
            # Without weights the text is the prompt as it was written, less its LoRAs.
            "prompt": [piece.text for piece in read],
            "num_inference_steps": first.steps,
            "generator": [torch.Generator("cpu").manual_seed(r.seed) for r in batch],
            "output_type": "np",
        }
        guided_by = self._model.guidance_argument
        if guided_by in accepts and guided_by not in arguments:
            arguments[guided_by] = first.guidance
            if guided_by == "guidance_scale" and "guidance_schedule" in accepts:
                arguments.setdefault("guidance_schedule", None)
        # True guidance is guidance away from a negative prompt, so that there must be one.
        truly_guided = guided_by == "true_cfg_scale" or first.true_cfg is not None
        if "negative_prompt" in accepts and (truly_guided or any(r.negative for r in batch)):
            arguments["negative_prompt"] = [r.negative for r in batch]
            # Flux-like pipelines use a negative prompt only under true guidance.
            if "true_cfg_scale" in accepts and guided_by != "true_cfg_scale":
                arguments.setdefault("true_cfg_scale", max(first.guidance, 1.01))
        if first.true_cfg is not None:
            arguments["true_cfg_scale"] = first.true_cfg
        for side in ("width", "height"):
            value = getattr(first, side)
            if value is not None:
                arguments[side] = value
        if first.weighted:
            for name in ("prompt", "negative_prompt"):
                arguments.pop(name, None)
            texts = [r.prompt for r in batch], [r.negative for r in batch]
            arguments |= weighted_arguments(self._model.pipeline, self._model.weighs_words, *texts)
        return arguments

    @contextmanager
    def _noise_of_inputs(self, seed: int) -> Iterator[None]:
        """Seeds PyTorch's own generator, with which some pipelines encode their pictures, and restores it."""
        if not self._model.inputs:
            yield
            return
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            yield

    @contextmanager
    def _guider(self, guidance: float) -> Iterator[None]:
        """Sets the guidance of a pipeline that takes it from a component."""
        if self._model.guidance_argument != GUIDER:
            yield
            return
        guider: Any = getattr(self._model.pipeline, GUIDER)
        own, guider.guidance_scale = guider.guidance_scale, guidance
        try:
            yield
        finally:
            guider.guidance_scale = own

    def _callbacks(
        self, batch: list[Request], share: float, steps: StepReport | None
    ) -> AbstractContextManager[dict[str, Any]]:
        """Arguments of a call that ends after a share of its steps, or reports them."""
        pipeline, first = self._model.pipeline, batch[0]
        if share < 1:
            return preview_call(pipeline, share)
        if steps is None or "callback_on_step_end" not in self._model.accepts:
            return nullcontext({})
        size = (first.width, first.height) if first.width and first.height else None
        return steps.call(pipeline, len(batch), size)

    @contextmanager
    def ready(self, request: Request) -> Iterator[Any]:
        """The pipeline with the scheduler, the LoRAs and the guidance of a request, for one call; nobody else draws meanwhile."""
        with self._in_use:
            pipeline = self._model.pipeline
            # Read anew every time: the pipeline belongs to the caller, who may have changed its scheduler.
            current: Any = getattr(pipeline, "scheduler", None)
            chosen = self._scheduler(request.scheduler)
            settings = getattr(current, "_internal_dict", None)
            if chosen is not current:
                pipeline.scheduler = chosen
            try:
                with (
                    quiet_libraries(),
                    applied(pipeline, request.loras, self._model.loras),
                    self._guider(request.guidance),
                    self._noise_of_inputs(request.seed),
                ):
                    yield pipeline
            finally:
                if getattr(pipeline, "scheduler", None) is not current:
                    pipeline.scheduler = current
                if settings is not None:
                    # Some schedulers adapt their settings to the number of steps: the next picture must not depend on that.
                    current._internal_dict = settings

    def _run(self, batch: list[Request], share: float = 1.0, steps: StepReport | None = None) -> list[DrawnPicture]:
        self.check_prompts(batch)
        started = time.perf_counter()
        with (
            self.ready(batch[0]) as pipeline,
            torch.inference_mode(),
            self._callbacks(batch, share, steps) as callbacks,
        ):
            output = pipeline(**self.arguments(batch), **callbacks)
        seconds = time.perf_counter() - started
        self.pipeline_seconds += seconds
        return self.drawn(batch, output, seconds)

    def check_prompts(self, batch: Sequence[Request]) -> None:
        """Log a warning where the model does not wholly draw a prompt."""
        self._limit.check(text for request in batch for text in (request.prompt, request.negative))
        self._subjects.check(request.prompt for request in batch)

    @staticmethod
    def drawn(batch: Sequence[Request], output: Any, seconds: float) -> list[DrawnPicture]:  # noqa: ANN401
        """The pictures of the output of a pipeline, which took some seconds."""
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(batch)
        drawn = []
        for request, image, flag in zip(batch, _opaque(np.asarray(output.images)), flags, strict=True):
            problem = problem_of(image, bool(flag))
            pixels = (np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255).round().astype(np.uint8)
            drawn.append(DrawnPicture(request, pixels, problem, seconds / len(batch)))
        return drawn
