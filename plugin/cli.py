"""The command line. Exit codes: 0 done, 1 failure, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from .. import __version__
from ..errors import SoartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pipelines.collection import Collection
    from ..pipelines.generate import ImageGenerator
    from ..pipelines.rank import Ranked
    from ..pipelines.schema import ImageRow

app = typer.Typer(
    name="soart",
    help="Generate pictures with any Stable Diffusion model, score them, rank them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the ranking as an HTML page to this file.")]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Hub id, diffusers folder, or .safetensors/.ckpt file; default: the embedded model."),
]


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


def _note(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)


def _emit(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=True, indent=2, allow_nan=False))


def _ranked_json(ranking: Sequence[Ranked]) -> list[dict[str, Any]]:
    rows = []
    for r in ranking:
        g = r.row.generation
        drawn = {} if g is None else {"prompt": g.prompt, "negative": g.negative, "seed": g.seed, "steps": g.steps,
                                      "guidance": g.guidance, "model": g.model}  # fmt: skip
        reasons = [{"group": reason.text, "contribution": round(reason.contribution, 4)} for reason in r.reasons]
        rows.append({"place": r.place, "path": str(r.path.resolve()), "score": round(r.score, 4),
                     "percentile": round(r.percentile, 2), **drawn, "reasons": reasons})  # fmt: skip
    return rows


def _print_ranking(ranking: Sequence[Ranked], top: int) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("#", "score", "pct"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("picture", "prompt", "why"):
        table.add_column(name, overflow="fold")
    for r in ranking[:top]:
        why = "; ".join(f"{reason.contribution:+.1f} {reason.text}" for reason in r.reasons)
        prompt = f"{r.row.generation.prompt} (seed {r.row.generation.seed})" if r.row.generation else ""
        # repr-like escapes keep control characters of strangers' file names off the terminal.
        name = "".join(c if c.isprintable() else repr(c)[1:-1] for c in r.path.name)
        table.add_row(str(r.place), f"{r.score:.1f}", f"{r.percentile:.0f}", *(Text(t) for t in (name, prompt, why)))
    out.print(table)
    if len(ranking) > top:
        out.print(f"… and {len(ranking) - top} more.")


def _parse_size(size: str | None) -> tuple[int | None, int | None]:
    if size is None:
        return None, None
    parts = size.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(f"expected WIDTHxHEIGHT such as 512x768, got {size!r}", param_hint="--size")
    return int(parts[0]), int(parts[-1])


def _finish(
    collection: Collection, rows: Sequence[Any], problems: list[str], as_json: bool, report: Path | None, top: int,
    title: str, extra: dict[str, Any], notes: Sequence[str] = (),
) -> None:  # fmt: skip
    """Rank ``rows``, show the ranking in the way asked for, and end with code 1 if nothing could be ranked."""
    from ..metrics.technical import TechnicalScorer
    from ..pipelines.rank import rank

    scorer = TechnicalScorer.load()
    with _Progress("measuring", len(rows), "pictures") as progress:
        ranking, more = rank(collection, rows, scorer, progress=progress)
    known = set(problems)
    problems = problems + [p for p in more if p not in known]
    if report is not None:
        from ..pipelines.report import render_report, write_report

        report = write_report(report, render_report(ranking, title, scorer.name, notes, problems))
    if as_json:
        _emit({**extra, "profile": scorer.name, "ranking": _ranked_json(ranking), "problems": problems,
               "report": str(report) if report else None})  # fmt: skip
    else:
        _print_ranking(ranking, top)
        for problem in problems:
            _note(problem)
        if report is not None:
            out.print(f"Report: {report}", soft_wrap=True, markup=False)
    if not ranking:
        raise SoartError("No picture could be ranked.")


class _Progress:
    """A bar with rate and time left on stderr; silent where stderr is no terminal."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), console=err, transient=True, disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._unit = unit
        self._task = self._bar.add_task(what, total=total, rate="")

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int = 1) -> None:
        speed = self._bar.tasks[0].finished_speed or self._bar.tasks[0].speed
        self._bar.update(self._task, advance=done, rate=f"{speed:.1f} {self._unit}/s" if speed else "")


def _load(model: str | None, batch_size: int | None, **options: Any) -> ImageGenerator:  # noqa: ANN401
    from ..pipelines.generate import ImageGenerator
    from ..pipelines.loading import load_model

    with err.status("loading the model…") if sys.stderr.isatty() else _Quiet():
        loaded = load_model(model, **options)
    return ImageGenerator(loaded, batch_size)


