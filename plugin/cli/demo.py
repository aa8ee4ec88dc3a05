"""The commands ``soart demo`` and ``soart doctor``: try soart, and check the installation."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import SoartError
from .options import Json, load_generator, load_judges, read_pictures
from .ranking_output import RankingOutput, draw, print_ranking, ranking_rows, show_found
from .taste import describe
from .terminal import Progress, emit, program, say
from .tune import finish, run
from .web import check_gallery


def demo(
    folder: Annotated[
        str, typer.Option(metavar="FOLDER|URL", help="Collection of the demo; a second run reuses its pictures.")
    ] = "soart-demo",
    as_json: Json = False,
) -> None:
    """Run the whole loop, offline, in about a minute.

    Ranks the pictures that come with soart, drawn by four models, and finds some by words. Then the small embedded model draws; a
    stand-in for you rates its pictures, the taste is learnt, and a prompt is tuned to it.
    """
    from ...pipelines import demo as loop
    from ...pipelines.collection.collection import Collection
    from ...pipelines.tuning.findings import findings_of

    Collection.check_place(folder)
    with load_generator() as generator, Collection(folder) as collection:
        pictures = collection.file("pictures")
        ranked = _rank_samples(pictures, collection.file("pictures.html"), silent=as_json)
        template = (f"Template: {loop.TEMPLATE}",)
        output = RankingOutput(as_json, collection.file("report.html"), 5, "soart demo", template)
        if not as_json:
            say("\nNow soart draws with its embedded model: small, offline, 128 × 128 pixels, ten subjects.")
        rows, facts = draw(collection, generator, loop.requests(generator), output, load_judges(None))
        with Progress("learning", len(rows)) as progress:
            judge = loop.learn_from_stand_in(collection, rows, progress)
        if not as_json:
            say(f"\nA stand-in for you, who likes cool colors, rates these {len(rows)} pictures by looking at them.")
            say(f"Its taste is learnt from the ratings: {judge.taste.trust.sentence}.")
            say(f"Now {loop.TUNED!r} is tuned to that taste, {loop.BUDGET} pictures:")
        tuner = loop.tuner(collection, generator, judge)
        end = run(tuner, stop=0.0, rater=None, silent=as_json)
        findings = findings_of(tuner)
        tuned = finish(tuner, findings, end, (), collection.file("tune.html"), as_json)
        stars = loop.opinions_of(collection, filter(None, (findings.own, *findings.winners[:1])))
        if not as_json:
            # Of an interrupted tune the own words may not be drawn yet.
            if findings.own:
                own, best = (f"{one:.1f}" for one in stars)
                say(
                    f"The stand-in rated none of these: it gives {loop.TUNED!r} {own} of 5 stars, the best prompt {best}."
                )
            _print_next(pictures, folder)
    if as_json:
        emit({**facts, "pictures": ranked, "taste": describe(judge.taste), "tuned": {**tuned, "stand_in": stars}})


def _rank_samples(folder: Path, report: Path, *, silent: bool) -> dict[str, Any]:
    """Rank the pictures that come with soart, print the best of each prompt, look for words; returns both as JSON values."""
    from ...pipelines import demo as loop
    from ...pipelines.judges.finding import kinds_of, measurer_of
    from ...pipelines.judges.ranking import rank
    from ...pipelines.judges.searching import find_pictures_for, reader_of
    from ...pipelines.reports.page import write_report
    from ...pipelines.reports.ranking import render_report
    from ...pipelines.scoring.pictures import StoredPictures

    loop.copy_samples(folder)
    judges = load_judges(None)
    reader, _ = reader_of(loop.SOUGHT, "adherence", lambda name: load_judges([name])[0][0])
    collection, rows, _ = read_pictures([str(folder)], measurer_of(judges), kinds_of(judges))
    with collection:
        ranking, problems = rank(StoredPictures(collection, rows), judges)
        hits = find_pictures_for(collection, rows, loop.SOUGHT, reader)[0][:4]
        found = [(collection.locate(hit.row), hit) for hit in hits]
        by = " + ".join(judge.stored_name for judge, _ in judges)
        write_report(
            report, render_report(collection, ranking, "soart demo: pictures by four models", by, (), problems)
        )
    if not silent:
        best = {picture.prompt: picture for picture in reversed(ranking)}.values()
        say(f"{len(rows)} pictures of {len(best)} prompts by four models come with soart. The best of each prompt:\n")
        print_ranking(ranking, sorted(best, key=lambda picture: picture.place))
        say(f"All of them: {report}\n\nFound by {loop.SOUGHT!r}:\n")
        show_found("found by", [hit.evidence for _, hit in found], [path for path, _ in found])
    sought = [{"path": str(path.resolve()), "evidence": hit.evidence} for path, hit in found]
    return {"ranking": ranking_rows(ranking), "found": sought, "problems": problems, "report": str(report)}


def _print_next(pictures: Path, collection: str) -> None:
    """Print three commands that work as printed, or how to install what two of them need."""
    lines = [(["evaluate", str(pictures), "--report", "page.html"], "a page about them")]
    try:
        check_gallery()
    except SoartError as error:
        say(f"\n{error}")
    else:
        lines.insert(0, (["start", str(pictures)], "your own ranking of the pictures: rate sixteen"))
        lines.append((["web", collection], "what was drawn, and the pictures of the tune, in the browser"))
    say("\nNext:")
    for arguments, text in lines:
        say(f"  {program()} {shlex.join(arguments)}\n      {text}")


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
