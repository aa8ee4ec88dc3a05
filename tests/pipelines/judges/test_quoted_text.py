"""Quoted text: distances, and what is said of signs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soart.metrics.items.text import LENGTH
from soart.pipelines.judges import quoted_text
from soart.pipelines.judges.adherence import AdherenceJudge
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.quoted_text import TextSource, edit_distance, reading_error
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.pictures import StoredPictures

words = st.text("abc", max_size=4)


def recursive(a: str, b: str) -> int:
    """The definition of the edit distance."""
    if not a or not b:
        return len(a) + len(b)
    return min(recursive(a[1:], b) + 1, recursive(a, b[1:]) + 1, recursive(a[1:], b[1:]) + (a[0] != b[0]))


@given(words, words)
def test_the_edit_distance_against_its_definition(a, b):
    assert edit_distance(a, b) == recursive(a, b) == edit_distance(b, a)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["OPEN", "all day!"], 0),
        (["we are open all day long"], 0),
        (["openall", "day"], 0),
        (["opem all day"], 1),
        (["all day open"], 4),
        (["opens all day"], 1),
        ([], 6),
        (["menu"], 6),
    ],
)
def test_reading_errors(lines, error):
    assert reading_error("Open all day", lines) == error


def read_as(text):
    """Items of a picture in which a text was read."""
    item = np.zeros(LENGTH)
    item[: len(text)] = [ord(character) for character in text]
    return item


def test_a_sign(monkeypatch):
    monkeypatch.setattr(quoted_text, "can_read_text", lambda: True)
    judge = AdherenceJudge([TextSource.load()])
    prompt = 'a sign that says "open"'
    version = judge.sources[0].version
    right, wrong, none = (judge.adherence(prompt, (512, 512), {version: read_as(t)}) for t in ("OPEN", "OPNE", ""))
    assert right.value > 0.5 > wrong.value > none.value
    assert wrong.not_shown[0].startswith("no open seen: 0.")
    # Too small to read, and nothing that could be read.
    assert judge.needed(prompt, (64, 64)) == judge.needed('a sign that says "!!!"', (512, 512)) == []


def test_without_the_reader_a_sentence_says_what_to_install(monkeypatch, collection):
    monkeypatch.setattr(quoted_text, "can_read_text", lambda: False)
    judge = AdherenceJudge([TextSource.load()])
    judged = judge.adherence('a sign that says "open"', (512, 512), {})
    assert np.isnan(judged.value)
    assert [phrase.sentence for phrase in judged.phrases][-1] == "cannot tell 'open': install soart[text]"
    drawn = DrawnPicture(
        Request('a sign that says "open"', 1, width=128, height=128),
        np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8),
        None,
        0,
    )
    rows = collection.add_drawn([drawn], "m", "s")
    assert judge_pictures(StoredPictures(collection, rows), GuardedJudge(judge))[1][0] == (
        "Quoted text in prompts cannot be judged: pip install 'soart[text]'."
    )
