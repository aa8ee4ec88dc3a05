"""Loads a text-to-image pipeline of diffusers: the embedded one, a hub id, a folder, or a single file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import Any

import torch

from ...errors import ModelError, expect, first_line
from ...files import MOST_WEIGHTS, WEIGHTS, from_home, names_path, open_regular, read_text
from ...metrics.items.networks import check_on_hub
from ...threads import import_whole, one_model_at_a_time
from .backends.address import backend_address
from .calls import PICTURES, call_of, check_inputs, guidance_argument
from .devices import choose_device, choose_dtype, place
from .embedded import load_embedded
from .fixed_inputs import alike_in_a_batch, inputs_digest
from .folder_code import check_no_code
from .loras import LoraFiles
from .request import DEFAULT_GUIDANCE, DEFAULT_STEPS, EMBEDDED_GUIDANCE, EMBEDDED_STEPS
from .word_weights import weighing_family

EMBEDDED = "embedded"
EMBEDDED_FOLDER = Path(__file__).parents[1] / "tiny" / "model"
EMBEDDED_BATCH = 8
#: Suffixes of the files that decide what the model in a folder draws.
_FOLDER_FILES = {".json", ".txt", *WEIGHTS, ".bin", ".pt", ".pth", ".model"}
#: Pipeline class by prefix of the architecture that diffusers recognises in a single file.
_SINGLE_FILE_CLASSES = {
    "v1": "StableDiffusionPipeline",
    "v2": "StableDiffusionPipeline",
    "xl": "StableDiffusionXLPipeline",
    "playground": "StableDiffusionXLPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "flux": "FluxPipeline",
}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A pipeline of diffusers ready to run, with its identity and defaults.

    Attributes:
        identity: names the weights in the collection; see ``now``.
        size: default (width, height) in pixels; None if the pipeline decides.
        accepts: names of the arguments its call takes.
        schedule: digest of the scheduler that the identity includes; empty if it names the weights alone.
        guidance_argument: where the guidance of a request goes, see ``calls.guidance_argument``.
        inputs: fixed arguments of every call, such as a control picture; the identity includes their digest.
        weights: the part of the identity that names the weights; empty where the whole identity does.
        weighs_words: how the words of a prompt are weighted, see ``weighing_family``; empty if they cannot be.
        own_sampler: name of the sampler of a model that draws outside this process; empty for that of the pipeline.
    """

    pipeline: Any
    identity: str
    device: str
    dtype: str
    offload: str
    steps: int
    guidance: float
    size: tuple[int, int] | None
    batch_size: int
    accepts: frozenset[str]
    schedule: str = ""
    guidance_argument: str | None = "guidance_scale"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    loras: LoraFiles = field(default_factory=LoraFiles)
    weighs_words: str = ""
    own_sampler: str = ""

    @property
    def sampler(self) -> str:
        """Class name of the scheduler, without the word Scheduler."""
        return self.own_sampler or type(self.pipeline.scheduler).__name__.removesuffix("Scheduler")

    def now(self) -> LoadedModel:
        """The model under an identity that includes its present scheduler: equal identities draw equal pictures."""
        schedule = schedule_digest(getattr(self.pipeline, "scheduler", None))
        if schedule in ("", self.schedule):
            return self
        return replace(self, identity=f"{self.identity}+{schedule}", schedule=schedule)


