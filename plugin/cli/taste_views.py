"""Views of ``soart taste show``: all tastes, why a taste likes a picture, what it needs, how it differs from others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...pipelines.support.failures import told_together
from ...pipelines.support.figures import fixed
from .options import read_pictures, tastes_folder
from .ranking_output import reason_row
from .terminal import Progress, emit, print_table, say, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipelines.scoring.taste_judge import TasteJudge

#: Pictures that a comparison of tastes shows.
APART_SHOWN = 8


def list_tastes(as_json: bool) -> None:
    """List your tastes, and those that ratings of folders taught: how reliable each is, and its method."""
    from ...errors import TasteError
    from ...pipelines.scoring.rated_tastes import origin_of, tastes_at_hand

    stores = tastes_at_hand(tastes_folder())
    rows: list[dict[str, object]] = []
    for store, name in [(of, name) for of in (stores, stores.blends) for name in of.names()]:
        try:
            (word, method), origin = store.trust(name), origin_of(store, name)
            rows.append({"name": name, "ratings": origin or None, "trust": word, "method": method})
        except TasteError as error:
            rows.append({"name": name, "problem": str(error)})
    if as_json:
        return emit({"folder": str(stores.own.folder), "tastes": rows})
    if rows:
        cells = [
            (row["name"], row.get("trust") or row["problem"], row.get("method", ""), row.get("ratings") or "–")
            for row in rows
        ]
        print_table(("taste", "trust", "method", "ratings of"), cells)
    else:
        say(
            f"There is no taste in {stores.own.folder} yet: soart start FOLDER, or soart taste learn NAME --good DIR "
            "--bad DIR"
        )
    return None


def explain(judge: TasteJudge, picture: Path, heat: Path | None, as_json: bool) -> None:
    """Explain a picture's score: what moved it and by how much, in words, and where in the picture."""
    from ...pipelines.reports.score_words import reason_words
    from ...pipelines.scoring.explaining import explain_picture, write_picture

    explained = explain_picture(judge, picture)
    file = None if heat is None else write_picture(explained.overlay, heat)
    doubt = judge.doubt()
    facts = {
        "taste": judge.taste.name, "picture": str(picture), "score": explained.score, "percentile": explained.percentile,
        "reasons": [reason_row(reason) for reason in explained.reasons],
        "mode": None if explained.mode is None else {"name": explained.mode[0], "probability": explained.mode[1]},
        "heat": explained.heat.tolist(), "file": None if file is None else str(file), "warning": doubt,
    }  # fmt: skip
    score = f"Score {explained.score:.0f} of 100, percentile {explained.percentile:.0f}"
    lines = [
        f"{score} among the pictures that the taste was learnt with",
        *reason_words(explained.reasons),
    ]
    lines += (
        [] if explained.mode is None else [f"Looks most like {explained.mode[0]!r} ({100 * explained.mode[1]:.0f} %)"]
    )
    lines += [] if file is None else [f"Heat map: {file}"]
    show(as_json, facts, lines, [doubt] if doubt else [])


def next_pictures(judge: TasteJudge, collection: str, rater: str, count: int, as_json: bool) -> None:
    """List the pictures whose ratings would teach a taste most, and say whether to stop rating."""
    from ...pipelines.ingest.roots import existing_collection
    from ...pipelines.tastes.rating_session import propose_pictures

    with existing_collection(collection) as store:
        with Progress("measuring", 0) as progress:
            proposal, rows = propose_pictures(store, judge, rater, count, progress)
        files = [str(store.locate(row)) for row in rows]
    pictures = [{"path": file, "bits": float(bits)} for file, bits in zip(files, proposal.bits, strict=True)]
    facts = {"taste": judge.taste.name, "stop": proposal.stop, "reason": proposal.reason, "pictures": pictures}
    show(as_json, facts, [*(f"{one['bits']:.2f} bit  {one['path']}" for one in pictures), proposal.reason])


def compare(judges: Sequence[TasteJudge], paths: list[str], picture: Path | None, as_json: bool) -> None:
    """Compare tastes on the same pictures: rank agreement and the largest disagreements."""
    from itertools import combinations
    from math import isfinite

    import numpy as np

    from ...pipelines.scoring.explaining import write_picture
    from ...pipelines.tastes.agreement import NO_DISAGREEMENT, compare_on, disagreement_sheet

    names = [judge.taste.name for judge in judges]
    collection, rows, problems = read_pictures(paths, judges[0], title="measuring")
    with collection:
        agreement, compared, unreadable = compare_on(collection, rows, judges)
        chosen = agreement.disagreements(APART_SHOWN)
        sheet = None
        if picture is not None and chosen:
            sheet = write_picture(np.asarray(disagreement_sheet(collection, agreement, compared, APART_SHOWN)), picture)
        files = [str(collection.locate(compared[i])) for i in chosen]
    percentiles = [
        dict(zip(names, (float(value) for value in agreement.percentiles[:, i]), strict=True)) for i in chosen
    ]
    matrix = [[float(value) if isfinite(value) else None for value in line] for line in agreement.correlation]
    apart = [{"path": file, "percentiles": values} for file, values in zip(files, percentiles, strict=True)]
    facts = {
        "tastes": list(agreement.names), "rank_correlation": matrix, "disagreements": apart,
        "problems": [*problems, *unreadable], "file": None if sheet is None else str(sheet),
    }  # fmt: skip
    lines = [
        f"{names[i]} and {names[j]}: rank correlation {fixed(agreement.correlation[i, j], 2)}"
        for i, j in combinations(range(len(names)), 2)
    ]
    lines.append("Judged most differently, in percentiles of the compared pictures:" if files else NO_DISAGREEMENT)
    for file, values in zip(files, percentiles, strict=True):
        lines.append("  ".join([*(f"{name} {value:.0f}" for name, value in values.items()), file]))
    lines += [] if sheet is None else [f"Picture: {sheet}"]
    notes = [*told_together(problems), *unreadable, *filter(None, (judge.doubt() for judge in judges))]
    if picture is not None and sheet is None:
        notes.append(f"{str(picture)!r} is not written: there is no picture to draw.")
    show(as_json, facts, lines, notes)
