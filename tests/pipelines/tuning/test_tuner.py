"""The tune loop on the embedded model at three steps, with planted judges."""

import os
import re
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from specimens.judging import Brightness, PixelJudge
from specimens.tuning import SPACE, Liking

from soart.errors import CollectionError, ModelError, PromptError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons, store_choice
from soart.pipelines.collection.ratings import rate
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.opening import open_generator
from soart.pipelines.reports.study_charts import draw_course
from soart.pipelines.reports.tuning import render_tune_report, words_of
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes.learning import learn_from_pictures
from soart.pipelines.tuning.dead_slots import left_out, unread_slots
from soart.pipelines.tuning.evidence import JudgedChoices
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.loop import STOPPED, tune
from soart.pipelines.tuning.panel import AdherenceFloor, Panel, collect_judgements
from soart.pipelines.tuning.proposing import vocabulary_proposer
from soart.pipelines.tuning.study import last_space, read_study
from soart.pipelines.tuning.tuner import SEEDS, WINNERS, Tuner
from soart.prompts.space.slots import Slot
from soart.prompts.space.space import PromptSpace


def test_tuning_finds_what_the_judge_likes_and_ends_within_the_budget(tuner, collection):
    seen, done = [], []
    why = tune(tuner, on_batch=lambda rows: seen.append(len(rows)), progress=done.append)
    assert "24 pictures" in why
    assert sum(seen) == sum(done) == tuner.done <= 24
    assert len(collection.images()) == tuner.done
    found = findings_of(tuner)
    assert found.winners[0].choice["palette"] == "cool"
    assert len(found.winners[0].pictures) >= SEEDS
    assert found.batches[-1].mean > found.batches[0].mean + 2
    for winner in found.winners:
        assert 0 <= winner.low <= winner.mean <= winner.high <= 100
        assert winner.scores
    assert found.importance["palette"] == max(found.importance.values())
    best = max((e for e in found.effects if e.slot == "palette"), key=lambda e: e.mean)
    assert best.option == "cool"
    assert sum(found.importance.values()) == pytest.approx(1)
    assert PromptSpace.parse_yaml(found.yaml) == tuner.space
    assert found.unit == "score"
    assert found.front == []
    page = render_tune_report(collection, found, "a <b>title</b>", why, ["Mind <this>."])
    assert "a &lt;b&gt;title" in page
    assert "Mind &lt;this&gt;" in page
    assert page.count("data:image/png") >= 8
    assert words_of(found.winners[0].words[0]).splitlines()[0] in page
    titled = replace(found, goal={"technical-5": 1.0})
    assert "goal: <b>technical quality</b>; " in render_tune_report(collection, titled, "t", why)
    # The same command again draws nothing.
    again = Tuner(collection, tuner.generator, tuner.space, tuner.panel, budget=24)
    assert tune(again, on_batch=lambda rows: pytest.fail("drew again")) == why


@pytest.mark.slow
def test_interrupted_run_takes_the_steps_of_an_undisturbed_one(tuner, generator, space, panel, tmp_path, monkeypatch):
    tune(tuner)
    whole = [(a.choice, a.seed, a.request_key) for a in tuner.study.own]
    with Collection(tmp_path / "other") as collection:
        draw = ImageGenerator.draw

        def torn(self, requests):
            for number, batch in enumerate(draw(self, requests)):
                yield batch[:3]
                if number == 0:
                    raise KeyboardInterrupt

        cut = Tuner(collection, generator, space, panel, budget=24, batch=8)
        cut.step()
        with monkeypatch.context() as patch:
            patch.setattr(ImageGenerator, "draw", torn)
            with pytest.raises(KeyboardInterrupt):
                cut.step()
        again = Tuner(collection, generator, space, panel, budget=24, batch=8)
        assert len(again.waiting) == 5
        tune(again)
        assert [(a.choice, a.seed, a.request_key) for a in again.study.own] == whole
        assert len(collection.images()) == tuner.done


def told(add_drawn, writer):
    """Write a byte each time pictures are added."""

    def add_and_tell(*arguments):
        rows = add_drawn(*arguments)
        os.write(writer, b".")
        return rows

    return add_and_tell


