"""The command ``soart optimize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import SoartError
from ...pipelines.models.limits import GUIDANCE, SEED_LIMIT, STEPS
from ...pipelines.models.options import GeneratorOptions
from .options import By, CollectionOption, Json, Profiles, finite, load_generator, load_judges, with_generator_options
from .picture_settings import parse_size
from .terminal import Progress, emit, note, print_notes, say


@with_generator_options(cluster=False)
def optimize(
    prompt: Annotated[str | None, typer.Argument(help="Prompt, as it is; not needed with --again.")] = None,
    by: By = None,
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
    anyway: Annotated[bool, typer.Option("--anyway", help="Use a taste that cannot be relied on yet.")] = False,
    again: Annotated[
        Path | None,
        typer.Option(
            "--again",
            metavar="FILE",
            help="Make the optimized picture in this PNG file again, by its record.",
        ),
    ] = None,
    negative: Annotated[str | None, typer.Option(help="What the picture should not show.")] = None,
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
    collection: CollectionOption = "soart-pictures",
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Optimize the picture of a prompt for a judge: more of what you like than choosing among seeds would find."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.optimizing import optimize as optimizing

    if (prompt is None) == (again is None):
        raise typer.BadParameter("expected a prompt, or --again with a file, and not both", param_hint="PROMPT")
    width, height = parse_size(size)
    judges = load_judges(by, profiles, [collection])
    if len(judges) > 1:
        raise SoartError(f"Expected one judge to optimize for, got {len(judges)}: give --by once.")
    judge = optimizing.judge_for(judges[0][0], anyway=anyway or again is not None)
    Collection.check_place(collection)
    with load_generator(drawing) as generator:
        if again is not None:
            found = optimizing.optimize_again(generator, optimizing.record_of(again), by=judge)
            with Collection(collection) as store:
                found = optimizing.store(store, generator, found, judge)
        else:
            assert prompt is not None
            settings: dict[str, Any] = {
                "negative": negative, "steps": steps, "guidance": guidance, "width": width, "height": height,
            }  # fmt: skip
            request = generator.request(prompt, seed, **settings)
            with Collection(collection) as store, Progress("optimizing", round(seconds)) as shown:
                done = 0

                def advance(progress: optimizing.Progress) -> None:
                    nonlocal done
                    now = min(round(progress.seconds), round(seconds))
                    shown(now - done)
                    done = now

                found = optimizing.optimize(
                    generator, prompt, by=judge, seconds=seconds, pictures=pictures, seed=seed, adherence=adherence, anyway=anyway,
                    state=optimizing.state_file(store, generator, judge, request), progress=advance, **settings,
                )  # fmt: skip
                found = optimizing.store(store, generator, found, judge)
    facts = {
        "path": str(found.path), "by": judge.name, "value": found.marks.value, "start": found.start_marks.value,
        "adherence": found.marks.adherence, "start_adherence": found.start_marks.adherence, "freedom": found.marks.freedom,
        "pictures": found.pictures, "seconds": found.seconds, "ways": list(found.steps), "notes": list(found.sentences),
    }  # fmt: skip
    if as_json:
        emit({name: None if isinstance(value, float) and value != value else value for name, value in facts.items()})
    else:
        say(f"{found.path}")
        say(
            f"{judge.name}: {found.start_marks.value:.4g} for the best of the first seeds, {found.marks.value:.4g} now."
        )
        if found.marks.adherence == found.marks.adherence:
            say(f"Shows the prompt: {found.start_marks.adherence:.2f} before, {found.marks.adherence:.2f} now.")
        note(f"{found.pictures} pictures drawn in {found.seconds:.0f} s.")
    print_notes(found.sentences)
    if found.ended == "interrupted":
        raise typer.Exit(130)
