"""The commands of ``soart taste`` beside ``learn``, ``rate`` and ``show``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ...pipelines.support.figures import fixed
from .options import CollectionArgument, Json, Pictures, Rater, TasteFolder, picture_file, weighted
from .ranking_output import reason_row
from .taste import Name, describe, print_facts, taste_judge
from .terminal import Progress, emit, note, out, plain_table, print_notes, print_problems, printable, say

Replace = Annotated[bool, typer.Option("--replace", help="Replace an earlier taste of that name.")]


def explain(
    name: Name,
    picture: Annotated[Path, typer.Argument(help="The picture to explain.")],
    heat: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file, help="Write the picture under its heat map to this PNG, JPEG or WebP file."
        ),
    ] = None,
    grid: Annotated[int, typer.Option(min=1, max=64, help="Patches per side of the heat map.")] = 4,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Explain a picture's score: what moved it and by how much, in words, and where in the picture."""
    from ...pipelines.reports.score_words import reason_words
    from ...pipelines.scoring.explaining import explain_picture, write_picture

    judge = taste_judge(name, tastes)
    explained = explain_picture(judge, picture, grid)
    file = None if heat is None else write_picture(explained.overlay, heat)
    if as_json:
        return emit(
            {
                "taste": name, "picture": str(picture), "score": explained.score, "percentile": explained.percentile,
                "reasons": [reason_row(reason) for reason in explained.reasons],
                "mode": None if explained.mode is None else {"name": explained.mode[0], "probability": explained.mode[1]},
                "heat": explained.heat.tolist(), "file": None if file is None else str(file), "warning": judge.doubt(),
            }
        )  # fmt: skip
    print_notes([doubt] if (doubt := judge.doubt()) else [])
    say(
        f"Score {explained.score:.0f} of 100, percentile {explained.percentile:.0f} among the pictures that the taste was learnt with"
    )
    for text in reason_words(explained.reasons):
        say(printable(text))
    if explained.mode is not None:
        say(f"Looks most like {printable(explained.mode[0])!r} ({100 * explained.mode[1]:.0f} %)")
    if file is not None:
        say(f"Heat map: {file}")
    return None