def test_kill_at_any_moment(tmp_path, space, panel, embedded):
    """A run killed again and again still ends, and no picture is drawn twice."""
    folder = tmp_path / "killed"
    Collection(folder).close()
    for life in range(4):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                import torch
                from tqdm.auto import tqdm

                torch.set_num_threads(1)
                # Progress bars of all processes share a lock, which a killed one would keep for ever.
                tqdm.set_lock(threading.RLock())
                with Collection(folder) as collection:
                    collection.add_drawn = told(collection.add_drawn, writer)
                    tune(Tuner(collection, ImageGenerator(embedded, 2), space, panel, budget=12, batch=4))
            finally:
                os._exit(0)
        os.close(writer)
        assert os.read(reader, 1)
        time.sleep(0.1 * life)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
    with Collection(folder) as collection:
        tuner = Tuner(collection, ImageGenerator(embedded, 2), space, panel, budget=12, batch=4)
        tune(tuner)
        assert tuner.done == len(collection.images()) == len({row.sha256 for row in collection.images()}) <= 12
        assert not tuner.study.waiting


def test_people_rate_while_it_runs(collection, generator, space, panel):
    """A rater who likes warm colours outweighs the judge that likes blue, as soon as there are ratings."""
    warm = Liking("hidden", "red", "orange", "yellow")
    tuner = Tuner(collection, generator, space, Panel({panel.first: 0.0, "person:ana": 1.0}), budget=32, batch=8)

    def say(rows):
        judged = collect_judgements(
            Panel(warm), collection, [a for a in tuner.study.drawn if a.row.id in {r.id for r in rows}]
        )
        stars = dict(zip((row.id for row in judged.rows), np.clip(1 + judged.values["hidden"] / 8, 1, 5), strict=True))
        rate(collection, "ana", stars)
        return False

    assert tuner.judged().goal == {}
    tuner.step()
    assert tuner.judged().goal == {"blue": 1.0}
    tune(tuner, on_batch=say)
    found = findings_of(tuner)
    assert found.goal == {"ana": 1.0}
    assert found.unit == "stars"
    assert found.winners[0].choice["palette"] == "warm"
    assert set(found.judges) == {"ana", "blue"}
    assert np.isnan(tuner.judged().goal_values()[0])


def test_the_usual_floor_of_adherence_spares_stars_and_previews(collection, generator, space, panel):
    blue, seen = panel.first, GuardedJudge(Brightness())
    usual, named = AdherenceFloor(seen), AdherenceFloor(seen, 0.99)
    tuner = Tuner(collection, generator, space, Panel(blue, usual), budget=16, batch=8)
    tuner.step()
    assert all(trial.previews for trial in tuner.study.own)
    rows = [trial.row.id for trial in tuner.study.own]
    rate(collection, "ana", dict(zip(rows, [1.0] + 7 * [4.0], strict=True)))
    panels = [Panel({blue: 1.0, "person:ana": 1.0}, floor) for floor in (None, usual, named)]
    free, spared, lowered = (collect_judgements(each, collection, tuner.study.drawn).values for each in panels)
    assert (spared["ana"] == free["ana"]).all()
    assert (lowered["ana"][1:] < 4).all()
    assert (spared["blue"] < free["blue"]).any()
    Tuner(collection, generator, space, Panel(blue, named), budget=16, batch=8).step()
    assert not any(trial.previews for trial in read_study(collection, space, generator.model.identity).own[8:])


def test_people_compare_while_it_runs(collection, generator, space, panel):
    """Choices of the warmest of four outweigh the judge that likes blue, and are told as choices, not as ratings."""
    warm = Liking("hidden", "red", "orange", "yellow")
    by = {panel.first: 0.0, "person:ana": 1.0}
    tuner = Tuner(collection, generator, space, Panel(by), budget=32, batch=8, seed=2)

    def choose(rows):
        new = {row.id for row in rows}
        judged = collect_judgements(Panel(warm), collection, [a for a in tuner.study.drawn if a.row.id in new])
        order = [judged.rows[i].id for i in np.argsort(-judged.values["hidden"], kind="stable")]
        for shown in (order[0::2], order[1::2]):
            if len(shown) > 1:
                store_choice(collection, "ana", f"choice {shown[0]}", shown[0], shown[1:])
        return False

    tune(tuner, on_batch=choose)
    judged = tuner.judged()
    assert judged.goal == {"ana": 1.0}
    evidence = JudgedChoices.of(judged)
    assert len(evidence.feedback.pairs) == len(comparisons(collection, "ana")) >= 18
    assert len(evidence.feedback.rated) == len(judged.rows)
    assert np.isfinite(judged.goal_values()).sum() >= 24
    found = findings_of(tuner)
    assert found.unit == "stars"
    assert max((e for e in found.effects if e.slot == "palette"), key=lambda e: e.mean).option == "warm"
    assert found.winners[0].choice["palette"] == "warm"


