"""The commands ``soart taste learn``, ``rate`` and ``show``; the others are in ``taste_exchange`` and ``distil``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import SoartError
from .commands import Commands
from .options import (
    CollectionArgument,
    Json,
    Network,
    Rater,
    TasteFolder,
    check_outputs,
    check_typed_priors,
    from_settings,
    note_origin,
    page_file,
    prior_names,
)
from .terminal import Progress, emit, print_problems, printable, say

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste
    from ...metrics.tastes.trust import Trust
    from ...metrics.tastes.within_groups import WithinGroups
    from ...pipelines.scoring.taste_judge import TasteJudge

app = Commands(
    help="Learn what you like from a few of your own pictures, and score by it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="Name of the taste.")]


def _trust(trust: Trust) -> dict[str, Any]:
    from math import isfinite

    known = isfinite(trust.concordance)
    return {
        "word": trust.word, "sentence": trust.sentence, "advice": trust.advice,
        "concordance": trust.concordance if known else None,
        "rank_correlation": trust.rank_correlation if known else None,
        "interval": [trust.low, trust.high], "held_out": trust.held_out if isfinite(trust.held_out) else None, "liked": trust.liked, "disliked": trust.disliked,
        "choices": trust.choices,
        "groups": trust.groups, "curve": [list(point) for point in trust.curve], "more": trust.more,
        "expected": trust.expected if isfinite(trust.expected) else None,
        "within_prompts": None if trust.within is None else within_values(trust.within),
    }  # fmt: skip


def within_values(trust: WithinGroups, unit: str = "prompt") -> dict[str, Any]:
    """Trust within groups as plain JSON values; ``unit`` as for its sentence."""
    from math import isfinite

    return {
        "sentence": f"{trust.sentence(unit)}.", "concordance": trust.concordance if isfinite(trust.concordance) else None,
        "interval": [trust.low, trust.high], "pairs": trust.pairs, "groups": trust.groups, "known": trust.known,
        "chance": trust.chance,
    }  # fmt: skip


def describe(taste: Taste, file: Path | None = None) -> dict[str, Any]:
    """A taste as plain JSON values."""
    from dataclasses import asdict

    from ...metrics.tastes.blend import Blend
    from ...metrics.tastes.liked_makings import effects_of

    facts: dict[str, Any] = {"name": taste.name, "method": taste.method, "version": taste.version}
    facts |= {"trust": _trust(taste.trust), "trusted_priors": getattr(taste, "trusted_priors", {})}
    facts["made"] = [] if isinstance(taste, Blend) else [asdict(effect) for effect in effects_of(taste)]
    return facts | {"file": None if file is None else str(file)}


def print_facts(facts: dict[str, Any]) -> None:
    """Print the values of ``describe``."""
    from ...metrics.damage.titles import stored_title
    from ...metrics.tastes.liked_makings import Effect

    say(f"{facts['name']}: {facts['trust']['sentence']}")
    say(facts["trust"]["advice"])
    if facts["trust"]["within_prompts"]:
        say(facts["trust"]["within_prompts"]["sentence"])
    trusted = ", ".join(f"{stored_title(name)} {100 * value:.0f} %" for name, value in facts["trusted_priors"].items())
    say(f"Method: {facts['method']}")
    if trusted:
        say(printable(f"Trust in prior scores: {trusted}"))
    if facts["made"]:
        made = "; ".join(Effect(**effect).text for effect in facts["made"])
        say(printable(f"How pictures were made, in liking (1 is two stars): {made}"))


def taste_judge(name: str, tastes: Path | None) -> TasteJudge:
    """The judge of a taste by name."""
    from ...pipelines.scoring.rated_tastes import tastes_at_hand
    from ...pipelines.scoring.taste_judge import TasteJudge

    store = tastes_at_hand(tastes)
    judge = TasteJudge.of(store.load(name))
    note_origin(store, name)
    return judge


def _bad_kinds(texts: list[str]) -> dict[str, list[Path]]:
    """Folders by kind, of PATH or KIND=PATH; the default kind is ``bad``."""
    kinds: dict[str, list[Path]] = {}
    for text in texts:
        kind, split, folder = text.partition("=")
        # The name of an existing folder can hold an equals sign itself.
        named = bool(split) and not Path(text).exists()
        if not (folder if named else text):
            raise typer.BadParameter(
                "expected a folder, got an empty name: the current folder is '.'", param_hint="--bad"
            )
        kinds.setdefault(kind if named else "bad", []).append(Path(folder if named else text))
    if {"", "good"} & set(kinds):
        raise typer.BadParameter("a kind of bad pictures needs a name other than 'good'", param_hint="--bad")
    return kinds


@app.command(
    epilog="Example: soart taste learn mine --good liked/ --bad disliked/    "
    "or: soart taste learn mine --good liked/ --bad blurry=soft/ --bad loud=garish/"
)
def learn(
    ctx: typer.Context,
    name: Name,
    good: Annotated[list[Path] | None, typer.Option("--good", help="Pictures or folders you like; repeatable.")] = None,
    bad: Annotated[
        list[str] | None, typer.Option("--bad", help="Pictures or folders you do not like, or KIND=FOLDER; repeatable.")
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|URL", help="Collection with your ratings; its pictures are also the background."),
    ] = None,
    rater: Rater = "me",
    choices: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of two paths a line, the better picture first; 'equal' in a third column for a tie."
        ),
    ] = None,
    network: Network = "efficientnet-lite0",
    priors: Annotated[
        list[str] | None,
        typer.Option(
            "--prior",
            metavar="NAME",
            help="Prior score to start from: technical, appeal, others, a judge (clip, module:Class …), another taste, or none; "
            "repeatable. Default: the first three, as far as there are any.",
        ),
    ] = None,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Learn a taste from good and bad pictures, ratings and choices, and report how reliable it is."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.comparisons import choosers
    from ...pipelines.collection.ratings import check_has_rated
    from ...pipelines.ingest.roots import existing_collection, place_of
    from ...pipelines.scoring.taste_store import TasteStore, save_if_changed
    from ...pipelines.tastes import learning

    if not good and not bad and collection is None and choices is None:
        raise typer.BadParameter("name pictures with --good and --bad, a collection, or choices", param_hint="--good")
    start: dict[str, Any] = {
        "network": None if network == "none" else network,
        "priors": prior_names(priors),
        "if_available": from_settings(ctx, "priors"),
    }
    store = TasteStore(tastes)
    check_typed_priors(ctx, start["priors"], [store])
    start["stores"] = [store]
    check_outputs([store.place(name)], parents=True)
    sources = learning.Sources(good or (), _bad_kinds(bad or []), None if collection is None else rater, choices)
    only_ratings = not (good or bad or choices)
    place = None if collection is None else place_of(collection)
    if collection is not None and (only_ratings or rater != "me"):
        pictures = existing_collection(collection)
    else:
        if place is not None and not Collection.is_collection(place):
            learning.check_start(name, sources, **start)
        pictures = Collection(place)
    with pictures, Progress("measuring", 0) as progress:
        # Without a word a misspelt rater would only make the pictures a background.
        if collection is not None and (only_ratings or rater != "me") and rater not in choosers(pictures):
            check_has_rated(pictures, rater)
        learnt = learning.learn(name, pictures, sources, progress=progress, **start)
    replaced = save_if_changed(store, learnt.taste)
    notes = [*learnt.notes, replaced] if replaced else [*learnt.notes]
    facts = describe(learnt.taste, store.path(name))
    if as_json:
        return emit({**facts, "problems": list(learnt.problems), "notes": notes})
    print_facts(facts)
    print_problems((*notes, *learnt.problems))
    return say(f"Saved: {facts['file']}")


@app.command(epilog="Example: soart taste rate pictures/ --taste mine -n 20")
def rate(
    collection: CollectionArgument,
    rater: Rater = "me",
    taste: Annotated[str | None, typer.Option(help="Begin with the pictures that teach this taste most.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Number of pictures, at most.")] = 20,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Rate pictures by single keys: 1–5, n for "not for me", x to skip, u to undo, q to quit.

    + and - move the last rating by half a star. Every key is stored at once. With --json a picture is in ratings, with
    its stars or null for a skip, or in not_for_me.
    """
    from ...pipelines.collection.ratings import NOT_FOR_ME
    from ...pipelines.ingest.roots import existing_collection
    from ...pipelines.tastes.rating_session import RatingSession, rating_queue
    from .keys import check_keys, keys, rate_by_keys

    check_keys()
    judge = None if taste is None else taste_judge(taste, tastes)
    with existing_collection(collection) as store:
        session = RatingSession(store, rater, rating_queue(store, rater, judge, count))
        gallery = shlex.join(["soart", "web", "--collection", store.name])
        rate_by_keys(session, keys(), silent=as_json, elsewhere=gallery)
        # A folder as it was named; of a database the address without the password.
        name = collection if Path(collection).is_dir() else store.name
        judgements = {
            str(store.locate(row)): session.ratings[row.id] for row in session.queue if row.id in session.ratings
        }
    if as_json:
        ratings = {path: value for path, value in judgements.items() if value != NOT_FOR_ME}
        not_for_me = [path for path in judgements if path not in ratings]
        left = len(session.queue) - session.position
        return emit({"rater": rater, "ratings": ratings, "not_for_me": not_for_me, "left": left})
    rated = sum(value is not None for value in judgements.values())
    options = shlex.join(["--collection", name, *([] if rater == "me" else ["--rater", rater])])
    return say(f"{rated} rated, {len(judgements) - rated} skipped. Learn: soart taste learn NAME {options}")


