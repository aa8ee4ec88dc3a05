"""Panels below the widgets of nodes, as plain JSON values: tables, pictures with scores, and a chart of the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from .pictures import plain, to_images
from .rating import RATED, place_of_file, rating_of_any

if TYPE_CHECKING:
    import numpy as np

    from ...metrics.protocols import Reason
    from ...pipelines.judges.in_memory import ScoredPicture
    from ...pipelines.tuning.ask_tell import Question, Told
    from ...pipelines.tuning.findings import StudyFindings


def score_table(scored: Sequence[ScoredPicture], title: str) -> dict[str, Any]:
    """Scores as a table, for clients that show no pictures."""
    from ...pipelines.reports.score_words import reason_words

    rows = [
        [
            picture.number + 1,
            plain(picture.score),
            plain(picture.percentile, 0),
            "; ".join(reason_words(picture.reasons)),
        ]
        for picture in scored
    ]
    return {"title": title, "columns": ["picture", "score", "percentile", "why"], "rows": rows}


def score_lines(scored: Sequence[ScoredPicture], decimals: int = 1) -> str:
    """Scores as text, one line per picture."""
    from ...pipelines.reports.score_words import score_text

    return "\n".join(
        f"picture {picture.number + 1}: {score_text(picture.score, picture.percentile, decimals)}" for picture in scored
    )


def score_cards(
    scored: Sequence[ScoredPicture], pixels: Mapping[int, np.ndarray], name: str, cls: type[io.ComfyNode]
) -> list[dict[str, Any]]:
    """Pictures by number in the batch, in the order shown, with scores on the scale of people and reasons in words."""
    from ...pipelines.reports.score_words import points_text

    previews = saved_previews([pixels[picture.number] for picture in scored], cls)
    return [
        {
            "image": preview,
            "title": str(picture.number + 1),
            "value": plain(picture.score),
            "score": points_text(picture.score, name),
            "note": f"better than {min(picture.percentile, 99):.0f} %",
            **_reasons(picture.reasons),
            "rate": rating_of_any(preview, RATED),
        }
        for picture, preview in zip(scored, previews, strict=True)
    ]


def unscored_cards(pixels: Mapping[int, np.ndarray], cls: type[io.ComfyNode]) -> list[dict[str, Any]]:
    """Pictures (h, w, 3) uint8 by number in the batch that the judge gave no value."""
    facts: dict[str, Any] = {"value": None, "score": "not judged", "note": "", "why": []}
    return [
        {"image": preview, "title": str(number + 1), **facts}
        for number, preview in zip(pixels, saved_previews(list(pixels.values()), cls), strict=True)
    ]


def observed_card(
    choice: Question, told: Told, pixels: np.ndarray, rate: dict[str, Any], cls: type[io.ComfyNode]
) -> dict[str, Any]:
    """The (h, w, 3) uint8 picture of a choice with its score, to be rated by a click; ``rate`` is of ``rating``."""
    from ...pipelines.reports.score_words import points_text

    score = "not judged" if told.score is None else points_text(told.score, choice.study.judge.stored_name)
    return {
        "image": saved_previews([pixels], cls)[0],
        "title": str(choice.trial.number + 1),
        "value": None if told.score is None else plain(told.score),
        "score": score,
        "note": choice.request.prompt,
        **_reasons(told.reasons),
        "rate": rate,
    }


def _reasons(reasons: Sequence[Reason]) -> dict[str, Any]:
    """Reasons in words, and where the front end finds the pictures that each is about; those that it cannot find are named."""
    from ...pipelines.reports.score_words import reason_words

    found = [[place_of_file(example.file) for example in reason.examples] for reason in reasons]
    like = [[place for place in places if place] if all(places) else [] for places in found]
    bare = [replace(reason, examples=()) if places else reason for reason, places in zip(reasons, like, strict=True)]
    return {"why": reason_words(bare), "like": like}


def saved_previews(pictures: Sequence[np.ndarray], cls: type[io.ComfyNode]) -> list[dict[str, str]]:
    """Save (h, w, 3) uint8 pictures of one size in ComfyUI's temporary folder; returns where the front end finds them."""
    if not pictures:
        return []
    entries = ui.PreviewImage(to_images(pictures), cls=cls).as_dict()["images"]
    return [dict(entry) for entry in entries]


def loop_chart(findings: StudyFindings) -> dict[str, Any]:
    """Mean and best value of each run of a loop, for the line chart."""
    return {
        "unit": findings.unit,
        "runs": [
            {"run": batch.number + 1, "pictures": batch.count, "mean": plain(batch.mean), "best": plain(batch.best)}
            for batch in findings.batches
        ],
    }
