"""The command ``soart tune``."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...pipelines.models.limits import SEED_LIMIT
from .options import (
    By,
    CollectionOption,
    Guidance,
    Json,
    Lora,
    Model,
    Sampler,
    Size,
    Steps,
    finite,
    generator_options,
    load_generator,
    load_judges,
    page_file,
    settings_of,
    tastes_folder,
    weighted,
    wildcards_folder,
)
from .terminal import Progress, emit, interruptible, note, print_notes, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipelines.collection.tables import ImageRow
    from ...pipelines.tuning.findings import StudyFindings
    from ...pipelines.tuning.panel import Panel
    from ...pipelines.tuning.tuner import Tuner
    from ...prompts.space.space import PromptSpace
    from ...prompts.steering.proposals import Proposer

#: The rater of ``--ask`` if ``--by`` names no person.
ME = "me"
#: The collection of tunes by default.
TUNING = "soart-tuning"


def _panel(by: Sequence[str], adherence: float | None, collection: str) -> Panel:
    from ...pipelines.judges.finding import guarded
    from ...pipelines.tuning.panel import AdherenceFloor, Panel

    floor = None if adherence == 0 else AdherenceFloor(guarded("adherence"), adherence)
    return Panel(dict(load_judges(by, [collection])), floor)


def _space(text: str, negative: str, wildcards: Path | None, vocabulary: str, words: int) -> PromptSpace:
    """The space of a YAML file or of a text."""
    from ...prompts.space.space import PromptSpace

    # Path.is_file fails for a prompt that is too long to be the name of a file.
    if text.lower().endswith((".yaml", ".yml")) or os.path.isfile(text):  # noqa: PTH113
        return PromptSpace.from_yaml(text, wildcards)
    return PromptSpace.from_text(text, negative, vocabulary=vocabulary, words=words, wildcards=wildcards)


def _proposer(name: str | None, vocabulary: str, wildcards: Path | None) -> Proposer | None:
    """The proposer of the option ``--propose``."""
    if name is None:
        return None
    if name == "vocabulary":
        from ...pipelines.tuning.proposing import vocabulary_proposer

        return vocabulary_proposer(vocabulary, wildcards)
    from ...pipelines.tuning.language_model import LanguageModelProposer

    return LanguageModelProposer.load(name)


def tune(
    space: Annotated[
        str | None,
        typer.Argument(
            help="SPACE.yaml, a template such as 'a {fox|owl}, __style__', or a plain prompt; leave out to continue with the "
            "space tuned last."
        ),
    ] = None,
    budget: Annotated[int, typer.Option(min=2, help="Total number of pictures, earlier runs included.")] = 120,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Pictures between two decisions.")] = 8,
    by: By = None,
    adherence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="Lowest adherence to the prompt, 0–1; pictures below it count less (docs/judges.md). Default: about 0.5, not "
            "for your own ratings; 0: none.",
        ),
    ] = None,
    ask: Annotated[
        bool,
        typer.Option(
            "--ask",
            help="Rate every batch by keys as it comes: 1–5, + and - half a star more and less, n not for me, x to skip, u to "
            "undo, q to quit.",
        ),
    ] = False,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="With several judges: search for all trade-offs between them.")
    ] = False,
    ban: Annotated[
        list[str] | None, typer.Option("--ban", help="Never use this option, SLOT=OPTION; repeatable.")
    ] = None,
    pin: Annotated[
        list[str] | None, typer.Option("--pin", help="Always use this option, SLOT=OPTION; repeatable.")
    ] = None,
    propose: Annotated[
        str | None,
        typer.Option(
            "--propose",
            metavar="vocabulary|ID_OR_FOLDER",
            help="Between batches, add options that resemble the good ones or come from your best prompts, and retire hopeless "
            "ones: from vocabularies, or from a local language model, which you download first.",
        ),
    ] = None,
    optimize: Annotated[
        float | None,
        typer.Option(
            "--optimize",
            metavar="SECONDS",
            min=0.1,
            callback=finite,
            help="At the end spend so many seconds on the best picture of the best prompt, as soart optimize --like does.",
        ),
    ] = None,
    stop: Annotated[
        float,
        typer.Option(
            min=0,
            callback=finite,
            help="Stop when the expected further gain falls below this many standard deviations; 0: never.",
        ),
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(min=0, max=SEED_LIMIT - 1, help="Seed of the search and of the first picture.")
    ] = 0,
    negative: Annotated[
        str,
        typer.Option(
            help="Negative prompt; if SPACE is text, a template too. The negative slots of a YAML file replace it."
        ),
    ] = "",
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    sampler: Sampler = None,
    words: Annotated[
        int,
        typer.Option(min=1, help="Words to try from each vocabulary, if SPACE is a plain prompt; the widest first."),
    ] = 5,
    model: Model = None,
    lora: Lora = None,
    collection: CollectionOption = TUNING,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            callback=page_file,
            help="HTML page; default: a file tune-….html in the collection, of its own for each tune.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tune prompts: draw, judge, learn what the words do, and choose the next ones.

    Ends with the best prompts and a report. After an interruption the same command continues.
    """
    if ask:
        from .keys import check_keys

        check_keys()

    from ...metrics.damage.names import PERSON
    from ...metrics.damage.titles import stored_title
    from ...pipelines.collection.collection import Collection
    from ...pipelines.ingest.roots import existing_collection
    from ...pipelines.scoring.taste_store import TasteStore
    from ...pipelines.tuning.ending import goal_judge
    from ...pipelines.tuning.findings import findings_of
    from ...pipelines.tuning.loop import STOPPED
    from ...pipelines.tuning.panel import unheard
    from ...pipelines.tuning.settings import ENDED, PAUSED, TERMINAL, TuneSettings, report_name, store_tune
    from ...pipelines.tuning.study import last_space
    from ...pipelines.tuning.tuner import Tuner

    settings, wildcards = settings_of(negative or None, steps, guidance, size), wildcards_folder()
    drawing, tastes = generator_options(model, lora), tastes_folder()
    asked = [*(by or ()), *([f"{PERSON}{ME}"] if ask and not any(name.startswith(PERSON) for name in by or ()) else ())]
    panel = _panel(asked, adherence, collection)
    if optimize:
        # A judge that cannot be optimized for is refused before anything is drawn.
        goal_judge(panel)
    warnings = panel.doubts
    proposes = _proposer(propose, drawing.vocabulary, wildcards)
    # A mistake in the space, a ban or a pin leaves no empty collection behind.
    if space is not None:
        whole = _space(space, negative, wildcards, drawing.vocabulary, words)
        named = whole.restrict(ban or (), pin or ())
        named.check_tunable()
        Collection.check_place(collection)
    elif collection == TUNING and not Path(collection).exists():
        raise typer.BadParameter("name a space, or the collection whose tune goes on", param_hint="SPACE")
    else:
        with existing_collection(collection) as store:
            whole, collection = last_space(store), str(store.where)
            named = whole.restrict(ban or (), pin or ())
    # So does one in the model.
    with load_generator(drawing) as generator, Collection(collection) as store:
        # Those of the space come first.
        generator.set_defaults(**settings, scheduler=sampler)
        tuner = Tuner(
            store, generator, named, panel, seed=seed, batch=batch, budget=budget, pareto=pareto,
            proposer=proposes, tastes=TasteStore(tastes) if tastes else None,
        )  # fmt: skip
        early = [] if ask else unheard(panel, store)
        if pareto and len(panel.counting) < 2:
            early.append(
                f"--pareto has no effect: the only judge is {stored_title(panel.counting[0])}, so there are no trade-offs."
            )
        warnings += early
        print_notes(early)
        tuned = TuneSettings(
            whole.to_yaml(), budget, dict(weighted(asked, "--by")), adherence, tuple(ban or ()), tuple(pin or ()), pareto,
            propose=propose is not None, vocabulary=drawing.vocabulary, model=generator.model.identity, seed=seed, state=TERMINAL,
        )  # fmt: skip
        store_tune(store, tuned, unless_running=True)
        why = run(tuner, stop, panel.people[0] if ask else None, silent=as_json)
        findings = findings_of(tuner)
        facts = finish(tuner, findings, why, warnings, report or store.file(report_name(tuned)), as_json)
        if not as_json:
            say(f"In the gallery, under Draw and Tune: {shlex.join(['soart', 'web', store.name])}")
        state = PAUSED if why == STOPPED else ENDED
        store_tune(
            store, replace(tuned, state=state, why=f"{why} Its report is {facts['report']}."), unless_running=True
        )
        if optimize and why != STOPPED:
            facts["optimized"] = go_on(tuner, findings, optimize, silent=as_json)
        print_notes(generator.model.loras.unused)
    if as_json:
        emit(facts)


