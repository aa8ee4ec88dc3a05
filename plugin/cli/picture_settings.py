"""Options of the settings with which every picture of a command is drawn."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...pipelines.models.limits import GUIDANCE, SIDE, STEPS
from .options import finite

Negative = Annotated[str | None, typer.Option(help="What the pictures should not show.")]
Steps = Annotated[
    int | None, typer.Option(min=STEPS[0], max=STEPS[1], help="Denoising steps; default: the model's own.")
]
Guidance = Annotated[
    float | None,
    typer.Option(min=GUIDANCE[0], max=GUIDANCE[1], callback=finite, help="Guidance scale; default: the model's own."),
]
Size = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels; default: the model's own.")]
Sampler = Annotated[
    str | None,
    typer.Option(
        help="Class name of a diffusers scheduler, or a running backend's own name such as 'DPM++ 2M Karras'; default: the model's own."
    ),
]


def settings_of(negative: str | None, steps: int | None, guidance: float | None, size: str | None) -> dict[str, Any]:
    """The settings of these options by their names in soart; None is not given."""
    width, height = parse_size(size)
    return {"negative": negative, "steps": steps, "guidance": guidance, "width": width, "height": height}


def parse_size(size: str | None) -> tuple[int | None, int | None]:
    """Width and height of ``WIDTHxHEIGHT``, or of one number for both."""
    if size is None:
        return None, None
    numbers = size.lower().replace("×", "x").split("x")
    if len(numbers) > 2 or not all(number.strip().isdecimal() for number in numbers):
        raise typer.BadParameter(f"expected WIDTHxHEIGHT such as 512x768, got {size!r}", param_hint="--size")
    # Longer texts than this are too large, and slow to turn into numbers.
    width, height = (int(number) if len(number) < 9 else SIDE[1] + 1 for number in (numbers[0], numbers[-1]))
    if not SIDE[0] <= min(width, height) <= max(width, height) <= SIDE[1]:
        raise typer.BadParameter(
            f"expected {SIDE[0]} to {SIDE[1]} pixels a side, got {size!r:.40}", param_hint="--size"
        )
    return width, height
