"""Arguments and options that several commands share."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ...pipelines.models.options import GeneratorOptions
from .terminal import err

if TYPE_CHECKING:
    from ...pipelines.judges.guarded import GuardedJudge
    from ...pipelines.models.generator import ImageGenerator

# A collection is text and not a Path, because a Path drops a slash of a URL.
CollectionArgument = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="A collection: its folder, or the URL of its database.")
]
CollectionOption = Annotated[
    str,
    typer.Option(
        "--collection",
        metavar="FOLDER|URL",
        help="Collection of pictures, prompts, scores and ratings: a folder, or a database such as "
        "postgresql://user@host/db.",
    ),
]
Pictures = Annotated[
    list[str],
    typer.Argument(metavar="PATHS...", help="Pictures, folders of pictures, or a collection (folder or URL)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the ranking as an HTML page to this file.")]
Top = Annotated[int, typer.Option("--top", min=1, help="Lines of the ranking to print.")]
CopyTo = Annotated[
    Path | None,
    typer.Option(
        "--copy-to",
        metavar="FOLDER",
        help="Copy the first pictures, as many as --top, to this folder; their names begin with their place.",
    ),
]
Wildcards = Annotated[Path | None, typer.Option("--wildcards", help="Folder of your own NAME.txt wildcard files.")]
Profiles = Annotated[
    Path | None,
    typer.Option("--profiles", help="Folder of tastes; default: soart/tastes in your configuration folder."),
]
Judges = Annotated[
    list[str] | None,
    typer.Option(
        "--judge",
        "--by",
        metavar="NAME[:ARGUMENT][=WEIGHT]",
        help="Judge of the pictures, alone or beside a taste: adherence, clip:HUB_ID, module:Class …; repeatable. "
        "soart doctor lists them; docs/judges.md says which weights forbid commercial use.",
    ),
]
Network = Annotated[
    str,
    typer.Option(
        help="Network that sees what pictures show: efficientnet-lite0, a hub id or folder of a vision model such as CLIP "
        "or DINOv2, or none."
    ),
]
Rater = Annotated[str, typer.Option("--rater", help="Name of the person who rates.")]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray",
        help="Run on this machine, or on the Ray cluster at RAY_ADDRESS (docs/cluster.md).",
    ),
]

# Commands that evaluate folders of pictures.
Folders = Annotated[list[str], typer.Argument(help="Folders of pictures, single pictures, or a collection.")]
EvaluationOption = Annotated[
    str | None,
    typer.Option(
        "--collection",
        help="Folder or URL that stores the evaluation; default: one for these folders, in your data folder.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Take only files that match, such as '*.png' or '2026/*'; repeatable."),
]
Processes = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Number of processes that inspect pictures; default: one per core."),
]

#: The option of each field of ``GeneratorOptions``, in the order of the help pages.
_GENERATOR_OPTIONS: dict[str, Any] = {
    "batch_size": Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="Pictures drawn together; halved when memory runs out."),
    ],
    "model": Annotated[
        str | None,
        typer.Option(
            "--model", help="Hub id, diffusers folder, or .safetensors/.ckpt file; default: the embedded model."
        ),
    ],
    "loras": Annotated[
        Path | None,
        typer.Option(
            "--lora",
            metavar="DIR",
            help="Folder of .safetensors LoRAs, which prompts name as <lora:NAME:WEIGHT> (docs/loras.md).",
        ),
    ],
    "model_config": Annotated[
        Path | None,
        typer.Option("--model-config", help="Diffusers folder that describes a single-file model, for use offline."),
    ],
    "device": Annotated[
        str | None,
        typer.Option("--device", help="cuda, cuda:1, xpu, mps or cpu; default: the best device available."),
    ],
    "dtype": Annotated[
        str | None, typer.Option("--dtype", help="float32, float16 or bfloat16; default: chosen by device.")
    ],
    "offload": Annotated[
        str, typer.Option("--offload", help="auto, none, model or sequential: keep weights off the accelerator.")
    ],
    "engine": Engine,
    "workers": Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="With --engine ray: number of drawing workers; default: one per GPU, or one per node if there are "
            "no GPUs.",
        ),
    ],
}


def weighted(texts: Sequence[str], option: str) -> list[tuple[str, float]]:
    """Names and weights of NAME or NAME=WEIGHT, by default weight 1; ``option`` is named in messages."""
    pairs = []
    for text in texts:
        name, split, number = text.rpartition("=")
        try:
            pairs.append((name, float(number or 1)) if split else (text, 1.0))
        except ValueError:
            raise typer.BadParameter(f"expected NAME or NAME=WEIGHT, got {text!r}", param_hint=option) from None
    return pairs


def load_judges(texts: Sequence[str] | None, option: str = "--judge") -> list[tuple[GuardedJudge, float]]:
    """Load the judges of NAME or NAME=WEIGHT, with a spinner in a terminal; none for no texts."""
    if not texts:
        return []
    from ...pipelines.judges.finding import guarded_judges

    with err.status("loading the judges…") if sys.stderr.isatty() else nullcontext():
        return guarded_judges(weighted(texts, option))


def with_generator_options(*, cluster: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn the parameter ``drawing`` of a command, a ``GeneratorOptions``, into one option for each of its fields.

    Args:
        cluster: True if the command can draw on a cluster; else it has no ``--engine`` and no ``--workers``.
    """
    names = [name for name in _GENERATOR_OPTIONS if cluster or name not in ("engine", "workers")]
    defaults = {field.name: field.default for field in fields(GeneratorOptions)}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = dict(inspect.signature(command).parameters)
        hints |= {name: _GENERATOR_OPTIONS[name] for name in names}
        options = {
            name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name]) for name in names
        }
        flat = {
            name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            for outer, inner in parameters.items()
            for name, parameter in (options if outer == "drawing" else {outer: inner}).items()
        }

        def run(**values: Any) -> None:  # noqa: ANN401
            drawing = GeneratorOptions(**{name: values.pop(name) for name in names})
            command(**values, drawing=drawing)

        # Typer reads these. Without ``__wrapped__``, or it would read the command itself.
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        run.__annotations__ = {name: parameter.annotation for name, parameter in flat.items()}
        run.__signature__ = inspect.Signature(list(flat.values()))  # type: ignore[attr-defined]
        return run

    return decorate


def load_generator(options: GeneratorOptions | None = None) -> ImageGenerator:
    """Open the generator of the options, with a spinner in a terminal; close it, or use it in a ``with``."""
    from ...pipelines.models.opening import open_generator

    with err.status("loading the model…") if sys.stderr.isatty() else nullcontext():
        return open_generator(options)