def schedule_digest(scheduler: Any) -> str:  # noqa: ANN401
    """Hash of the class and settings of a scheduler, 12 hex digits; empty for None."""
    if scheduler is None:
        return ""
    # Settings with an underscore hold versions and the origin of the others.
    settings = {name: value for name, value in getattr(scheduler, "config", {}).items() if not name.startswith("_")}
    content = json.dumps([type(scheduler).__name__, settings], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide progress bars and notices of the loading libraries, and show again those that were shown."""
    import_whole("transformers", "diffusers")
    import diffusers
    import transformers

    logs = diffusers.utils.logging, transformers.logging
    saved = [(log, log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    for log in logs:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, verbosity, shown in saved:
            log.set_verbosity(verbosity)
            if shown:
                log.enable_progress_bar()


class _Shared(contextlib.AbstractContextManager[None]):
    """Enters a context for the first of several threads, and leaves it after the last."""

    def __init__(self, enter: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        self._enter, self._lock = enter, threading.Lock()
        self._users, self._entered = 0, contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._entered.enter_context(self._enter())
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._entered.close()


_shared_quiet = _Shared(_quiet)


def quiet_libraries() -> contextlib.AbstractContextManager[None]:
    """A context that hides progress bars and notices of the loading libraries; errors still raise."""
    return _shared_quiet


def _passed_over(file: Path) -> bool:
    """True if the loading libraries read another file instead: safetensors for other weights, JSON for sentencepiece."""
    if file.suffix == ".model":
        return file.with_name("tokenizer.json").exists()
    if file.suffix not in {".bin", ".pt", ".pth"}:
        return False
    # Transformers names its weights pytorch_model.bin and model.safetensors.
    names = {file.stem, re.sub("^pytorch_model", "model", file.stem)}
    return any(file.with_name(f"{name}.safetensors").exists() for name in names)


def _fingerprint(path: Path) -> str:
    """Hash of the names and contents of all weights and settings of a local model, 12 hex digits."""
    digest = hashlib.sha256()
    files = [path]
    if not path.is_file():
        files = sorted(p for p in path.rglob("*") if p.suffix in _FOLDER_FILES and not _passed_over(p))
    for file in files:
        digest.update(str(file.relative_to(path.parent if path.is_file() else path)).encode())
        with open_regular(file, most=MOST_WEIGHTS) as stream:
            # Size, first and last megabyte distinguish versions of large weights without reading gigabytes.
            size = file.stat().st_size
            digest.update(f"{size}".encode() + stream.read(1 << 20))
            if size > 1 << 20:
                stream.seek(max(1 << 20, size - (1 << 20)))
                digest.update(stream.read())
    return digest.hexdigest()[:12]


def _single_file(path: Path, config: Path | None, dtype: torch.dtype) -> Any:  # noqa: ANN401
    import diffusers
    from diffusers.loaders.single_file_utils import infer_diffusers_model_type, load_single_file_checkpoint

    if config is not None:
        _check_folder(config)
        try:
            name = json.loads(read_text(config / "model_index.json"))["_class_name"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{str(config)!r} is not a diffusers model folder (no readable model_index.json): "
                f"it cannot describe {path.name!r}."
            ) from error
    else:
        kind = str(infer_diffusers_model_type(load_single_file_checkpoint(str(path))))
        name = next((c for prefix, c in _SINGLE_FILE_CLASSES.items() if kind.startswith(prefix)), None)
        if name is None:
            raise ModelError(
                f"{path.name!r} holds a model of type {kind!r}, which soart cannot run from a single file: "
                "use a diffusers folder."
            )
    loader = getattr(diffusers, name, None)
    if loader is None or not hasattr(loader, "from_single_file"):
        raise ModelError(f"Pipelines of class {name!r} cannot be loaded from a single file: use a diffusers folder.")
    extra = {"config": str(config), "local_files_only": True} if config else {}
    return loader.from_single_file(str(path), torch_dtype=dtype, **extra)


def _check_folder(folder: Path) -> None:
    """Refuse a model folder with code; see ``check_no_code``."""
    import diffusers

    check_no_code(folder, Path(diffusers.__file__).parent / "pipelines")


def _cached_folder(name: str) -> Path | None:
    """The folder of a model in the hub's cache; None if it is not there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "model_index.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _from_pretrained(source: str, dtype: torch.dtype) -> Any:  # noqa: ANN401
    from diffusers import AutoPipelineForText2Image, DiffusionPipeline

    try:
        return AutoPipelineForText2Image.from_pretrained(source, torch_dtype=dtype)
    except ValueError as error:
        # Not one of the families that diffusers lists; most other pipelines run from a prompt anyway.
        if "AutoPipeline can't find a pipeline linked to" not in str(error):
            raise
        return DiffusionPipeline.from_pretrained(source, torch_dtype=dtype)


def load_model(
    model: Path | str | None = None,
    *,
    config: Path | str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    offload: str = "auto",
    loras: Path | str | Mapping[str, Path | str] | None = None,
) -> LoadedModel:
    """Load a text-to-image pipeline.

    Args:
        model: None or ``"embedded"``; a diffusers folder; a ``.safetensors`` or ``.ckpt`` file; or a hub id.
        config: a diffusers folder that describes a single file, so that no hub is needed.
        device: ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"cpu"``…; by default the best device available.
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``; by default chosen by device.
        offload: ``"auto"``, ``"none"``, ``"model"`` or ``"sequential"``.
        loras: a folder of ``.safetensors`` files, one file, or the file of each name, for prompts with ``<lora:NAME:WEIGHT>``.

    Raises:
        LoraError: there is no such folder or file of LoRAs.
        ModelError: the model does not exist, cannot be read, is not a text-to-image pipeline, or the hub cannot be
            reached.

    Examples:
        >>> import soart
        >>> model = soart.load_model(device="cpu")
        >>> model.identity.partition("@")[0], model.size, model.steps
        ('embedded', (128, 128), 16)
    """
    expect("the model as a name or a path", model, str, Path, NoneType, error=ModelError)
    expect("the folder that describes a single file as a path", config, str, Path, NoneType, error=ModelError)
    config = None if config is None else from_home(str(config))
    if isinstance(model, str) and backend_address(model) is not None:
        raise ModelError(
            f"{model.partition(':')[0]} is a running backend and no model to load: use open_generator instead."
        )
    device = choose_device(device)
    kind = choose_dtype(device, dtype)
    lora_files = LoraFiles(loras)
    embedded = model in {None, EMBEDDED}
    path = EMBEDDED_FOLDER if embedded else from_home(str(model))
    name = EMBEDDED if embedded else str(model)
    looks_local = embedded or names_path(name)
    # Unlike Path.exists, it does not fail for a name that is too long for a file, such as a prompt.
    if looks_local and not os.path.exists(path):  # noqa: PTH110
        raise ModelError(
            f"There is no model at {name!r}: give a diffusers folder, a .safetensors or .ckpt file, or a hub id."
        )
    if not looks_local and not path.is_file():
        # Before diffusers is imported, which takes a second.
        check_on_hub(name, "model_index.json")
    try:
        with one_model_at_a_time(), quiet_libraries():
            if embedded:
                pipeline = load_embedded(path, kind)
            elif path.is_file():
                pipeline = _single_file(path, config, kind)
            else:
                # A model of the hub is checked by diffusers as it comes, but not where it was loaded before.
                if (folder := path if looks_local else _cached_folder(name)) is not None:
                    _check_folder(folder)
                pipeline = _from_pretrained(str(path) if looks_local else name, kind)
            pipeline.set_progress_bar_config(disable=True)
            placed = place(pipeline, device, offload)
    except ModelError:
        raise
    # The loading libraries may raise anything; their own reason is the best available.
    except Exception as error:
        if not looks_local:
            hint = " (is the id right, and can the hub be reached? A local folder or file works offline)"
        elif path.is_file() and config is None:
            hint = " (to load a single file offline, name a diffusers folder of the same family by --set model_config=FOLDER)"
        else:
            hint = ""
        raise ModelError(f"The model {name!r} cannot be loaded: {first_line(error)}{hint}.") from error
    steps, guidance, batch = (EMBEDDED_STEPS, EMBEDDED_GUIDANCE, EMBEDDED_BATCH) if embedded else (None, None, None)
    settings = f"+{_fingerprint(config)}" if config and path.is_file() else ""
    identity = f"{Path(name).name}@{_fingerprint(path)}{settings}" if looks_local else name
    described = describe_model(pipeline, identity, (device, str(kind), placed), batch, steps, guidance)
    return replace(described, schedule=schedule_digest(getattr(pipeline, "scheduler", None)), loras=lora_files)


def describe_model(
    pipeline: Any,  # noqa: ANN401
    identity: str,
    placed: tuple[str, str, str],
    batch_size: int | None,
    steps: int | None = None,
    guidance: float | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Describe a pipeline that is placed already; ``placed`` is its device, dtype and offloading.

    By default pictures are drawn together singly on a CPU and with fixed inputs, else by 4; steps and guidance are the
    pipeline's own.
    """
    inputs = dict(inputs or {})
    check_inputs(type(pipeline), inputs)
    call, guided_by = call_of(pipeline), guidance_argument(pipeline)
    device, kind, offload = placed
    # Guidance went nowhere before it went to these arguments, so that pictures of then are others.
    marks = [guided_by if guided_by != "guidance_scale" else "", inputs_digest(inputs)]
    sized = {"width", "height"} <= set(call) and not any(inputs.get(name) is not None for name in PICTURES)
    if batch_size is None:
        batch_size = 1 if device == "cpu" or not alike_in_a_batch(inputs) else 4
    return LoadedModel(
        pipeline=pipeline,
        identity="+".join([identity, *filter(None, marks)]),
        device=device,
        dtype=kind.removeprefix("torch."),
        offload=offload,
        steps=int(_default(call, "num_inference_steps", DEFAULT_STEPS) if steps is None else steps),
        guidance=float(_default(call, guided_by or "", DEFAULT_GUIDANCE) if guidance is None else guidance),
        size=_native_size(pipeline) if sized else None,
        batch_size=batch_size,
        accepts=frozenset(call),
        guidance_argument=guided_by,
        inputs=inputs,
        weights=identity,
        # The pipelines' own encoders skip layers, compel does not.
        weighs_words="" if inputs.get("clip_skip") else weighing_family(pipeline, call),
    )


def _native_size(pipeline: Any) -> tuple[int, int] | None:  # noqa: ANN401
    """Width and height that a pipeline draws by default; None if its components do not determine them."""
    # A compiled component has no truth value.
    cores = (getattr(pipeline, name, None) for name in ("unet", "transformer"))
    core = next((core for core in cores if core is not None), None)
    sample = getattr(pipeline, "default_sample_size", None) or getattr(
        getattr(core, "config", None), "sample_size", None
    )
    factor = getattr(pipeline, "vae_scale_factor", None)
    if not isinstance(sample, int) or not isinstance(factor, int):
        return None
    return sample * factor, sample * factor


def _default(call: Any, name: str, otherwise: float) -> float:  # noqa: ANN401
    value = call[name].default if name in call else None
    return value if isinstance(value, int | float) else otherwise
