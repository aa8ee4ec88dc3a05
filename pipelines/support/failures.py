"""Sums up what could not be done with many files, by its cause."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Files of one cause that get a sentence each; more of them share one.
LISTED = 3
#: The name of a file at the start of a sentence, as ``repr`` writes it.
_FILE = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\") ")


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be done with a file."""

    path: Path | str
    cause: str  # completes a sentence that begins with the file, such as "cannot be moved: No space left on device"
    of_many: str = ""  # completes one that begins with a number of files; empty if the same words do


def reason_of(error: Exception) -> str:
    """The reason of an error, or of the error of a file that caused it, without the file's name."""
    for one in (error, error.__cause__):
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return str(error).rstrip(".")


def summed_up(failures: Iterable[Failure]) -> list[str]:
    """Sentences on failures: one a file, or a single one for more than ``LISTED`` files of one cause.

    >>> from soart.pipelines.support.failures import Failure, summed_up
    >>> summed_up([Failure("a.png", "cannot be moved: No space left on device")])
    ["'a.png' cannot be moved: No space left on device."]
    >>> summed_up([Failure(f"{n}.png", "cannot be moved: No space left on device") for n in range(74)])
    ["74 files cannot be moved: No space left on device. The first is '0.png'."]
    """
    alike: dict[str, list[Failure]] = {}
    for failure in failures:
        alike.setdefault(failure.of_many or failure.cause, []).append(failure)
    sentences = []
    for of_many, those in alike.items():
        if len(those) > LISTED:
            sentences.append(f"{len(those)} files {of_many}. The first is {str(those[0].path)!r}.")
        else:
            sentences += [f"{str(failure.path)!r} {failure.cause}." for failure in those]
    return sentences


def told_together(sentences: Iterable[str]) -> list[str]:
    """Sentences, of those that say the same of more than ``LISTED`` files only the first, with the number of the others.

    >>> from soart.pipelines.support.failures import told_together
    >>> told_together([*(f"'{n}.png' is damaged." for n in range(40)), "'a.png' is empty.", "Nothing else."])
    ["'0.png' is damaged. The same is true of 39 other files.", "'a.png' is empty.", 'Nothing else.']
    """
    alike: dict[str, list[str]] = {}
    for sentence in sentences:
        file = _FILE.match(sentence)
        alike.setdefault(sentence[file.end() :] if file else "", []).append(sentence)
    told = []
    for cause, those in alike.items():
        if cause and len(those) > LISTED:
            told.append(f"{those[0]} The same is true of {len(those) - 1} other files.")
        else:
            told += those
    return told
