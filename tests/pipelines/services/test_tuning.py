"""The service of tuning, on the embedded model."""

import json
import threading
from dataclasses import replace

import pytest
from specimens.backends import Comfy, opened, serving
from specimens.waiting import until

from soart.errors import PromptError, SoartError
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.services.tune_progress import ENDED, FAILED, IDLE, INTERRUPTED, PAUSING
from soart.pipelines.services.tuning import RUN, TuningService
from soart.pipelines.support.background import Jobs
from soart.pipelines.tuning.settings import MOST, PAUSED, RUNNING, TuneSettings, remember, remembered, store_tune

SPACE = """
template: a {style} picture of a boat in {palette} colors
slots:
  palette: [warm, cool, monochrome, neon]
  style: [flat, watercolor, pixel art, woodcut]
  steps: ['2']
"""


@pytest.fixture
def tuning(collection, tastes, jobs, generator):
    return TuningService(collection, tastes, jobs, lambda: generator, threading.Lock())


def test_a_tune_runs_to_its_end_and_shows_its_findings(tuning):
    assert tuning.state == IDLE
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=16, prune=False))
    with pytest.raises(SoartError, match="is running"):
        tuning.start(TuneSettings.of_text(SPACE, "embedded"))
    until(lambda: not tuning.live)
    assert tuning.state == ENDED
    assert "16 pictures" in tuning.settings.why
    assert len(tuning.pictures()) == 16 == tuning.latest.done
    assert tuning.latest.findings.winners
    assert set(tuning.latest.goal) == {image for image, _ in tuning.pictures()}
    tuning.resume(budget=20)
    until(lambda: not tuning.live)
    assert len(tuning.pictures()) == 20


def test_bans_also_of_another_server_count_from_the_next_batch_and_pausing_too(tuning, collection, tastes, generator):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=400, prune=False))
    other = TuningService(collection, tastes, Jobs(), lambda: generator, threading.Lock())
    until(lambda: tuning.latest is not None)
    assert tuning.state == RUNNING
    left = tuning.seconds_left(len(tuning.pictures()))
    assert 1 < left < 3600
    other.narrow(("palette=warm",), ("style=flat",))
    drawn = len(tuning.pictures())
    until(lambda: len(tuning.pictures()) > drawn + 8)
    tuning.pause()
    until(lambda: not tuning.live)
    assert tuning.state == other.settings.state == PAUSED
    assert tuning.seconds_left(8) is None
    prompts = [row.generation.prompt for row in collection.images()][-3:]
    assert all("flat" in prompt and "warm" not in prompt for prompt in prompts)
    with pytest.raises(PromptError):
        tuning.narrow(("palette=plaid",), ())
    with pytest.raises(PromptError):
        tuning.narrow(tuple(f"palette={p}" for p in ("warm", "cool", "monochrome", "neon")), ())
    assert (tuning.settings.bans, tuning.settings.pins) == (("palette=warm",), ("style=flat",))


def test_the_picture_of_a_backend_shows_its_step_and_is_given_up_for_a_pause(collection, tastes, jobs):
    backend, goes_on = Comfy(), threading.Event()
    backend.frames = lambda name: [(0x81, json.dumps(step(backend, name)).encode())]
    backend.history = lambda name: Comfy.history(backend, name) if goes_on.is_set() else {}
    space = "template: a {thing}\nslots:\n  thing: [boat, fox]\n"
    with serving(backend) as name, opened(name) as generator:
        tuning = TuningService(collection, tastes, jobs, lambda: generator, threading.Lock())
        tuning.start(TuneSettings.of_text(space, "embedded", budget=2, prune=False))
        until(lambda: tuning.progress().doing)
        assert tuning.progress().doing == "step 3 of 9"
        version = tuning.version
        tuning.pause()
        assert (tuning.state, tuning.version) == (PAUSING, version + 1)
        tuning.pause(at_once=True)
        until(lambda: not tuning.live)
        progress = tuning.progress()
        assert (progress.state, progress.pictures, progress.doing, progress.reason) == (PAUSED, [], "", "")
        assert ("POST", "/interrupt") in [request[:2] for request in backend.requests]
        goes_on.set()
        tuning.resume()
        until(lambda: not tuning.live)
        assert (tuning.state, len(tuning.pictures())) == (ENDED, 2)


