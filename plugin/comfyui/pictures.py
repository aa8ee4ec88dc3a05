"""Converts pictures between ComfyUI's tensors and soart's arrays."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ImageError

if TYPE_CHECKING:
    import torch

    from ...pipelines.models.request import DrawnPicture
    from ...pipelines.scoring.pictures import PicturesInMemory


@dataclass
class BatchPictures:
    """The pictures of a batch, and a sentence for each left out, such as with values that are not numbers, or changed."""

    pixels: dict[int, np.ndarray] = field(default_factory=dict)  # (h, w, 3) uint8 by number from 0
    notes: list[str] = field(default_factory=list)
    judged: PicturesInMemory | None = None  # those that a judge has seen, with what it measured


def to_pictures(images: torch.Tensor) -> BatchPictures:
    """Convert an IMAGE batch (b, h, w, c) to 8-bit RGB: rounded, clipped to 0…1, transparency laid over white."""
    values = _values(images)
    pictures = BatchPictures()
    for number, picture in enumerate(values):
        if np.isfinite(picture).all():
            pictures.pixels[number] = _rgb(picture)
        else:
            pictures.notes.append(f"Picture {number + 1} is left out: it holds values that are not numbers.")
    if values.shape[-1] == 4:
        pictures.notes.append("Transparency was laid over white.")
    if not pictures.pixels:
        raise ImageError(f"Expected images, got {len(values)} whose values are not numbers.")
    return pictures


def to_picture(images: torch.Tensor) -> tuple[np.ndarray, str | None]:
    """The (h, w, 3) uint8 pixels of the only picture of a batch, and why nothing can be learnt from it, or None."""
    from ...pipelines.models.request import NOT_NUMBERS, problem_of

    values = _values(images)
    if len(values) != 1:
        raise ImageError(f"Expected the one picture of the choice, got a batch of {len(values)}.")
    picture = values[0]
    sound = np.isfinite(picture).all()
    pixels = _rgb(np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0))
    return pixels, problem_of(pixels / 255) if sound else NOT_NUMBERS


def _values(images: torch.Tensor) -> np.ndarray:
    """(b, h, w, c) float32 values of an IMAGE, with c 1, 3 or 4."""
    shape = (1, *images.shape) if images.ndim == 3 else tuple(images.shape)
    if len(shape) != 4 or (0 not in shape and shape[-1] not in (1, 3, 4)):
        raise ImageError(f"Expected images of shape (batch, height, width, channels), got {shape}.")
    if 0 in shape:
        raise ImageError(f"Expected at least one image, got an empty batch of shape {shape}.")
    return images.detach().to("cpu").float().reshape(shape).numpy()


def _rgb(picture: np.ndarray) -> np.ndarray:
    """(h, w, c) floating to (h, w, 3) uint8."""
    colour = picture[..., :3] if picture.shape[-1] > 1 else np.repeat(picture, 3, axis=-1)
    if picture.shape[-1] == 4:
        opacity = picture[..., 3:].clip(0, 1)
        colour = colour * opacity + (1 - opacity)
    return (colour.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def to_images(pixels: Iterable[np.ndarray]) -> torch.Tensor:
    """Convert (h, w, 3) uint8 pictures of one size to an IMAGE batch (b, h, w, 3), float32 0…1."""
    import torch

    pictures = list(pixels)
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) != 1:
        raise ImageError(f"Expected pictures of one size, got {sorted(sizes) or 'none'}.")
    return torch.from_numpy(np.stack(pictures).astype(np.float32) / 255)


def drawn_images(drawn: Iterable[DrawnPicture]) -> torch.Tensor:
    """Drawn pictures of one size as an IMAGE batch; one with a problem is all NaN or all black, as the problem says."""
    from ...pipelines.models.request import NOT_NUMBERS

    pictures = list(drawn)
    images = to_images(picture.pixels for picture in pictures)
    for image, picture in zip(images, pictures, strict=True):
        if picture.problem:
            image[:] = float("nan") if picture.problem == NOT_NUMBERS else 0.0
    return images


def kept_texts(hidden: Any) -> dict[str, str] | None:  # noqa: ANN401
    """Prompt and workflow that ComfyUI puts into pictures that it saves; None under --disable-metadata."""
    from comfy.cli_args import args

    if args.disable_metadata:
        return None
    values = {"prompt": hidden.prompt, **(hidden.extra_pnginfo or {})}
    return {keyword: json.dumps(value) for keyword, value in values.items() if value is not None}


def take(images: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
    """Pictures of a batch by number, unchanged."""
    batch = images[None] if images.ndim == 3 else images
    return batch[list(numbers)]


def plain(value: float, digits: int = 2) -> float | None:
    """A number for JSON; None for NaN and infinity."""
    number = float(value)
    return round(number, digits) if math.isfinite(number) else None
