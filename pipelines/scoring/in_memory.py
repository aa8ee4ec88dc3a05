"""Takes pictures in memory in any form that hosts have them, and measures one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...errors import ImageError, expect
from ...metrics.image import Picture, rgb_of
from ...metrics.protocols import Measurer

if TYPE_CHECKING:
    import torch

    #: A picture that a caller of the Python API passes.
    InMemory = np.ndarray | Image.Image | Picture | torch.Tensor


def as_pictures(images: Any) -> dict[int, np.ndarray]:  # noqa: ANN401
    """Pictures in any form that a diffusers pipeline returns, by number.

    ``images`` are PIL pictures, (h, w, 3) arrays, or tensors (3, h, w): one, a list, or a batch.
    """
    import torch

    pictures = {}
    for number, image in enumerate(images):
        pixels = rgb_of(image) if isinstance(image, Image.Image) else image
        if isinstance(pixels, torch.Tensor):
            pixels = pixels.detach().to("cpu", torch.float32).movedim(0, -1).numpy()
        if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
            shape = getattr(pixels, "shape", type(pixels).__name__)
            raise ImageError(f"Expected RGB pictures, got {tuple(shape) if not isinstance(shape, str) else shape}.")
        pictures[number] = pixels
    return pictures


def pictures_in_memory(kind: str, pictures: Iterable[InMemory]) -> list[np.ndarray]:
    """(h, w, 3) pixels of pictures that a caller of the Python API passes."""
    what = f"the {kind} pictures as a list of pictures"
    expect(what, pictures, Iterable, error=ImageError)
    if isinstance(pictures, str | bytes | Mapping | Image.Image):
        raise ImageError(f"Expected {what}, got {pictures!r:.80}.")
    found: list[np.ndarray] = []
    for number, picture in enumerate(pictures, 1):
        if isinstance(picture, str | Path):
            raise ImageError(
                f"Expected {what}, got the text or path {str(picture)!r:.80}: read files with soart.read_image."
            )
        try:
            found += as_pictures([picture.pixels if isinstance(picture, Picture) else picture]).values()
        except ImageError as error:
            raise ImageError(f"Of the {kind} pictures: Picture {number} cannot be used: {error}") from error
    return found


def measure_pixels(measurer: Measurer, pixels: np.ndarray) -> np.ndarray:
    """Items (1, p) float64 of a picture, (h, w, 3) uint8 or floating 0…1."""
    # Rounded as a collection stores them, so that a score does not depend on where a picture lies.
    return measurer.extractor.extract(pixels).astype(np.float32).astype(np.float64)
