"""Pictures of other spaces, words and models, as far as a tune takes them over."""

from specimens.tuning import SPACE

from soart.pipelines.collection.tables import SpaceRow
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.study import last_space, read_study
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace


def test_a_space_edited_between_runs(tuner, generator, panel, collection):
    tuner.step()
    edited = SPACE.replace("neon]", "pastel, sepia]").replace("subject: [boat, ", "subject: [")
    again = Tuner(collection, generator, PromptSpace.parse_yaml(edited), panel, budget=16)
    kept = [a for a in tuner.study.drawn if a.choice[0] > 0 and a.choice[1] < 3]
    assert len(again.study.earlier) == len(kept)
    assert again.done == 0
    assert len(again.study.notes) == 1
    assert str(len(tuner.study.drawn) - len(kept)) in again.study.notes[0]
    again.step()
    assert last_space(collection) == again.space
    batches = {asked.batch for asked in again.study.drawn}
    assert len(batches) == 2
    # Both versions are known to each other now, and the first has lost nothing.
    assert len(read_study(collection, tuner.space, generator.model.identity).own) == 8


def test_pictures_of_a_model_that_has_changed_stay_and_do_not_count(tuner, collection):
    tuner.step()
    changed = read_study(collection, tuner.space, "embedded@0123456789ab")
    assert (changed.own, len(changed.notes)) == ([], 1)
    assert changed.notes[0].startswith("The model 'embedded' has changed: the pictures that it drew before stay")


def test_an_edited_space_draws_pictures_that_are_not_there_yet(collection, generator, panel):
    text = "template: a boat in {palette} colors\nslots: {palette: [warm, cool], steps: ['3']}"
    drawn = 0
    for options in ("warm, cool", "warm, cool, neon", "cool, neon", "warm, cool"):
        space = PromptSpace.parse_yaml(text.replace("warm, cool", options))
        tuner = Tuner(collection, generator, space, panel, budget=12, batch=3, prune=False)
        before = tuner.done
        tuner.draw(tuner.write([(0, 0), (1, 0), (1, 0)]))
        drawn += tuner.done - before
        assert len(collection.images()) == drawn
    assert drawn == 12


def test_pictures_of_other_words_are_hints_only(collection, generator, panel):
    spaces = [
        PromptSpace.parse_yaml(SPACE.replace("a {style} picture", words))
        for words in ("a {style} picture", "one {style} view")
    ]
    for space in spaces:
        tuner = Tuner(collection, generator, space, panel, budget=12, batch=8)
        assert tuner.done == 0
        tune(tuner)
        assert tuner.done == 12
        found = findings_of(tuner)
        assert sum(batch.count for batch in found.batches) == 12
        for winner in found.winners:
            assert {row.generation.prompt for row in winner.pictures} == {winner.words[0].prompt}
    assert (sum(trial.sound for trial in tuner.study.hints), tuner.study.earlier) == (12, [])
    assert found.notes[0] == "12 earlier pictures have the same options with other words: they count as hints."
    # They show the way: before the second space had any picture, its best palette was known.
    hinted = Tuner(
        collection, generator, PromptSpace.parse_yaml(SPACE.replace("a {style} picture", "my {style} view")), panel
    )
    best = hinted.steering().recommend(hinted.rng(4)).choice
    assert hinted.space.describe(best)["palette"] == "cool"


def test_two_plain_prompts_are_two_tunes(collection, generator, panel):
    for subject in ("a boat", "a castle"):
        space = PromptSpace.parse(subject, "embedded")
        tuner = Tuner(collection, generator, space, panel, budget=3, batch=3, prune=False)
        assert tuner.done == 0
        rows = tuner.step()
        assert all(row.generation.prompt.startswith(subject) for row in rows)
    assert len(collection.images()) == 6


def test_a_stored_space_that_cannot_be_read_is_named(tuner, collection, generator, space, panel):
    tuner.step()
    with collection.session("be written", write=True) as session:
        session.get_one(SpaceRow, space.fingerprint).text = "slots: [1"
    other = PromptSpace.parse_yaml(SPACE.replace("a {style} picture", "one {style} view"))
    [note] = Tuner(collection, generator, other, panel).study.notes
    assert note.startswith("An earlier space cannot be read any more, so its pictures do not count: ")


def test_choices_of_another_model_are_another_study(tuner, collection):
    tuner.ask(4)
    assert len(read_study(collection, tuner.space, tuner.generator.model.identity).own) == 4
    assert read_study(collection, tuner.space, "another").own == []
