"""Rating: several raters, several tabs, wrong values, a locked database."""

import multiprocessing
import os
import signal
import sqlite3
import time

import pytest
from specimens.waiting import until

from soart.pipelines.collection import database
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import PERSONAL, rate, rating_counts, ratings
from soart.plugin.web.state import MOST_RATERS


def test_raters_never_overwrite_each_other(visitor, folder, visit):
    other = visit()
    assert other.post("/rater", {"rater": "  Ann   Lee "}).json() == {"rater": "Ann Lee"}
    assert visitor.send("rate", image=2, stars=1).status_code == 200
    assert other.post("/c/0/api/rate", {"rater": "Ann Lee", "image": 2, "stars": 5}).json()["before"] is None
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {2: 1.0}
        assert ratings(collection, "Ann Lee") == {2: 5.0}
    assert "Ann Lee: 5, me: 1" in visitor.get("/detail/2").text


def test_a_page_of_another_rater_cannot_rate_for_this_one(reader):
    refused = reader.post("/c/0/api/rate", {"rater": "ann", "image": 2, "stars": 3})
    assert refused.status_code == 400
    assert "reload it" in refused.json()["error"]


@pytest.mark.parametrize("name", ["", "../x", "<b>", "x" * 80, "technical", "blur"])
def test_names_that_no_taste_can_bear_are_refused(reader, name):
    assert reader.post("/rater", {"rater": name}).status_code == 400


@pytest.mark.parametrize(
    "wrong", [{"stars": 7}, {"image": "x", "stars": 1}, {"stars": True}, {"image": 1.5, "stars": 1}]
)
def test_wrong_ratings_are_refused(reader, wrong):
    assert reader.send("rate", **{"image": 1, **wrong}).status_code == 400


def test_requests_without_json_are_refused(reader):
    token = {"x-csrf-token": reader.token}
    assert reader.client.post("/c/0/api/rate", content=b"{", headers=token).status_code == 400


def test_a_picture_that_is_gone_is_not_rated(reader):
    assert reader.send("rate", image=999, stars=4).json()["error"].startswith("There is no picture 999")


def test_an_undo_names_the_rating_that_it_takes_back(visitor):
    visitor.send("rate", image=3, stars=5)
    assert visitor.send("rate", image=3, stars=None, instead_of=4).json() == {"stars": 5}
    assert visitor.send("rate", image=3, stars=2, instead_of=5).json() == {"stars": 2}
    assert visitor.send("rate", image=3, stars=None, instead_of=2).json() == {"stars": None}
    # A removed rating comes back, unless there is a new one.
    assert visitor.send("rate", image=3, stars=0, instead_of=None).json() == {"stars": 0}
    assert visitor.send("rate", image=3, stars=4, instead_of=None).json() == {"stars": 0}
    assert visitor.send("rate", image=3, stars=1, instead_of="x").status_code == 400
    assert visitor.send("rate", image=3, stars=9, instead_of=0).status_code == 400
    assert visitor.send("rate", image=999, stars=1, instead_of=0).status_code == 400


def test_not_for_me_is_kept_apart_from_one_star_also_by_an_undo(visitor, folder):
    visitor.send("rate", image=2, stars=-1)
    assert visitor.get("/api/cells", ids="2").json()["cells"][0]["stars"] == -1
    assert "me: not for me" in visitor.get("/detail/2").text
    assert visitor.send("rate", image=2, stars=1).json()["before"] == -1
    assert visitor.send("rate", image=2, stars=-1, instead_of=1).json() == {"stars": -1}
    before = visitor.send("selection/rate", images=[2, 3], stars=4).json()["before"]
    visitor.send("selection/rate", before=before, stars=4)
    with Collection(folder) as collection:
        assert rating_counts(collection, "me") == {PERSONAL: 1}
        assert ratings(collection, "me") == {2: 1.0}
        assert ratings(collection, "me", personal=False) == {}
    progress = visitor.get("/api/progress").json()
    assert (progress["rated"], progress["rejected"]) == (1, 0)


