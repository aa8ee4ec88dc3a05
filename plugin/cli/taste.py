"""The commands ``soart taste learn``, ``show``, ``import`` and ``delete``; ``distil`` has a file of its own."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import SoartError
from ...pipelines.support.failures import told_together
from .commands import Commands
from .options import (
    Json,
    Network,
    Rater,
    check_outputs,
    chosen_priors,
    note_origin,
    page_file,
    picture_file,
    read_pictures,
    tastes_folder,
    weighted,
)
from .setting_defaults import is_typed
from .taste_views import compare, explain, list_tastes, next_pictures
from .terminal import Progress, note, print_problems, show

if TYPE_CHECKING:
    from ...metrics.tastes.blend import StoredGoal, Taste
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


def describe(taste: Taste | StoredGoal, file: Path | None = None) -> dict[str, Any]:
    """A taste or a blend as plain JSON values."""
    from dataclasses import asdict

    from ...metrics.tastes.blend import Blend, StoredGoal
    from ...metrics.tastes.liked_makings import effects_of

    place = None if file is None else str(file)
    if isinstance(taste, StoredGoal):
        return {"name": taste.name, "method": taste.method, "judges": dict(taste.judges), "file": place}
    facts: dict[str, Any] = {"name": taste.name, "method": taste.method, "version": taste.version}
    facts |= {"trust": _trust(taste.trust), "trusted_priors": getattr(taste, "trusted_priors", {})}
    facts["made"] = [] if isinstance(taste, Blend) else [asdict(effect) for effect in effects_of(taste)]
    return facts | {"file": place}


def lines_of(facts: dict[str, Any]) -> list[str]:
    """The values of ``describe`` as lines."""
    from ...metrics.damage.titles import stored_title
    from ...metrics.tastes.liked_makings import MakingEffect

    if "trust" not in facts:
        return [f"{facts['name']}: {facts['method']}"]
    within = facts["trust"]["within_prompts"]
    lines = [f"{facts['name']}: {facts['trust']['sentence']}", facts["trust"]["advice"]]
    lines += [within["sentence"]] if within else []
    lines.append(f"Method: {facts['method']}")
    if facts["trusted_priors"]:
        trusted = (f"{stored_title(name)} {100 * value:.0f} %" for name, value in facts["trusted_priors"].items())
        lines.append(f"Trust in prior scores: {', '.join(trusted)}")
    if facts["made"]:
        made = "; ".join(MakingEffect(**effect).text for effect in facts["made"])
        lines.append(f"How pictures were made, in liking (1 is two stars): {made}")
    return lines


def taste_judge(name: str) -> TasteJudge:
    """The judge of a taste by name."""
    from ...pipelines.scoring.rated_tastes import tastes_at_hand
    from ...pipelines.scoring.taste_judge import TasteJudge

    store = tastes_at_hand(tastes_folder())
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
    blend: Annotated[
        list[str] | None,
        typer.Option(
            "--blend", metavar="NAME[=WEIGHT]", help="Blend tastes and other judges with weights instead; repeatable."
        ),
    ] = None,
    network: Network = "efficientnet-lite0",
    as_json: Json = False,
) -> None:
    """Learn a taste from good and bad pictures, ratings and choices, or blend others; report how reliable it is."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.comparisons import choosers
    from ...pipelines.collection.ratings import check_has_rated
    from ...pipelines.ingest.roots import existing_collection, place_of
    from ...pipelines.scoring.taste_store import TasteStore, save_if_changed
    from ...pipelines.tastes import learning

    if blend:
        if good or bad or choices:
            raise typer.BadParameter("it needs no pictures and no ratings: leave these out", param_hint="--blend")
        return _blend(name, blend, collection, as_json)
    if not good and not bad and collection is None and choices is None:
        raise typer.BadParameter("name pictures with --good and --bad, a collection, or choices", param_hint="--good")
    store = TasteStore(tastes_folder())
    start: dict[str, Any] = {
        "network": None if network == "none" else network,
        "priors": chosen_priors([store]),
        "if_available": not is_typed("priors"),
        "stores": [store],
    }
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
    document = {**facts, "problems": list(learnt.problems), "notes": notes}
    return show(
        as_json, document, [*lines_of(facts), f"Saved: {facts['file']}"], told_together((*notes, *learnt.problems))
    )


def _blend(name: str, parts: list[str], collection: str | None, as_json: bool) -> None:
    """Blend judges with weights into a new taste or goal; the spread of values is that in a collection."""
    from ...pipelines.ingest.roots import existing_collection
    from ...pipelines.scoring.pictures import StoredPictures
    from ...pipelines.scoring.rated_tastes import tastes_at_hand
    from ...pipelines.tastes.blending import blended

    store, pairs = tastes_at_hand(tastes_folder()), weighted(parts, "--blend")
    with nullcontext() if collection is None else existing_collection(collection) as among:
        pictures = None if among is None else StoredPictures(among, among.images())
        stored = blended(name, pairs, store, pictures)
    facts = describe(stored, store.own.save(stored, replace=False))
    show(as_json, facts, [f"{facts['name']}: {facts['method']}; saved: {facts['file']}"])


