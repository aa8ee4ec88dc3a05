"""Adherence of stored pictures: what is measured for their prompts, stored, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.measuring import measure
from .adherence import AdherenceJudge, Evidence
from .phrase_judgements import Adherence
from .prompts import prompts_of
from .quoted_text import missing_extra


def evidence_of(
    collection: Collection, rows: Sequence[ImageRow], prompts: Mapping[int, str], judge: AdherenceJudge
) -> tuple[dict[int, Evidence], list[str]]:
    """Measure what a judge needs to judge pictures by their prompts; items that are stored are used again.

    Args:
        collection: holds the pictures and items.
        rows: the pictures.
        prompts: by picture id, one for each picture.
        judge: names the items.

    Returns:
        evidence by picture id, and a sentence for each picture that could not be read, or extra that is missing.
    """
    sizes = {row.id: (row.width, row.height) for row in rows}
    needed: dict[int, set[str]] = {}
    found, problems = {}, list[str]()
    for row in rows:
        phrases = judge.phrases(prompts[row.id], sizes[row.id])
        needed[row.id] = {source.version for _, source in phrases if source is not None}
        missing = {missing_extra(phrase) for phrase, source in phrases if source is None} - {""}
        problems += [f"Quoted text in prompts cannot be judged: pip install '{extra}'." for extra in missing]
    for source in judge.sources:
        asking = [row for row in rows if source.version in needed[row.id]]
        if asking:
            found[source.version], unreadable = measure(collection, asking, source)
            problems += unreadable
    evidence = {
        row.id: Evidence(sizes[row.id], {version: found[version][row.id] for version in needed[row.id]})
        for row in rows
        if all(row.id in found[version] for version in needed[row.id])
    }
    return evidence, list(dict.fromkeys(problems))


def adherences(
    collection: Collection, rows: Sequence[ImageRow], judge: AdherenceJudge
) -> tuple[dict[int, Adherence], list[str]]:
    """Adherence of the sound pictures that have a prompt, by id, and sentences on those that cannot be read."""
    prompts = prompts_of(collection, rows)
    asked = [row for row in rows if row.id in prompts and not row.problem]
    evidence, problems = evidence_of(collection, asked, prompts, judge)
    return {image: judge.adherence(measured, prompts[image]) for image, measured in evidence.items()}, problems
