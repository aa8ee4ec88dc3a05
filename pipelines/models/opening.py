"""Opens the generator that options describe: in this process, on a cluster, or in a running backend."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import ModelError, SoartError, expect
from ..support.processes import unknown_engine
from .backends.address import BackendAddress, backend_address
from .options import GeneratorOptions

if TYPE_CHECKING:
    from .generator import ImageGenerator


log = logging.getLogger(__name__)

_NO_REQUEST = "The setting request names fields of a web UI's request, which {title} does not take: leave it out."


def open_generator(
    options: GeneratorOptions | str | None = None, *, request: Mapping[str, Any] | None = None
) -> ImageGenerator:
    """Open the generator that the options describe; close it, or use it in a ``with``.

    Args:
        options: the options, or the name of a model alone, such as ``"a1111:http://127.0.0.1:7860"``; None for the
            embedded model.
        request: more fields of every request to a web UI, such as ``{"enable_hr": True, "hr_scale": 2}``.

    Raises:
        ModelError: the model cannot be loaded, the backend cannot be used, or the fields cannot be sent.
        SoartError: an unknown engine, workers without a cluster, ray is not installed, or no cluster can be reached.

    Examples:
        >>> import soart
        >>> with soart.open_generator("embedded") as generator:
        ...     generator.model.size
        (128, 128)
    """
    options = GeneratorOptions(options) if isinstance(options, str) else options or GeneratorOptions()
    expect("the name of a model, or GeneratorOptions", options, GeneratorOptions)
    if request is not None:
        expect("the fields of a request as a mapping", request, Mapping, error=ModelError)
        options = replace(options, request=request)
    if (address := backend_address(options.model)) is not None:
        return _open_backend(address, options)
    if options.request:
        raise ModelError(_NO_REQUEST.format(title="a model of this machine"))
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


def _open_backend(address: BackendAddress, options: GeneratorOptions) -> ImageGenerator:
    """The generator of a backend."""
    _check(address, options)
    from .backends.http import BackendClient

    client = BackendClient(address)
    if address.kind == "comfyui":
        from .backends.comfyui import ComfyBackend

        return ComfyBackend(client)
    from .backends.a1111 import A1111Backend

    return A1111Backend(client, options.request)


def _check(address: BackendAddress, options: GeneratorOptions) -> None:
    if options.request and address.kind != "a1111":
        raise ModelError(_NO_REQUEST.format(title=address.title))
    refused = {
        "--lora": (options.loras, "put LoRAs into its own folder"),
        "The setting model_config": (options.model_config, "it reads its own settings"),
        "The engine ray": (options.engine != "local", "it draws on its own machine"),
        "More than one worker": (options.workers, "it draws one picture at a time"),
    }
    for name, (value, reason) in refused.items():
        if value:
            raise ModelError(f"{name} cannot be used with {address.title}, because {reason}: leave it out.")
    ignored = {
        "device": options.device,
        "dtype": options.dtype,
        "offload": options.offload != "auto",
        "batch_size": options.batch_size,
    }
    if names := [name for name, value in ignored.items() if value]:
        log.warning("%s has no effect, because %s decides that itself.", " and ".join(names), address.title)
