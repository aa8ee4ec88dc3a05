"""More of what I like: pictures optimized in the background, beside their start."""

import os
import re
import threading
from dataclasses import replace

import pytest

from soart.errors import SoartError
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import children_of, parents_of
from soart.pipelines.collection.queries import row_of
from soart.pipelines.optimizing import optimize as optimizing
from soart.pipelines.services.generation import Drawing
from soart.pipelines.services.optimizing import Wish


@pytest.fixture
def picture(visitor):
    """The id of a picture that was drawn here."""
    asked = {"prompt": "a boat in cool colors", "count": 1, "seed": 90, "steps": 2, "by": {"technical": 1}}
    assert visitor.send("generate", **asked).status_code == 200
    visitor.wait_for("draw")
    return visitor.get("/api/generate").json()["pictures"][0]


def test_more_like_a_picture_is_stored_beside_its_start(visitor, folder, picture, briefly):
    assert f'data-optimize="{picture}"' in visitor.get(f"/detail/{picture}").text
    assert "Nothing has been optimized yet" in visitor.get("/optimized").text
    assert visitor.send("optimize", image=picture, judge="technical", seconds=5).status_code == 200
    assert visitor.send("optimize", image=picture, judge="technical").status_code in (200, 400)
    job = visitor.wait_for("optimize")
    assert job["state"] == "done"
    assert "A general score does not know what you like" in job["message"]
    page = visitor.get("/optimized").text
    assert "appeal&#39;, not optimized: " in page
    with Collection(folder) as collection:
        child = collection.images()[-1]
        assert [row.id for row in parents_of(collection, child)] == [picture]
        assert [row.id for row in children_of(collection, collection.images()[-2])] == [child.id]
        values = collection.scores(TechnicalJudge.load().stored_name)
    assert re.findall(r'data-kin="(\d+)"', page) == [str(picture), str(child.id)]
    assert values[child.id] >= values[picture] - 1e-6
    # The history can be walked in both directions.
    assert f'data-kin="{child.id}"' in visitor.get(f"/detail/{picture}").text
    assert f'data-kin="{picture}"' in visitor.get(f"/detail/{child.id}").text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_the_form_waits_for_no_pipe(visitor, folder, picture):
    with Collection(folder) as collection:
        path = collection.locate(row_of(collection, picture))
    path.unlink()
    os.mkfifo(path)
    # A reader that waits for a writer after all is let go, and then fails the test.
    watch = threading.Timer(240, lambda: os.close(os.open(path, os.O_RDWR)))
    watch.start()
    assert visitor.get("/optimize", image=picture).status_code == 200
    assert watch.is_alive()
    watch.cancel()


def test_a_prompt_is_optimized_from_seeds(visitor, folder, briefly):
    asked = {"prompt": "a {fox|boat}", "template": True, "count": "8", "seed": "3", "steps": "2", "judge": "technical"}
    assert visitor.send("optimize", **asked, seconds=5).status_code == 200
    assert visitor.wait_for("optimize")["state"] == "done"
    with Collection(folder) as collection:
        start, found = collection.images()[-2:]
        assert found.generation.prompt in ("a fox", "a boat")
        assert found.generation.steps == 2
        assert [row.id for row in parents_of(collection, found)] == [start.id]


def test_a_cancelled_run_keeps_the_best_so_far(visitor, app, picture, monkeypatch):
    own = optimizing.optimize

    def cancelled_soon(*inputs, progress, **options):
        def advance(state):
            if state.pictures > 4:
                visitor.post("/c/0/api/jobs/cancel", {"job": app.state.server.collections[0].optimizing.job.number})
            progress(state)

        return own(*inputs, progress=advance, **{**options, "seconds": 600})

    monkeypatch.setattr(optimizing, "optimize", cancelled_soon)
    assert visitor.send("optimize", image=picture, judge="technical", seconds=60).status_code == 200
    assert visitor.wait_for("optimize")["state"] == "cancelled"
    page = visitor.get("/optimized").text
    assert len(re.findall("data-kin", page)) == 2
    assert "the same call again" not in page


def test_what_cannot_be_optimized_says_why(visitor, app, monkeypatch):
    # Another model drew the pictures of this collection.
    assert visitor.send("optimize", image=2, judge="technical", seconds=5).status_code == 200
    job = visitor.wait_for("optimize")
    assert job["state"] == "failed"
    assert "was drawn by 'm', and this is 'embedded@" in job["message"]
    assert "load the same model" in visitor.get("/optimized").text
    for asked, message in (
        ({"image": 999, "judge": "technical"}, "There is no picture 999"),
        ({"judge": "technical", "prompt": " "}, "Name a prompt to draw"),
        ({"image": 2, "judge": "module:Class"}, "is not offered here"),
        ({"image": 2, "judge": "person:me"}, "learn their taste"),
        ({"image": 2, "judge": "technical", "seconds": 0}, "as seconds"),
        ({"image": 2, "judge": "technical", "seconds": "x"}, "Expected a number as seconds"),
    ):
        refused = visitor.send("optimize", **asked)
        assert message in refused.json()["error"]
    service = app.state.server.collections[0].optimizing
    monkeypatch.setattr("soart.pipelines.services.optimizing.provenance_of", lambda *_: {})
    with pytest.raises(SoartError, match="Nothing says how this picture was drawn"):
        service.start(Wish("technical", like=2))
    with pytest.raises(SoartError, match="Nothing says what this picture shows"):
        service.start(Wish("technical", like=2, strength=0.5))


def test_a_taste_that_cannot_be_relied_on_is_neither_chosen_nor_used(visitor):
    assert 'value="overall" selected' in visitor.get("/optimize", image=2).text
    assert 'value="technical" selected' in visitor.get("/optimize", image=2, by="technical").text
    for image in range(1, 7):
        visitor.send("rate", image=image, stars=5 if image % 2 else 1)
    visitor.wait_for("learn:")
    assert 'value="overall" selected' in visitor.get("/optimize", image=2, by="me").text
    refused = visitor.send("optimize", image=2, judge="me")
    assert "rate more pictures first" in refused.json()["error"]


def test_wishes_name_a_picture_or_a_prompt():
    drawing = Drawing("a boat")
    for wrong in ({}, {"like": 1, "drawing": drawing}):
        with pytest.raises(SoartError, match="Name a picture or a prompt"):
            Wish("overall", **wrong)
    assert replace(Wish("overall", like=1), like=None, drawing=drawing).seconds == 60
