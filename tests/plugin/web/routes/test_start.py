"""The view Quick start: from the first ratings to copies of the best."""

from dataclasses import replace

import pytest

from soart.plugin.web.app import create_app

from ..conftest import visiting


@pytest.fixture
def settings(settings, tmp_path):
    return replace(settings, password="sesame", copy_to=tmp_path / "best")


def rate_some(visitor):
    for image in range(1, 17):
        visitor.send("rate", image=image, stars=5 if image % 2 else 1)
    assert visitor.post("/c/0/api/learn", {"rater": "me"}).status_code == 200
    visitor.wait_for("learn:")


def test_sixteen_ratings_lead_to_the_best_and_their_copies(visitor, visit, tmp_path):
    page = visitor.get("/start").text
    assert 'data-goal="16"' in page
    state = visitor.get("/api/start").json()
    assert state["reading"] == {
        "job": 0, "files": 0, "done": 0, "pictures": 40, "live": False, "left": None, "failed": "",
    }  # fmt: skip
    assert state["progress"]["rated"] == 0
    assert "data-picture" not in visitor.get("/start/best").text
    refused = visitor.post("/c/0/api/start/copy")
    assert (refused.status_code, "rate some pictures first" in refused.json()["error"]) == (400, True)

    rate_some(visitor)
    assert visitor.get("/api/start").json()["progress"]["learnt"] == 16
    best = visitor.get("/start/best").text
    assert "Your best 20 of 40 pictures" in best
    assert best.index("Your best") < best.index("How sure this is") < best.index("What it learnt")
    first = best[best.index("Your best") : best.index("How sure")]
    # The odd ones are liked, and grey: red ones are worst.
    assert [int(part.split('"')[0]) % 2 for part in first.split('data-picture="')[1:]] == [1] * 20
    assert str(tmp_path / "best") in best
    # The same numbers as in the report on the taste.
    for text in ("8 liked and 8 disliked pictures", "You liked 8 pictures", "You disliked 8 pictures"):
        assert text in best
    assert 'id="alike" class="quiet" aria-pressed="false"' in best
    assert 'id="alike" class="quiet" aria-pressed="true"' in visitor.get("/start/best", alike=1).text

    copied = visitor.post("/c/0/api/start/copy").json()
    assert (copied["count"], copied["folder"], copied["problems"]) == (20, str(tmp_path / "best"), [])
    assert len(list((tmp_path / "best").iterdir())) == 20
    assert visitor.post("/c/0/api/start/undo", {"name": "nothing"}).status_code == 400
    assert visitor.post("/c/0/api/start/undo", {"name": copied["undo"]}).json() == {"taken": True, "problems": []}
    assert not (tmp_path / "best").exists()

    guest = visit(secrets={"token": "", "password": "sesame"})
    assert guest.post("/c/0/api/start/copy").status_code == 403
    assert guest.post("/c/0/api/start/undo", {"name": copied["undo"]}).status_code == 403
    assert str(tmp_path) not in guest.get("/start/best").text + guest.get("/start").text


def test_pictures_are_read_at_once_if_the_server_is_to(settings, folder):
    with visiting(create_app(replace(settings, read=frozenset({folder})))) as visitor:
        job = visitor.wait_for("evaluate")
        assert (job["state"], job["title"]) == ("done", "Evaluating")
        reading = visitor.get("/api/start").json()["reading"]
        assert (reading["done"], reading["files"], reading["live"]) == (40, 40, False)
        assert "Evaluate this collection first" not in visitor.get("/evaluate").text
        assert visitor.post("/c/0/api/start/read").status_code == 200
        assert visitor.wait_for("evaluate")["state"] == "done"
