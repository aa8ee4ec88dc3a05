"""``soart taste explain|next|compare|blend|export|import``; added to ``app`` by ``register``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Json, Kept, Pictures
from .taste import Name, Profiles, Rater, describe, print_facts, scorer_of, warning_of
from .terminal import Progress, emit, note, printable, say


def explain(
    name: Name,
    picture: Annotated[Path, typer.Argument(help="The picture to explain.")],
    heat: Annotated[Path | None, typer.Option(help="Write the picture under its heat map to this PNG.")] = None,
    grid: Annotated[int, typer.Option(min=1, max=64, help="Patches a side of the heat map.")] = 4,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Explain a picture's score: what moved it and by how much, in words, and where in the picture."""
    from ...pipelines.scoring.explaining import explain_picture, write_picture

    scorer = scorer_of(name, profiles)
    found = explain_picture(scorer, picture, grid)
    written = None if heat is None else write_picture(found.overlay, heat)
    why = found.explanation
    if as_json:
        return emit(
            {
                "taste": name, "picture": str(picture), "score": found.score, "percentile": found.percentile,
                "liking": why.liking, "baseline": why.baseline, "exact": why.exact, "remainder": why.remainder,
                "reasons": [{"text": r.text, "contribution": r.contribution} for r in why.reasons],
                "mode": None if why.mode is None else {"name": why.mode[0], "probability": why.mode[1]},
                "heat": found.heat.tolist(), "file": None if written is None else str(written), "warning": scorer.warning,
            }
        )  # fmt: skip
    for text in warning_of(scorer):
        note(text)
    say(f"Score {found.score:.0f} of 100, percentile {found.percentile:.0f}")
    for reason in why.reasons:
        say(f"{reason.contribution:+.2f}  {reason.text}")
    if why.mode is not None:
        say(f"Looks most like {printable(why.mode[0])!r} ({100 * why.mode[1]:.0f} %)")
    if written is not None:
        say(f"Heat map: {written}")
    return None


