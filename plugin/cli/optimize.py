"""The command ``soart optimize``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...pipelines.models.limits import SEED_LIMIT, STRENGTHS
from .options import (
    Anyway,
    By,
    CollectionOption,
    Guidance,
    Json,
    Lora,
    Model,
    Negative,
    Size,
    Steps,
    finite,
    generator_options,
    load_generator,
    load_judges,
    settings_of,
)
from .terminal import Progress, print_notes, show

if TYPE_CHECKING:
    from ...pipelines.optimizing import optimize as optimizing


def optimize(
    prompt: Annotated[str | None, typer.Argument(help="Prompt, as it is; not needed with --like or --again.")] = None,
    by: By = None,
    like: Annotated[
        list[Path] | None,
        typer.Option(
            "--like",
            metavar="PICTURE",
            help="Begin with a picture that this model drew: near it, or between two or three; repeatable. Prompt and settings "
            "are its own unless you name others.",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            min=STRENGTHS[0],
            max=STRENGTHS[1],
            help="Draw on the picture of --like, whoever made it: little changes at 0.2, and nothing is kept at 1 (image-to-image).",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, callback=finite, help="Seconds to spend.")] = 60.0,
    pictures: Annotated[
        int | None, typer.Option(min=1, help="Most pictures to draw; default: as many as the seconds allow.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=SEED_LIMIT - 1, help="Image seed of the first picture.")] = 0,
    adherence: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Least adherence to the prompt, 0 to 1; default: that of the first pictures less 0.02.",
        ),
    ] = None,
    anyway: Anyway = False,
    again: Annotated[
        Path | None,
        typer.Option(
            "--again",
            metavar="FILE",
            help="Make the optimized picture in this PNG file again, by its record.",
        ),
    ] = None,
    negative: Negative = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    model: Model = None,
    lora: Lora = None,
    collection: CollectionOption = "soart-pictures",
    as_json: Json = False,
) -> None:
    """Optimize the picture of a prompt for a judge: more of what you like than choosing among seeds would find."""
    from ...pipelines import api
    from ...pipelines.collection.collection import Collection
    from ...pipelines.optimizing import optimize as optimizing
    from ...pipelines.optimizing.parents import parents_again
    from ...pipelines.optimizing.records import record_of

    if (prompt is None and not like) == (again is None):
        raise typer.BadParameter(
            "expected a prompt, --like or --again, the last without the others", param_hint="PROMPT"
        )
    if strength is not None and len(like or ()) != 1:
        raise typer.BadParameter("expected one picture to draw on, with --like", param_hint="--strength")
    for file in like or ():
        if not file.is_file():
            raise typer.BadParameter(f"the file {str(file)!r} does not exist", param_hint="--like")
    named = settings_of(negative, steps, guidance, size)
    judge = optimizing.judge_for(dict(load_judges(by, [collection])), anyway=anyway or again is not None)
    Collection.check_place(collection)
    with load_generator(generator_options(model, lora)) as generator:
        if again is not None:
            record = record_of(again)
            with Collection(collection) as store:
                found = optimizing.optimize_again(generator, record, by=judge, parents=parents_again(store, record))
                found = optimizing.store(store, generator, found, judge)
        else:
            with Progress("optimizing", round(seconds)) as shown:
                found = api.optimize(
                    prompt, collection, model=generator, by=judge, seconds=seconds, pictures=pictures, seed=seed,
                    adherence=adherence, anyway=anyway, like=like or (), strength=strength,
                    progress=advancing(shown, seconds), **named,
                )  # fmt: skip
        unused = generator.model.loras.unused
    show(as_json, optimized_facts(found), optimized_lines(found))
    print_notes([*found.sentences, *unused])
    if found.ended == "interrupted":
        raise typer.Exit(130)


def advancing(shown: Progress, seconds: float) -> Callable[[optimizing.OptimizeProgress], None]:
    """A function that moves a bar of so many seconds on."""
    return lambda progress: shown.reach(min(round(progress.seconds), round(seconds)))


def optimized_facts(found: optimizing.Optimized) -> dict[str, Any]:
    """An optimized picture as part of a JSON document."""
    facts = {
        "path": str(found.path), "start_path": found.start_path and str(found.start_path),
        "prompt": found.request.prompt, "by": found.by, "value": found.marks.value, "start": found.start_marks.value, "adherence": found.marks.adherence, "start_adherence": found.start_marks.adherence,
        "likeness": found.marks.likeness, "start_likeness": found.start_marks.likeness, "second_judge": found.second,
        "second": found.marks.second, "start_second": found.start_marks.second,
        "freedom": found.marks.freedom, "pictures": found.pictures, "seconds": found.seconds, "ways": list(found.steps),
        "notes": list(found.sentences),
    }  # fmt: skip
    return {name: None if isinstance(value, float) and value != value else value for name, value in facts.items()}


def optimized_lines(found: optimizing.Optimized) -> Iterator[str]:
    """An optimized picture, and what it gained, as lines."""
    gain, *others = found.lines()
    yield str(found.path)
    yield gain
    if found.start_path is not None and found.start_path != found.path:
        yield f"Before: {found.start_path}"
    if len(found.parents) > 1:
        yield f"Prompt: {found.request.prompt}"
    yield from others