def test_a_locked_database_is_reported_soon_and_the_same_request_works_later(folder, visit, monkeypatch):
    """Long before a command would give up."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 600)
    visitor = visit(fresh=True)
    with sqlite3.connect(folder / "soart.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        answer = visitor.send("rate", image=3, stars=5)
        assert time.monotonic() - start < database.LOCK_SECONDS
        assert answer.status_code == 503
        assert "locked" in answer.json()["error"]
        # Reading goes on meanwhile.
        assert visitor.get("/api/ids").status_code == 200
        other.execute("ROLLBACK")
    assert visitor.send("rate", image=3, stars=5).status_code == 200


def rate_as(visitor, rater, count=6):
    assert visitor.post("/rater", {"rater": rater}).status_code == 200
    for image in range(1, count + 1):
        body = {"rater": rater, "image": image, "stars": 5 if image % 2 else 1}
        assert visitor.post("/c/0/api/rate", body).status_code == 200


@pytest.mark.slow
def test_tastes_start_from_the_prior_scores_of_the_settings_as_far_as_they_are_available(visit):
    visitor = visit(priors=["appeal", "others"])
    rate_as(visitor, "ann")
    assert visitor.wait_for("learn:ann")["state"] == "done"
    tastes = visitor.client.app.state.server.collections[0].tastes
    assert tastes.judge("ann").taste.prior_names == ("appeal",)


@pytest.mark.slow
def test_tastes_start_from_the_judges_and_tastes_of_the_settings(own_learning, visit, settings, package):
    visitor = visit(priors=["technical", "redness", "ann", "nothing"])
    rate_as(visitor, "ann")
    assert visitor.wait_for("learn:ann")["state"] == "done"
    tastes = visitor.client.app.state.server.collections[0].tastes
    assert tastes.judge("ann").taste.prior_names == ("technical", "judge:redness@1")
    rate_as(visitor, "ben", 8)
    assert visitor.wait_for("learn:ben")["state"] == "done"
    # Another rater's taste of this collection; the pictures that taught it say nothing about its worth.
    taste = tastes.judge("ben").taste
    assert taste.prior_names == ("technical", "judge:redness@1", "taste:ann")


@pytest.mark.slow
def test_many_raters_learn_one_after_another_in_one_process(own_learning, visitor):
    def processes():
        return {child.pid for child in multiprocessing.active_children() if child.name == "soart: Learning"}

    of_other_tests = processes()
    raters = [f"rater {k}" for k in range(3)]
    for rater in raters:
        rate_as(visitor, rater)
    assert len(processes() - of_other_tests) == 1
    for rater in raters:
        assert visitor.wait_for(f"learn:{rater}")["state"] == "done"
    page = visitor.get("/taste").text
    assert all(rater in page for rater in raters)


@pytest.mark.slow
def test_a_killed_learning_is_reported_and_does_not_kill_the_server(own_learning, visitor, app):
    rate_as(visitor, "ann")
    os.kill(until(lambda: app.state.server.learning.pid), signal.SIGKILL)
    job = visitor.wait_for("learn:ann")
    assert job["state"] == "failed"
    assert job["message"].startswith("Learning stopped because its process was ended")
    assert visitor.get("/api/progress").json()["failed"] == job["message"]
    assert visitor.post("/c/0/api/learn").status_code == 200
    assert visitor.wait_for("learn:ann")["state"] == "done"
    assert visitor.get("/api/progress").json()["failed"] == ""


def test_the_services_of_the_latest_raters_are_kept(visitor, app):
    current = app.state.server.collections[0]
    first, second = current.rating("rater 0"), current.rating("rater 1")
    for number in range(MOST_RATERS + 10):
        current.rating(f"rater {number}")
        assert current.rating("rater 0") is first
    assert current.rating("rater 1") is not second
    assert len(current._ratings) == MOST_RATERS


def test_a_name_is_one_person_however_its_accents_are_written(visitor):
    """Decomposed letters were refused, with a sentence that showed the same name."""
    assert visitor.post("/rater", {"rater": "Rene\u0301"}).json() == {"rater": "Ren\u00e9"}


def test_a_new_name_differs_from_others_in_more_than_capitals(visitor, folder):
    """On many disks the tastes of both would share a file."""
    with Collection(folder) as collection:
        rate(collection, "ann", {1: 5})
        rate(collection, "Ben", {1: 5})
        rate(collection, "ben", {1: 4})
        rate(collection, "Rene\u0301", {1: 4})
    for name, known in (("Ann", "ann"), ("ren\u00e9", "Ren\u00e9"), ("rene\u0301", "Ren\u00e9")):
        refused = visitor.post("/rater", {"rater": name})
        assert (refused.status_code, f"rater or a taste '{known}' already" in refused.json()["error"]) == (400, True)
    for known in ("ann", "Ben", "ben", "anna", "Ren\u00e9"):
        assert visitor.post("/rater", {"rater": known}).status_code == 200


def test_the_name_of_a_taste_in_other_capitals_is_refused_as_such(visitor, app):
    app.state.server.collections[0].tastes.own.place("Portraits").parent.mkdir(parents=True, exist_ok=True)
    app.state.server.collections[0].tastes.own.place("Portraits").touch()
    refused = visitor.post("/rater", {"rater": "portraits"}).json()["error"]
    assert refused == "There is a rater or a taste 'Portraits' already: enter the name like this, or choose another."


def test_the_present_name_is_kept_when_another_one_has_rated_since(visitor, folder):
    assert visitor.post("/rater", {"rater": "Ann"}).status_code == 200
    with Collection(folder) as collection:
        rate(collection, "ann", {1: 5})
    assert visitor.post("/rater", {"rater": "Ann"}).status_code == 200
    assert visitor.post("/rater", {"rater": "Ben"}).status_code == 200
    assert visitor.post("/rater", {"rater": "Ann"}).status_code == 400
