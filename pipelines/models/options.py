"""The options of a generator; light to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loading import LoadedModel


@dataclass(frozen=True, slots=True)
class GeneratorOptions:
    """The model that draws, and the machines that it draws on."""

    #: hub id, diffusers folder or single file; a running backend such as ``a1111:http://127.0.0.1:7860``, see
    #: ``backend_address``; None for the embedded model
    model: str | None = None
    #: folder of .safetensors files, or one file, which prompts name as ``<lora:NAME:WEIGHT>``
    loras: Path | None = None
    model_config: Path | None = None  # a diffusers folder that describes a single file, for use offline
    #: ``"cuda"``, ``"cuda:1"``, ``"xpu"``, ``"mps"`` or ``"cpu"``; by default the best device available
    device: str | None = None
    dtype: str | None = None  # ``"float32"``, ``"float16"`` or ``"bfloat16"``; by default chosen by device
    offload: str = "auto"  # ``"auto"``, ``"none"``, ``"model"`` or ``"sequential"``
    engine: str = "local"  # ``"local"`` draws in this process, ``"ray"`` on a Ray cluster
    #: drawing workers of the engine ray, at most; by default one per GPU, or one per node without GPUs
    workers: int | None = None
    batch_size: int | None = None  # pictures drawn together; by default the model's own
    #: more fields of every request to a web UI, such as ``{"enable_hr": True, "hr_scale": 2}``
    request: Mapping[str, Any] | None = None

    @property
    def vocabulary(self) -> str:
        """Name of the vocabulary that suits the model: ``"embedded"`` or ``"general"``."""
        return "embedded" if self.model is None else "general"

    def load_model(self) -> LoadedModel:
        """Load the model in this process; see ``load_model``."""
        from .loading import load_model

        return load_model(
            self.model,
            config=self.model_config,
            device=self.device,
            dtype=self.dtype,
            offload=self.offload,
            loras=self.loras,
        )
