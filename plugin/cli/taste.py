"""``soart taste``: learn what you like, rate, look, explain, compare, blend, export and import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, Kept
from .terminal import Progress, emit, note, printable, say

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste
    from ...metrics.tastes.trust import Trust
    from ...pipelines.scoring.taste_scorer import TasteScorer

app = typer.Typer(
    help="Learn what you like from a few of your own pictures, and score by it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Profiles = Annotated[
    Path | None,
    typer.Option("--profiles", help="Folder of tastes; default: soart/tastes in your configuration folder."),
]
Name = Annotated[str, typer.Argument(help="Name of the taste.")]
Rater = Annotated[str, typer.Option("--rater", help="Whose ratings they are.")]


def _trust(trust: Trust) -> dict[str, Any]:
    from math import isfinite

    known = isfinite(trust.concordance)
    return {
        "word": trust.word, "sentence": trust.sentence, "advice": trust.advice,
        "concordance": trust.concordance if known else None,
        "rank_correlation": trust.rank_correlation if known else None,
        "interval": [trust.low, trust.high], "p_value": trust.p_value, "liked": trust.liked, "disliked": trust.disliked,
        "groups": trust.groups, "curve": [list(point) for point in trust.curve], "more": trust.more,
        "expected": trust.expected if isfinite(trust.expected) else None,
    }  # fmt: skip


def describe(taste: Taste, file: Path | None = None) -> dict[str, Any]:
    """A taste as plain JSON values."""
    facts: dict[str, Any] = {"name": taste.name, "method": taste.method, "version": taste.version}
    reached = getattr(getattr(taste, "fitted", None), "choice", None)
    facts |= {"methods": {} if reached is None else dict(reached.reached), "trust": _trust(taste.trust)}
    return facts | {"file": None if file is None else str(file)}


def print_facts(facts: dict[str, Any]) -> None:
    """Print what ``describe`` found."""
    say(f"{facts['name']}: {facts['trust']['sentence']}")
    say(facts["trust"]["advice"])
    tried = ", ".join(f"{name} {value:.2f}" for name, value in facts["methods"].items())
    say(f"Method: {facts['method']}" + (f" (cross-validated: {tried})" if tried else ""))


def scorer_of(name: str, profiles: Path | None) -> TasteScorer:
    """The taste of a name, ready to score."""
    from ...pipelines.scoring.profile_store import ProfileStore
    from ...pipelines.scoring.taste_scorer import TasteScorer

    return TasteScorer.of(ProfileStore(profiles).load(name))


def warning_of(scorer: object) -> tuple[str, ...]:
    """What must be said beside the scores of a scorer."""
    warning = getattr(scorer, "warning", None)
    return (warning,) if warning else ()


def _bad_modes(given: list[str]) -> dict[str, list[Path]]:
    modes: dict[str, list[Path]] = {}
    for text in given:
        mode, split, folder = text.partition("=")
        # A folder that is there may hold an equals sign itself.
        named = bool(split) and not Path(text).exists()
        modes.setdefault(mode if named else "bad", []).append(Path(folder if named else text))
    if {"", "good"} & set(modes):
        raise typer.BadParameter("a kind of bad pictures needs a name, and cannot be called good", param_hint="--bad")
    return modes


@app.command(
    epilog="Example: soart taste learn mine --good liked/ --bad disliked/    "
    "or: soart taste learn mine --good liked/ --bad blurry=soft/ --bad loud=garish/"
)
def learn(
    name: Name,
    good: Annotated[list[Path] | None, typer.Option("--good", help="Pictures or folders you like; repeat.")] = None,
    bad: Annotated[
        list[str] | None, typer.Option("--bad", help="Pictures or folders you do not like, or KIND=FOLDER; repeat.")
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|URL", help="Collection whose ratings count, and whose pictures are the background."
        ),
    ] = None,
    rater: Rater = "me",
    choices: Annotated[
        Path | None, typer.Option(help="CSV file of two paths a line, the better picture first.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Add deep items of this network, such as efficientnet-lite0.")
    ] = None,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Learn a taste from good and bad pictures, ratings and choices, and say how far it can be trusted."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.scoring.measuring import existing_collection
    from ...pipelines.scoring.profile_store import ProfileStore
    from ...pipelines.tastes import learning as tastes

    if not good and not bad and collection is None and choices is None:
        raise typer.BadParameter("name pictures with --good and --bad, a collection, or choices", param_hint="--good")
    kept = ProfileStore(profiles)
    kept.place(name)
    sources = tastes.Sources(good or (), _bad_modes(bad or []), None if collection is None else rater, choices)
    opened = existing_collection(collection) if collection and not (good or bad or choices) else Collection(collection)
    with opened as store, Progress("measuring", 0) as progress:
        learnt = tastes.learn(name, store, sources, network=network, progress=progress)
    facts = describe(learnt.taste, kept.save(learnt.taste))
    if as_json:
        return emit({**facts, "problems": list(learnt.problems), "notes": list(learnt.notes)})
    print_facts(facts)
    for text in (*learnt.notes, *learnt.problems):
        note(printable(text))
    return say(f"Saved: {facts['file']}")


@app.command(epilog="Example: soart taste rate pictures/ --taste mine -n 20")
def rate(
    collection: Kept,
    rater: Rater = "me",
    taste: Annotated[str | None, typer.Option(help="Show the pictures first that teach this taste most.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many pictures at most.")] = 20,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Rate pictures by single keys: 1–5, x passes over, u takes back, q ends. Every key is stored at once."""
    from ...pipelines.scoring.measuring import existing_collection
    from ...pipelines.tastes.rating_session import RatingSession, rating_queue
    from .keys import keys, rate_by_keys

    scorer = None if taste is None else scorer_of(taste, profiles)
    with existing_collection(collection) as store:
        session = RatingSession(store, rater, rating_queue(store, rater, scorer, count))
        rate_by_keys(session, keys(), silent=as_json)
        name = store.name
        given = {str(store.locate(row)): session.ratings[row.id] for row in session.queue if row.id in session.ratings}
    if as_json:
        return emit({"rater": rater, "ratings": given, "left": len(session.queue) - session.position})
    rated = sum(value is not None for value in given.values())
    return say(f"{rated} rated, {len(given) - rated} skipped. Learn: soart taste learn NAME --collection {name}")