def step(backend, name):
    [sampler] = [key for key, node in backend.runs[name].items() if node["class_type"] == "KSampler"]
    return {"type": "progress", "data": {"value": 3, "max": 9, "prompt_id": name, "node": sampler}}


class Model:
    """The lock of the model, which acts before it is free for the first time: when a run has ended, and its thread has not."""

    def __init__(self):
        self.lock, self.on_release = threading.Lock(), None

    def acquire(self, timeout):
        return self.lock.acquire(timeout=timeout)

    def release(self):
        if self.on_release:
            self.on_release()
        self.on_release = None
        self.lock.release()


@pytest.mark.parametrize("pauses", [False, True])
def test_a_tune_that_is_resumed_as_it_ends_goes_on(collection, tastes, jobs, generator, pauses):
    def load():
        if pauses and model.on_release:
            tuning.pause()
        return generator

    model = Model()
    model.on_release = lambda: tuning.resume(budget=6)
    tuning = TuningService(collection, tastes, jobs, load, model)
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=6 if pauses else 4, prune=False))
    until(lambda: model.on_release is None and not tuning.live)
    assert (tuning.state, len(tuning.pictures())) == (ENDED, 6)


@pytest.mark.parametrize(("locked", "state"), [({ENDED}, FAILED), ({ENDED, FAILED}, INTERRUPTED)])
def test_a_tune_whose_end_cannot_be_stored_fails_and_can_be_resumed(collection, tastes, jobs, generator, locked, state):
    """Whoever resumes it before it has failed starts no second run beside it."""

    def change_unless_locked(make):
        if make(tuning.settings).state in locked:
            raise SoartError("The collection is locked.")
        change(make)

    model = Model()
    tuning = TuningService(collection, tastes, jobs, lambda: generator, model)
    change, tuning._change = tuning._change, change_unless_locked
    model.on_release = tuning.resume
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=2, prune=False))
    until(lambda: model.on_release is None and not tuning.live)
    assert [job.key for job in jobs.list() if job.key.startswith(RUN)] == [f"{RUN} 1"]
    assert (tuning.state, tuning.settings.why) == (state, "The collection is locked." if state == FAILED else "")
    tuning._change = change
    tuning.resume()
    until(lambda: not tuning.live)
    assert tuning.state == ENDED


def test_visitors_ban_and_pin_side_by_side(tuning):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=2, prune=False))
    until(lambda: not tuning.live)
    tuning.switch("bans", "palette=warm", on=True)
    tuning.switch("pins", "style=flat", on=True)
    tuning.switch("bans", "palette=cool", on=True)
    tuning.switch("bans", "palette=warm", on=True)
    assert (tuning.settings.bans, tuning.settings.pins) == (("palette=cool", "palette=warm"), ("style=flat",))
    with pytest.raises(PromptError):
        tuning.switch("pins", "palette=warm", on=True)
    tuning.switch("bans", "palette=warm", on=False)
    tuning.switch("bans", "palette=neon", on=False)
    assert (tuning.settings.bans, tuning.settings.pins) == (("palette=cool",), ("style=flat",))


def test_a_tune_that_has_drawn_everything_says_so(tuning):
    assert tuning.progress().subject == ""
    space = "template: a {thing}\nslots:\n  thing: [boat, fox]\n  steps: ['1']\n"
    tuning.start(TuneSettings.of_text(space, "embedded", budget=40, prune=False))
    until(lambda: not tuning.live)
    progress = tuning.progress()
    assert progress.exhausted, progress.reason
    assert progress.subject == "a {thing}"
    settings = TuneSettings.of_text("a red boat", "embedded")
    assert replace(progress, settings=settings).subject == "a red boat"
    assert not replace(progress, reason="Stopped.").exhausted