def run(tuner: Tuner, stop: float, rater: str | None, *, silent: bool) -> str:
    """Tune behind a progress bar with the best pictures so far; return a sentence that says why the run ended.

    ``stop`` is as for ``--stop``; ``rater`` rates every batch by keys, None to ask nobody.
    """
    from ...pipelines.tastes.rating_session import RatingSession
    from ...pipelines.tuning.loop import STOPPED, left_unrated
    from ...pipelines.tuning.loop import tune as steer
    from .keys import keys, rate_by_keys
    from .tune_output import batch_line, best_table

    pressed = keys() if rater else iter(())
    gallery = shlex.join(["soart", "web", tuner.collection.name])
    if tuner.done and not silent:
        limit = "" if tuner.done > tuner.budget else f"of {tuner.budget} "
        say(f"{tuner.done} {limit}pictures are there already.")
    if not silent:
        for sentence in tuner.beginnings:
            say(printable(sentence))
    with interruptible(), Progress("tuning", tuner.budget, doing=lambda: tuner.generator.doing) as progress:

        def rate(rows: list[ImageRow]) -> bool:
            """True if the rater ends the run."""
            if not rater or not rows:
                return False
            with progress.hidden():
                session = RatingSession(tuner.collection, rater, [row for row in rows if not row.problem])
                return not rate_by_keys(session, pressed, silent=silent, elsewhere=gallery)

        if rater and rate(left_unrated(tuner, rater)):
            return STOPPED
        reported = len(tuner.steps)

        def on_batch(rows: list[ImageRow]) -> bool:
            nonlocal reported
            steps, reported = tuner.steps[reported:], len(tuner.steps)
            if not silent:
                with progress.hidden():
                    for sentence in filter(None, map(str, steps)):
                        say(printable(sentence))
            stopped = rate(rows)
            judged = tuner.judged()
            progress.show(best_table(judged))
            if not silent:
                with progress.hidden():
                    say(batch_line(judged, tuner))
            return stopped

        return steer(tuner, stop_below=stop, on_batch=on_batch, progress=progress)