@app.command(epilog="Example: soart taste show mine pictures/ --report mine.html")
def show(
    name: Annotated[str | None, typer.Argument(help="Name of the taste; all are listed without one.")] = None,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Pictures or a collection (folder or URL) to score for the report.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with pictures, reasons and learning curve.")] = None,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Show a taste: how far it can be trusted, by which method, and on request a report page over pictures."""
    from ...pipelines.scoring.profile_store import ProfileStore

    kept = ProfileStore(profiles)
    if name is None:
        found = [describe(kept.load(one), kept.path(one)) for one in kept.names()]
        if as_json:
            return emit({"tastes": found, "folder": str(kept.folder)})
        for facts in found:
            say(f"{facts['name']}: {facts['trust']['word']}, {facts['method']}")
        return say(f"{len(found)} tastes in {kept.folder}")
    facts = describe(kept.load(name), kept.path(name))
    written = None
    if report is not None:
        if not paths:
            raise typer.BadParameter("name pictures or a collection for the report", param_hint="PATHS")
        from ...pipelines.reports.page import write_report
        from ...pipelines.reports.taste import render_taste_report
        from ...pipelines.scoring.measuring import open_pictures

        scorer = scorer_of(name, profiles)
        with Progress("measuring", 0) as progress:
            collection, rows, problems = open_pictures(paths, scorer, progress, progress.expect)
        with collection:
            written = write_report(report, render_taste_report(collection, rows, scorer, problems))
    if as_json:
        return emit({**facts, "report": None if written is None else str(written)})
    print_facts(facts)
    if written is not None:
        say(f"Report: {written}")
    return None
