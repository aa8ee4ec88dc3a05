"""Arguments and options that several commands share."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import SoartError
from ...files import check_writable
from ...pipelines.configuration import TYPED
from ...pipelines.models.limits import GUIDANCE, SIDE, STEPS
from ...pipelines.models.options import GeneratorOptions
from ...pipelines.support.wording import composed
from .setting_defaults import is_typed, setting
from .terminal import Progress, err, note, print_notes

if TYPE_CHECKING:
    from ...metrics.items.combined import ItemKind
    from ...metrics.protocols import Measurer
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.tables import ImageRow
    from ...pipelines.judges.guarded import GuardedJudge
    from ...pipelines.judges.searching import Search
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


@contextmanager
def wrong_usage(option: str) -> Iterator[None]:
    """Turn an error about the value of an option into wrong usage, exit code 2."""
    try:
        yield
    except SoartError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


# A collection is text and not a Path, because a Path drops a slash of a URL.
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
    list[str], typer.Argument(metavar="PATHS", help="Pictures, folders of pictures, or a collection (folder or URL).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Report = Annotated[
    Path | None, typer.Option("--report", callback=page_file, help="Write the ranking as an HTML page to this file.")
]
Top = Annotated[int, typer.Option("--top", min=1, help="Lines of the ranking to print.")]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="NAME[=WEIGHT]",
        help="Judge: overall (the default), technical, a taste of yours, a fault such as blur, a model such as clip:HUB_ID, "
        "person:NAME or module:Class; repeatable. soart list judges lists them.",
    ),
]
Matching = Annotated[
    str,
    typer.Option(
        "--matching",
        metavar="WORDS",
        help='Only pictures that these words find, as by soart find; filters may be among them: "dog faces:2+ model:sdxl".',
    ),
]
CopyTo = Annotated[
    Path | None,
    typer.Option(
        "--copy-to",
        metavar="FOLDER",
        help="Copy the first pictures, as many as --top, to this folder, numbered, best first.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page when it is written, else the folder of the copies.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Use a taste that cannot be relied on yet.")]
Network = Annotated[
    str,
    typer.Option(
        help="Network that sees what pictures show: efficientnet-lite0, a hub id or folder of a vision model such as CLIP "
        "or DINOv2, or none."
    ),
]
Rater = Annotated[str, typer.Option("--rater", callback=rater_name, help="Name of the person who rates.")]
# Commands that evaluate folders of pictures.
Folders = Annotated[list[str], typer.Argument(help="Folders of pictures, single pictures, or a collection.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Take only files that match, such as '*.png' or '2026/*'; repeatable."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Hub id, diffusers folder, or .safetensors/.ckpt file; or a running backend: a1111:URL, comfyui:URL "
        "(docs/backends.md). Default: the embedded model.",
    ),
]
Lora = Annotated[
    Path | None,
    typer.Option(
        "--lora",
        metavar="DIR|FILE",
        help="Folder of .safetensors LoRAs, or one file, which prompts name as <lora:NAME:WEIGHT> (docs/loras.md).",
    ),
]
# Settings with which every picture of a command is drawn.
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


def read_pictures(
    paths: Sequence[str],
    measurer: Measurer,
    beside: Sequence[ItemKind] = (),
    *,
    title: str = "reading",
    workers: int | None = None,
) -> tuple[Collection, list[ImageRow], list[str]]:
    """Open the pictures that a user names behind a progress bar, see ``open_pictures``."""
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.scoring.measuring import open_pictures

    with Progress(title, 0) as progress:
        return open_pictures(paths, measurer, progress, progress.expect, LocalEngine(workers), beside)


def search_of(matching: str) -> Search | None:
    """The search of ``--matching``; None without words."""
    if not matching:
        return None
    from ...pipelines.judges.searching import Search

    return Search.of(matching, lambda name: load_judges([name])[0][0])


def matched(search: Search, collection: Collection, rows: Sequence[ImageRow]) -> list[ImageRow]:
    """The pictures that a search finds; what it cannot tell is printed, and that it finds none is an error."""
    with Progress("looking", len(rows)) as progress:
        hits, notes = search.find(collection, rows, progress)
    print_notes([*search.notes, *notes])
    if not hits:
        raise SoartError(f"No picture matches {search.text!r}: try fewer or other words.")
    return [hit.row for hit in hits]


def generator_options(model: str | None, loras: Path | None = None) -> GeneratorOptions:
    """The model of a command, and the settings of drawing."""
    names = ("device", "dtype", "offload", "engine")
    chosen = {name: value for name in names if (value := setting(name)) is not None}
    config, request, batch = setting("model_config"), setting("request"), setting("batch_size")
    fields = None
    if request:
        from ...pipelines.models.backends.a1111 import request_fields

        fields = request_fields(request)
    # Without a cluster they are the processes that inspect pictures.
    workers = processes() if chosen.get("engine") == "ray" else None
    return GeneratorOptions(
        model, loras, model_config=None if config is None else Path(config), workers=workers,
        batch_size=None if batch is None else int(batch), request=fields, **chosen,
    )  # fmt: skip


def processes() -> int | None:
    """The setting ``workers``; None without one."""
    number = setting("workers")
    return None if number is None else int(number)


def engine() -> str:
    """The setting ``engine``."""
    return str(setting("engine") or "local")


def tastes_folder() -> Path | None:
    """The setting ``tastes``; None for the usual folder."""
    folder = setting("tastes")
    return None if folder is None else Path(folder)


def wildcards_folder() -> Path | None:
    """The setting ``wildcards``; None without one."""
    folder = setting("wildcards")
    if folder is not None and not Path(folder).is_dir():
        raise SoartError(
            f"The folder of wildcards {folder!r} does not exist: name another one by the setting 'wildcards'."
        )
    return None if folder is None else Path(folder)


def model_effect() -> bool | None:
    """The setting ``model_effect``; None as each collection has it."""
    choice = setting("model_effect")
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


def prior_names(texts: Sequence[str] | None, option: str = TYPED) -> list[str] | None:
    """Names of prior scores, none of them for ``none``, and None for no texts; ``option`` is named in messages."""
    if texts and "none" in texts and {*texts} != {"none"}:
        raise typer.BadParameter("none starts from nothing: name no other prior score beside it", param_hint=option)
    return [text for text in texts if text != "none"] if texts else None


def chosen_priors(stores: Sequence[TasteStore]) -> list[str] | None:
    """The setting ``priors``; unknown names are wrong usage if ``--set`` names them, else they are left out with a note."""
    from ...pipelines.tastes.priors import check_priors

    names = prior_names(setting("priors"))
    if is_typed("priors"):
        with wrong_usage(TYPED):
            check_priors(names or (), stores)
    return names


def load_judges(
    by: Sequence[str] | None, places: Iterable[Path | str] = (), folder: Path | None = None
) -> list[tuple[GuardedJudge, float]]:
    """Load the judges of NAME or NAME=WEIGHT, with a spinner in a terminal; the overall score for no texts.

    Tastes are in ``folder``, else that of the settings; without one in those of the collections in ``places`` (or folders
    that were evaluated or seen in the gallery), then the user's, then those of rated folders.
    """
    from ...pipelines.judges.finding import guarded, judges_for
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    tastes = tastes_at_hand(folder or tastes_folder(), places)
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


def load_generator(options: GeneratorOptions | None = None) -> ImageGenerator:
    """Open the generator of the options, with a spinner in a terminal; close it, or use it in a ``with``."""
    from ...pipelines.models.opening import open_generator

    with err.status("loading the model…") if sys.stderr.isatty() else nullcontext():
        return open_generator(options)
