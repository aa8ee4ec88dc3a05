"""The prompts that win a tune, and how often they are drawn."""

from dataclasses import replace

import pytest
from specimens.tuning import Liking

from soart.pipelines.collection.ratings import rate
from soart.pipelines.judges.weighing import GENERAL
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import SEEDS, WINNERS, Tuner
from soart.prompts.space.space import PromptSpace


def test_leaders_are_drawn_again_one_seed_at_a_time(collection, generator, space, panel):
    tuner = Tuner(collection, generator, space, panel, budget=60, batch=8)
    tuner.step()
    while trials := tuner.replicate(60):
        # Each once, so that a leader that was lucky gives way before it has all of its seeds.
        choices = [trial.choice for trial in trials]
        assert len(set(choices)) == len(choices) <= WINNERS
        tuner.draw(trials)
    assert tuner.seeds_of_winners() == [SEEDS] * WINNERS


def test_winners_come_in_the_order_of_their_expectation_within_the_scale(collection, generator):
    space = PromptSpace.parse_yaml(
        "template: a boat in {palette} colors\nslots: {palette: [warm, cool, neon], steps: ['3']}"
    )
    panel = Panel({"person:me": 1.0, "technical": 0.0})
    tuner = Tuner(collection, generator, space, panel, budget=12, prune=False)
    rows = tuner.draw(tuner.write([(0, 0)] * 4 + [(1, 0)] + [(2, 0)] * 2))
    rate(collection, "me", {row.id: stars for row, stars in zip(rows, [4.5] * 4 + [5, 1, 1], strict=True)})
    # Of the uncertain prompt a large part of the expectation lies above five stars.
    judgements = tuner.judged()
    assert tuner.leaders(tuner.steering(judgements), judgements)[0][:2] == [(1, 0), (0, 0)]
    winners = findings_of(tuner).winners
    assert [winner.choice["palette"] for winner in winners] == ["warm", "cool", "neon"]
    assert [winner.mean for winner in winners] == sorted((winner.mean for winner in winners), reverse=True)


def test_the_end_counts_the_pictures_of_the_prompts_that_win(collection, generator):
    space = PromptSpace.parse_yaml("slots: {palette: [warm, cool], subject: [boat, tree], steps: ['3']}")
    panel = Panel({"person:me": 1.0, "technical": 0.0})
    tuner = Tuner(collection, generator, space, panel, budget=12, prune=False)
    rows = tuner.draw(tuner.write([(0, 0, 0), (0, 1, 0), (0, 1, 0), (1, 0, 0), (1, 0, 0)]))
    rate(collection, "me", {row.id: stars for row, stars in zip(rows, [1, 3, 3, 3, 3], strict=True)})
    judgements = tuner.judged()
    assert tuner.leaders(tuner.steering(judgements), judgements)[0][0] == (1, 1, 0)
    assert sorted(tuner.seeds_of_winners()) == sorted(len(winner.pictures) for winner in findings_of(tuner).winners)


def test_rated_pictures_do_not_win_just_because_they_are_rated(collection, generator, space):
    panel = Panel([Liking("blue", "cyan", "azure", "blue"), "person:me"])
    tuner = Tuner(collection, generator, space, panel, budget=24, batch=8, prune=False)
    rows = [*tuner.step(), *tuner.step()]
    scores = dict(zip(rows, tuner.judged().values["blue"], strict=True))
    poor = sorted(rows, key=lambda row: scores[row])[:3]
    rate(collection, "me", {row.id: 1 for row in poor})
    winners = findings_of(tuner).winners
    assert len(winners) == WINNERS
    assert not {row.id for winner in winners for row in winner.pictures} & {row.id for row in poor}


def test_a_ban_of_the_best_leaves_the_others(collection, generator, panel):
    space = PromptSpace.parse_yaml(
        "template: a boat in {palette} colors\nslots: {palette: [warm, cool, neon], steps: ['3']}"
    )
    tuner = Tuner(collection, generator, space, panel, budget=12, prune=False)
    tuner.draw(tuner.write([(0, 0), (1, 0), (2, 0)]))
    general = Tuner(collection, generator, space, Panel("technical"), budget=12, prune=False)
    assert (GENERAL in findings_of(general).notes, GENERAL in findings_of(tuner).notes) == (True, False)
    best = findings_of(tuner).winners[0].choice["palette"]
    banned = Tuner(collection, generator, space.restrict([f"palette={best}"]), panel, budget=12, prune=False)
    assert {winner.choice["palette"] for winner in findings_of(banned).winners} == {"warm", "cool", "neon"} - {best}
    assert all(banned.space.allows(trial.choice) for trial in banned.replicate(3))


def test_winners_whose_end_is_not_read_are_noted(collection, generator, panel):
    text = " ".join(["watercolor"] * 40)
    space = PromptSpace.parse_yaml(
        f"template: 'a boat, {text} {{palette}}'\nslots: {{palette: [warm, cool], steps: ['1']}}"
    )
    tuner = Tuner(collection, generator, space, panel, budget=2, prune=False)
    tuner.draw(tuner.write([(0, 0), (1, 0)]))
    notes = [note for note in findings_of(tuner).notes if "does not read the end" in note]
    assert len(notes) == 1
    assert notes[0].endswith(("warm.", "cool."))


def test_the_own_words_are_drawn_on_seeds_of_the_best_and_shown_first(collection, generator):
    space = PromptSpace.parse_yaml(
        "template: 'a boat, {palette}'\nslots: {palette: ['', warm colors, cool colors], steps: ['3', '4']}"
    )
    tuner = Tuner(collection, generator, space, Panel("person:me"), budget=24, prune=False)
    rows = tuner.draw(tuner.write([(0, 0), (1, 1), (2, 1)]))
    rate(collection, "me", {row.id: stars for row, stars in zip(rows, [2, 5, 1], strict=True)})
    assert tuner.own_words((1, 1)) == (0, 1)
    assert findings_of(tuner).own is None
    for stars in (5, 5, 5, 5):
        rows = tuner.draw(tuner.replicate(6))
        rate(collection, "me", {row.id: stars if "warm" in row.generation.prompt else 3 for row in rows})
    findings = findings_of(tuner)
    own, best = ({t.seed for t in tuner.study.own if t.choice == choice} for choice in ((0, 1), (1, 1)))
    assert own
    assert own <= best
    assert [heading for heading, _ in findings.best_beside_own][:2] == ["yours: ", "1. "]
    assert findings.own.words[0].prompt == "a boat"
    assert [batch.again for batch in findings.batches[:2]] == [False, True]
    assert GENERAL not in findings.notes
    assert findings.own.mean == pytest.approx(3, abs=0.3)
    gain = findings.winners[0].mean - findings.own.mean
    said = f"Gained {gain:.2f} over your own prompt: yours {findings.own.mean:.2f}, best found 4."
    assert findings.gain_over_own.startswith(said)
    assert findings.gain_over_own.endswith("Their 90 % intervals do not overlap: this is hardly chance.")
    assert replace(findings, own=replace(findings.own, high=5.0)).gain_over_own.endswith(
        "Their 90 % intervals overlap: this may be chance."
    )
    assert replace(findings, own=findings.winners[0]).gain_over_own == "No prompt was found that is better than yours."


def test_a_space_that_always_adds_words_has_no_own(tuner):
    tuner.step()
    assert tuner.own_words() is None
    assert findings_of(tuner).gain_over_own == ""
