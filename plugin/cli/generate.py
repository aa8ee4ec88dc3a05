"""The command ``soart generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...pipelines.models.limits import SEED_LIMIT
from .options import (
    By,
    CollectionOption,
    Guidance,
    Json,
    Lora,
    Model,
    Negative,
    Report,
    Sampler,
    Size,
    Steps,
    generator_options,
    load_generator,
    load_judges,
    settings_of,
    wildcards_folder,
)
from .ranking_output import RankingOutput, draw
from .terminal import emit, print_notes

#: Lines of the ranking.
TOP = 20


def generate(
    prompt: Annotated[
        str, typer.Argument(help="Prompt; {a|b} varies, __style__ draws from a vocabulary or your wildcard file.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=100_000, help="Number of pictures.")] = 8,
    seed: Annotated[
        int, typer.Option(min=0, max=SEED_LIMIT - 1, help="Image seed of the first picture; the next ones count up.")
    ] = 0,
    prompt_seed: Annotated[int, typer.Option(min=0, help="Seed of the prompt variants.")] = 0,
    negative: Negative = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    sampler: Sampler = None,
    model: Model = None,
    lora: Lora = None,
    by: By = None,
    collection: CollectionOption = "soart-pictures",
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Generate pictures, score them and rank them; pictures already in the collection are not drawn again."""
    from ...pipelines import generate as generation
    from ...pipelines.collection.collection import Collection
    from ...pipelines.judges.finding import doubts_of
    from ...prompts.space.templates import expand

    settings, wildcards = settings_of(negative, steps, guidance, size), wildcards_folder()
    # A mistake in the prompt leaves no empty collection behind.
    expand(prompt, 1, prompt_seed, wildcards)
    judges = load_judges(by, [collection])
    warnings = doubts_of(judges)
    # A mistake in the model leaves no empty collection behind, and one in the collection is seen before the model loads.
    Collection.check_place(collection)
    with load_generator(generator_options(model, lora)) as generator:
        requests = generation.plan(
            prompt, count, generator, seed=seed, prompt_seed=prompt_seed, wildcards=wildcards,
            scheduler=sampler, **settings,
        )  # fmt: skip
        output = RankingOutput(as_json, report, TOP, "soart: generated pictures", tuple(warnings))
        with Collection(collection) as store:
            _, facts = draw(store, generator, requests, output, judges)
        warnings += generator.model.loras.unused
    if as_json:
        emit(facts)
    print_notes(warnings)
