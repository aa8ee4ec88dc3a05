"""The services of rating and tuning, on real pictures and the embedded model."""

import threading
import time

import numpy as np
import pytest

from soart.errors import ProfileError, PromptError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.collection_profiles import CollectionProfiles
from soart.pipelines.scoring.explaining import explain_score, heat_picture
from soart.pipelines.scoring.profile_store import ProfileStore
from soart.pipelines.scoring.rescoring import score_all
from soart.pipelines.services.rating import LEAST, RatingService
from soart.pipelines.services.tuning import ENDED, FAILED, IDLE, INTERRUPTED, PAUSED, RUNNING, TuningService
from soart.pipelines.support.background import DONE, Jobs
from soart.pipelines.tuning.settings import TuneSettings

SPACE = """
template: a {style} picture of a boat in {palette} colors
slots:
  palette: [warm, cool, monochrome, neon]
  style: [flat, watercolor, pixel art, woodcut]
  steps: ['2']
"""


def until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def jobs():
    found = Jobs()
    yield found
    found.close()


@pytest.fixture
def profiles(collection, tmp_path):
    return CollectionProfiles(collection, ProfileStore(tmp_path / "user"))


@pytest.fixture
def coloured(collection):
    """Pictures of noise, every other one tinted red."""
    rng = np.random.default_rng(0)
    batch = []
    for i in range(30):
        pixels = rng.integers(40, 215, (24, 24, 3), dtype=np.uint8)
        if i % 2:
            pixels[..., 1:] //= 3
        batch.append(DrawnPicture(Request(f"p{i}", i, width=24, height=24), pixels, None, 0.1))
    return [row.id for row in collection.add_drawn(batch, "m", "s")]


@pytest.fixture
def rating(collection, profiles, jobs, coloured):
    return RatingService(collection, profiles, jobs, "ann")


def test_ratings_teach_in_the_background(rating, coloured, profiles, collection):
    for image in coloured[: 2 * LEAST]:
        assert rating.rate(image, 5 if image % 2 else 1) is None
    job = rating.jobs.find(rating.key)
    assert job.wait(60)
    assert job.state == DONE
    progress = rating.progress()
    assert (progress.rated, progress.rejected, progress.pictures) == (10, 0, 30)
    assert progress.word
    assert profiles.own.names() == ["ann"]
    assert profiles.user.names() == []
    assert len(collection.scores("taste:ann")) == 30
    # Proposed pictures are unrated.
    queue = [row.id for row in rating.queue(8)]
    assert len(queue) == 8
    assert not set(queue) & set(coloured[:10])
    # After a restart the taste is known, and pictures are proposed by it.
    again = RatingService(rating.collection, profiles, Jobs(), "ann")
    assert again.progress().word
    assert not again.is_due()


def test_a_rating_replaces_skips_and_is_undone(rating, coloured):
    image = coloured[0]
    assert rating.rate(image, 4) is None
    assert rating.rate(image, 0) == 4
    assert rating.rate(image, None) == 0
    assert rating.progress().rated == 0
    with pytest.raises(SoartError, match="go on with the next"):
        rating.rate(999, 4)
    with pytest.raises(SoartError, match="rating from 1 to 5"):
        rating.rate(image, 9)


def test_equal_ratings_are_no_reason_to_learn(rating, coloured):
    for image in coloured[:12]:
        rating.rate(image, 3)
    assert not rating.is_due()
    assert rating.jobs.find(rating.key) is None


def test_waiting_pictures_are_not_sent_again_and_raters_differ(rating, profiles, jobs, coloured):
    first = [row.id for row in rating.queue(5)]
    second = [row.id for row in rating.queue(5, first)]
    assert not set(first) & set(second)
    assert [row.id for row in rating.queue(5)] == first
    assert [row.id for row in RatingService(rating.collection, profiles, jobs, "ben").queue(30)] != [
        row.id for row in rating.queue(30)
    ]
    assert len(rating.queue(99)) == 30


def test_a_name_that_is_no_file_name_is_refused(collection, profiles, jobs):
    for name in ("../ann", "", "a/b", ".x", "x" * 70):
        with pytest.raises(ProfileError, match="Expected a name of letters"):
            RatingService(collection, profiles, jobs, name)


def test_a_damaged_taste_is_learnt_anew(collection, profiles, jobs, coloured):
    profiles.own.folder.mkdir()
    profiles.own.path("ann").write_bytes(b"junk")
    rating = RatingService(collection, profiles, jobs, "ann")
    assert rating.progress().word == ""
    for image in coloured[:LEAST]:
        rating.rate(image, 5 if image % 2 else 1)
    assert rating.jobs.find(rating.key).wait(60)
    assert rating.progress().word


def test_profiles_are_tastes_of_the_collection_and_the_user_and_built_in_scores(
    rating, profiles, coloured, jobs, tmp_path
):
    for image in coloured[:6]:
        rating.rate(image, 5 if image % 2 else 1)
    job = rating.learn_now()
    assert job.wait(60)
    profiles.user.save(profiles.own.load("ann"))
    assert profiles.names()[:2] == ["ann", "technical"]
    assert profiles.scorer("ann") is profiles.scorer("ann")
    assert profiles.scorer("blur").stored_name == "blur-2"
    with pytest.raises(ProfileError, match="no taste 'zoe'"):
        profiles.scorer("zoe")
    with pytest.raises(ProfileError, match="in memory"), Collection(None) as collection:
        CollectionProfiles(collection, ProfileStore(tmp_path))


