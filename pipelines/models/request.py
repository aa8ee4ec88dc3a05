"""What is asked of a model, and what it drew; without torch, so that collections and rankings start at once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...errors import ModelError

#: A picture whose brightest value stays under this (of 1) is all black.
BLACK = 2 / 255
#: The problem of a picture that holds NaN or infinity.
NOT_NUMBERS = "not a number: the model computed NaN or infinity"
SEED_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Request:
    """One picture to draw: the choice (prompt and settings) and the seed."""

    prompt: str
    seed: int
    negative: str = ""
    steps: int = 30
    guidance: float = 5.0
    width: int | None = None
    height: int | None = None
    #: Class name of a diffusers scheduler; None for the model's own.
    scheduler: str | None = None

    def check(self) -> None:
        """Raise ModelError where a value cannot be drawn."""
        problems = {
            "steps": not 1 <= self.steps <= 1000,
            "guidance": not 0 <= self.guidance <= 100,
            "seed": not 0 <= self.seed < SEED_LIMIT,
            "size": any(side is not None and not 8 <= side <= 8192 for side in (self.width, self.height)),
        }
        for name in (name for name, wrong in problems.items() if wrong):
            allowed = {"steps": "1…1000", "guidance": "0…100", "seed": "0…2^63−1", "size": "8…8192 pixels a side"}[name]
            got = f"{self.width}x{self.height}" if name == "size" else getattr(self, name)
            raise ModelError(f"Expected {name} in {allowed}, got {got}.")

    def key(self, model: str) -> str:
        """Identity of the picture this request draws with ``model``: a hash over all that decides its pixels."""
        decided = asdict(self)
        if self.scheduler is None:
            del decided["scheduler"]
        content = json.dumps([model, decided], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A picture that was drawn.

    Attributes:
        request: what was asked.
        pixels: (height, width, 3) uint8.
        problem: why it must stay out of the ranking, such as ``"all black"``; None for a sound picture.
        seconds: its share of the time of its batch in the pipeline.
    """

    request: Request
    pixels: np.ndarray
    problem: str | None
    seconds: float


def problem_of(image: np.ndarray, flagged: bool = False) -> str | None:
    """Why a floating-point picture 0…1 must stay out of rankings; None for a sound one."""
    if not np.isfinite(image).all():
        return NOT_NUMBERS
    if flagged:
        return "blanked by the model's safety checker"
    if image.max() < BLACK:
        return "all black"
    return None


def drawn_together(request: Request) -> tuple[Any, ...]:
    """What the requests of a batch have in common."""
    return request.steps, request.guidance, request.width, request.height, request.scheduler or ""
