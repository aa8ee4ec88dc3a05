"""Draws from given noise: of a seed, of any other, or with a derivative of the picture by the noise.

The noise of a picture is what a pipeline's ``prepare_latents`` makes of a seed, in standard deviations. It is replaced there,
so that every family that has this function draws from given noise, whatever the shape of its latents. A pipeline that draws on a
picture adds noise to that: there the noise that its scheduler adds is replaced.

For a derivative the call of the pipeline runs without its own ``torch.no_grad``. Each step of the denoiser is checkpointed, so
that memory holds one step, not all (Chen et al., "Training deep nets with sublinear memory cost", 2016).
"""

from __future__ import annotations

import inspect
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch.utils.checkpoint import checkpoint

from ...errors import ModelError, first_line
from .calls import PICTURES, call_of
from .generator import ImageGenerator, out_of_memory
from .loading import LoadedModel
from .request import DrawnPicture, Request
from .step_preview import decoded, replaced

#: Longest side in pixels of the picture that memory is measured on; larger ones need more in proportion to their area.
MEASURED_SIDE = 256
#: What the way back takes beside the tensors that are kept for it, such as the derivatives of the largest of them.
SLACK = 1.5
#: A picture (h, w, 3) floating 0…1 to its value and the derivative (h, w, 3) of that.
PictureGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


class _NoiseFound(Exception):  # noqa: N818
    """Ends a call whose noise is all that was sought."""