@app.command(epilog="Example: soart taste show mine pictures/ --report mine.html")
def show(
    name: Name,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Pictures or a collection (folder or URL) to score for the report.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(callback=page_file, help="Write an HTML page with pictures, reasons and the learning curve."),
    ] = None,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Show a taste: how reliable it is, its method, and on request a report page over pictures."""
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    if report is not None and not paths:
        raise typer.BadParameter("name pictures or a collection for the report", param_hint="PATHS")
    store = tastes_at_hand(tastes)
    facts = describe(store.load(name), store.path(name))
    page = None
    if report is None:
        note_origin(store, name)
    if report is not None and paths:
        from ...pipelines.ingest.local_engine import LocalEngine
        from ...pipelines.reports.page import write_report
        from ...pipelines.reports.taste import render_taste_report
        from ...pipelines.scoring.measuring import open_pictures

        judge = taste_judge(name, tastes)
        with Progress("measuring", 0) as progress:
            collection, rows, problems = open_pictures(paths, judge, progress, progress.expect, LocalEngine())
        if not as_json:
            print_problems(problems)
        with collection:
            if not rows:
                raise SoartError("No picture could be scored for the report.")
            page = write_report(report, render_taste_report(collection, rows, judge, problems=problems))
    if as_json:
        return emit({**facts, "report": None if page is None else str(page)})
    print_facts(facts)
    if page is not None:
        say(f"Report: {page}")
    return None
