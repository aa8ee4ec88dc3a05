"""Scores of all pictures of a collection by one judge of items."""

import pytest
from specimens.judging import ColourJudge

from soart.metrics.items.combined import taste_extractor
from soart.pipelines.judges.storing import score_all
from soart.pipelines.support.background import Job


class Luma(ColourJudge):
    """Mean luma."""

    name, scale = "luma", (0.0, 1.0)
    needs, extractor = ("items",), taste_extractor()

    def score(self, items):
        return items[:, self.extractor.names.index("colour/luma/mean")]


@pytest.fixture
def rows(collection, make_drawn):
    """Three sound pictures, one without a file, and one with a problem."""
    drawn = [make_drawn(seed) for seed in range(4)] + [make_drawn(9, problem="all black")]
    rows = collection.add_drawn(drawn, "m", "s")
    collection.locate(rows[3]).unlink()
    return rows


def test_every_sound_picture_is_measured_and_scored(collection, rows):
    job = Job(0, "", "")
    count, problems = score_all(collection, Luma(), job)
    assert (count, len(problems)) == (3, 1)
    assert str(collection.locate(rows[3])) in problems[0]
    stored = collection.scores("luma")
    assert [*stored] == [row.id for row in rows[:3]]
    assert all(0.4 < value < 0.6 for value in stored.values())
    assert (job.done, job.total) == (4, 4)


def test_only_pictures_with_items_are_scored_where_none_shall_be_decoded(collection, rows):
    luma, job = Luma(), Job(0, "", "")
    [item] = luma.extractor.extract(collection.pixels(rows[0]))
    place = luma.extractor.names.index("colour/luma/mean")
    items = {rows[1].id: item.copy(), rows[3].id: item.copy()}
    items[rows[1].id][place], items[rows[3].id][place] = 0.0, 0.25
    collection.add_items(luma.extractor.version, items)
    assert score_all(collection, luma, job, stored_items_only=True) == (2, [])
    assert collection.scores("luma") == {rows[1].id: 0.0, rows[3].id: 0.25}
    assert (job.done, job.total) == (4, 4)