class _Quiet:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


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
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Pictures drawn together; halved when memory runs out.")
    ] = None,
    model: Model = None,
    model_config: Annotated[
        Path | None, typer.Option(help="Diffusers folder that describes a single-file model, for use offline.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cuda, cuda:1, xpu, mps or cpu; default: the best there is.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, float16 or bfloat16; default: by device.")] = None,
    offload: Annotated[
        str, typer.Option(help="auto, none, model or sequential: keep weights off the accelerator.")
    ] = "auto",
    wildcards: Annotated[Path | None, typer.Option(help="Folder of your own NAME.txt wildcard files.")] = None,
    collection: Annotated[Path, typer.Option(help="Folder that keeps pictures, prompts and scores.")] = Path(
        "soart-pictures"
    ),
    report: Report = None,
    top: Annotated[int, typer.Option(min=1, help="Lines of the ranking to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Generate pictures, score them and rank them; what the collection holds already is not drawn again."""
    from ..metrics.technical import TechnicalScorer
    from ..pipelines import jobs
    from ..pipelines.collection import Collection

    width, height = _parse_size(size)
    with Collection(collection) as store:
        generator = _load(model, batch_size, config=model_config, device=device, dtype=dtype, offload=offload)
        requests = jobs.plan(
            prompt, count, generator, seed=seed, prompt_seed=prompt_seed, wildcards=wildcards,
            negative=negative, steps=steps, guidance=guidance, width=width, height=height,
        )  # fmt: skip
        with _Progress("drawing", count, "pictures") as progress:
            made = jobs.generate(store, generator, requests, TechnicalScorer.load(), progress)
        if not as_json:
            out.print(
                f"{made.drawn} drawn, {made.reused} already there; pictures in {store.name}",
                soft_wrap=True,
                markup=False,
            )
        extra = {
            "drawn": made.drawn,
            "reused": made.reused,
            "collection": str(collection.resolve()),
            "model": generator.model.identity,
        }
        _finish(store, made.rows, made.problems, as_json, report, top, "soart: generated pictures", extra)


@app.command(epilog="Example: soart rank holiday-pictures/ --report ranking.html")
def rank(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, folders of pictures, or a collection.")],
    report: Report = None,
    top: Annotated[int, typer.Option(min=1, help="Lines of the ranking to print.")] = 50,
    as_json: Json = False,
) -> None:
    """Rank pictures, best first, with scores, percentiles and reasons. Nothing is written beside the pictures."""
    from ..errors import ImageError
    from ..pipelines.collection import Collection
    from ..pipelines.rank import find_pictures

    if len(paths) == 1 and Collection.is_collection(paths[0]):
        with Collection(paths[0]) as store:
            return _finish(store, store.images(), [], as_json, report, top, f"soart: {paths[0].name}", {})
    files, problems = find_pictures(paths)
    with Collection(None) as store:
        rows: dict[int, ImageRow] = {}
        for file in files:
            try:
                row, _ = store.add_file(file)
            except ImageError as error:
                problems.append(str(error))
            else:
                if row.id in rows:
                    problems.append(f"{str(file)!r} is the same file as {rows[row.id].path!r}: ranked once.")
                rows.setdefault(row.id, row)
        return _finish(store, list(rows.values()), problems, as_json, report, top, "soart: ranking", {})


@app.command(epilog="Example: soart demo --folder /tmp/soart-demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Collection of the demo; a second run reuses what is there.")] = Path(
        "soart-demo"
    ),
    as_json: Json = False,
) -> None:
    """The main job on the embedded model, offline, in under a minute: generate, score, rank, report."""
    from ..metrics.technical import TechnicalScorer
    from ..pipelines import jobs
    from ..pipelines.collection import Collection

    with Collection(folder) as store:
        generator = _load(None, None)
        requests = jobs.plan(
            jobs.DEMO_TEMPLATE, jobs.DEMO_COUNT, generator, seed=jobs.DEMO_SEED, prompt_seed=jobs.DEMO_SEED
        )
        with _Progress("drawing", len(requests), "pictures") as progress:
            made = jobs.generate(store, generator, requests, TechnicalScorer.load(), progress)
        if not as_json:
            out.print(
                f"{made.drawn} drawn, {made.reused} already there; pictures in {store.name}",
                soft_wrap=True,
                markup=False,
            )
        notes = (f"Template: {jobs.DEMO_TEMPLATE}",)
        extra = {"drawn": made.drawn, "reused": made.reused}
        _finish(store, made.rows, made.problems, as_json, folder / "report.html", 10, "soart demo", extra, notes)


@app.command(epilog="Example: soart doctor --json")
def doctor(as_json: Json = False) -> None:
    """Say what is installed, which device will be used, and what is missing."""
    from ..pipelines.doctor import examine

    checks = examine()
    if as_json:
        _emit({"checks": [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks]})
    else:
        for c in checks:
            mark = "ok     " if c.ok else ("missing" if c.optional else "PROBLEM")
            out.print(
                f"{mark}  {c.name}: {c.found}" + (f" → {c.advice}" if c.advice else ""), markup=False, soft_wrap=True
            )
    if not all(c.ok or c.optional for c in checks):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; expected mistakes end in one sentence."""
    try:
        app()
    except SoartError as error:
        _note(f"Error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        _note("Interrupted: finished pictures are kept, and the same command goes on from there.")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
