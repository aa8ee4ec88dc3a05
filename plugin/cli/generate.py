"""The command ``soart generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...pipelines.models.limits import GUIDANCE, SEED_LIMIT, SIDE, STEPS
from ...pipelines.models.options import GeneratorOptions
from .options import (
    By,
    CollectionOption,
    Json,
    Profiles,
    Report,
    Top,
    Wildcards,
    finite,
    load_generator,
    load_judges,
    with_generator_options,
)
from .ranking_output import RankingOutput, draw
from .terminal import emit, print_notes


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


@with_generator_options()
def generate(
    prompt: Annotated[
        str, typer.Argument(help="Prompt; {a|b} varies, __style__ draws from a vocabulary or your wildcard file.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=100_000, help="Number of pictures.")] = 8,
    seed: Annotated[
        int, typer.Option(min=0, max=SEED_LIMIT - 1, help="Image seed of the first picture; the next ones count up.")
    ] = 0,
    prompt_seed: Annotated[int, typer.Option(min=0, help="Seed of the prompt variants.")] = 0,
    negative: Annotated[str | None, typer.Option(help="What the pictures should not show.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=STEPS[0], max=STEPS[1], help="Denoising steps; default: the model's own.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            min=GUIDANCE[0], max=GUIDANCE[1], callback=finite, help="Guidance scale; default: the model's own."
        ),
    ] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels; default: the model's own.")] = None,
    drawing: GeneratorOptions = GeneratorOptions(),
    wildcards: Wildcards = None,
    by: By = None,
    collection: CollectionOption = "soart-pictures",
    report: Report = None,
    top: Top = 20,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Generate pictures, score them and rank them; pictures already in the collection are not drawn again."""
    from ...pipelines import generate as generation
    from ...pipelines.collection.collection import Collection
    from ...pipelines.judges.finding import doubts_of
    from ...prompts.space.templates import expand

    width, height = parse_size(size)
    # A mistake in the prompt leaves no empty collection behind.
    expand(prompt, 1, prompt_seed, wildcards)
    judges = load_judges(by, profiles, [collection])
    warnings = doubts_of(judges)
    # A mistake in the model leaves no empty collection behind, and one in the collection is seen before the model loads.
    Collection.check_place(collection)
    with load_generator(drawing) as generator:
        requests = generation.plan(
            prompt, count, generator, seed=seed, prompt_seed=prompt_seed, wildcards=wildcards,
            negative=negative, steps=steps, guidance=guidance, width=width, height=height,
        )  # fmt: skip
        output = RankingOutput(as_json, report, top, "soart: generated pictures", tuple(warnings))
        with Collection(collection) as store:
            _, facts = draw(store, generator, requests, output, judges)
    if as_json:
        emit(facts)
    print_notes(warnings)