@app.command(
    "show",
    epilog="Example: soart taste show mine pictures/ --report mine.html    "
    "or: soart taste show mine beach.jpg --picture why.png    or: soart taste show mine pictures/ --against yours",
)
def show_(
    name: Annotated[str | None, typer.Argument(help="Name of the taste; leave out to list all tastes.")] = None,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="A picture to explain; or pictures, folders or a collection for --report, --against or --next."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(callback=page_file, help="Write an HTML page with pictures, reasons and the learning curve."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", metavar="NAME", help="Compare with this taste on the pictures; repeatable."),
    ] = None,
    next_: Annotated[
        int | None,
        typer.Option("--next", min=1, help="List so many pictures of a collection whose ratings would teach most."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file,
            help="Write the explained picture under its heat map, or the largest disagreements, to this PNG, JPEG or WebP file.",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            help="Write the taste to a file to share: items and likings of the pictures, never the pictures.",
        ),
    ] = None,
    rater: Rater = "me",
    as_json: Json = False,
) -> None:
    """Show tastes: how reliable one is and its method, why it likes a picture, how it differs from others, what it needs."""
    from ...metrics.tastes.taste_files import load_stored, save_taste
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    views = {"--report": report, "--against": against, "--next": next_}
    chosen = [option for option, value in views.items() if value is not None]
    if len(chosen) > 1 or (chosen and not paths):
        problem = "name only one of these" if paths else "name a taste, and pictures or a collection"
        raise typer.BadParameter(problem, param_hint=", ".join(chosen))
    if name is None:
        return list_tastes(as_json)
    if against:
        return compare([taste_judge(one) for one in (name, *against)], paths or [], picture, as_json)
    if next_ is not None:
        return next_pictures(taste_judge(name), " ".join(paths or ()), rater, next_, as_json)
    if paths and report is None:
        if len(paths) > 1 or Path(paths[0]).is_dir():
            raise typer.BadParameter("name a single picture, or add --report, --against or --next", param_hint="PATHS")
        return explain(taste_judge(name), Path(paths[0]), picture, as_json)
    store = tastes_at_hand(tastes_folder())
    file = store.home(name).existing(name)
    taste = load_stored(file)
    facts, page, exported = describe(taste, file), None, None
    if export is not None:
        exported = save_taste(taste, export, to_share=True)
    if report is None:
        note_origin(store, name)
    elif paths:
        from ...pipelines.reports.page import write_report
        from ...pipelines.reports.taste import render_taste_report

        judge = taste_judge(name)
        collection, rows, problems = read_pictures(paths, judge, title="measuring")
        if not as_json:
            print_problems(problems)
        with collection:
            if not rows:
                raise SoartError("No picture could be scored for the report.")
            page = write_report(report, render_taste_report(collection, rows, judge, problems=problems))
    files = {"report": page, "exported": exported}
    document = facts | {title: None if file is None else str(file) for title, file in files.items()}
    written = [f"{title.capitalize()}: {file}" for title, file in files.items() if file is not None]
    return show(as_json, document, [*lines_of(facts), *written])


@app.command("import", epilog="Example: soart taste import mine.taste.safetensors yours")
def import_(
    file: Annotated[Path, typer.Argument(help="File that soart exported.")],
    name: Annotated[str | None, typer.Argument(help="Name of the imported taste; default: its own.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier taste of that name.")] = False,
    as_json: Json = False,
) -> None:
    """Import a taste file; altered, damaged or incompatible files are refused."""
    from dataclasses import replace as changed

    from ...metrics.tastes.taste_files import load_stored
    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.scoring.taste_store import TasteStore

    taste = load_stored(file)
    Catalogue().stored(taste)
    taste = taste if name is None else changed(taste, name=name)
    facts = describe(taste, TasteStore(tastes_folder()).save(taste, replace=replace))
    show(as_json, facts, [*lines_of(facts), f"Saved: {facts['file']}"])


@app.command(epilog="Example: soart taste delete old --yes")
def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of the tastes.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Delete tastes; ratings and pictures stay, so that they can be learnt again."""
    from ...errors import TasteError
    from ...pipelines.configuration import read_settings
    from ...pipelines.scoring.rated_tastes import tastes_at_hand
    from ...pipelines.tastes.priors import holders_of

    store = tastes_at_hand(tastes_folder())
    names = list(dict.fromkeys(names))
    files = [store.home(name).existing(name) for name in names]
    if not yes:
        if not sys.stdin.isatty():
            raise TasteError(f"To delete {', '.join(map(repr, names))} without being asked, add --yes.")
        typer.confirm(f"Delete {', '.join(map(str, files))}?", abort=True)
    for name in names:
        store.home(name).delete(name)
    default = read_settings()["by"]
    for name, holders in holders_of(names, store.own).items():
        note(f"A copy of {name!r} stays in {', '.join(map(repr, holders))}: scores do not change.")
    for text in default.value or () if tastes_folder() is None else ():
        # A taste of a rated folder may take the place of a deleted one.
        if (name := text.rpartition("=")[0] or text) in names and name not in store.names():
            note(f"{name!r} is still a configured judge ({default.source}): commands that use it will fail.")
    show(as_json, {"deleted": names}, [f"Deleted: {', '.join(names)}"])