def test_several_judges_are_weighted_and_traded_off(collection, generator, space):
    panel = Panel({Liking("blue", "azure", "blue"): 1.0, Liking("red", "red", "orange"): 0.5})
    tuner = Tuner(collection, generator, space, panel, budget=16, pareto=True)
    tune(tuner)
    judged = tuner.judged()
    assert judged.goal == {"blue": 1.0, "red": 0.5}
    expected = (judged.standard("blue") + 0.5 * judged.standard("red")) / 1.5
    np.testing.assert_allclose(judged.goal_values(), expected)
    found = findings_of(tuner)
    assert found.unit == "deviations"
    assert found.front
    values = np.array([list(point.means.values()) for point in found.front])
    assert (np.diff(values[:, 0]) <= 1e-9).all()
    assert (np.diff(values[:, 1]) >= -1e-9).all()
    page = render_tune_report(collection, found, "t", "w")
    assert "Trade-offs" in page
    assert "Of 12 options the 3 that each judge likes most and the 3 that it likes least" in page


def test_schedulers_that_begin_alike_are_not_dead(collection, generator, panel):
    text = SPACE.replace("steps: ['3']", "scheduler: [DPMSolverMultistepScheduler, UniPCMultistepScheduler]")
    tuner = Tuner(collection, generator, PromptSpace.parse_yaml(text), panel)
    assert tuner.find_dead_slots() == []


def test_slots_that_the_model_never_reads_are_dead(collection, generator, panel):
    long = " ".join(["watercolor"] * 40)
    space = PromptSpace.from_text(f"a {{boat|fox}}, {long} {{red|blue}}")
    tuner = Tuner(collection, generator, space, panel, budget=2, batch=2, prune=False)
    (sentence,) = tuner.find_dead_slots()
    assert sentence.startswith("Slot 'choice2' changes nothing: all its options stand where the model no longer reads")
    # It is left out, and a later run of the same space goes on with what this one has drawn.
    assert tuner.space.size == 2
    assert tuner.space.fingerprint == space.fingerprint
    tune(tuner)
    assert {trial.choice[1] for trial in tuner.study.own} == {0}
    assert sentence in findings_of(tuner).alarms
    # One option is short enough that the words after it are read.
    for text in (f"a {{boat|{long}}} {{red|blue}}", "a {boat|fox} in {red|blue}"):
        assert Tuner(collection, generator, PromptSpace.from_text(text), panel).find_dead_slots() == []
    # LoRAs are no words.
    loras = PromptSpace.from_text(f"a fox {long} {{<lora:a:1>|<lora:b:1>}}")
    assert unread_slots(loras, generator.read_words) == {}


def test_slots_that_change_nothing_stay_if_nothing_else_could_be_tuned():
    space = PromptSpace.from_text("a {boat|fox} in {red|blue}").restrict(bans=["choice1=boat"])
    assert left_out(space, [1]) is space
    assert left_out(space, []).size == 2
    wide = PromptSpace.from_text("a {boat|fox} in {red|blue|green}").restrict(bans=["choice2=red"])
    assert [sorted(banned) for banned in left_out(wide, [1]).banned] == [[], [0, 2]]


def test_the_embedded_model_refuses_a_subject_that_it_cannot_draw_before_the_first_picture(
    collection, generator, panel
):
    with pytest.raises(ModelError, match=r"cannot draw what a prompt asks for.*choose another model for: a spaceship"):
        Tuner(collection, generator, PromptSpace.from_text("a {spaceship|robot} in {red|blue}"), panel)
    Tuner(collection, generator, PromptSpace.from_text("a {spaceship|fox} in {red|blue}"), panel)


def test_every_batch_has_random_numbers_of_its_own(tuner):
    before = tuner.rng(1).random()
    assert tuner.rng(1).random() == before
    tuner.ask(2)
    tuner.study = read_study(tuner.collection, tuner.space, tuner.generator.model.identity)
    assert tuner.rng(1).random() != before