def test_a_tune_ends_when_another_server_starts_another_one(tuning, collection, tastes, generator):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=400, prune=False))
    other = TuningService(collection, tastes, Jobs(), lambda: generator, threading.Lock())
    until(lambda: tuning.latest is not None)
    other.start(TuneSettings.of_text(SPACE, "embedded", budget=4, prune=False, seed=7))
    until(lambda: not tuning.live and not other.live)
    assert (tuning.settings.seed, tuning.settings.state) == (7, ENDED)


def test_options_are_proposed_and_may_be_pinned_after_a_restart(tuning, collection, tastes, generator):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=24, prune=False, propose=True))
    until(lambda: not tuning.live)
    assert tuning.state == ENDED, tuning.settings.why
    (step,) = tuning.latest.findings.steps
    assert step.after == 16
    # All stages of the space count.
    assert len(tuning.pictures()) == tuning.latest.done == 24
    added = step.added[0]
    tuning.narrow((), (f"{added.slot}={added.text}",))
    again = TuningService(collection, tastes, Jobs(), lambda: generator, threading.Lock())
    assert again.pictures() == tuning.pictures()
    again.resume(budget=33)
    until(lambda: not again.live)
    assert again.state == ENDED, again.settings.why
    prompts = [row.generation.prompt for row in collection.images()][24:]
    assert prompts
    assert [prompt for prompt in prompts if added.text not in prompt] == []
    # The same space without proposals has only the pictures before them.
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=2, prune=False))
    until(lambda: not tuning.live)
    assert len(tuning.pictures()) == 16


def test_a_killed_process_leaves_a_tune_to_resume(tuning, collection, tastes, generator):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=24, prune=False))
    until(lambda: len(tuning.pictures()) >= 8)
    # What a closing server does; a killed one leaves the same in the collection.
    tuning.jobs.close()
    assert not tuning.live
    assert tuning.state == INTERRUPTED
    before = {image for image, _ in tuning.pictures()}
    again = TuningService(collection, tastes, Jobs(), lambda: generator, threading.Lock())
    assert again.state == INTERRUPTED
    assert again.read_findings().wait(240)
    assert again.latest.done == len(before)
    again.resume()
    until(lambda: not again.live)
    assert again.state == ENDED
    assert before < {image for image, _ in again.pictures()}
    assert len(again.pictures()) <= 24


def test_one_model_draws_for_one_tune_at_a_time_and_a_failing_model_is_reported(collection, tastes, jobs, generator):
    drawing = threading.Lock()
    service = TuningService(collection, tastes, jobs, lambda: generator, drawing)
    with drawing:
        service.start(TuneSettings.of_text(SPACE, "embedded", budget=8))
        until(lambda: "drawing other pictures" in service.progress().reason)
        service.pause()
        until(lambda: not service.live)
        assert (service.state, service.progress().reason, service.pictures()) == (PAUSED, "", [])
        service.resume()
        until(lambda: "drawing other pictures" in service.progress().reason)
    until(lambda: len(service.pictures()) > 0)
    service.pause()
    until(lambda: not service.live)

    def broken():
        raise SoartError("The model cannot be loaded.")

    service = TuningService(collection, tastes, jobs, broken, drawing)
    service.resume()
    until(lambda: not service.live)
    assert (service.state, service.settings.why) == (FAILED, "The model cannot be loaded.")


def test_an_unexpected_failure_is_a_failure_with_a_sentence_and_keeps_what_was_drawn(
    tuning, generator, monkeypatch, caplog
):
    draw = generator.draw

    def fail_later(requests, *arguments, **options):
        if tuning.pictures():
            raise ValueError("Bad pixels.\nDetails follow.")
        return draw(requests, *arguments, **options)

    monkeypatch.setattr(generator, "draw", fail_later)
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=24, prune=False))
    until(lambda: not tuning.live)
    assert (tuning.state, tuning.settings.why) == (FAILED, "Tuning failed unexpectedly (ValueError: Bad pixels).")
    # The job logs it after the tune has ended.
    until(lambda: "Traceback" in caplog.text)
    drawn = tuning.pictures()
    assert drawn
    monkeypatch.undo()
    tuning.resume()
    until(lambda: not tuning.live)
    assert tuning.state == ENDED
    assert tuning.pictures()[: len(drawn)] == drawn


