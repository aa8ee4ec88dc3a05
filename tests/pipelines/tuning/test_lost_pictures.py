"""Pictures of a tune that wait, fail, are moved away or are lost."""

from dataclasses import replace

import numpy as np
import pytest

from soart.errors import SoartError
from soart.pipelines.collection.tables import AWAY, ChoiceRow, ImageRow
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.reports.tuning import render_tune_report
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.tuner import WINNERS, Tuner
from soart.prompts.space.space import PromptSpace


def test_bans_reach_what_waits(tuner, generator, panel, collection):
    asked = tuner.ask(8)
    option = tuner.space.describe(asked[0].choice)["palette"]
    narrow = Tuner(collection, generator, tuner.space.restrict([f"palette={option}"]), panel, budget=24)
    assert 0 < len(narrow.waiting) < 8
    for _ in range(2):
        narrow.step()
    drawn = [a for a in narrow.study.own if a.row is not None]
    assert drawn
    assert option not in {tuner.space.describe(a.choice)["palette"] for a in drawn}
    assert findings_of(narrow).winners[0].choice["palette"] != option


def test_what_waits_is_drawn_only_if_it_gives_the_same_picture_now(tuner, collection):
    first, second = tuner.write([(0, 0, 0, 0), (1, 1, 1, 0)])
    tuner.study = tuner._read()
    assert tuner.waiting == [replace(trial, loras=()) for trial in (first, second)]
    # As if another version of the model's own settings had asked for it.
    with collection.session("be written", write=True) as session:
        session.query(ChoiceRow).filter_by(number=0).update({"request_key": "another"})
    tuner.study = tuner._read()
    assert [trial.number for trial in tuner.waiting] == [1]


def test_pictures_that_were_moved_away_count_and_are_not_drawn_again(collection, generator, space, panel, tmp_path):
    tuner = Tuner(collection, generator, space, panel, budget=6, batch=6, prune=False)
    rows = tuner.draw(tuner.write(space.sample(6, 0)))
    worst = [rows[place] for place in np.argsort(tuner.judged().goal_values())[:2]]
    for row in worst:
        collection.locate(row).rename(tmp_path / f"{row.id}.png")
    with collection.session("be written", write=True) as session:
        for row in worst:
            session.get_one(ImageRow, row.id).problem = AWAY
    again = Tuner(collection, generator, space, panel, budget=6, batch=6, prune=False)
    assert (again.done, again.waiting, len(again.judged().trials)) == (6, [], 6)
    tune(again)
    found = findings_of(again)
    assert render_tune_report(collection, found, "t", "w")
    assert not any(collection.locate(row).exists() for row in worst)
    # A deleted one is drawn again.
    collection.locate(next(row for row in rows if row not in worst)).unlink()
    assert Tuner(collection, generator, space, panel, budget=6).done == 5


def test_a_choice_that_failed_is_not_asked_again(collection, generator, panel):
    space = PromptSpace.parse_yaml(
        "template: a boat in {palette} colors\nslots: {palette: [warm, cool, neon], steps: ['3']}"
    )
    tuner = Tuner(collection, generator, space, panel, budget=12, batch=3, prune=False)
    rows = tuner.draw(tuner.write([(0, 0), (1, 0)]))
    with collection.session("be written", write=True) as session:
        session.get_one(ImageRow, rows[0].id).problem = "all black"
    tuner.study = tuner._read()
    assert [trial.choice for trial in tuner.study.failed] == [(0, 0)]
    assert sorted(trial.choice for trial in tuner.ask(3)) in ([(2, 0)], [(1, 0), (2, 0)])


def test_failed_pictures(collection, generator, space, panel, monkeypatch):
    """A batch that fails whole is an error; single failures are passed over and stay in the collection."""
    draw = ImageGenerator.draw

    def failing(count):
        def drawn(self, requests):
            for batch in draw(self, requests):
                for one in batch[:count]:
                    object.__setattr__(one, "problem", "all black")
                yield batch

        return drawn

    tuner = Tuner(collection, generator, space, panel, budget=12, batch=4)
    with monkeypatch.context() as patch:
        patch.setattr(ImageGenerator, "draw", failing(1))
        tuner.step()
        assert len(tuner.judged().trials) == 3
        patch.setattr(ImageGenerator, "draw", failing(99))
        with pytest.raises(SoartError, match="All 4 pictures of the last batch failed"):
            tuner.step()
    tune(tuner)
    assert len(findings_of(tuner).winners) == WINNERS


def test_a_failed_picture_that_is_a_batch_of_its_own_is_passed_over(collection, generator, space, panel, monkeypatch):
    draw, failing = ImageGenerator.draw, iter([True, True, False, True, True, True])

    def drawn(self, requests):
        for batch in draw(self, requests):
            for one in batch:
                object.__setattr__(one, "problem", "all black" if next(failing) else None)
            yield batch

    monkeypatch.setattr(ImageGenerator, "draw", drawn)
    tuner = Tuner(collection, generator, space, panel, budget=12, batch=1)
    for _ in range(5):
        tuner.step()
    with pytest.raises(SoartError, match=r"The last 3 pictures failed \(all black\)"):
        tuner.step()


def test_lost_files_are_drawn_again(tuner, collection):
    tuner.step()
    for row in collection.images()[:2]:
        collection.locate(row).unlink()
    again = Tuner(collection, tuner.generator, tuner.space, tuner.panel, budget=24)
    assert len(again.waiting) == 2
    assert again.done == 6
    again.step()
    assert again.done == 8
