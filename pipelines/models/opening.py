"""Opens the generator that options describe, in this process or on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import SoartError
from ..support.processes import unknown_engine
from .options import GeneratorOptions

if TYPE_CHECKING:
    from .generator import ImageGenerator


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
