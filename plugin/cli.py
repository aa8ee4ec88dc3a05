"""The command line. Exit codes: 0 done, 1 failure, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from ..errors import SoartError
from . import taste, taste_views
from .compare import compare_attention
from .culling import annotate, cull, undo
from .demo import demo
from .evaluate import evaluate
from .options import (
    BatchSize,
    Device,
    Dtype,
    Engine,
    Json,
    Model,
    ModelConfig,
    Offload,
    Pictures,
    Store,
    Wildcards,
    Workers,
    load_generator,
)
from .ranking import Output, draw, show_ranking
from .terminal import Progress, emit, note, say
from .tune import tune
from .web.command import web

if TYPE_CHECKING:
    from ..pipelines.rank import Scorer

app = typer.Typer(
    name="soart",
    help="Generate pictures with any Stable Diffusion model, rank them, learn your taste, tune the prompts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Report = Annotated[Path | None, typer.Option("--report", help="Write the ranking as an HTML page to this file.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"soart {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _parse_size(size: str | None) -> tuple[int | None, int | None]:
    if size is None:
        return None, None
    parts = size.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"expected WIDTHxHEIGHT such as 512x768, got {size!r}", param_hint="--size")
    return int(parts[0]), int(parts[-1])


@app.command(epilog='Example: soart generate "a {fox|owl}, __style__" -n 16 --seed 1 --report foxes.html')
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
    from ..pipelines import jobs
    from ..pipelines.collection import Collection

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


@app.command(epilog="Example: soart rank holiday-pictures/ --taste mine --report ranking.html")
def rank(
    paths: Pictures,
    report: Report = None,
    top: Annotated[int, typer.Option(min=1, help="Lines of the ranking to print.")] = 50,
    by: Annotated[
        str | None,
        typer.Option(
            "--taste",
            help="Rank by this taste, or by freedom from blur, noise, jpeg, fade, saturate or pixelate; default: technical.",
        ),
    ] = None,
    min_distance: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Leave out what lies nearer than this to a better picture: 0.3 drops look-alikes, 1 leaves few.",
        ),
    ] = None,
    profiles: taste.Profiles = None,
    as_json: Json = False,
) -> None:
    """Rank pictures, best first, with scores, percentiles and reasons. Nothing is written beside the pictures."""
    from ..metrics.technical import TechnicalScorer
    from ..pipelines.profilestore import ProfileStore, scorer_named
    from ..pipelines.tasteviews import open_pictures

    scorer: Scorer = TechnicalScorer.load() if by is None else scorer_named(by, ProfileStore(profiles))
    notes = taste.warning_of(scorer)
    with Progress("reading", 0) as progress:
        store, rows, problems = open_pictures(paths, scorer, progress, progress.expect)
    title = f"soart: {store.title}" if store.folder is not None else "soart: ranking"
    with store:
        output = Output(as_json, report, top, title, notes)
        facts = show_ranking(store, rows, output, problems, scorer=scorer, min_distance=min_distance)
    if as_json:
        emit(facts)
    for text in notes:
        note(text)


@app.command(epilog="Example: soart doctor --json")
def doctor(as_json: Json = False) -> None:
    """Say what is installed, which device will be used, and what is missing."""
    from ..pipelines.doctor import examine

    checks = examine()
    if as_json:
        emit({"checks": [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks]})
    else:
        for c in checks:
            mark = "ok     " if c.ok else ("missing" if c.optional else "PROBLEM")
            say(f"{mark}  {c.name}: {c.found}" + (f" → {c.advice}" if c.advice else ""))
    if not all(c.ok or c.optional for c in checks):
        raise typer.Exit(1)


app.command(
    "compare-attention", epilog="Example: soart compare-attention normal/ blurry/ noisy/ --versions B,D --output tables"
)(compare_attention)


app.command(epilog="Example: soart evaluate pictures/ --report pictures.html --export pictures.csv")(evaluate)
app.command(epilog="Example: soart cull pictures/ --duplicates --worst 20 --to culled/ --dry-run")(cull)
app.command(epilog="Example: soart annotate pictures/ --taste mine")(annotate)
app.command(epilog="Example: soart undo soart-undo-20261125-140000.jsonl")(undo)
app.command(epilog="Example: soart demo --folder /tmp/soart-demo")(demo)
app.command(epilog='Example: soart tune "a fox in the snow" --taste mine --budget 120')(tune)
app.command(epilog="Example: soart web --collection soart-pictures")(web)
taste_views.register(taste.app)
app.add_typer(taste.app, name="taste")


def main() -> None:
    """Run the command line; expected mistakes end in one sentence."""
    try:
        app()
    except SoartError as error:
        note(f"Error: {error}")
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
