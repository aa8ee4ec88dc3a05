"""The service of rating, on real pictures."""

import numpy as np
import pytest
from PIL import Image

from soart.errors import SoartError, TasteError
from soart.pipelines.collection import ratings
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice
from soart.pipelines.judges.storing import score_all
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.explaining import ScoreExplanation, explain_score, heat_picture
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.rating import LEAST, RatingService
from soart.pipelines.support.background import DONE, Jobs


def test_ratings_teach_in_the_background(rating, coloured, tastes, collection, process):
    assert rating.rank_again() is None
    *most, last = coloured[: 2 * LEAST]
    # Learning that began in between would know fewer ratings.
    ratings.rate(rating.collection, "ann", {image: 5 if image % 2 else 1 for image in most})
    assert rating.rate(last, 5 if last % 2 else 1) is None
    job = rating.jobs.find(rating.key)
    assert job.wait(240)
    assert job.state == DONE
    progress = rating.progress()
    assert (progress.rated, progress.rejected, progress.pictures) == (10, 0, 30)
    assert progress.word
    assert tastes.own.names() == ["ann"]
    assert tastes.user.names() == []
    assert len(collection.scores("taste:ann")) == 30
    # Pictures that come later are ranked by the same taste.
    pixels = np.full((24, 24, 3), 90, dtype=np.uint8)
    pixels[::2, 1::2] = 180
    [later] = collection.add_drawn([DrawnPicture(Request("p", 99, width=24, height=24), pixels, None, 0.1)], "m", "s")
    assert rating.rank_again().wait(240)
    assert len(collection.scores("taste:ann")) == 31
    assert later.id in collection.scores("taste:ann")
    # Proposed pictures are unrated.
    queue = [row.id for row in rating.queue(8)]
    assert len(queue) == 8
    assert not set(queue) & set(coloured[:10])
    # After a restart the taste is known, and pictures are proposed by it.
    again = RatingService(rating.collection, tastes, Jobs(), "ann", process)
    assert again.progress().word
    assert not again.is_due()
    assert again.progress().learnt == progress.learnt == 10
    # Choices are examples too, and no ratings.
    for pair in range(10):
        store_choice(collection, "ann", f"choice {pair}", coloured[2 * pair], [coloured[2 * pair + 1]])
    again.learn_now().wait(240)
    for image in coloured[10 : 10 + LEAST]:
        ratings.rate(collection, "ann", {image: 4})
    assert again.progress().learnt > 10 + LEAST
    assert again.is_due()
    assert RatingService(rating.collection, tastes, Jobs(), "ann", process).is_due()


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


def test_choices_alone_teach_in_the_background(rating, coloured, tastes, process):
    for number in range(LEAST):
        # Equal pictures teach nothing by themselves.
        assert rating.choose(f"tie {number}", None, coloured[2 * number : 2 * number + 2])
    assert not rating.is_due()
    for number in range(LEAST - 1):
        assert rating.choose(f"choice {number}", coloured[2 * number + 1], [coloured[2 * number]])
    assert not rating.choose("choice 0", coloured[1], [coloured[0]])
    assert not rating.is_due()
    assert rating.undo_choice("choice 0")
    assert not rating.undo_choice("choice 0")
    # The best of three is two choices.
    assert rating.choose("again", coloured[11], [coloured[10], coloured[12]])
    job = rating.jobs.find(rating.key)
    assert job.wait(240)
    assert job.state == DONE
    progress = rating.progress()
    assert (progress.rated, progress.learnt, progress.word) == (0, LEAST, "too few examples")
    assert progress.sentence.startswith(f"too few examples: {LEAST} choices between pictures")
    assert not RatingService(rating.collection, tastes, Jobs(), "ann", process).is_due()


def test_a_choice_and_equal_ratings_tell_pictures_apart(rating, coloured):
    for image in coloured[: LEAST - 1]:
        rating.rate(image, 4)
    rating.choose("c", coloured[8], [coloured[9]])
    assert rating.jobs.find(rating.key).wait(240)
    assert rating.progress().learnt == LEAST