def next_(
    name: Name,
    collection: CollectionArgument,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Number of pictures.")] = 8,
    rater: Rater = "me",
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """List the pictures whose ratings would teach a taste most, and say whether to stop rating."""
    from ...pipelines.ingest.roots import existing_collection
    from ...pipelines.tastes.rating_session import propose_pictures

    judge = taste_judge(name, tastes)
    with existing_collection(collection) as store:
        with Progress("measuring", 0) as progress:
            proposal, rows = propose_pictures(store, judge, rater, count, progress)
        files = [str(store.locate(row)) for row in rows]
    if as_json:
        pictures = [{"path": file, "bits": float(bits)} for file, bits in zip(files, proposal.bits, strict=True)]
        return emit({"taste": name, "stop": proposal.stop, "reason": proposal.reason, "pictures": pictures})
    for file, bits in zip(files, proposal.bits, strict=True):
        say(f"{bits:.2f} bit  {printable(file)}")
    return say(proposal.reason)


def compare(
    paths: Pictures,
    taste: Annotated[list[str], typer.Option("--taste", help="A taste; name at least two.")],
    picture: Annotated[
        Path | None,
        typer.Option(callback=picture_file, help="Write the largest disagreements to this PNG."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of disagreements.")] = 8,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Compare tastes on the same pictures: rank agreement and the largest disagreements."""
    from math import isfinite

    import numpy as np

    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.scoring.explaining import write_picture
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.tastes.agreement import NO_DISAGREEMENT, compare_on, disagreement_sheet

    if len(taste) < 2:
        raise typer.BadParameter("name at least two tastes", param_hint="--taste")
    judges = [taste_judge(name, tastes) for name in taste]
    with Progress("measuring", 0) as progress:
        collection, rows, problems = open_pictures(paths, judges[0], progress, progress.expect, LocalEngine())
        with collection:
            if not as_json:
                print_problems(problems)
            agreement, compared, unreadable = compare_on(collection, rows, judges)
            chosen = agreement.disagreements(top)
            sheet = None
            if picture is not None and chosen:
                sheet = write_picture(np.asarray(disagreement_sheet(collection, agreement, compared, top)), picture)
            files = [str(collection.locate(compared[i])) for i in chosen]
    percentiles = [
        dict(zip(taste, (float(value) for value in agreement.percentiles[:, i]), strict=True)) for i in chosen
    ]
    if as_json:
        matrix = [[float(value) if isfinite(value) else None for value in line] for line in agreement.correlation]
        apart = [{"path": file, "percentiles": values} for file, values in zip(files, percentiles, strict=True)]
        facts = {"tastes": list(agreement.names), "rank_correlation": matrix, "disagreements": apart}
        return emit({**facts, "problems": [*problems, *unreadable], "file": None if sheet is None else str(sheet)})
    print_notes((*unreadable, *filter(None, (judge.doubt() for judge in judges))))
    for i, first in enumerate(agreement.names):
        for j in range(i + 1, len(agreement.names)):
            say(f"{first} and {agreement.names[j]}: rank correlation {fixed(agreement.correlation[i, j], 2)}")
    say("Judged most differently, in percentiles of the compared pictures:" if files else NO_DISAGREEMENT)
    for file, values in zip(files, percentiles, strict=True):
        say("  ".join(f"{name} {value:.0f}" for name, value in values.items()) + f"  {printable(file)}")
    if sheet is not None:
        say(f"Picture: {sheet}")
    elif picture is not None:
        note(f"{str(picture)!r} is not written: there is no picture to draw.")
    return None


def blend(
    name: Name,
    parts: Annotated[list[str], typer.Argument(help="Tastes to blend, each NAME or NAME=WEIGHT.")],
    replace: Replace = False,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Blend tastes with weights into a new one."""
    from ...metrics.tastes.blend import blend as blended
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    store = tastes_at_hand(tastes)
    pairs = weighted(parts, "PARTS")
    taste = blended(name, [store.load(part) for part, _ in pairs], [weight for _, weight in pairs])
    facts = describe(taste, store.own.save(taste, replace=replace))
    return emit(facts) if as_json else say(f"{facts['name']}: {facts['method']}; saved: {facts['file']}")


def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="File to write.")],
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Write a taste to a file to share: items and likings of the pictures, never the pictures."""
    from ...metrics.tastes.taste_files import save_taste
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    path = save_taste(tastes_at_hand(tastes).load(name), file, to_share=True)
    return emit({"name": name, "file": str(path)}) if as_json else say(f"Written: {path}")


def import_(
    file: Annotated[Path, typer.Argument(help="File that soart exported.")],
    name: Annotated[str | None, typer.Option(help="Name of the imported taste; default: its own.")] = None,
    replace: Replace = False,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Import a taste file; altered, damaged or incompatible files are refused."""
    from dataclasses import replace as changed

    from ...metrics.tastes.taste_files import load_taste
    from ...pipelines.scoring.taste_judge import TasteJudge
    from ...pipelines.scoring.taste_store import TasteStore

    taste = load_taste(file)
    TasteJudge.of(taste)
    taste = taste if name is None else changed(taste, name=name)
    facts = describe(taste, TasteStore(tastes).save(taste, replace=replace))
    if as_json:
        return emit(facts)
    print_facts(facts)
    return say(f"Saved: {facts['file']}")


def list_(tastes: TasteFolder = None, as_json: Json = False) -> None:
    """List your tastes, and those that ratings of folders taught: how reliable each is, and its method."""
    from rich.text import Text

    from ...errors import TasteError
    from ...pipelines.scoring.rated_tastes import origin_of, tastes_at_hand

    stores = tastes_at_hand(tastes)
    rows: list[dict[str, object]] = []
    for name in stores.names():
        try:
            (word, method), origin = stores.trust(name), origin_of(stores, name)
            rows.append({"name": name, "ratings": origin or None, "trust": word, "method": method})
        except TasteError as error:
            rows.append({"name": name, "problem": str(error)})
    if as_json:
        return emit({"folder": str(stores.own.folder), "tastes": rows})
    if rows:
        table = plain_table()
        for heading in ("taste", "trust", "method", "ratings of"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            cells = (row["name"], row.get("trust") or row["problem"], row.get("method", ""), row.get("ratings") or "–")
            table.add_row(*(Text(printable(str(cell))) for cell in cells))
        out.print(table)
    else:
        say(
            f"There is no taste in {stores.own.folder} yet: soart start FOLDER, or soart taste learn NAME --good DIR "
            "--bad DIR"
        )
    return None


def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of the tastes.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    tastes: TasteFolder = None,
    as_json: Json = False,
) -> None:
    """Delete tastes; ratings and pictures stay, so that they can be learnt again."""
    from ...errors import TasteError
    from ...pipelines.configuration import read_settings
    from ...pipelines.scoring.rated_tastes import tastes_at_hand
    from ...pipelines.tastes.priors import holders_of

    store = tastes_at_hand(tastes)
    names = list(dict.fromkeys(names))
    files = [store.existing(name) for name in names]
    if not yes:
        if not sys.stdin.isatty():
            raise TasteError(f"To delete {', '.join(map(repr, names))} without being asked, add --yes.")
        typer.confirm(f"Delete {', '.join(map(str, files))}?", abort=True)
    for name in names:
        store.delete(name)
    default = read_settings()["by"]
    for name, holders in holders_of(names, store.own).items():
        note(f"A copy of {name!r} stays in {', '.join(map(repr, holders))}: scores do not change.")
    for text in default.value or () if tastes is None else ():
        # A taste of a rated folder may take the place of a deleted one.
        if (name := text.rpartition("=")[0] or text) in names and name not in store.names():
            note(f"{name!r} is still a configured judge ({default.source}): commands that use it will fail.")
    return emit({"deleted": names}) if as_json else say(f"Deleted: {', '.join(names)}")


def register(app: typer.Typer) -> None:
    """Add the commands to ``soart taste``."""
    app.command("explain", epilog="Example: soart taste explain mine picture.png --heat why.png")(explain)
    app.command("next", epilog="Example: soart taste next mine pictures/ -n 8")(next_)
    app.command(
        "compare", epilog="Example: soart taste compare pictures/ --taste mine --taste yours --picture apart.png"
    )(compare)
    app.command("blend", epilog="Example: soart taste blend ours mine=2 yours=1")(blend)
    app.command("export", epilog="Example: soart taste export mine mine.taste.safetensors")(export)
    app.command("list", epilog="Example: soart taste list")(list_)
    app.command("delete", epilog="Example: soart taste delete old --yes")(delete)
    app.command("import", epilog="Example: soart taste import mine.taste.safetensors --name yours")(import_)