def test_judges_of_a_package_and_a_floor_of_adherence_count(package, collection, tastes, jobs, generator):
    def service(*named):
        offered = Catalogue(tastes, [(name, 1.0) for name in named])
        return TuningService(collection, tastes, jobs, lambda: generator, threading.Lock(), offered)

    tuning = service("acme_judge:Moody")
    by = {"acme_judge:Moody": 2.0, "overall": 1.0}
    settings = TuneSettings.of_text(SPACE, "embedded", budget=8, prune=False, pareto=True, by=by, adherence=0.5)
    assert TuneSettings.read(settings.write()) == settings
    tuning.start(settings)
    until(lambda: not tuning.live)
    assert (tuning.state, tuning.settings.by) == (ENDED, {"acme_judge:Moody": 2.0, "overall": 1.0})
    drawn = {image for image, _ in tuning.pictures()}
    # This judge has no opinion of some pictures.
    assert 0 < len(tuning.latest.goal) <= len(drawn)
    assert set(tuning.latest.goal) == collection.scores("judge:redness@1").keys() & drawn
    notes = " ".join(tuning.latest.findings.notes)
    assert "cannot tell" in notes
    assert "adherence" in notes.lower()
    means = tuning.latest.findings.front[0].means
    assert len(means) == 2
    assert "judge:redness@1" in means
    # A server that no longer offers the judge says so, and loads nothing.
    later = service()
    later.resume(budget=16)
    until(lambda: not later.live)
    assert later.state == FAILED
    assert "'acme_judge:Moody' is not offered here" in later.settings.why


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"by": {"os:getcwd": 1.0}}, "not offered here"),
        ({"by": {"adherence": -1.0}}, "Expected weights"),
        ({"by": {"adherence": 0.0}}, "one of them above 0"),
        ({"adherence": 1.5}, "at most 1"),
        ({"adherence": float("nan")}, "at most 1"),
    ],
)
def test_other_judges_and_floors_are_refused(tuning, wrong, message):
    with pytest.raises(SoartError, match=message):
        tuning.start(TuneSettings.of_text(SPACE, "embedded", **wrong))
    assert tuning.state == IDLE


def test_settings_of_all_kinds_of_text_and_of_other_versions():
    assert TuneSettings.of_text("a boat", "embedded").whole().contexts == ("a boat",)
    assert TuneSettings.of_text("a {fox|owl}", "embedded").whole().size == 2
    with pytest.raises(PromptError):
        TuneSettings.of_text("a {fox|owl", "embedded")
    settings = TuneSettings.of_text(SPACE, "embedded", bans=("palette=warm",))
    assert TuneSettings.read(settings.write()) == settings
    assert settings.narrowed().size == 12
    # Earlier versions stored a template with its values.
    old = replace(settings, why=["%(share)s %% gained.", {"share": "3"}, "", 1]).write()
    assert TuneSettings.read(old) == replace(settings, why="3 % gained.")
    for text in ("", "{}", '{"space": "x", "bans": [], "pins": [], "colour": 1}'):
        assert TuneSettings.read(text) is None
    # As if a space could be written that this version does not know.
    assert TuneSettings.read(replace(settings, space=f"{SPACE}\nloops: 3").write()) is None


def test_nothing_to_resume(tuning):
    for act in (tuning.resume, lambda: tuning.narrow((), ())):
        with pytest.raises(SoartError, match="Nothing has been tuned"):
            act()