def next_(
    name: Name,
    collection: Kept,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many pictures.")] = 8,
    rater: Rater = "me",
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Say which pictures' ratings would teach a taste most, and whether to stop rating."""
    from ...pipelines.scoring.measuring import existing_collection
    from ...pipelines.tastes.rating_session import propose_pictures

    scorer = scorer_of(name, profiles)
    with existing_collection(collection) as store:
        with Progress("measuring", 0) as progress:
            proposal, rows = propose_pictures(store, scorer, rater, count, progress)
        files = [str(store.locate(row)) for row in rows]
    if as_json:
        told = [{"path": file, "bits": float(bits)} for file, bits in zip(files, proposal.bits, strict=True)]
        return emit({"taste": name, "stop": proposal.stop, "reason": proposal.reason, "pictures": told})
    for file, bits in zip(files, proposal.bits, strict=True):
        say(f"{bits:.2f} bit  {printable(file)}")
    return say(proposal.reason)


def compare(
    paths: Pictures,
    taste: Annotated[list[str], typer.Option("--taste", help="A taste; name at least two.")],
    picture: Annotated[Path | None, typer.Option(help="Write the biggest disagreements to this PNG.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many disagreements.")] = 8,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Compare tastes on the same pictures: rank agreement and the biggest disagreements."""
    from math import isfinite

    import numpy as np

    from ...pipelines.scoring.explaining import write_picture
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.tastes.agreement import compare_on, disagreement_sheet

    if len(taste) < 2:
        raise typer.BadParameter("name at least two tastes", param_hint="--taste")
    scorers = [scorer_of(name, profiles) for name in taste]
    with Progress("measuring", 0) as progress:
        collection, rows, problems = open_pictures(paths, scorers[0], progress, progress.expect)
        with collection:
            for text in () if as_json else problems:
                note(printable(text))
            agreement, kept, trouble = compare_on(collection, rows, scorers)
            written = None
            if picture is not None:
                written = write_picture(np.asarray(disagreement_sheet(collection, agreement, kept, top)), picture)
            apart = agreement.disagreements(top)
            files = [str(collection.locate(kept[i])) for i in apart]
    told = [dict(zip(taste, (float(v) for v in agreement.percentiles[:, i]), strict=True)) for i in apart]
    if as_json:
        matrix = [[float(v) if isfinite(v) else None for v in line] for line in agreement.correlation]
        shown = [{"path": file, "percentiles": values} for file, values in zip(files, told, strict=True)]
        facts = {"tastes": list(agreement.names), "rank_correlation": matrix, "disagreements": shown}
        return emit({**facts, "problems": [*problems, *trouble], "file": None if written is None else str(written)})
    for text in (*trouble, *(text for scorer in scorers for text in warning_of(scorer))):
        note(printable(text))
    for i, first in enumerate(agreement.names):
        for j in range(i + 1, len(agreement.names)):
            say(f"{first} and {agreement.names[j]}: rank correlation {agreement.correlation[i, j]:.2f}")
    for file, values in zip(files, told, strict=True):
        say("  ".join(f"{name} {value:.0f}" for name, value in values.items()) + f"  {printable(file)}")
    if written is not None:
        say(f"Picture: {written}")
    return None


def blend(
    name: Name,
    parts: Annotated[list[str], typer.Argument(help="Tastes to blend, each NAME or NAME=WEIGHT.")],
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Blend tastes with weights into a new one."""
    from ...metrics.tastes.blend import blend as mixed
    from ...pipelines.scoring.profile_store import ProfileStore

    kept = ProfileStore(profiles)
    names, weights = [], []
    for part in parts:
        one, _, weight = part.partition("=")
        names.append(one)
        try:
            weights.append(float(weight or 1))
        except ValueError as error:
            raise typer.BadParameter(f"expected NAME=WEIGHT, got {part!r}", param_hint="PARTS") from error
    made = mixed(name, [kept.load(one) for one in names], weights)
    facts = describe(made, kept.save(made))
    return emit(facts) if as_json else say(f"{facts['name']}: {facts['method']}; saved: {facts['file']}")


def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="File to write.")],
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Write a taste to a file for somebody else: items and likings of the pictures, never the pictures."""
    from ...metrics.tastes.profile_files import save_taste
    from ...pipelines.scoring.profile_store import ProfileStore

    written = save_taste(ProfileStore(profiles).load(name), file)
    return emit({"name": name, "file": str(written)}) if as_json else say(f"Written: {written}")


def import_(
    file: Annotated[Path, typer.Argument(help="File that soart exported.")],
    name: Annotated[str | None, typer.Option(help="What to call it here; default: its own name.")] = None,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Take in a taste from a file; one that was changed, damaged or learnt on other items is refused."""
    from dataclasses import replace

    from ...metrics.tastes.profile_files import load_taste
    from ...pipelines.scoring.profile_store import ProfileStore
    from ...pipelines.scoring.taste_scorer import TasteScorer

    taste = load_taste(file)
    TasteScorer.of(taste)
    taste = taste if name is None else replace(taste, name=name)
    facts = describe(taste, ProfileStore(profiles).save(taste))
    if as_json:
        return emit(facts)
    print_facts(facts)
    return say(f"Saved: {facts['file']}")


def register(app: typer.Typer) -> None:
    """Add the commands to ``soart taste``."""
    app.command("explain", epilog="Example: soart taste explain mine picture.png --heat why.png")(explain)
    app.command("next", epilog="Example: soart taste next mine pictures/ -n 8")(next_)
    app.command(
        "compare", epilog="Example: soart taste compare pictures/ --taste mine --taste yours --picture apart.png"
    )(compare)
    app.command("blend", epilog="Example: soart taste blend ours mine=2 yours=1")(blend)
    app.command("export", epilog="Example: soart taste export mine mine.taste.safetensors")(export)
    app.command("import", epilog="Example: soart taste import mine.taste.safetensors --name yours")(import_)
