"""The report by kinds: pictures of one subject and style are compared, and each quality word stands apart."""

import numpy as np
import pytest

from soart.benchmarks.score import kinds
from soart.pipelines.tiny.words import STYLES, SUBJECTS


@pytest.fixture
def drawings():
    """A table of drawings of the embedded model in the order in which they are drawn, without items."""
    words = (*kinds.GOOD_WORDS, *kinds.BAD_WORDS)
    word = np.array([word for _ in SUBJECTS for _ in STYLES for word in words])
    fault = np.array([kinds.BAD_WORDS.get(one, "none") for one in word])
    n = len(word)
    how = np.where(fault == "none", kinds.LIGHT[0], "drawn")
    columns = (np.full(n, "embedded/x"), np.full(n, kinds.EMBEDDED), np.full(n, 64), fault, how, np.zeros(n))
    return word, kinds.Table(*columns, items=np.zeros((n, 0)), base=np.arange(n))


def test_words_stand_apart_and_noisy_is_compared_with_vivid_of_the_same_subject_and_style(drawings, capsys):
    word, table = drawings
    usual = {"sharp": 70.0, "vivid": 60.0, "": 65.0, "blurry": 30.0, "noisy": 50.0, "faded": 40.0}
    points = np.array([usual[one] for one in word])
    first = np.flatnonzero(word == "vivid")[:15]
    points[first] = 45.0
    kinds.table_of_words(table, points)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    titles, rows = lines[0], {line[0]: line[1:] for line in lines[1:]}
    assert titles == ["points", "deviation", "above", "sharp", "above", "vivid", "above", "plain"]
    assert {word: float(row[0]) for word, row in rows.items() if word != "no"} == {
        "sharp": 70.0, "vivid": 56.25, "blurry": 30.0, "noisy": 50.0, "faded": 40.0,
    }  # fmt: skip
    assert [float(rows[word][3]) for word in ("blurry", "noisy", "faded")] == [0, 0.25, 0]
    assert {float(rows[word][2]) for word in ("blurry", "noisy", "faded")} == {0}
