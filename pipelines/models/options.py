"""The options of a generator, and the one function that opens it.

Light to import: the model, torch and ray are loaded when a generator is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SoartError
from ..support.processes import unknown_engine

if TYPE_CHECKING:
    from .generator import ImageGenerator
    from .loading import LoadedModel


@dataclass(frozen=True, slots=True)
class GeneratorOptions:
    """The model that draws, and the machines that it draws on.

    Attributes:
        model: hub id, diffusers folder or single file; None for the embedded model.
        model_config: a diffusers folder that describes a single file, for use offline.
        device: ``"cuda"``, ``"cuda:1"``, ``"xpu"``, ``"mps"`` or ``"cpu"``; by default the best device available.
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``; by default chosen by device.
        offload: ``"auto"``, ``"none"``, ``"model"`` or ``"sequential"``.
        engine: ``"local"`` draws in this process, ``"ray"`` on a Ray cluster.
        workers: drawing workers of the engine ray, at most; by default one per GPU, or one per node without GPUs.
        batch_size: pictures drawn together; by default the model's own.
    """

    model: str | None = None
    model_config: Path | None = None
    device: str | None = None
    dtype: str | None = None
    offload: str = "auto"
    engine: str = "local"
    workers: int | None = None
    batch_size: int | None = None

    @property
    def vocabulary(self) -> str:
        """Name of the vocabulary that suits the model: ``"embedded"`` or ``"general"``."""
        return "embedded" if self.model is None else "general"

    def load_model(self) -> LoadedModel:
        """Load the model in this process; see ``load_model``."""
        from .loading import load_model

        return load_model(
            self.model, config=self.model_config, device=self.device, dtype=self.dtype, offload=self.offload
        )


def open_generator(options: GeneratorOptions | None = None) -> ImageGenerator:
    """Open the generator that the options describe; close it, or use it in a ``with``.

    Raises:
        ModelError: the model cannot be loaded.
        SoartError: an unknown engine, workers without a cluster, ray is not installed, or no cluster can be reached.
    """
    options = options or GeneratorOptions()
    if options.engine == "ray":
        from .ray_generator import ClusterGenerator

        return ClusterGenerator(options)
    if options.engine != "local":
        raise unknown_engine(options.engine)
    if options.workers is not None:
        raise SoartError(
            "Without a cluster one worker draws: leave the number of workers out, or choose the engine ray."
        )
    from .generator import ImageGenerator

    return ImageGenerator(options.load_model(), options.batch_size)
