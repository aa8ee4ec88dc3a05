"""The command ``soart generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import (
    BatchSize,
    Device,
    Dtype,
    Engine,
    Json,
    Model,
    ModelConfig,
    Offload,
    Report,
    Store,
    Wildcards,
    Workers,
    load_generator,
)
from .ranking_output import Output, draw
from .terminal import emit


def _parse_size(size: str | None) -> tuple[int | None, int | None]:
    if size is None:
        return None, None
    parts = size.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"expected WIDTHxHEIGHT such as 512x768, got {size!r}", param_hint="--size")
    return int(parts[0]), int(parts[-1])


def generate(
    prompt: Annotated[
        str, typer.Argument(help="Prompt; {a|b} varies, __style__ draws from a vocabulary or your wildcard file.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=100_000, help="How many pictures.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Image seed of the first picture; the next ones count up.")] = 0,
    prompt_seed: Annotated[int, typer.Option(min=0, help="Seed of the prompt variants.")] = 0,
    negative: Annotated[str, typer.Option(help="What the pictures should not show.")] = "",
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps; default: the model's own.")] = None,
    guidance: Annotated[float | None, typer.Option(min=0, help="Guidance scale; default: the model's own.")] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels; default: the model's own.")] = None,
    batch_size: BatchSize = None,
    model: Model = None,
    model_config: ModelConfig = None,
    device: Device = None,
    dtype: Dtype = None,
    offload: Offload = "auto",
    engine: Engine = "local",
    workers: Workers = None,
    wildcards: Wildcards = None,
    collection: Store = "soart-pictures",
    report: Report = None,
    top: Annotated[int, typer.Option(min=1, help="Lines of the ranking to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Generate pictures, score them and rank them; what the collection holds already is not drawn again."""
    from ...pipelines import generate as jobs
    from ...pipelines.collection.collection import Collection

    width, height = _parse_size(size)
    with (
        Collection(collection) as store,
        load_generator(
            model,
            batch_size,
            config=model_config,
            device=device,
            dtype=dtype,
            offload=offload,
            engine=engine,
            workers=workers,
        ) as generator,
    ):
        requests = jobs.plan(
            prompt,
            count,
            generator,
            seed=seed,
            prompt_seed=prompt_seed,
            wildcards=wildcards,
            negative=negative,
            steps=steps,
            guidance=guidance,
            width=width,
            height=height,
        )
        _, facts = draw(store, generator, requests, Output(as_json, report, top, "soart: generated pictures"))
    if as_json:
        emit(facts)
