"""Requests to a model, and the pictures it drew; imports no torch, so that rankings start at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ...errors import ModelError, expect_text
from .limits import GUIDANCE, SEED_LIMIT, SIDE, STEPS

#: A picture is all black if its brightest value (of 1) is below this.
BLACK = 2 / 255
#: The problem of a picture with NaN or infinity.
NOT_NUMBERS = "not a number: the model computed NaN or infinity"
#: Steps and guidance of a model whose pipeline has no defaults of its own.
DEFAULT_STEPS, DEFAULT_GUIDANCE = 30, 5.0
#: Of the embedded model; guidance chosen on development scenes (docs/embedded-model.md).
EMBEDDED_STEPS, EMBEDDED_GUIDANCE = 16, 2.0
#: Of models that draw elsewhere, such as in ComfyUI.
EXTERNAL_STEPS, EXTERNAL_GUIDANCE = 20, 7.0
#: Begins a LoRA in the identity of what drew a picture.
_LORA = "+<lora:"


class Lora(NamedTuple):
    """A LoRA of a picture: its file's name without suffix, its weight (1 is full), and a hash of 12 hex digits."""

    name: str
    weight: float
    digest: str


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
    #: Scale of classifier-free guidance of models that take a distilled guidance beside it (Flux); None for the model's own.
    true_cfg: float | None = None
    #: The LoRAs that the prompt names, with the content of their files.
    loras: tuple[Lora, ...] = ()
    #: True if the prompt or the negative prompt has weights such as (snow:1.3), which the model takes as weights.
    weighted: bool = False
    #: The record of an optimized picture, as JSON; empty for one that is drawn from the noise of its seed alone.
    optimized: str = ""

    def sampler_or(self, own: str) -> str:
        """Name of the sampler that draws it, ``own`` if that is the model's own."""
        return (self.scheduler or "").removesuffix("Scheduler") or own

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
        if self.true_cfg is not None and not (
            isinstance(self.true_cfg, int | float) and GUIDANCE[0] <= self.true_cfg <= GUIDANCE[1]
        ):
            raise ModelError(f"Expected true_cfg in {GUIDANCE[0]}…{GUIDANCE[1]}, got {self.true_cfg!r}.")
        sides = [side for side in (self.width, self.height) if side is not None]
        if not all(isinstance(side, int) and SIDE[0] <= side <= SIDE[1] for side in sides):
            raise ModelError(f"Expected size in {SIDE[0]}…{SIDE[1]} pixels a side, got {self.width}x{self.height}.")
        expect_text("the prompt", self.prompt, ModelError)
        expect_text("the negative prompt", self.negative, ModelError)

    def key(self, model: str) -> str:
        """Identity of the picture this request draws with ``model``: a hash over everything that decides its pixels."""
        settings = asdict(self)
        # Pictures without these have the keys of versions that did not have them.
        for name in ("scheduler", "loras", "weighted", "optimized"):
            if not settings[name]:
                del settings[name]
        if self.true_cfg is None:
            del settings["true_cfg"]
        content = json.dumps([model, settings], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def drawn_by(model: str, loras: Iterable[Lora]) -> str:
    """The identity of ``model`` with LoRAs, whatever their weights.

    >>> from soart.pipelines.models.request import Lora, drawn_by
    >>> drawn_by("dreamy@1a2b", [Lora("ink", 0.8, "0123456789ab")])
    'dreamy@1a2b+<lora:ink@0123456789ab>'
    """
    return model + "".join(f"{_LORA}{lora.name}@{lora.digest}>" for lora in loras)


def loras_beside(model: str, drawn: str) -> list[str] | None:
    """The LoRAs that an identity of ``drawn_by`` adds to that of ``model``, each as ``name@digest``; None for another model.

    >>> from soart.pipelines.models.request import loras_beside
    >>> loras_beside("dreamy@1a2b", "dreamy@1a2b+<lora:ink@0123456789ab>"), loras_beside("other", "dreamy@1a2b")
    (['ink@0123456789ab'], None)
    """
    rest = drawn.removeprefix(model)
    if not drawn.startswith(model) or not (rest == "" or rest.startswith(_LORA)):
        return None
    return [part.removesuffix(">") for part in rest.split(_LORA)[1:]]


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A picture that was drawn."""

    request: Request
    pixels: np.ndarray  # (height, width, 3) uint8
    problem: str | None  # why it is left out of rankings, such as ``"all black"``; None for a sound picture
    seconds: float  # its share of the time of its batch in the pipeline


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
    settings = request.steps, request.guidance, request.width, request.height, request.scheduler or ""
    return *settings, request.true_cfg, request.loras, request.weighted