def test_scoring_all_goes_on_after_cancelling_and_names_lost_pictures(collection, profiles, jobs, coloured):
    lost = collection.images()[3]
    collection.locate(lost).unlink()
    job = jobs.start("s", "Scoring", lambda job: score_all(collection, profiles.scorer("technical"), job))
    assert job.wait(60)
    done, problems = job.result
    assert done == 29
    assert len(problems) == 1
    assert "cannot be read" in problems[0]
    assert len(collection.scores("technical-2")) == 29


def test_reasons_and_heat_maps_for_every_kind_of_profile(rating, profiles, collection, coloured):
    for image in coloured[:6]:
        rating.rate(image, 5 if image % 2 else 1)
    assert rating.learn_now().wait(60)
    row = collection.images()[0]
    for name in ("ann", "technical", "noise"):
        found = explain_score(collection, row, profiles.scorer(name))
        assert found.reasons
        assert np.isfinite(found.score)
        assert heat_picture(collection, row, profiles.scorer(name))[:3] == b"\xff\xd8\xff"
    fresh = collection.images()[5]
    collection.locate(fresh).unlink()
    assert explain_score(collection, fresh, profiles.scorer("ann")).score is not None


@pytest.fixture
def tuning(collection, profiles, jobs, generator):
    return TuningService(collection, profiles, jobs, lambda: generator, threading.Lock())


def test_a_tune_runs_to_its_end_and_shows_its_findings(tuning):
    assert tuning.state == IDLE
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=16, prune=False))
    with pytest.raises(SoartError, match="is running"):
        tuning.start(TuneSettings.of_text(SPACE, "embedded"))
    until(lambda: not tuning.live, 60)
    assert tuning.state == ENDED
    assert "16 pictures" in tuning.settings.why
    assert len(tuning.pictures()) == 16 == tuning.latest.done
    assert tuning.latest.findings.winners
    assert set(tuning.latest.goal) == {image for image, _ in tuning.pictures()}
    tuning.resume(budget=20)
    until(lambda: not tuning.live, 60)
    assert len(tuning.pictures()) == 20


def test_bans_count_from_the_next_batch_and_pausing_from_the_next_too(tuning, collection):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=400, prune=False))
    until(lambda: tuning.latest is not None)
    assert tuning.state == RUNNING
    left = tuning.seconds_left(len(tuning.pictures()))
    assert 1 < left < 3600
    tuning.narrow(("palette=warm",), ("style=flat",))
    seen = len(tuning.pictures())
    until(lambda: len(tuning.pictures()) > seen + 8)
    tuning.pause()
    until(lambda: not tuning.live)
    assert tuning.state == PAUSED
    assert tuning.seconds_left(8) is None
    prompts = [row.generation.prompt for row in collection.images()][-3:]
    assert all("flat" in prompt and "warm" not in prompt for prompt in prompts)
    with pytest.raises(PromptError):
        tuning.narrow(("palette=plaid",), ())
    with pytest.raises(PromptError):
        tuning.narrow(tuple(f"palette={p}" for p in ("warm", "cool", "monochrome", "neon")), ())
    assert tuning.settings.bans == ("palette=warm",)


def test_a_killed_process_leaves_a_tune_to_resume(tuning, collection, profiles, generator):
    tuning.start(TuneSettings.of_text(SPACE, "embedded", budget=24, prune=False))
    until(lambda: len(tuning.pictures()) >= 8)
    # What a closing server does; a killed one leaves the same in the collection.
    tuning.jobs.close()
    assert not tuning.live
    assert tuning.state == INTERRUPTED
    before = {image for image, _ in tuning.pictures()}
    again = TuningService(collection, profiles, Jobs(), lambda: generator, threading.Lock())
    assert again.state == INTERRUPTED
    assert again.read_findings().wait(60)
    assert again.latest.done == len(before)
    again.resume()
    until(lambda: not again.live, 60)
    assert again.state == ENDED
    assert before < {image for image, _ in again.pictures()}
    assert len(again.pictures()) <= 24


def test_one_model_draws_for_one_tune_at_a_time_and_a_failing_model_is_reported(collection, profiles, jobs, generator):
    drawing = threading.Lock()
    service = TuningService(collection, profiles, jobs, lambda: generator, drawing)
    with drawing:
        service.start(TuneSettings.of_text(SPACE, "embedded", budget=8))
        until(lambda: not service.live)
    assert service.state == PAUSED
    assert "Another collection" in service.settings.why

    def broken():
        raise SoartError("The model cannot be loaded.")

    service = TuningService(collection, profiles, jobs, broken, drawing)
    service.resume()
    until(lambda: not service.live)
    assert (service.state, service.settings.why) == (FAILED, "The model cannot be loaded.")


def test_settings_of_all_kinds_of_text_and_of_other_versions():
    assert TuneSettings.of_text("a boat", "embedded").whole().contexts == ("a boat",)
    assert TuneSettings.of_text("a {fox|owl}", "embedded").whole().size == 2
    with pytest.raises(PromptError):
        TuneSettings.of_text("a {fox|owl", "embedded")
    settings = TuneSettings.of_text(SPACE, "embedded", bans=("palette=warm",))
    assert TuneSettings.read(settings.write()) == settings
    assert settings.narrowed().size == 12
    for text in ("", "{}", '{"space": "x", "bans": [], "pins": [], "colour": 1}'):
        assert TuneSettings.read(text) is None


def test_nothing_to_resume(tuning):
    for act in (tuning.resume, lambda: tuning.narrow((), ())):
        with pytest.raises(SoartError, match="Nothing was tuned"):
            act()