class NoiseSampler:
    """Draws one request from given noise; its seed only decides the noise that samplers add on the way.

    ``after_step`` is called after every step of every drawing; whatever it raises ends that.
    """

    def __init__(
        self, generator: ImageGenerator, request: Request, after_step: Callable[[], None] = lambda: None
    ) -> None:
        if why := refusal(generator):
            raise ModelError(why)
        self.generator, self.request, self._after_step = generator, request, after_step
        self._called: BaseException | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels; None for the model's own."""
        return (self.request.width, self.request.height) if self.request.width and self.request.height else None

    def noise_of(self, seed: int) -> torch.Tensor:
        """Noise of a seed without the axis of a batch, float32 on the CPU, in standard deviations."""
        found: list[torch.Tensor] = []

        def take(latents: torch.Tensor, scale: float) -> torch.Tensor:
            found.append(latents[0].float().cpu() / scale)
            raise _NoiseFound

        request = replace(self.request, seed=seed)
        try:
            with self.generator.ready(request) as pipeline, _noise(pipeline, take), torch.inference_mode():
                pipeline(**self.generator.arguments([request]))
        except _NoiseFound:
            return found[0].clone()
        except Exception as error:
            raise self._failure(error) from error
        raise ModelError("The model made a picture without noise: use a text-to-image model.")

    def draw(self, noises: Sequence[torch.Tensor]) -> list[DrawnPicture]:
        """Draw a picture of each noise, see ``noise_of``, in all steps and with the model's own batch size."""
        drawn: list[DrawnPicture] = []
        while len(drawn) < len(noises):
            batch = noises[len(drawn) : len(drawn) + self.generator.batch_size]
            try:
                drawn += self._draw(batch)
            except Exception as error:
                if not out_of_memory(error) or len(batch) == 1:
                    raise self._failure(error) from error
            else:
                continue
            # After the except block, so that the traceback no longer holds the tensors.
            self.generator.halve_batch(len(batch))
        return drawn

    def _draw(self, noises: Sequence[torch.Tensor]) -> list[DrawnPicture]:
        batch, started = [self.request] * len(noises), time.perf_counter()
        self.generator.check_prompts(batch[:1])
        with ExitStack() as stack:
            pipeline = stack.enter_context(self.generator.ready(self.request))
            stack.enter_context(_noise(pipeline, _given(noises)))
            stack.enter_context(torch.inference_mode())
            output = pipeline(**self.generator.arguments(batch), **self._callbacks())
        seconds = time.perf_counter() - started
        self.generator.pipeline_seconds += seconds
        return self.generator.drawn(batch, output, seconds)

    def derivative(self, noise: torch.Tensor, steps: int, gradient: PictureGradient) -> tuple[float, torch.Tensor]:
        """The value of the picture that fewer steps draw from a noise, and its derivative of the noise's shape.

        The derivative has any length; it is NaN where there is none.
        """
        leaf = noise.clone().requires_grad_()
        try:
            with self._differentiable(leaf, replace(self.request, steps=steps)) as picture:
                pixels = picture.detach()[0].permute(1, 2, 0).float().cpu().numpy()
                value, derivative = gradient(pixels)
                # Of length one, so that half precision does not lose it.
                largest = float(np.abs(derivative).max())
                along = torch.from_numpy(derivative / largest if largest > 0 else derivative).permute(2, 0, 1)[None]
                (found,) = torch.autograd.grad((picture.float() * along.to(picture.device)).sum(), leaf)
        except Exception as error:
            raise self._failure(error) from error
        return value, found.float().cpu()

    @contextmanager
    def _differentiable(
        self, noise: torch.Tensor, request: Request, *, checkpointed: bool = True
    ) -> Iterator[torch.Tensor]:
        """The picture (1, 3, h, w) in 0…1 of a noise, in a graph that is of use in this context only."""
        arguments = self.generator.arguments([request]) | {"return_dict": False}
        with ExitStack() as stack:
            pipeline = stack.enter_context(self.generator.ready(request))
            stack.enter_context(torch.inference_mode(mode=False))
            stack.enter_context(torch.enable_grad())
            stack.enter_context(_frozen(pipeline))
            if checkpointed:
                stack.enter_context(_checkpointed(core_of(pipeline)))
            # No derivative passes through them, and the final picture meets them.
            for name in ("safety_checker", "watermark"):
                if getattr(pipeline, name, None) is not None:
                    stack.enter_context(replaced(pipeline, name, None))
            # Pipelines that decode in single precision take that back before the derivative is asked for.
            upcast = _upcasts(pipeline)
            arguments["output_type"] = "latent" if upcast else "pt"
            with _noise(pipeline, _given([noise])):
                picture = _unguarded(type(pipeline))(pipeline, **arguments, **self._callbacks())[0]
            if upcast:
                picture = pipeline.image_processor.postprocess(decoded(pipeline, picture, self.size), output_type="pt")
            # Some have opacity, too.
            yield picture[:, :3]

    def _callbacks(self) -> dict[str, Any]:
        if "callback_on_step_end" not in self.generator.model.accepts:
            return {}

        def after(_called: Any, _number: int, _timestep: Any, _tensors: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
            try:
                self._after_step()
            except BaseException as error:
                self._called = error
                raise
            return {}

        return {"callback_on_step_end": after}

    def _failure(self, error: Exception) -> Exception:
        """The error to raise for one of a pipeline; the caller's own stays as it is."""
        if error is self._called or isinstance(error, ModelError):
            return error
        if out_of_memory(error):
            return ModelError("Not enough memory to optimize a picture: choose a smaller size or another dtype.")
        return ModelError(f"The model {self.generator.model.identity!r} failed: {first_line(error)}.")

    def memory_for_gradient(self) -> int:
        """Bytes that a derivative by the noise needs beside the model, measured on a small picture."""
        # PixArt draws a single step by the rules of another sampler.
        request = replace(self.request, steps=min(fewest_steps(self.generator.model), self.request.steps))
        generator, model, share = self.generator, self.generator.model, 1.0
        drawn_on = model.inputs.get("image")
        size = self.size or (drawn_on.size if isinstance(drawn_on, Image.Image) else None)
        if size is not None and max(size) > MEASURED_SIDE:
            width, height = (max(64, round(MEASURED_SIDE * side / max(size) / 64) * 64) for side in size)
            share = size[0] * size[1] / (width * height)
            if self.size is not None:
                request = replace(request, width=width, height=height)
            if isinstance(drawn_on, Image.Image):
                inputs = {**model.inputs, "image": drawn_on.resize((width, height))}
                generator = generator.beside(replace(model, inputs=inputs))
        calls: list[int] = []
        small = NoiseSampler(generator, request)
        noise = small.noise_of(self.request.seed).requires_grad_()
        try:
            with (
                kept_for_derivatives(_parameters(self.generator.model.pipeline)) as sizes,
                _weighed(core_of(self.generator.model.pipeline), lambda: sum(sizes.values()), calls),
                small._differentiable(noise, request, checkpointed=False),
            ):
                pass
        except Exception as error:
            raise self._failure(error) from error
        # The way back passes the decoder first and frees it, then computes each step again, alone.
        rest = sum(sizes.values()) - sum(calls)
        return round(max(rest, *calls) * SLACK * share)


class DrawsNoise(Protocol):
    """Draws one request from given noise, as ``NoiseSampler`` does; a generator of a host has one of its own."""

    generator: ImageGenerator
    request: Request

    def noise_of(self, seed: int) -> torch.Tensor:
        """Noise of a seed, without the axis of a batch."""

    def draw(self, noises: Sequence[torch.Tensor]) -> list[DrawnPicture]:
        """Draw a picture of each noise."""


def sampler_of(
    generator: ImageGenerator, request: Request, after_step: Callable[[], None] = lambda: None
) -> DrawsNoise:
    """The sampler that draws a request from given noise: the generator's own, if it has one, else a ``NoiseSampler``."""
    own: Callable[..., DrawsNoise] | None = getattr(generator, "noise_sampler", None)
    return NoiseSampler(generator, request, after_step) if own is None else own(request, after_step)


def refusal(generator: object) -> str:
    """A sentence on why a generator does not draw from given noise; empty if it does."""
    if hasattr(generator, "noise_sampler"):
        return ""
    if not isinstance(generator, ImageGenerator) or type(generator).draw is not ImageGenerator.draw:
        return "This model draws in another program or on a cluster, which takes seeds and no noise."
    model = generator.model
    if not hasattr(model.pipeline, "prepare_latents"):
        return f"A {type(model.pipeline).__name__} does not take noise from outside."
    pictures = [name for name in PICTURES if model.inputs.get(name) is not None]
    if pictures and not (pictures == ["image"] and _draws_on(model.pipeline)):
        return "A picture that is drawn after another one does not start from noise alone."
    return ""


def fewest_steps(model: LoadedModel, made: int = 2) -> int:
    """The fewest steps to ask for so that at least some are made: on a picture only a share of them is."""
    strength = model.inputs.get("strength")
    return math.ceil(made / strength) if isinstance(strength, int | float) and strength > 0 else made


def refusal_of_gradient(generator: ImageGenerator) -> str:
    """A sentence on why a model gives no derivative by the noise; empty if it does."""
    if hasattr(generator, "noise_sampler"):
        return "A model of a host gives no derivative."
    model = generator.model
    pipeline = model.pipeline
    if _unguarded(type(pipeline)) is None or core_of(pipeline) is None:
        return f"A {type(pipeline).__name__} gives no derivative."
    if model.offload not in ("", "none"):
        return "A model that is offloaded gives no derivative: load it with offload='none'."
    return ""


def free_memory(device: str) -> int | None:
    """Bytes free on a device; None if unknown."""
    if device.startswith("cuda") and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return None


@contextmanager
def kept_for_derivatives(weights: Iterable[torch.Tensor]) -> Iterator[dict[int, int]]:
    """The bytes of each tensor that is kept for derivatives meanwhile, by its address; without weights."""
    own, sizes = {weight.data_ptr() for weight in weights}, dict[int, int]()

    def kept(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in own:
            sizes[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(kept, lambda tensor: tensor):
        yield sizes


def _unguarded(kind: type) -> Any:  # noqa: ANN401
    """The call of a class of pipelines without its own ``torch.no_grad``; None if there is no such call."""
    return getattr(kind.__call__, "__wrapped__", None)


def _draws_on(pipeline: Any) -> bool:  # noqa: ANN401
    """True if a pipeline adds noise to a picture, at a strength."""
    return "strength" in call_of(pipeline)


def core_of(pipeline: Any) -> Any:  # noqa: ANN401
    """The UNet or the transformer of a pipeline; None without one."""
    cores = (getattr(pipeline, name, None) for name in ("unet", "transformer"))
    return next((core for core in cores if core is not None), None)


def _parameters(pipeline: Any) -> Iterator[torch.nn.Parameter]:  # noqa: ANN401
    for component in pipeline.components.values():
        if isinstance(component, torch.nn.Module):
            yield from component.parameters()


def _given(noises: Sequence[torch.Tensor]) -> Callable[[torch.Tensor, float], torch.Tensor]:
    def use(latents: torch.Tensor, scale: float) -> torch.Tensor:
        return (torch.stack(list(noises)) * scale).to(latents)

    return use


@contextmanager
def _noise(pipeline: Any, use: Callable[[torch.Tensor, float], torch.Tensor]) -> Iterator[None]:  # noqa: ANN401
    """Replaces the latents that a pipeline starts from by those that ``use`` makes of them and their scale."""
    own, draws_on = pipeline.prepare_latents, _draws_on(pipeline)

    @wraps(own)
    def prepare(*inputs: Any, **options: Any) -> Any:  # noqa: ANN401
        if draws_on:
            vae: Any = getattr(pipeline, "vae", None)
            precision = getattr(vae, "dtype", None)
            with _noise_added(pipeline.scheduler, use):
                prepared = own(*inputs, **options)
            # SDXL's turns to half precision again, whatever it had.
            if precision is not None:
                vae.to(dtype=precision)
            return prepared
        prepared = own(*inputs, **options)
        latents = prepared[0] if isinstance(prepared, tuple) else prepared
        given = use(latents, _scale(pipeline.scheduler, latents))
        return (given, *prepared[1:]) if isinstance(prepared, tuple) else given

    with replaced(pipeline, "prepare_latents", prepare):
        yield


@contextmanager
def _noise_added(scheduler: Any, use: Callable[[torch.Tensor, float], torch.Tensor]) -> Iterator[None]:  # noqa: ANN401
    """Replaces the noise that a scheduler adds to a picture by what ``use`` makes of it."""
    name = "scale_noise" if hasattr(scheduler, "scale_noise") else "add_noise"
    own = getattr(scheduler, name)
    signature = inspect.signature(own)

    @wraps(own)
    def add(*inputs: Any, **options: Any) -> Any:  # noqa: ANN401
        call = signature.bind(*inputs, **options)
        call.arguments["noise"] = use(call.arguments["noise"], 1.0)
        return own(*call.args, **call.kwargs)

    with replaced(scheduler, name, add):
        yield


def _scale(scheduler: Any, latents: torch.Tensor) -> float:  # noqa: ANN401
    """Standard deviation of the noise in latents: the scheduler's, or 1 where the pipeline does not use that."""
    sigma = float(getattr(scheduler, "init_noise_sigma", 1.0))
    spread = max(float(latents.detach().float().std()), 1e-6)
    return sigma if abs(np.log(spread / sigma)) < abs(np.log(spread)) else 1.0


@contextmanager
def _frozen(pipeline: Any) -> Iterator[None]:  # noqa: ANN401
    """Keeps weights out of derivatives, and the decoder in full precision where half precision overflows."""
    learning = [parameter for parameter in _parameters(pipeline) if parameter.requires_grad]
    vae: Any = getattr(pipeline, "vae", None)
    upcast = vae is not None and vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    for parameter in learning:
        parameter.requires_grad_(False)
    if upcast:
        vae.to(dtype=torch.float32)
    try:
        yield
    finally:
        if upcast:
            vae.to(dtype=torch.float16)
        for parameter in learning:
            parameter.requires_grad_()


def replaced_forward(module: Any, forward: Callable[..., Any]) -> AbstractContextManager[None]:  # noqa: ANN401
    """Has another function called in place of a module's ``forward``."""
    return replaced(module, "forward", wraps(module.forward)(forward))


def _upcasts(pipeline: Any) -> bool:  # noqa: ANN401
    """True if a pipeline in half precision decodes in single precision."""
    config = getattr(getattr(pipeline, "vae", None), "config", None)
    return bool(getattr(config, "force_upcast", False)) and core_of(pipeline).dtype == torch.float16


def _checkpointed(core: Any) -> AbstractContextManager[None]:  # noqa: ANN401
    """Computes each call of a module again for its derivative, with the attention that it had."""
    own = core.forward

    def forward(*inputs: Any, **options: Any) -> Any:  # noqa: ANN401
        attention = getattr(core, "attn_processors", None)

        def again(*values: Any, **more: Any) -> Any:  # noqa: ANN401
            present = getattr(core, "attn_processors", None)
            if present == attention:
                return own(*values, **more)
            # Pipelines with PAG take theirs back when their call ends.
            core.set_attn_processor(dict(attention or {}))
            try:
                return own(*values, **more)
            finally:
                core.set_attn_processor(present)

        return checkpoint(again, *inputs, use_reentrant=False, **options)

    return replaced_forward(core, forward)


def _weighed(core: Any, kept: Callable[[], int], calls: list[int]) -> AbstractContextManager[None]:  # noqa: ANN401
    """Notes in ``calls`` by how much ``kept`` grows during each call of a module."""
    own = core.forward

    def forward(*inputs: Any, **options: Any) -> Any:  # noqa: ANN401
        before = kept()
        result = own(*inputs, **options)
        calls.append(kept() - before)
        return result

    return replaced_forward(core, forward)
