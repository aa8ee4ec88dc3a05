"""Finds pictures of a gallery by words as ``soart find`` does: at once where written, what they show by a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ...errors import JudgeError
from ...metrics.items.faces import VERSION
from ..collection.collection import Collection
from ..collection.pictures import images_by_id, newest_id
from ..collection.queries import Query, order
from ..judges.catalogue import Catalogue
from ..judges.face_source import FaceSource
from ..judges.guarded import GuardedJudge
from ..judges.searching import (
    OTHERS,
    face_range,
    reader_of,
    seen_in,
    sought,
    to_see,
    unknown_words,
    wanted,
    without,
    written,
)
from ..scoring.measuring import measure
from ..support.background import Job, Jobs
from ..support.wording import counted

#: Key of the job that looks.
KEY = "look"
#: Pictures that are found at most by a judge whose values are no probabilities, and searches that are remembered.
_MOST, _REMEMBERED = 100, 20
#: Finds the ids of a query in its order.
Find = Callable[[Query], list[int]]


@dataclass(frozen=True)
class Answer:
    """Pictures that a search found, by which evidence, a note on words, and the number that can still be looked at."""

    ids: list[int]
    evidence: dict[int, str] = field(default_factory=dict)
    note: str = ""
    unseen: int = 0


class SearchService:
    """Searches of one collection; what pictures show is remembered until there are new ones."""

    def __init__(self, collection: Collection, jobs: Jobs) -> None:
        self.collection, self.jobs = collection, jobs
        self._seen: dict[tuple[str, int], tuple[dict[int, str], str]] = {}
        self._readers: dict[str, tuple[GuardedJudge | None, str]] = {}

    def answer(self, query: Query, text: str, faces: str, find: Find) -> Answer:
        """The pictures of a query that fit a text and have as many faces as asked for."""
        words, unseen = sought(text), 0
        positive = to_see(words)
        ids = written(query, words, find) if words else find(query)
        evidence: dict[int, str] = {}
        note = ""
        if positive:
            there, against = {*ids}, tuple(word for word in words if word not in positive)
            others = {*find(replace(query, words=against, names=True, whole=True))} - there
            seen = self._seen.get(self._key(text))
            if seen is not None:
                evidence, note = {image: seen[0][image] for image in seen[0] if image in others}, seen[1]
            elif self._reader(text)[0] is not None:
                unseen = len(others)
            ids = [*ids, *evidence]
            if not ids and not unseen:
                unknown, problem = unknown_words(self.collection, positive, self._reader(text)[0], find)
                if fewer := without(words, unknown):
                    return replace(self.answer(query, fewer, faces, find), note=f"{problem} {OTHERS}")
                note = problem or note
        if limits := face_range(faces):
            counts = {image: row[0] for image, row in self.collection.items(VERSION, ids).items()}
            unseen = max(unseen, len(ids) - len(counts))
            ids = [image for image in ids if image in counts and limits[0] <= counts[image] <= limits[1]]
        return Answer(ids, evidence, note, unseen)

    def look(self, text: str, faces: str) -> Job:
        """Look for words in all pictures in the background, and for faces if asked."""
        positive = to_see(sought(text))

        def work(job: Job) -> None:
            ids = order(self.collection, Query(), "")
            rows = [row for row in images_by_id(self.collection, ids).values() if not row.problem]
            job.expect(len(rows) * (bool(faces) + bool(positive)))
            if faces:
                measure(self.collection, rows, FaceSource(), progress=job.advance)
            judge, said = self._reader(text) if positive else (None, "")
            if judge is not None:
                try:
                    hits, notes = seen_in(self.collection, rows, wanted(text), judge, job.advance)
                except JudgeError as error:
                    hits, notes = [], [str(error)]
                hits = hits[:_MOST] if judge.name.partition(":")[0] != "adherence" else hits
                while len(self._seen) >= _REMEMBERED:
                    del self._seen[next(iter(self._seen))]
                note = " ".join(filter(None, [said, *notes[:2]]))
                self._seen[self._key(text)] = {hit.row.id: hit.evidence for hit in hits}, note
            job.message = f"Looked at {counted(len(rows))}."

        return self.jobs.start(KEY, "Looking at pictures", work)

    def _key(self, text: str) -> tuple[str, int]:
        return wanted(text).casefold(), newest_id(self.collection)

    def _reader(self, text: str) -> tuple[GuardedJudge | None, str]:
        """The judge that looks for some words, None if none can, and what it cannot tell in a sentence."""
        if text not in self._readers:
            judge, notes = reader_of(text, "", Catalogue().find)
            self._readers = {text: (judge, "" if judge is None else " ".join(notes))}
        return self._readers[text]
