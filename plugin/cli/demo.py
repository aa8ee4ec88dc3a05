"""The commands ``soart demo`` and ``soart doctor``: try soart, and check the installation."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Json, load_generator, load_judges
from .ranking_output import RankingOutput, draw
from .taste import describe
from .terminal import Progress, emit, say
from .tune import finish, run


def demo(
    folder: Annotated[
        str, typer.Option(metavar="FOLDER|URL", help="Collection of the demo; a second run reuses its pictures.")
    ] = "soart-demo",
    as_json: Json = False,
) -> None:
    """Run the whole loop on the embedded model, offline, in about a minute.

    Generates pictures and ranks them; a stand-in for you rates them, its taste is learnt, and a prompt is tuned to that
    taste.
    """
    from ...pipelines import demo as loop
    from ...pipelines.collection.collection import Collection
    from ...pipelines.tuning.findings import findings_of

    Collection.check_place(folder)
    with load_generator() as generator, Collection(folder) as collection:
        template = (f"Template: {loop.TEMPLATE}",)
        output = RankingOutput(as_json, collection.file("report.html"), 10, "soart demo", template)
        rows, facts = draw(collection, generator, loop.requests(generator), output, load_judges(None))
        with Progress("learning", len(rows)) as progress:
            judge = loop.learn_from_stand_in(collection, rows, progress)
        if not as_json:
            say(f"\nA stand-in for you, who likes cool colors, rates these {len(rows)} pictures by looking at them.")
            say(f"Its taste is learnt from the ratings: {judge.taste.trust.sentence}.")
            say(f"Now {loop.TUNED!r} is tuned to that taste, {loop.BUDGET} pictures:")
        tuner = loop.tuner(collection, generator, judge)
        why = run(tuner, 0.0, None, silent=as_json)
        tuned = finish(tuner, findings_of(tuner), why, (), collection.file("tune.html"), as_json)
        first, last = loop.opinion_of_ends(tuner)
        if not as_json:
            say(f"The stand-in rated none of these: it gives the first batch {first:.1f} of 5 and the last {last:.1f}.")
    if as_json:
        emit({**facts, "taste": describe(judge.taste), "tuned": {**tuned, "stand_in": [first, last]}})


def doctor(as_json: Json = False) -> None:
    """Check the installation: packages, the device that will be used, and what is missing."""
    from ...pipelines.configuration import read_settings
    from ...pipelines.doctor import run_checks

    model = read_settings()["model"].value
    checks = run_checks(model if isinstance(model, str) else None)
    if as_json:
        emit({"checks": [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks]})
    else:
        for c in checks:
            mark = "ok     " if c.ok else ("missing" if c.optional else "PROBLEM")
            say(f"{mark}  {c.name}: {c.found}" + (f" → {c.advice}" if c.advice else ""))
    if not all(c.ok or c.optional for c in checks):
        raise typer.Exit(1)