def test_drawn_pictures_have_scores(tuner, collection):
    rows = tuner.step()
    assert set(collection.scores("blue")) == {row.id for row in rows}


def test_base_subjects_take_turns(collection, generator, panel):
    text = "contexts: [a boat, a tree]\nslots:\n  palette: [warm colors, cool colors]\n"
    text += "  style: [flat design, woodcut]\n  quality: [sharp, vivid]\n  steps: ['3']\n"
    tuner = Tuner(collection, generator, PromptSpace.parse_yaml(text), panel, budget=8, batch=4)
    tune(tuner)
    assert {asked.context for asked in tuner.study.own} == {"a boat", "a tree"}
    found = findings_of(tuner)
    assert [words.prompt.split(",")[0] for words in found.winners[0].words] == ["a boat", "a tree"]
    with pytest.raises(SoartError, match="base subject"):
        Tuner(collection, generator, PromptSpace.parse_yaml(text), panel, pareto=True)


@pytest.mark.parametrize("budget", [6, 40])
def test_a_small_space_is_drawn_on_more_seeds_until_the_budget_or_seeds_end(collection, generator, panel, budget):
    text = "template: a boat in {palette} colors\nslots:\n  palette: [warm, cool]\n  steps: ['3']\n"
    tuner = Tuner(collection, generator, PromptSpace.parse_yaml(text), panel, budget=budget, batch=8)
    assert tune(tuner) == "Every allowed combination has been drawn."
    assert tuner.done == min(budget, 2 * SEEDS)
    assert findings_of(tuner).winners[0].choice["palette"] == "cool"
    assert len(findings_of(tuner).winners) == 2 <= WINNERS


@pytest.mark.parametrize(
    ("slots", "drawn"), [((), {"blurry"}), ((Slot("bad", ["", "noisy"], "negative"),), {"", "noisy"})]
)
def test_the_usual_negative_prompt_is_for_spaces_without_one(collection, generator, panel, slots, drawn):
    hazy = ImageGenerator(generator.model, negative="blurry")
    tuner = Tuner(collection, hazy, PromptSpace((Slot("thing", ["fox", "owl"]), *slots)), panel)
    trials = tuner.write(list(tuner.space.covering()))
    assert {tuner.request(trial).negative for trial in trials} == drawn


def test_a_run_may_end_early(collection, generator, space, panel):
    tuner = Tuner(collection, generator, space, panel, budget=24, batch=4)
    assert tune(tuner, on_batch=lambda rows: True) == STOPPED
    assert tuner.done == 4
    assert "below 50 standard deviations" in tune(tuner, stop_below=50)
    # Three batches, and the leaders on their further seeds.
    assert 12 < tuner.done <= 12 + tuner.reserved


def test_all_judged_alike(collection, generator, space):
    flat = Liking("flat")
    tuner = Tuner(collection, generator, space, Panel(flat), budget=10, batch=4)
    tune(tuner)
    found = findings_of(tuner)
    assert found.winners[0].mean == pytest.approx(0, abs=0.01)
    assert all(abs(e.mean) < 0.01 for e in found.effects)
    render_tune_report(collection, found, "t", "w")


def test_nothing_judged_yet(tuner):
    with pytest.raises(SoartError, match="No picture"):
        findings_of(tuner)
    assert tuner.replicate(9) == []


def test_bad_input(tuner, collection, generator, space, panel):
    with pytest.raises(PromptError, match="single choice"):
        Tuner(collection, generator, space.restrict(pins=["subject=boat", "palette=warm", "style=flat"]), panel)
    with pytest.raises(SoartError, match="batch and a budget"):
        Tuner(collection, generator, space, panel, budget=0)
    judge = panel.first
    for by in ([judge, judge], {"nobody": 1}, {judge: 0}, {judge: float("nan")}, {judge: 1, "person:ana": -1}):
        with pytest.raises(SoartError, match=r"^Expected|named twice|no judge 'nobody'"):
            Panel(by)
    with pytest.raises(CollectionError, match="nothing to resume"):
        last_space(collection)
    unknown = PromptSpace.parse_yaml(SPACE + "  scheduler: [NoSuchScheduler, DDIMScheduler]\n")
    with pytest.raises(ModelError, match="NoSuchScheduler"):
        tune(Tuner(collection, generator, unknown, panel))