def test_an_earlier_tune_can_be_opened_and_goes_on_where_it_was_left(tuning):
    assert tuning.earlier() == []
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=8, prune=False))
    until(lambda: not tuning.live)
    tuning.narrow(("palette=warm",), ())
    first = tuning.pictures()
    other = TuneSettings.of_text("a {fox|owl} at {dawn|noon|dusk|night|sea}", "embedded", budget=2, prune=False)
    tuning.start(other)
    with pytest.raises(SoartError, match="is running"):
        tuning.reopen(tuning.earlier()[0].key)
    until(lambda: not tuning.live)
    [earlier] = tuning.earlier()
    assert (earlier.settings.subject, earlier.pictures) == ("a {style} picture of a boat in {palette} colors", 8)

    tuning.reopen(earlier.key)
    assert (tuning.state, tuning.settings.bans, tuning.pictures()) == (ENDED, ("palette=warm",), first)
    assert tuning.latest is None
    until(lambda: tuning.progress().judged)
    assert tuning.latest.goal.keys() == {image for image, _ in first}
    tuning.resume(budget=16)
    until(lambda: not tuning.live)
    assert tuning.pictures()[: len(first)] == first
    assert len(tuning.pictures()) == 16

    # The present tune is none of the earlier ones, and the same tune is not listed twice.
    assert [(tune.settings.subject, tune.pictures) for tune in tuning.earlier()] == [
        ("a {fox|owl} at {dawn|noon|dusk|night|…}", 2)
    ]
    tuning.start(replace(other, budget=3))
    until(lambda: not tuning.live)
    assert [tune.key for tune in tuning.earlier()] == [earlier.key]
    with pytest.raises(SoartError, match="reload the page"):
        tuning.reopen("nothing")


def test_findings_of_one_tune_are_not_shown_for_another(tuning, monkeypatch):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=4, prune=False))
    until(lambda: not tuning.live)
    tuning.start(TuneSettings.of_text("a {fox|owl}", "embedded", budget=2, prune=False))
    until(lambda: not tuning.live)
    boats, foxes = tuning.earlier()[0].key, tuning.settings
    begun, make = threading.Event(), tuning._tuner

    def tuner_slowly():
        made = make()
        begun.set()
        until(lambda: tuning.settings != foxes)
        return made

    monkeypatch.setattr(tuning, "_tuner", tuner_slowly)
    reading = tuning.read_findings()
    begun.wait(240)
    tuning.reopen(boats)
    assert reading.wait(240)
    assert tuning.latest is None


def test_a_tune_of_the_command_line_takes_the_place_of_one_that_does_not_run_here(tuning, collection):
    foxes = TuneSettings.of_text("a {fox|owl}", "embedded", budget=2, prune=False)
    tuning.start(foxes)
    until(lambda: tuning.progress().state == ENDED)
    terminal = TuneSettings.of_text("a {boat|castle}", "embedded", state="terminal")
    store_tune(collection, terminal, unless_running=True)
    progress = tuning.progress()
    assert (progress.state, progress.subject, progress.judged) == ("terminal", "a {boat|castle}", False)
    assert [(tune.settings.subject, tune.pictures) for tune in tuning.earlier()] == [("a {fox|owl}", 2)]
    tuning.reopen(tuning.earlier()[0].key)
    tuning.resume()
    store_tune(collection, replace(terminal, budget=7), unless_running=True)
    assert (tuning.settings.subject, [tune.settings.budget for tune in tuning.earlier()]) == ("a {fox|owl}", [7])
    until(lambda: not tuning.live)


@pytest.mark.parametrize("text", [None, "", "{", "3", '[3, "{}", null]'])
def test_tunes_that_cannot_be_read_are_forgotten(text):
    assert remembered(text) == []
    settings = TuneSettings.of_text(SPACE, "embedded")
    assert remembered(remember(text, settings)) == [settings]


def test_the_latest_tunes_are_remembered_each_once():
    text = None
    for seed in (*range(60), 30):
        text = remember(text, TuneSettings.of_text(SPACE, "embedded", seed=seed, budget=8 + seed))
    assert [settings.seed for settings in remembered(text)] == [30, *(s for s in range(59, -1, -1) if s != 30)][:MOST]
    # Settings that change while a tune goes on make it no other tune.
    again = TuneSettings.of_text(SPACE, "embedded", seed=30, budget=99, bans=("palette=warm",))
    assert remembered(remember(text, again))[:2] == [again, remembered(text)[1]]
