"""Comparison of two versions of attention on the pictures of a collection or of folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import SoartError
from ..attention.collection_modes import by_ratings, by_words, modes_of
from ..attention.modes import Modes, VersionReport, compare_versions, measure_modes
from ..collection.collection import Collection
from ..collection.queries import check_words
from ..support.background import Job, Jobs

#: Key of the comparison among the jobs; one runs at a time.
KEY = "attention"


def folders_by_name(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders by their own names, which name the modes.

    Raises:
        SoartError: fewer than two folders, or two of the same name.
    """
    named = {folder.resolve().name: folder for folder in folders}
    if len(named) < len(folders) or len(named) < 2:
        raise SoartError("Expected at least two folders of different names, one a line: modes are named after folders.")
    return named


def start_comparison(
    jobs: Jobs,
    collection: Collection,
    rater: str,
    versions: Sequence[str],
    *,
    words: Sequence[str] | None = None,
    folders: Mapping[str, Path] | None = None,
) -> Job:
    """Compare two versions in the background; ``result_of`` returns the report.

    Args:
        jobs: the jobs of the collection.
        collection: its pictures are compared.
        rater: whose ratings make the modes, without words and folders.
        versions: first and second, such as ``B`` and ``D``.
        words: of prompts, one a mode.
        folders: of pictures by mode, in place of the collection's own pictures; links out of them are left out.

    Raises:
        CollectionError: words that cannot be searched.
    """
    check_words(words or ())

    def measure(job: Job) -> Modes:
        if folders is not None:
            return measure_modes(folders, job.advance, job.expect, contained=True)
        classes = by_ratings(collection, rater) if words is None else by_words(collection, words)
        return modes_of(collection, classes, job.advance)

    def work(job: Job) -> VersionReport:
        data = measure(job)
        report = compare_versions(data, versions)
        job.message = f"{len(data.files)} pictures compared. {' '.join(data.problems[:3])}"
        return report

    return jobs.start(KEY, "Comparing attention", work)


def result_of(jobs: Jobs) -> tuple[VersionReport, str] | None:
    """Report and message of the last comparison; None before its end."""
    job = jobs.find(KEY)
    return None if job is None or job.result is None else (job.result, job.message)
