"""Between ComfyUI's pictures and soart's: tensors, tables and folders. Nothing here knows a node."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CollectionError, ImageError

if TYPE_CHECKING:
    import torch

    from ...pipelines.models.request import DrawnPicture
    from ...pipelines.scoring.in_memory import ScoredPicture


@dataclass
class Pictures:
    """A batch as soart takes it.

    Attributes:
        pixels: (h, w, 3) uint8 by number in the batch, from 0; pictures that are no pictures are missing.
        notes: a sentence for each picture that is missing, and for whatever had to be changed.
    """

    pixels: dict[int, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def to_pictures(images: torch.Tensor) -> Pictures:
    """An IMAGE batch, (b, h, w, c) floating 0…1, as 8-bit RGB: rounded, cut at 0 and 1, transparency laid over white.

    Raises:
        ImageError: an empty batch, another shape, or not one picture whose values are numbers.
    """
    values = _values(images)
    found = Pictures()
    for number, picture in enumerate(values):
        if np.isfinite(picture).all():
            found.pixels[number] = _rgb(picture)
        else:
            found.notes.append(f"Picture {number + 1} is left out: it holds values that are not numbers.")
    if values.shape[-1] == 4:
        found.notes.append("Transparency was laid over white.")
    if not found.pixels:
        raise ImageError(f"Expected images, got {len(values)} whose values are not numbers.")
    return found


def to_picture(images: torch.Tensor) -> tuple[np.ndarray, str | None]:
    """The only picture of a batch, (h, w, 3) uint8, and why it is none to learn from, if so.

    Raises:
        ImageError: an empty batch, another shape, or several pictures.
    """
    from ...pipelines.models.request import NOT_NUMBERS, problem_of

    values = _values(images)
    if len(values) != 1:
        raise ImageError(f"Expected the one picture of the choice, got a batch of {len(values)}.")
    picture = values[0]
    sound = np.isfinite(picture).all()
    pixels = _rgb(np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0))
    return pixels, problem_of(pixels / 255) if sound else NOT_NUMBERS


def _values(images: torch.Tensor) -> np.ndarray:
    """(b, h, w, c) float32 of an IMAGE, none of the sides empty and c 1, 3 or 4."""
    shape = (1, *images.shape) if images.ndim == 3 else tuple(images.shape)
    if len(shape) != 4 or (0 not in shape and shape[-1] not in (1, 3, 4)):
        raise ImageError(f"Expected images of shape (batch, height, width, channels), got {shape}.")
    if 0 in shape:
        raise ImageError(f"Expected at least one image, got an empty batch of shape {shape}.")
    values: np.ndarray = images.detach().to("cpu").float().reshape(shape).numpy()
    return values


def _rgb(picture: np.ndarray) -> np.ndarray:
    """(h, w, c) floating to (h, w, 3) uint8."""
    colour = picture[..., :3] if picture.shape[-1] > 1 else np.repeat(picture, 3, axis=-1)
    if picture.shape[-1] == 4:
        opacity = picture[..., 3:].clip(0, 1)
        colour = colour * opacity + (1 - opacity)
    return (colour.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def to_images(pixels: Iterable[np.ndarray]) -> torch.Tensor:
    """(h, w, 3) uint8 pictures of one size as an IMAGE batch (b, h, w, 3) float32 0…1.

    Raises:
        ImageError: none, or of different sizes.
    """
    import torch

    pictures = list(pixels)
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) != 1:
        raise ImageError(f"Expected pictures of one size, got {sorted(sizes) or 'none'}.")
    return torch.from_numpy(np.stack(pictures).astype(np.float32) / 255)


def drawn_images(drawn: Iterable[DrawnPicture]) -> torch.Tensor:
    """Drawn pictures of one size as an IMAGE batch; those with a problem are NaN where that was the problem, else black."""
    from ...pipelines.models.request import NOT_NUMBERS

    made = list(drawn)
    images = to_images(one.pixels for one in made)
    for image, one in zip(images, made, strict=True):
        if one.problem:
            image[:] = float("nan") if one.problem == NOT_NUMBERS else 0.0
    return images


def take(images: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
    """Pictures of a batch by number, as they are."""
    batch = images[None] if images.ndim == 3 else images
    return batch[list(numbers)]


def plain(value: float, digits: int = 2) -> float | None:
    """A number that JSON can say; None for NaN and infinity."""
    number = float(value)
    return round(number, digits) if math.isfinite(number) else None


def score_table(judged: Sequence[ScoredPicture], title: str) -> dict[str, Any]:
    """Scores as a table of plain values for the front end."""
    rows = [
        [one.number + 1, plain(one.score), plain(one.percentile, 0), "; ".join(reason_texts(one.reasons))]
        for one in judged
    ]
    return {"title": title, "columns": ["picture", "score", "percentile", "why"], "rows": rows}


def reason_texts(reasons: Iterable[Any]) -> list[str]:
    """Reasons in words, each with what it added."""
    from ...pipelines.reports.page import figure

    return [f"{reason.text} ({figure(reason.contribution, 2, '+')})" for reason in reasons]


def score_text(judged: Sequence[ScoredPicture]) -> str:
    """Scores as text, a picture a line."""
    return "\n".join(
        f"picture {one.number + 1}: score {one.score:.1f}, percentile {one.percentile:.0f}" for one in judged
    )


def folder_inside(base: Path, name: str) -> Path:
    """A folder of this name below ``base``: a workflow from elsewhere must not write, or look, anywhere else.

    Raises:
        CollectionError: no name, or one that leads out of ``base``.
    """
    if not name.strip():
        raise CollectionError("Expected the name of a collection, got an empty one.")
    home = base.resolve()
    try:
        path = (home / name.strip()).resolve()
    except (OSError, ValueError) as error:
        raise CollectionError(f"{name!r} is no name for a collection: {error}.") from error
    if path == home or home not in path.parents:
        raise CollectionError(f"Expected a collection inside ComfyUI's output folder, such as 'soart', got {name!r}.")
    return path


#: The stamp of a file that is not there.
MISSING = "none"


def when_changed(path: Path) -> str:
    """When a file was last written, in the local time; empty where there is none."""
    return f"{datetime.fromtimestamp(path.stat().st_mtime).astimezone():%Y-%m-%d %H:%M}" if path.is_file() else ""


def stamp(*paths: Path) -> str:
    """Changes when one of the files does; for ``fingerprint_inputs``."""
    found = []
    for path in paths:
        try:
            state = path.stat()
            found.append(f"{state.st_mtime_ns}:{state.st_size}")
        except (OSError, ValueError):
            found.append(MISSING)
    return " ".join(found)