def test_arguments_of_wrong_types(collection, generator, space, panel, tmp_path):
    for call in (
        lambda: Panel(panel.first, floor=0.5),
        lambda: Panel({panel.first: "much"}),
        lambda: Panel(panel.first, observed="points"),
        lambda: Tuner(collection, generator, space, panel, proposer=5),
        lambda: vocabulary_proposer("general", tmp_path / "nowhere"),
        lambda: open_generator(tmp_path),
        lambda: load_model(loras=5),
        lambda: PromptSpace(space.slots, contexts="abc"),
        lambda: tune(Tuner(collection, generator, space, panel), progress=5),
        lambda: tune(Tuner(collection, generator, space, panel), on_batch="stop"),
    ):
        with pytest.raises(SoartError, match=r"^Expected|no folder of wildcards"):
            call()


def test_judges_and_tastes_of_ones_own_form_a_panel(collection, generator, space, monkeypatch):
    class Redness(PixelJudge):
        name = "redness"

        def judge(self, pictures, prompts):
            return [float(pixels[..., 0].mean()) / 255 for pixels in pictures]

    rng = np.random.default_rng(0)
    noise = list(rng.integers(0, 255, (3, 32, 32, 3), dtype=np.uint8))
    plain = [np.full((32, 32, 3), level, np.uint8) for level in (20, 120, 220)]
    taste = learn_from_pictures("calm", good=plain, bad=noise, network=None)
    panel = Panel([taste, Redness(), "appeal"])
    assert [name.partition("@")[0] for name in panel.counting] == ["judge:appeal", "judge:redness", "taste:calm"]
    tuner = Tuner(collection, generator, space, Panel({taste: 0.0, Redness(): 1.0}), budget=2, batch=2)
    tuner.step()
    rows = [trial.row for trial in tuner.study.drawn]
    judged = collect_judgements(tuner.panel, collection, tuner.study.drawn)
    reds = [collection.pixels(row)[..., 0].mean() / 255 for row in rows]
    np.testing.assert_allclose(judged.values["judge:redness@1"], reds, atol=1e-6)
    assert np.isfinite(judged.values["taste:calm"]).all()
    # After every batch a tune comes back to all pictures: the taste has valued them already.
    monkeypatch.setattr(TasteJudge, "values", None)
    again = collect_judgements(tuner.panel, collection, tuner.study.drawn)
    assert again.values["taste:calm"].tolist() == judged.values["taste:calm"].tolist()


def test_scores_that_are_no_numbers(collection, generator, space):
    class Broken(Liking):
        def score(self, items):
            return np.full(len(items), np.nan)

    tuner = Tuner(collection, generator, space, Panel(Broken("broken", "red")), budget=8, batch=4)
    tuner.step()
    judged = tuner.judged()
    assert judged.goal == {}
    assert re.match(r"The judge 'broken' gave \d+ pictures no value: it cannot tell", judged.problems[0])
    tuner.step()
    assert (
        len({trial.choice for trial in tuner.study.drawn}) == len(collection.images()) == tuner.budget - tuner.reserved
    )


def test_numbers_are_drawn_as_settings_and_reported_as_curves(collection, generator, panel):
    space = PromptSpace.parse_yaml("template: a boat\nslots:\n  guidance: {low: 1, high: 6, step: 0.5}\n")
    tuner = Tuner(collection, generator, space, panel, budget=8, batch=4, prune=False)
    tuner.step()
    found = findings_of(tuner)
    requests = [tuner.request(trial).guidance for trial in tuner.study.drawn]
    assert len(set(requests)) == 4
    assert max(requests) - min(requests) >= 2
    assert [effect.place for effect in found.effects] == pytest.approx(np.linspace(0, 1, 11))
    page = render_tune_report(collection, found, "t", "w")
    assert 'class="chart-mean"' in page
    assert "best at " in page


def test_a_course_needs_two_batches(tuner):
    tuner.step()
    assert draw_course(findings_of(tuner)) is None
    tuner.step()
    course = draw_course(findings_of(tuner))
    assert "From batch 1 to batch 2 the mean goes" in course
    assert course.count("<title>batch 2: ") == 2
