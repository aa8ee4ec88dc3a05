"""Requests to a model, and the pictures it drew.

Imports no torch, so that collections and rankings start at once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...errors import ModelError, expect
from .limits import GUIDANCE, SEED_LIMIT, SIDE, STEPS

#: A picture is all black if its brightest value (of 1) is below this.
BLACK = 2 / 255
#: The problem of a picture with NaN or infinity.
NOT_NUMBERS = "not a number: the model computed NaN or infinity"
#: Steps and guidance of a model whose pipeline has no defaults of its own.
DEFAULT_STEPS, DEFAULT_GUIDANCE = 30, 5.0
#: Of the embedded model; guidance chosen on development scenes (docs/embedded-model.md).
EMBEDDED_STEPS, EMBEDDED_GUIDANCE = 16, 3.0
#: Of models that draw elsewhere, such as in ComfyUI.
EXTERNAL_STEPS, EXTERNAL_GUIDANCE = 20, 7.0


@dataclass(frozen=True, slots=True)
class Request:
    """One picture to draw: the choice (prompt and settings) and the seed."""

    prompt: str
    seed: int
    negative: str = ""
    steps: int = DEFAULT_STEPS
    guidance: float = DEFAULT_GUIDANCE
    width: int | None = None
    height: int | None = None
    #: Class name of a diffusers scheduler; None for the model's own.
    scheduler: str | None = None

    def check(self) -> None:
        """Raise ModelError if a value is out of range or of another type."""
        numbers = {
            "steps": (int, *STEPS, f"{STEPS[0]}…{STEPS[1]}"),
            "guidance": (int | float, *GUIDANCE, f"{GUIDANCE[0]}…{GUIDANCE[1]}"),
            "seed": (int, 0, SEED_LIMIT - 1, "0…2^63−1"),
        }
        for name, (kind, low, high, allowed) in numbers.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or not low <= value <= high:
                raise ModelError(f"Expected {name} in {allowed}, got {value!r}.")
        sides = [side for side in (self.width, self.height) if side is not None]
        if not all(isinstance(side, int) and SIDE[0] <= side <= SIDE[1] for side in sides):
            raise ModelError(f"Expected size in {SIDE[0]}…{SIDE[1]} pixels a side, got {self.width}x{self.height}.")
        expect("the prompt as text", self.prompt, str, error=ModelError)
        expect("the negative prompt as text", self.negative, str, error=ModelError)

    def key(self, model: str) -> str:
        """Identity of the picture this request draws with ``model``: a hash over everything that decides its pixels."""
        settings = asdict(self)
        if self.scheduler is None:
            del settings["scheduler"]
        content = json.dumps([model, settings], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A drawn picture.

    Attributes:
        request: its request.
        pixels: (height, width, 3) uint8.
        problem: the reason to leave it out of rankings, such as ``"all black"``; None for a sound picture.
        seconds: its share of the time of its batch in the pipeline.
    """

    request: Request
    pixels: np.ndarray
    problem: str | None
    seconds: float


def problem_of(image: np.ndarray, flagged: bool = False) -> str | None:
    """The reason to leave a floating-point picture 0…1 out of rankings; None for a sound one."""
    if not np.isfinite(image).all():
        return NOT_NUMBERS
    if flagged:
        return "blanked by the model's safety checker"
    if image.max() < BLACK:
        return "all black"
    return None


def drawn_together(request: Request) -> tuple[Any, ...]:
    """The settings that all requests of a batch share."""
    return request.steps, request.guidance, request.width, request.height, request.scheduler or ""
