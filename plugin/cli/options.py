"""Arguments and options that several commands share."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ...errors import SoartError
from ...files import check_writable
from ...pipelines.models.limits import DTYPES, ENGINES, OFFLOADS
from ...pipelines.models.options import GeneratorOptions
from ...pipelines.support.wording import composed
from .terminal import err, note

if TYPE_CHECKING:
    from ...pipelines.judges.guarded import GuardedJudge
    from ...pipelines.models.generator import ImageGenerator
    from ...pipelines.scoring.taste_store import StoresInTurn, TasteStore


def check_outputs(paths: Iterable[Path | None], *, folders: bool = False, parents: bool = False) -> None:
    """Refuse places where nothing can be written, before any work begins; None is passed over.

    ``folders`` may be missing themselves; with ``parents``, the folders of files may.
    """
    for path in paths:
        if path is not None:
            try:
                check_writable(path / "file" if folders else path, parents=folders or parents)
            except OSError as error:
                raise SoartError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _checked(*, folders: bool = False, parents: bool = False) -> Callable[[typer.Context, Any], Any]:
    """A callback of options for ``check_outputs``."""

    def check(ctx: typer.Context, value: Any) -> Any:  # noqa: ANN401
        if not ctx.resilient_parsing:
            check_outputs(value if isinstance(value, list | tuple) else [value], folders=folders, parents=parents)
        return value

    return check


#: Callbacks of options: an output file in a folder that exists, one whose folder is made, a folder that is made.
output_file, output_file_anywhere, output_folder = _checked(), _checked(parents=True), _checked(folders=True)


def page_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """Callback of options: the file of a page, in a folder that exists; the name of a picture is refused."""
    if value is not None and not ctx.resilient_parsing:
        from ...pipelines.reports.page import check_page

        check_page(value)
    output_file(ctx, value)
    return value


def picture_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """Callback of options: the file of a picture; a picture that soart did not write there is refused."""
    output_file_anywhere(ctx, value)
    if value is not None and not ctx.resilient_parsing:
        from ...pipelines.scoring.explaining import check_picture

        check_picture(value)
    return value


def finite(value: float | None) -> float | None:
    """Callback of options: refuse NaN and infinities."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a number, got {value}")
    return value


def rater_name(value: str | None) -> str | None:
    """Callback of options: the name of a rater as the gallery has it."""
    return None if value is None else composed(value)


def rater_names(values: Sequence[str] | None) -> list[str] | None:
    """Callback of repeatable options, as ``rater_name``."""
    return None if values is None else [*map(composed, values)]


