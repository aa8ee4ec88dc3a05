"""Models that can be used at once: the embedded one, and those in the local cache of the hub."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ...files import read_text
from .backends.address import backend_address, without_login
from .calls import listed_classes, needed_inputs
from .loading import EMBEDDED, EMBEDDED_FOLDER

#: Packages that text encoders need beside diffusers, by a word in the names of the components.
_PACKAGES = {"T5Tokenizer": "sentencepiece", "GemmaTokenizer": "sentencepiece", "LlamaTokenizer": "sentencepiece"}


@dataclass(frozen=True, slots=True)
class ModelAtHand:
    """A model on this machine: a pipeline, which ``draws``, or a network for ``--network`` and judges."""

    name: str
    kind: str  # class of the pipeline, or family of the network such as ``clip``; empty if unknown
    draws: bool
    size: int  # in bytes


@dataclass(frozen=True, slots=True)
class PipelineFamily:
    """A class of pipelines of diffusers that soart can run, with what it needs besides a prompt and besides soart."""

    name: str
    inputs: tuple[str, ...]
    packages: tuple[str, ...]


def models_at_hand(cache: Path | None = None) -> list[ModelAtHand]:
    """The embedded model, then the models in the hub's cache (by default the user's) by name."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    size = sum(path.stat().st_size for path in EMBEDDED_FOLDER.rglob("*") if path.is_file())
    found = [ModelAtHand(EMBEDDED, "StableDiffusionPipeline", True, size)]
    try:
        cached = scan_cache_dir(cache).repos
    except CacheNotFound:
        return found
    for repository in sorted(cached, key=lambda one: one.repo_id):
        files = {file.file_name: file.file_path for revision in repository.revisions for file in revision.files}
        if repository.repo_type == "model":
            draws = "model_index.json" in files
            kind = _value(files.get("model_index.json"), "_class_name") or _value(
                files.get("config.json"), "model_type"
            )
            found.append(ModelAtHand(repository.repo_id, kind, draws, repository.size_on_disk))
    return found


def families() -> list[PipelineFamily]:
    """The text-to-image classes of the installed diffusers, by name, and what each needs."""
    return sorted(
        (PipelineFamily(kind.__name__, needed_inputs(kind), _packages(kind)) for kind in listed_classes()),
        key=lambda family: family.name,
    )


def _packages(kind: type) -> tuple[str, ...]:
    components = " ".join(map(str, inspect.signature(kind).parameters.values()))
    return tuple(sorted({package for word, package in _PACKAGES.items() if word in components}))


def _value(path: Path | None, key: str) -> str:
    """A text in a JSON file; empty if it is not there."""
    try:
        return str(json.loads(read_text(path)).get(key, "")) if path else ""
    except (OSError, ValueError, AttributeError):
        return ""


def settable_values(model: str) -> dict[str, Any]:
    """Present values of a workflow of ComfyUI by the names that ``<set:NAME:VALUE>`` in a prompt sets them by."""
    address = backend_address(model)
    if address is None or address.kind != "comfyui" or not address.choice.lower().endswith(".json"):
        raise ModelError(
            f"{without_login(model)!r} has no values that a prompt can set: name a workflow of ComfyUI, as comfyui:#WORKFLOW.json."
        )
    from .backends.comfyui import ComfyBackend
    from .backends.http import BackendClient

    return ComfyBackend(BackendClient(address)).settable