def test_equal_ratings_are_no_reason_to_learn(rating, coloured):
    for image in coloured[:12]:
        rating.rate(image, 3)
    assert not rating.is_due()
    assert rating.jobs.find(rating.key) is None


def test_waiting_pictures_are_not_sent_again_and_raters_differ(rating, tastes, jobs, coloured, process):
    first = [row.id for row in rating.queue(5)]
    second = [row.id for row in rating.queue(5, first)]
    assert not set(first) & set(second)
    assert [row.id for row in rating.queue(5)] == first
    assert [row.id for row in RatingService(rating.collection, tastes, jobs, "ben", process).queue(30)] != [
        row.id for row in rating.queue(30)
    ]
    assert len(rating.queue(99)) == 30


def test_a_name_that_is_no_file_name_is_refused(collection, tastes, jobs, process):
    for name in ("../ann", "", "a/b", ".x", "x" * 70):
        with pytest.raises(TasteError, match="Expected a name of letters"):
            RatingService(collection, tastes, jobs, name, process)


def test_a_damaged_taste_is_learnt_anew(collection, tastes, jobs, coloured, process):
    tastes.own.folder.mkdir()
    tastes.own.path("ann").write_bytes(b"junk")
    rating = RatingService(collection, tastes, jobs, "ann", process)
    assert rating.progress().word == ""
    for image in coloured[:LEAST]:
        rating.rate(image, 5 if image % 2 else 1)
    assert rating.jobs.find(rating.key).wait(240)
    assert rating.progress().word


def test_judges_are_tastes_of_the_collection_and_the_user_and_built_in_scores(rating, tastes, coloured, jobs, tmp_path):
    for image in coloured[:6]:
        rating.rate(image, 5 if image % 2 else 1)
    job = rating.learn_now()
    assert job.wait(240)
    tastes.user.save(tastes.own.load("ann"))
    # Six ratings are too few to go by.
    assert tastes.judges()[:3] == ["overall", "technical", "ann"]
    assert tastes.judge("ann") is tastes.judge("ann")
    assert tastes.judge("blur").stored_name == "blur-8"
    with pytest.raises(
        TasteError, match=r"no taste 'zoe', neither in this collection nor among your own \(available: ann\)"
    ):
        tastes.judge("zoe")
    with pytest.raises(TasteError, match="in memory"), Collection(None) as collection:
        CollectionTastes(collection, TasteStore(tmp_path))


def test_scoring_all_goes_on_after_cancelling_and_names_lost_pictures(collection, tastes, jobs, coloured):
    lost = collection.images()[3]
    collection.locate(lost).unlink()
    job = jobs.start("s", "Scoring", lambda job: score_all(collection, tastes.judge("technical"), job))
    assert job.wait(240)
    done, problems = job.result
    assert done == 29
    assert len(problems) == 1
    assert "cannot be read" in problems[0]
    assert len(collection.scores("technical-9")) == 29


def test_reasons_and_heat_maps_for_every_kind_of_judge(rating, tastes, collection, coloured):
    for image in coloured[:6]:
        rating.rate(image, 5 if image % 2 else 1)
    assert rating.learn_now().wait(240)
    row = collection.images()[0]
    for name in ("ann", "technical", "noise"):
        explanation = explain_score(collection, row, tastes.judge(name))
        assert explanation.reasons
        assert np.isfinite(explanation.score)
        assert heat_picture(collection, row, tastes.judge(name))[:3] == b"\xff\xd8\xff"
    black = collection.locate(row).with_name("black.png")
    Image.new("RGB", (32, 32)).save(black)
    unfit, _ = collection.add_file(black)
    assert explain_score(collection, unfit, tastes.judge("ann")) == ScoreExplanation(
        None, problem="This picture has no score: all black."
    )
    assert explain_score(collection, unfit, tastes.judge("technical")).score is None
    assert score_all(collection, tastes.judge("ann")) == (30, [])
    assert unfit.id not in collection.scores("taste:ann")
    fresh = collection.images()[5]
    collection.locate(fresh).unlink()
    assert explain_score(collection, fresh, tastes.judge("ann")).score is not None