def finish(
    tuner: Tuner, findings: StudyFindings, why: str, warnings: Sequence[str], report: Path, as_json: bool
) -> dict[str, Any]:
    """Write the report, and print the findings unless JSON is wanted; returns the JSON document."""
    from ...pipelines.reports.page import write_report
    from ...pipelines.reports.tuning import render_tune_report
    from .tune_output import findings_facts, print_findings

    title = f"soart tune: {', '.join(tuner.space.contexts) or tuner.space.template}"
    page = write_report(report, render_tune_report(tuner.collection, findings, title, why, warnings))
    if not as_json:
        say("\n".join(filter(None, (findings.gain_over_own, why))))
        for text in (*warnings, *findings.alarms):
            note(text)
        print_findings(findings)
        for text in findings.notes:
            # Said when the tune began.
            if text not in tuner.beginnings:
                say(text)
        say(f"Report: {page}")
    facts = {"ended": why, "pictures": tuner.done, "collection": tuner.collection.name, "report": str(page)}
    return {**facts, **findings_facts(tuner.collection, findings), "warnings": list(warnings)}


def go_on(tuner: Tuner, findings: StudyFindings, seconds: float, *, silent: bool) -> dict[str, Any]:
    """Optimize the best picture, and print what it gained unless ``silent``; returns it for the JSON document."""
    from ...pipelines.tuning.ending import optimize_best
    from .optimize import advancing, optimized_facts, optimized_lines

    with Progress("optimizing", round(seconds)) as shown:
        found = optimize_best(tuner, findings, seconds, advancing(shown, seconds))
    if not silent:
        say("")
        say("The best picture, optimized:")
        for line in optimized_lines(found):
            say(printable(line))
    return optimized_facts(found)
