"""``soart tune``: steer the prompts by scores and ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    Store,
    Wildcards,
    Workers,
    load_generator,
)
from .taste import Profiles, warning_of
from .terminal import Progress, emit, interruptible, note, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.tables import ImageRow
    from ...pipelines.tuning.panel import Panel
    from ...pipelines.tuning.tuner import Tuner
    from ...prompts.space.space import PromptSpace


def _weighted(given: Sequence[str], option: str) -> tuple[list[str], dict[str, float]]:
    """Names, and the weights of those that are given as NAME=WEIGHT."""
    names, weights = [], {}
    for text in given:
        name, split, number = text.rpartition("=")
        if split:
            try:
                weights[name] = float(number)
            except ValueError:
                raise typer.BadParameter(f"expected NAME or NAME=WEIGHT, got {text!r}", param_hint=option) from None
        names.append(name if split else text)
    return names, weights


def _panel(tastes: Sequence[str], raters: Sequence[str], profiles: Path | None) -> Panel:
    from ...metrics.damage.scorer import TechnicalScorer
    from ...pipelines.scoring.profile_store import ProfileStore, scorer_named
    from ...pipelines.tuning.panel import Panel

    named, weights = _weighted(tastes, "--taste")
    people, shares = _weighted(raters, "--rater")
    scorers = {name: scorer_named(name, ProfileStore(profiles)) for name in named}
    # A taste that is named is part of the goal, beside people too.
    weights = {scorer.stored_name: weights.get(name, 1.0) for name, scorer in scorers.items()}
    return Panel([*scorers.values()] or [TechnicalScorer.load()], people, {**weights, **shares})


def _space(
    text: str | None, collection: Collection, negative: str, wildcards: Path | None, model: str | None
) -> PromptSpace:
    from ...pipelines.tuning.study import last_space
    from ...prompts.space.space import PromptSpace

    if text is None:
        return last_space(collection)
    if text.lower().endswith((".yaml", ".yml")) or Path(text).is_file():
        return PromptSpace.from_yaml(text, wildcards)
    vocabulary = "embedded" if model is None else "general"
    return PromptSpace.from_text(text, negative, vocabulary=vocabulary, wildcards=wildcards)


def tune(
    space: Annotated[
        str | None,
        typer.Argument(help="SPACE.yaml, a template such as 'a {fox|owl}, __style__', or a plain prompt."),
    ] = None,
    budget: Annotated[int, typer.Option(min=2, help="Pictures in all, those of earlier runs included.")] = 120,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Pictures between two decisions.")] = 8,
    taste: Annotated[
        list[str] | None,
        typer.Option("--taste", help="Taste to please, NAME or NAME=WEIGHT; repeat. Default: the technical score."),
    ] = None,
    rater: Annotated[
        list[str] | None,
        typer.Option("--rater", help="Person whose ratings to please, NAME or NAME=WEIGHT; repeat."),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Rate every batch by keys 1–5 as it comes (x, u, q).")] = False,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="With several judges: look for all trade-offs between them.")
    ] = False,
    prune: Annotated[
        bool, typer.Option(help="Drop poor candidates after an early look, where looks agree with the final pictures.")
    ] = True,
    ban: Annotated[list[str] | None, typer.Option("--ban", help="Never take this option, SLOT=OPTION; repeat.")] = None,
    pin: Annotated[
        list[str] | None, typer.Option("--pin", help="Always take this option, SLOT=OPTION; repeat.")
    ] = None,
    stop: Annotated[
        float, typer.Option(min=0, help="End when going on can gain less than this many deviations; 0: never.")
    ] = 0.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the space tuned last; naming the space again does so too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search and of the first picture.")] = 0,
    negative: Annotated[str, typer.Option(help="Negative prompt or template, where SPACE is text.")] = "",
    wildcards: Wildcards = None,
    batch_size: BatchSize = None,
    model: Model = None,
    model_config: ModelConfig = None,
    device: Device = None,
    dtype: Dtype = None,
    offload: Offload = "auto",
    engine: Engine = "local",
    workers: Workers = None,
    collection: Store = "soart-tuning",
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML page; default: tune.html in the collection.")
    ] = None,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Tune prompts: draw, judge, learn what the words do, choose the next ones; ends with the best prompts and a report.

    The same command goes on after any interruption.
    """
    from ...pipelines.collection.collection import Collection
    from ...pipelines.scoring.measuring import existing_collection
    from ...pipelines.tuning.tuner import Tuner

    if space is None and not resume:
        raise typer.BadParameter("name a space, or --resume the one tuned last", param_hint="SPACE")
    people = [*(rater or ()), *(["me"] if ask and not rater else ())]
    panel = _panel(taste or (), people, profiles)
    warnings = [text for scorer in panel.scorers for text in warning_of(scorer)]
    with existing_collection(collection) if space is None else Collection(collection) as store:
        narrowed = _space(space, store, negative, wildcards, model).restrict(ban or (), pin or ())
        with load_generator(
            model,
            batch_size,
            config=model_config,
            device=device,
            dtype=dtype,
            offload=offload,
            engine=engine,
            workers=workers,
        ) as generator:
            tuner = Tuner(
                store, generator, narrowed, panel, seed=seed, batch=batch, budget=budget, pareto=pareto, prune=prune
            )
            why = run(tuner, stop, panel.people[0] if ask else None, silent=as_json)
            facts = finish(tuner, why, warnings, report or store.file("tune.html"), as_json)
    if as_json:
        emit(facts)


def run(tuner: Tuner, stop: float, rater: str | None, *, silent: bool) -> str:
    """Tune, showing how it goes; returns why it ended."""
    from ...pipelines.tastes.rating_session import RatingSession
    from ...pipelines.tuning.loop import tune as steer
    from .keys import keys, rate_by_keys
    from .tune_output import batch_line, best_table

    pressed = keys() if rater else iter(())
    if tuner.done and not silent:
        say(f"{tuner.done} of {tuner.budget} pictures are there already.")
    with interruptible(), Progress("tuning", tuner.budget) as progress:

        def told(rows: list[ImageRow]) -> bool:
            enough = False
            if rater:
                with progress.hidden():
                    session = RatingSession(tuner.collection, rater, [row for row in rows if not row.problem])
                    enough = not rate_by_keys(session, pressed, silent=silent)
            judged = tuner.judged()
            progress.show(best_table(judged))
            if not silent:
                with progress.hidden():
                    say(batch_line(judged, tuner))
            return enough

        return steer(tuner, stop_below=stop, on_batch=told, progress=progress)


def finish(tuner: Tuner, why: str, warnings: Sequence[str], report: Path, as_json: bool) -> dict[str, Any]:
    """Write the report and print the findings unless JSON is wanted; returns all as plain JSON values."""
    from ...pipelines.reports.page import write_report
    from ...pipelines.reports.tuning import render_tune_report
    from ...pipelines.tuning.findings import findings_of
    from .tune_output import print_tuned, tuned_facts

    tuned = findings_of(tuner)
    title = f"soart tune: {', '.join(tuner.space.contexts) or tuner.space.template}"
    written = write_report(report, render_tune_report(tuner.collection, tuned, title, why, warnings))
    if not as_json:
        say(why)
        print_tuned(tuned)
        for text in tuned.notes:
            say(text)
        for text in (*warnings, *tuned.alarms):
            note(text)
        say(f"Report: {written}")
    facts = {"ended": why, "pictures": tuner.done, "collection": tuner.collection.name, "report": str(written)}
    return {**facts, **tuned_facts(tuner.collection, tuned), "warnings": list(warnings)}
