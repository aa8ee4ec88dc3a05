"""Draws on a picture: image-to-image with the networks of a text-to-image pipeline.

The picture is encoded, noise is added to it as far as the strength says, and only the steps from there on are made
(Meng et al., "SDEdit: guided image synthesis and editing with stochastic differential equations", 2022).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PIL import Image

from ...errors import ModelError
from .calls import PICTURES, image_to_image
from .generator import ImageGenerator
from .limits import STRENGTHS
from .loading import describe_model, quiet_libraries


def check_strength(strength: float) -> float:
    """The strength, if it is in range; else ModelError."""
    if not STRENGTHS[0] <= strength <= STRENGTHS[1]:
        raise ModelError(f"Expected a strength of {STRENGTHS[0]:g} to {STRENGTHS[1]:g}, got {strength:g}.")
    return float(strength)


def drawing_on(
    generator: ImageGenerator, pixels: np.ndarray, strength: float, size: tuple[int, int] | None = None
) -> ImageGenerator:
    """A generator that draws on a (h, w, 3) uint8 picture with the networks of another one, which share their memory.

    ``strength`` is the share of the steps that are made: little is changed by a small one, and nothing is kept at 1.
    The ``size`` is by default that of the picture, or as many pixels as the model draws if these are fewer.
    """
    strength, model = check_strength(strength), generator.model
    kind = type(model.pipeline).__name__
    if model.pipeline is None or type(generator).draw is not ImageGenerator.draw:
        raise ModelError(
            "This model draws in another program or on a cluster, which takes no picture to draw on: leave the strength out."
        )
    if any(model.inputs.get(name) is not None for name in PICTURES):
        raise ModelError(f"This {kind} draws on a picture already: leave the strength out.")
    with quiet_libraries():
        pipeline = image_to_image(model.pipeline)
    if pipeline is None:
        raise ModelError(f"A {kind} cannot draw on a picture with diffusers: leave the strength out.")
    pipeline.set_progress_bar_config(disable=True)
    width, height = size or _own_size(pixels, model.size)
    unit = 2 * getattr(pipeline, "vae_scale_factor", 8)
    width, height = (max(unit, round(side / unit) * unit) for side in (width, height))
    image = Image.fromarray(fitted(pixels, (width, height)))
    placed = (model.device, model.dtype, model.offload)
    inputs = {**model.inputs, "image": image, "strength": strength}
    described = describe_model(pipeline, model.identity, placed, 1, model.steps, model.guidance, inputs)
    described = replace(described, schedule=model.schedule, weights=model.weights, loras=model.loras)
    sized = {"width", "height"} <= described.accepts
    return generator.beside(described, **({"width": width, "height": height} if sized else {}))


def _own_size(pixels: np.ndarray, usual: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height of a picture, made smaller to have no more pixels than usual."""
    height, width = pixels.shape[:2]
    share = 1.0 if usual is None else min(1.0, math.sqrt(usual[0] * usual[1] / (width * height)))
    return round(width * share), round(height * share)


def fitted(pixels: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The middle of a (h, w, 3) uint8 picture, scaled to width and height; None leaves it as it is.

    >>> import numpy as np
    >>> from soart.pipelines.models.drawing_on import fitted
    >>> fitted(np.zeros((40, 60, 3), np.uint8), (32, 32)).shape
    (32, 32, 3)
    """
    if size is None or pixels.shape[1::-1] == size:
        return pixels
    image = Image.fromarray(pixels)
    share = min(image.width / size[0], image.height / size[1])
    width, height = size[0] * share, size[1] * share
    left, top = (image.width - width) / 2, (image.height - height) / 2
    box = (left, top, left + width, top + height)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS, box=box))