def one_of(choices: Sequence[str]) -> Callable[[str | None], str | None]:
    """A callback of options that take one of some words."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in choices:
            raise typer.BadParameter(f"expected one of {', '.join(choices)}, got {value!r}")
        return value

    return check


@contextmanager
def wrong_usage(option: str) -> Iterator[None]:
    """Turn an error about the value of an option into wrong usage, exit code 2."""
    try:
        yield
    except SoartError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


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
    typer.Argument(metavar="PATHS", help="Pictures, folders of pictures, or a collection (folder or URL)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Report = Annotated[
    Path | None,
    typer.Option("--report", callback=page_file, help="Write the ranking as an HTML page to this file."),
]
Top = Annotated[int, typer.Option("--top", min=1, help="Lines of the ranking to print.")]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="NAME[=WEIGHT]",
        help="Judge: overall (the default), technical, a taste of yours, a fault such as blur, a model such as clip:HUB_ID, "
        "person:NAME or module:Class; repeatable. soart judges lists them.",
    ),
]
CopyTo = Annotated[
    Path | None,
    typer.Option(
        "--copy-to",
        metavar="FOLDER",
        help="Copy the first pictures, as many as --top, to this folder; their names begin with their place.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page when it is written, else the folder of the copies.")]
Wildcards = Annotated[
    Path | None,
    typer.Option("--wildcards", exists=True, file_okay=False, help="Folder of your own NAME.txt wildcard files."),
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Use a taste that cannot be relied on yet.")]
TasteFolder = Annotated[
    Path | None,
    typer.Option(
        "--tastes", file_okay=False, help="Folder of tastes; default: soart/tastes in your configuration folder."
    ),
]
Network = Annotated[
    str,
    typer.Option(
        help="Network that sees what pictures show: efficientnet-lite0, a hub id or folder of a vision model such as CLIP "
        "or DINOv2, or none."
    ),
]
Rater = Annotated[str, typer.Option("--rater", callback=rater_name, help="Name of the person who rates.")]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="|".join(ENGINES),
        callback=one_of(ENGINES),
        help="Run on this machine, or on the Ray cluster at RAY_ADDRESS (docs/cluster.md).",
    ),
]

ModelEffect = Annotated[
    str | None,
    typer.Option(
        "--model-effect",
        metavar="on|off",
        callback=one_of(("on", "off")),
        help="Let the other pictures of a model move a picture's place by the overall score; default: as set in the gallery.",
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
            "--model",
            help="Hub id, diffusers folder, or .safetensors/.ckpt file; or a running backend: a1111:URL, comfyui:URL "
            "(docs/backends.md). Default: the embedded model.",
        ),
    ],
    "loras": Annotated[
        Path | None,
        typer.Option(
            "--lora",
            metavar="DIR|FILE",
            help="Folder of .safetensors LoRAs, or one file, which prompts name as <lora:NAME:WEIGHT> (docs/loras.md).",
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
        str | None,
        typer.Option(
            "--dtype",
            metavar="|".join(DTYPES),
            callback=one_of(DTYPES),
            help="Number format; default: chosen by device.",
        ),
    ],
    "offload": Annotated[
        str,
        typer.Option(
            "--offload", metavar="|".join(OFFLOADS), callback=one_of(OFFLOADS), help="Keep weights off the accelerator."
        ),
    ],
    "request": Annotated[
        list[str] | None,
        typer.Option(
            "--request",
            metavar="FIELD=VALUE|FILE.json",
            help="More fields of a web UI's request, such as enable_hr=true; repeatable (docs/backends.md).",
        ),
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


def switched(choice: str | None) -> bool | None:
    """True and False for ``on`` and ``off``, None for neither."""
    return None if choice is None else choice == "on"


def weighted(texts: Sequence[str], option: str) -> list[tuple[str, float]]:
    """Names and weights of NAME or NAME=WEIGHT, by default weight 1; ``option`` is named in messages."""
    from ...metrics.checks import HEAVIEST, is_weight

    pairs = []
    for text in texts:
        name, split, number = text.rpartition("=")
        try:
            pair = (name, float(number or 1)) if split else (text, 1.0)
        except ValueError:
            pair = ("", math.nan)
        if not (pair[0].strip() and is_weight(pair[1])):
            expected = f"expected NAME or NAME=WEIGHT with a weight up to {HEAVIEST:,.0f}"
            raise typer.BadParameter(f"{expected}, got {text!r}", param_hint=option)
        pairs.append(pair)
    return pairs


def prior_names(texts: Sequence[str] | None, option: str = "--prior") -> list[str] | None:
    """Names of prior scores, none of them for ``none``, and None for no texts; ``option`` is named in messages."""
    if texts and "none" in texts and {*texts} != {"none"}:
        raise typer.BadParameter("none starts from nothing: name no other prior score beside it", param_hint=option)
    return [text for text in texts if text != "none"] if texts else None


def check_typed_priors(ctx: typer.Context, names: Sequence[str] | None, stores: Sequence[TasteStore]) -> None:
    """Refuse unknown prior scores on the command line as wrong usage; those of the settings are left out with a note."""
    from ...pipelines.tastes.priors import check_priors

    if not from_settings(ctx, "priors"):
        with wrong_usage("--prior"):
            check_priors(names or (), stores)


def from_settings(ctx: typer.Context, parameter: str) -> bool:
    """True if a parameter has its value from the settings, not from the command line."""
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name == "DEFAULT_MAP"


def load_judges(
    by: Sequence[str] | None, folder: Path | None = None, places: Iterable[Path | str] = ()
) -> list[tuple[GuardedJudge, float]]:
    """Load the judges of NAME or NAME=WEIGHT, with a spinner in a terminal; the overall score for no texts.

    Tastes are in ``folder``; without one in those of the collections in ``places`` (or folders that were evaluated or
    seen in the gallery), then the user's, then those of rated folders.
    """
    from ...pipelines.judges.finding import guarded, judges_for
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    tastes = tastes_at_hand(folder, places)
    named = weighted(by or (), "--by")
    with err.status("loading the judges…") if sys.stderr.isatty() else nullcontext():
        judges = judges_for({guarded(name, tastes): weight for name, weight in named})
    for name, _ in named:
        note_origin(tastes, name)
    return judges


def note_origin(tastes: StoresInTurn, name: str) -> None:
    """Say which folder's ratings taught a taste if the command is not about that folder; ``name`` may be no taste."""
    from ...pipelines.scoring.rated_tastes import origin_of

    if name not in tastes.names() or tastes.is_near(name):
        return
    if folder := origin_of(tastes, name):
        note(f"The taste {name!r} was learnt from ratings in {folder!r}.")


def with_generator_options(
    *, cluster: bool = True, loras: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn the parameter ``drawing`` of a command, a ``GeneratorOptions``, into one option for each of its fields.

    Without ``cluster`` the command has no ``--engine`` and no ``--workers``; without ``loras``, ``--lora`` is the
    command's own.
    """
    without = {"engine", "workers"} if not cluster else set()
    names = [name for name in _GENERATOR_OPTIONS if name not in (without if loras else without | {"loras"})]
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
            given = {name: values.pop(name) for name in names}
            given["request"] = _request_fields(given["request"])
            drawing = GeneratorOptions(**given)
            command(**values, drawing=drawing)

        # Typer reads these. Without ``__wrapped__``, or it would read the command itself.
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        run.__annotations__ = {name: parameter.annotation for name, parameter in flat.items()}
        run.__signature__ = inspect.Signature(list(flat.values()))  # type: ignore[attr-defined]
        return run

    return decorate


def _request_fields(texts: list[str] | None) -> dict[str, Any] | None:
    if not texts:
        return None
    from ...pipelines.models.backends.a1111 import request_fields

    return request_fields(texts)


def load_generator(options: GeneratorOptions | None = None) -> ImageGenerator:
    """Open the generator of the options, with a spinner in a terminal; close it, or use it in a ``with``."""
    from ...pipelines.models.opening import open_generator

    with err.status("loading the model…") if sys.stderr.isatty() else nullcontext():
        return open_generator(options)
